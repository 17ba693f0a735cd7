"""How much one caller may ask of a running server."""

import httpx

from tests.acceptance.processes import MakeClient, MakeHeadgate

VIEWER = {"query": "{ viewer { rateLimit { limit remaining cost } } }"}


async def statuses(url: str, *addresses: str) -> list[int]:
    """Ask without a token, as from each of these addresses in turn; answers the status of each answer."""
    async with httpx.AsyncClient(base_url=url, trust_env=False) as http:
        return [
            (await http.post("/graphql", json=VIEWER, headers={"x-forwarded-for": address})).status_code
            for address in addresses
        ]


async def test_the_sixth_query_of_a_minute_is_refused_where_five_are_allowed(
    make_headgate: MakeHeadgate, make_client: MakeClient
) -> None:
    headgate = make_headgate(rate_limit="5", anonymous_rate_limit="2", trusted_proxies="127.0.0.1/32").start()
    client = await make_client(headgate)

    answers = [await client.http.post("/graphql", json=VIEWER) for _ in range(6)]

    assert [answer.status_code for answer in answers] == [200] * 5 + [429]
    limits = [answer.json()["data"]["viewer"]["rateLimit"] for answer in answers[:5]]
    assert limits == [{"limit": 5, "remaining": left, "cost": 1} for left in (4, 3, 2, 1, 0)]
    assert (await client.http.get("/healthz")).status_code == 200
    assert (await client.http.get("/metrics")).status_code == 200
    # Addresses behind a trusted proxy have points of their own.
    ada, ben = "198.51.100.7", "2001:db8::1"
    assert await statuses(headgate.url, ada, ada, ada, ben, "2001:db8::2", ben) == [
        401,
        401,
        429,
        401,
        401,
        429,
    ]


async def test_nobody_gets_points_by_making_addresses_up(make_headgate: MakeHeadgate) -> None:
    headgate = make_headgate(anonymous_rate_limit="2").start()

    assert await statuses(headgate.url, "198.51.100.7", "198.51.100.8", "198.51.100.9") == [401, 401, 429]
