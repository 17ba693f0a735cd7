"""No secret comes out again: not in an answer, an event, a log line, a measure, the database or a file of the home.

The server's own secret key is in its file, which nobody else can read. Two exceptions are known. Salts of masks are
part of a spec, which whoever may see pipelines may see. And where a request doesn't fit the schema, GraphQL says what
value was wrong: whoever sent it reads it again, and nobody else.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from tests.acceptance.endpoints import CREATE as CREATE_ENDPOINT
from tests.acceptance.people import CHECKS, JOB_FIELDS, WATCH, Person
from tests.acceptance.processes import Client, Headgate, MakeHeadgate
from tests.acceptance.test_access import CHANGE, CREATE, LOGIN, LOGOUT, MAKE_KEY, REFRESH, TOKENS, VIEWER
from tests.canaries import found_in, found_in_home, make_canary
from tests.restapi import Asked, Reply, RestApi, serving_api

pytestmark = pytest.mark.thorough

EMAIL = "told-on-purpose@example.org"
NOBODY = "http://127.0.0.1:9"
HANDING_OUT = ("login", "refreshToken", "createApiKey")
TEST = "mutation ($name: String!) { testEndpoint(name: $name) { ok message errors { code message } } }"
UPDATE = """
mutation ($name: String!, $input: EndpointInput!) {
  updateEndpoint(name: $name, input: $input) { endpoint { settings secretKeys } errors { code message path } }
}
"""
START = (
    "mutation ($input: IngestInput!) { ingest(input: $input) { job { ...J } errors { code message path } } }"
)
EVERYTHING = [
    "{ viewer { role user { email } } health { status checks { name status message } } }",
    "{ endpoints { edges { node { id name kind settings secretKeys } } } apiKeys { edges { node { name prefix } } } }",
    "{ auditLog(first: 200) { edges { node { actor action target details } } } }",
    "{ users { edges { node { email name role } } } }",
    "{ catalog { endpoints { kind settings example } } }",
    """{ jobs(first: 100) { edges { node { spec failure { message details } result { data }
         events { edges { node { type message } } } attempts { failure { message details } } } } } }""",
]


class Canaries(dict[str, str]):
    """Secrets by their names."""

    def plant(self, name: str) -> str:
        """Make a secret."""
        self[name] = make_canary(name)
        return self[name]


@dataclass
class Listener:
    """Hears what a server says: `told` to all, `handed` to who asked for a new secret, `echoed` to its sender."""

    told: list[bytes] = field(default_factory=list)
    handed: list[bytes] = field(default_factory=list)
    echoed: list[bytes] = field(default_factory=list)
    is_echoed: bool = False

    async def hear(self, response: httpx.Response) -> None:
        content = await response.aread()
        asked = response.request.content if hasattr(response.request, "_content") else b""
        is_handing = any(f"{name}(".encode() in asked for name in HANDING_OUT)
        said = content + repr(response.headers.raw).encode()
        heard = self.echoed if self.is_echoed else self.handed if is_handing else self.told
        heard.append(said)

    @property
    def all(self) -> bytes:
        return b"\n".join(self.told)


@pytest.fixture
def canaries() -> Canaries:
    return Canaries()


@pytest.fixture
def parrot() -> Iterator[RestApi]:
    """A service that fails, and repeats all that it was sent."""
    with serving_api() as api:

        def repeat(asked: Asked) -> Reply:
            api.asked.append(asked)
            said = {"error": [asked.path, dict(asked.query), dict(asked.headers), asked.body.decode()]}
            return Reply(401, said, {"X-Said": json.dumps(dict(asked.query))})

        api.answer = repeat  # type: ignore[method-assign]
        yield api


def endpoints_of(canaries: Canaries, url: str) -> dict[str, tuple[str, dict[str, Any], dict[str, str]]]:
    """Endpoints of every kind, whose secrets are canaries: kind, settings and secrets, by name."""

    def http(name: str, *secrets: str, **settings: Any) -> tuple[str, dict[str, Any], dict[str, str]]:
        given = {secret: canaries.plant(f"{name}-{secret}") for secret in secrets}
        return "HTTP", {"url": url, "maxAttempts": 1, **settings}, given

    password = canaries.plant("sql-url-password")
    sql_url = f"postgresql://reader:{quote(password, safe='')}@127.0.0.1:9/shop"
    return {
        "bearer": http("bearer", "token"),
        "basic": http("basic", "username", "password"),
        "header": http("header", "apiKey", apiKeyName="X-Key"),
        "query": http("query", "apiKey", apiKeyName="key", apiKeyIn="QUERY"),
        "oauth": http("oauth", "clientId", "clientSecret", tokenUrl=f"{url}/token"),
        "dead": http("dead", "token", url=NOBODY),
        "sql": ("SQL", {"url": "postgresql://reader@127.0.0.1:9/shop"}, {"password": canaries.plant("sql")}),
        "sql-url": ("SQL", {}, {"url": sql_url}),
        "s3": (
            "S3",
            {"bucket": "exports", "endpointUrl": NOBODY},
            {
                name: canaries.plant(f"s3-{name}")
                for name in ("accessKeyId", "secretAccessKey", "sessionToken")
            },
        ),
        "druid": (
            "DRUID",
            {"url": url},
            {name: canaries.plant(f"druid-{name}") for name in ("username", "password")},
        ),
        "simulated": ("SIMULATED", {}, {}),
    }


SOURCES: Mapping[str, dict[str, Any]] = {
    "HTTP": {"http": {"path": "/all"}},
    "SQL": {"sql": {"query": "SELECT 1"}},
    "S3": {"object": {"path": "a.csv"}},
}
DRUID = {"druid": {"endpoint": "druid", "datasource": "a", "timestampColumn": "at"}}


async def use_endpoints(admin: Client, canaries: Canaries, url: str) -> None:
    """Make, test and use endpoints of every kind; each call fails where it can."""
    made = endpoints_of(canaries, url)
    for name, (kind, settings, secrets) in made.items():
        given = {"name": name, "kind": kind, "settings": settings, "secrets": secrets or None}
        assert (await admin.data(CREATE_ENDPOINT, input=given))["createEndpoint"]["errors"] == [], name
        tested = (await admin.data(TEST, name=name))["testEndpoint"]
        assert tested["ok"] is (kind == "SIMULATED"), (name, tested)
        await refuse_endpoints(admin, canaries, given)
        if kind in SOURCES:
            await run(admin, name, SOURCES[kind])
    await Person(admin).ingests({"records": [{"at": "2026-01-01"}]}, dataset="d", spec={"sinks": [DRUID]})


async def refuse_endpoints(admin: Client, canaries: Canaries, given: dict[str, Any]) -> None:
    """Give an endpoint what it refuses: secrets among settings, of no such name, and for one that is not there."""
    misplaced = canaries.plant(f"{given['name']}-misplaced")
    wrong = [
        {**given, "name": "other", "settings": {**given["settings"], "password": misplaced}},
        {
            **given,
            "name": "other",
            "settings": {"url": f"https://ann:{quote(misplaced, safe='')}@example.org"},
        },
        {**given, "name": "other", "secrets": {"pasword": misplaced}},
        {**given, "name": "other", "kind": "S3", "secrets": {"accessKeyId": misplaced}},
    ]
    for each in wrong:
        assert (await admin.data(CREATE_ENDPOINT, input=each))["createEndpoint"]["errors"] != []
    answer = await admin.data(UPDATE, name="nowhere", input={**given, "secrets": {"token": misplaced}})
    assert answer["updateEndpoint"]["errors"] != []


async def ask_wrongly(admin: Client, canaries: Canaries) -> None:
    """Give secrets in requests that don't fit the schema, in variables and in the document."""
    secret = canaries.plant("in-a-wrong-request")
    given = {"name": "a", "kind": "HTTP", "settings": {}, "secrets": {"token": secret}}
    literal = json.dumps(secret)
    asked: list[tuple[str, dict[str, Any]]] = [
        (CREATE_ENDPOINT, {"input": {**given, "bogus": 1}}),
        (CREATE_ENDPOINT, {"input": {**given, "name": None}}),
        (CREATE_ENDPOINT, {"input": {**given, "kind": secret}}),
        (CREATE_ENDPOINT, {"input": [given, secret]}),
        (LOGIN % TOKENS, {"email": EMAIL, "password": [secret]}),
        (LOGIN % TOKENS, {"email": EMAIL, "password": {"a": secret}}),
        (
            f"mutation {{ login(email: {literal}, password: {literal}, bogus: {literal}) {{ accessToken }} }}",
            {},
        ),
        (f"mutation {{ login(email: 1, password: [{literal}]) {{ accessToken }} }}", {}),
        (f"mutation {{ login(email: {literal}, password: {literal}", {}),
    ]
    for query, variables in asked:
        assert "errors" in await admin.ask(query, **variables), query


