"""The examples in GraphiQL fit the schema, and run as they stand on the sample data."""

import json
from pathlib import Path
from typing import Any

from graphql import OperationDefinitionNode, OperationType, build_schema, parse, validate

from headgate.sample.loading import load
from tests.acceptance.processes import Client, MakeClient, MakeHeadgate

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted(
    (ROOT / "ui/src/graphiql/examples").glob("*.graphql"), key=lambda path: int(path.stem.partition("-")[0])
)
JOB = "THE_NEWEST_JOB_WITH_ERRORS"
NEWEST_JOB = '{ errors(filter: { dataset: "applications" }, first: 1) { edges { node { job { id } } } } }'


def text_of(example: Path) -> str:
    """Answer an example's document."""
    return example.read_text()


def operation_of(example: Path) -> OperationDefinitionNode:
    """Answer an example's one operation."""
    definitions = parse(text_of(example)).definitions
    assert len(definitions) == 1
    assert isinstance(definitions[0], OperationDefinitionNode)
    return definitions[0]


def variables_of(example: Path) -> str:
    """Answer an example's variables, as JSON."""
    path = example.with_suffix(".json")
    return path.read_text() if path.exists() else "{}"


def test_every_example_fits_the_schema() -> None:
    schema = build_schema((ROOT / "schema.graphql").read_text())
    faults = {path.name: validate(schema, parse(text_of(path))) for path in EXAMPLES}
    assert not {name: found for name, found in faults.items() if found}
    assert len(EXAMPLES) == 10


def test_every_example_is_named_and_explained() -> None:
    names = [operation_of(path).name for path in EXAMPLES]
    assert len({name.value for name in names if name}) == len(EXAMPLES)
    assert all(text_of(path).startswith("# ") for path in EXAMPLES)


async def test_every_example_runs_as_it_stands(make_headgate: MakeHeadgate, make_client: MakeClient) -> None:
    headgate = make_headgate().start()
    load(headgate.url, headgate.token(), timeout_s=60)
    client = await make_client(headgate)
    for path in EXAMPLES:
        kind = operation_of(path).operation
        run = _watch if kind is OperationType.SUBSCRIPTION else _run
        await run(client, text_of(path), variables_of(path))


async def _run(client: Client, query: str, given: str) -> None:
    if JOB in given:
        found = await client.data(NEWEST_JOB)
        given = given.replace(JOB, found["errors"]["edges"][0]["node"]["job"]["id"])
    data: dict[str, Any] = await client.data(query, **json.loads(given))
    assert all(data.values()), (query, data)
    payloads = [value for value in data.values() if isinstance(value, dict)]
    # A page of errors is no list of faults.
    assert not any(payload["errors"] for payload in payloads if "job" in payload), (query, data)


async def _watch(client: Client, query: str, given: str) -> None:
    async with client.subscribe(query, **json.loads(given)) as results:
        await client.ingest({"records": [{"id": 1}]}, "watched")
        result = await anext(results)
    assert result["data"]["jobs"]["job"]["kind"] == "INGEST"
