"""Where a request comes from."""

from ipaddress import ip_network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.types import Receive, Scope, Send

from headgate.domain.addresses import read_address
from headgate.server.addresses import TrustedProxies

TRUSTED = tuple(map(ip_network, ("10.0.0.0/8", "fd00::/8")))
CLIENT, PROXY = "198.51.100.7", "10.0.0.1"


async def seen(scope: dict[str, Any]) -> Any:
    """What an application behind the proxies' middleware is given."""
    given: list[Scope] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        given.append(scope)

    async def nothing(*_: object) -> Any:
        raise AssertionError("nobody asked for this")

    await TrustedProxies(app, networks=TRUSTED)(scope, nothing, nothing)
    return given[0]


def scope_of(peer: str | None, *headers: tuple[str, str], kind: str = "http") -> dict[str, Any]:
    return {
        "type": kind,
        "scheme": "ws" if kind == "websocket" else "http",
        "client": None if peer is None else (peer, 4711),
        "headers": [(name.encode(), value.encode()) for name, value in headers],
    }


def forwarded(*values: str) -> list[tuple[str, str]]:
    return [("x-forwarded-for", value) for value in values]


@pytest.mark.parametrize(
    ("values", "client"),
    [
        ((CLIENT,), CLIENT),
        ((f"203.0.113.9, {CLIENT}",), CLIENT),
        ((f"{CLIENT}, 10.0.0.2",), CLIENT),
        (("203.0.113.9", CLIENT, "10.0.0.2, 10.0.0.3"), CLIENT),
        (("10.0.0.9, 10.0.0.2",), "10.0.0.9"),
        ((f"{CLIENT}:4711",), CLIENT),
        (("[2001:db8::1]:4711",), "2001:db8::1"),
        (("2001:db8::1",), "2001:db8::1"),
        ((f"::ffff:{CLIENT}",), CLIENT),
        ((f"::ffff:{PROXY}, {CLIENT}, ::ffff:{PROXY}",), CLIENT),
        ((f"{CLIENT}, garbage, 10.0.0.2",), "10.0.0.2"),
        ((f"{CLIENT}, garbage",), PROXY),
        (("",), PROXY),
        ((), PROXY),
        (("unknown",), PROXY),
        (("9" * 5000,), PROXY),
    ],
)
async def test_the_rightmost_address_that_is_not_trusted_is_the_client(
    values: tuple[str, ...], client: str
) -> None:
    for kind in ("http", "websocket"):
        assert (await seen(scope_of(PROXY, *forwarded(*values), kind=kind)))["client"][0] == client


@pytest.mark.parametrize("peer", [CLIENT, "2001:db8::1", "127.0.0.1", None, "testclient"])
async def test_others_are_not_believed(peer: str | None) -> None:
    scope = scope_of(peer, *forwarded("203.0.113.9"), ("x-forwarded-proto", "https"))

    assert await seen(scope) is scope


@pytest.mark.parametrize(
    ("kind", "said", "scheme"),
    [
        ("http", "https", "https"),
        ("http", "HTTPS", "https"),
        ("http", "http, https", "https"),
        ("websocket", "https", "wss"),
        ("websocket", "http", "ws"),
        ("http", "gopher", "http"),
        ("http", "", "http"),
    ],
)
async def test_the_scheme_is_what_the_last_proxy_says(kind: str, said: str, scheme: str) -> None:
    given = await seen(scope_of(PROXY, ("x-forwarded-proto", said), kind=kind))

    assert given["scheme"] == scheme
    assert given["client"] == (PROXY, 4711)


@given(st.lists(st.text(alphabet="0123456789abcdef.:,[]% x", max_size=40), max_size=4))
async def test_no_header_breaks_it_or_names_something_else_than_an_address(values: list[str]) -> None:
    client, _ = (await seen(scope_of(PROXY, *forwarded(*values))))["client"]

    assert read_address(client) is not None