async def run(admin: Client, name: str, source: dict[str, Any]) -> None:
    """Run a pipeline that reads from an endpoint, and fails; follow it over a socket meanwhile."""
    [(kind, said)] = source.items()
    spec = {
        "source": {kind: {"endpoint": name, **said}},
        "sinks": [{"dataset": {"name": "never"}}],
        "retry": {"maxAttempts": 1},
    }
    await Person(admin).creates_pipeline(f"of-{name}", spec=spec)
    failed = await Person(admin).runs(f"of-{name}")
    assert failed["status"] == "FAILED", (name, failed)


async def sign_in(stranger: Client, admin: Client, canaries: Canaries) -> None:
    """Sign in, stay so, change the password and sign out, and fail at each; make and use an API key."""
    password, wrong, newer = (canaries.plant(name) for name in ("password", "wrong-password", "new-password"))
    given = {"email": EMAIL, "password": password, "role": "OPERATOR"}
    assert (await admin.data(CREATE, input=given))["done"]["errors"] == []
    assert (await admin.data(CREATE, input=given))["done"]["errors"] != []
    for email, tried in ((EMAIL, wrong), ("nobody@example.org", wrong), (wrong, password)):
        assert (await stranger.ask(LOGIN % TOKENS, email=email, password=tried))["data"]["done"][
            "errors"
        ] != []
    signed_in = (await stranger.ask(LOGIN % TOKENS, email=EMAIL, password=password))["data"]["done"]
    canaries |= {"access token": signed_in["accessToken"], "refresh token": signed_in["refreshToken"]}
    await stranger.ask(REFRESH % TOKENS, refresh=wrong)
    renewed = (await stranger.ask(REFRESH % TOKENS, refresh=signed_in["refreshToken"]))["data"]["done"]
    canaries |= {"new token": renewed["accessToken"], "new refresh token": renewed["refreshToken"]}
    me = {"authorization": f"Bearer {renewed['accessToken']}"}
    for current, new in ((wrong, newer), (password, "short"), (password, newer)):
        body = {"query": CHANGE, "variables": {"current": current, "new": new}}
        assert (await stranger.http.post("/graphql", json=body, headers=me)).status_code == 200
    key = (await admin.data(MAKE_KEY, input={"name": "script", "role": "VIEWER"}))["done"]["secret"]
    canaries["API key"] = key
    for token in (key, key[:-1], renewed["refreshToken"]):
        await stranger.http.post(
            "/graphql", json={"query": VIEWER}, headers={"authorization": f"Bearer {token}"}
        )
    await stranger.ask(LOGOUT, refresh=renewed["refreshToken"])
    await stranger.ask(LOGOUT, refresh=wrong)


async def do_ordinary_things(admin: Client, listener: Listener) -> None:
    """Ingest with errors, download them, follow the job over both kinds of streams, and read everything there is."""
    data = await Person(admin).uploads("a,b\n1,2\nx,y\n", "told-on-purpose.csv")
    await admin.data(CHECKS, id=data["file"])
    wanted = {
        "data": data,
        "dataset": "sums",
        "waitSeconds": 30,
        "spec": {"checks": [{"numeric": {"columns": ["a"]}}]},
    }
    job = (await admin.data(START + JOB_FIELDS, input=wanted))["ingest"]["job"]
    await admin.http.get(job["errorsDownloadUrl"])
    await admin.http.get(job["errorsDownloadUrl"][:-3])
    listener.told.append(json.dumps(await Person(admin).watches(job)).encode())
    body = {"query": WATCH, "variables": {"job": job["id"]}}
    await admin.http.post("/graphql", json=body, headers={"accept": "text/event-stream"})
    for query in EVERYTHING:
        await admin.ask(query)
    for path in ("/metrics", "/healthz", "/readyz", "/nowhere"):
        await admin.http.get(path)


async def clients_of(stack: AsyncExitStack, headgate: Headgate, listener: Listener) -> tuple[Client, Client]:
    """An administrator and a stranger, who are listened to."""

    async def make(token: str) -> Client:
        headers = {"authorization": f"Bearer {token}"} if token else {}
        hooks = {"response": [listener.hear]}
        http = httpx.AsyncClient(
            base_url=headgate.url, headers=headers, timeout=60, trust_env=False, event_hooks=hooks
        )
        return Client(await stack.enter_async_context(http), headgate.url, token)

    return await make(headgate.token()), await make("")


async def test_no_secret_comes_out_again(
    make_headgate: MakeHeadgate, canaries: Canaries, parrot: RestApi
) -> None:
    headgate = make_headgate(
        allowed_networks="127.0.0.0/8",
        log_format="json",
        old_secret_keys=canaries.plant("old-secret-key").replace(" ", "-") * 2,
    )
    canaries["old-secret-key"] = canaries["old-secret-key"].replace(" ", "-")
    headgate.start()
    canaries["secret-key"] = (headgate.home / "secret.key").read_text().strip()
    canaries["administrator's token"] = headgate.token()
    listener = Listener()
    async with AsyncExitStack() as stack:
        admin, stranger = await clients_of(stack, headgate, listener)
        await use_endpoints(admin, canaries, parrot.url)
        await sign_in(stranger, admin, canaries)
        listener.is_echoed = True
        await ask_wrongly(admin, canaries)
        listener.is_echoed = False
        await do_ordinary_things(admin, listener)
    assert headgate.run("rotate-key").returncode == 0
    assert headgate.stop() == 0

    # The secrets were where they belong: at the services, and with whoever asked for new ones.
    repeated = b"\n".join(repr(asked).encode() for asked in parrot.asked)
    assert found_in(repeated, canaries) >= {
        "bearer-token",
        "basic-password",
        "query-apiKey",
        "druid-password",
    }
    handed = found_in(b"\n".join(listener.handed), canaries)
    assert handed == {"access token", "refresh token", "new token", "new refresh token", "API key"}

    assert found_in(b"\n".join(listener.echoed), canaries) == {"in-a-wrong-request"}

    # The search sees what is told on purpose.
    marker = {"marker": "told-on-purpose"}
    assert found_in(listener.all, marker)
    assert "headgate.db" in found_in_home(headgate.home, marker)
    lines = (headgate.home / "serve.log").read_text().splitlines()
    assert all(json.loads(line) for line in lines)
    assert lines

    assert found_in(listener.all, canaries) == set()
    assert found_in_home(headgate.home, canaries) == {}
