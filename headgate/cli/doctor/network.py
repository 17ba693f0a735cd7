"""The port that a server would listen on, and servers that run."""

import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import httpx

from headgate import __version__
from headgate.cli.doctor.database import clock
from headgate.cli.doctor.findings import Finding, Level, fine, problem, warning
from headgate.cli.doctor.variables import LOOPBACK
from headgate.client import Headgate, HeadgateError
from headgate.errors import reason_of
from headgate.settings import Settings

PATIENCE_S = 5.0
HEALTH = "{ viewer { role } health { status version checks { name status message } } }"
LEVELS = {"HEALTHY": Level.OK, "DEGRADED": Level.WARNING, "UNHEALTHY": Level.PROBLEM}


def port(settings: Settings) -> Iterator[Finding]:
    """Find out whether a server could listen."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    where = f"{settings.host}:{settings.port}"
    try:
        socket.create_server((settings.host, settings.port), family=family).close()
    except OSError as error:
        if _is_headgate(settings.host, settings.port):
            yield fine("port", f"A Headgate serves {where} already.")
        else:
            yield problem(
                "port",
                f"Nobody can listen on {where}: {error.strerror}.",
                "Set HEADGATE_HOST or HEADGATE_PORT.",
            )
    else:
        yield fine("port", f"{where} is free.")


def _is_headgate(host: str, number: int) -> bool:
    named = f"[{host}]" if ":" in host else host.replace("0.0.0.0", "127.0.0.1")  # noqa: S104
    try:
        answer = httpx.get(f"http://{named}:{number}/healthz", timeout=PATIENCE_S, trust_env=False)
        return bool(answer.json() == {"status": "alive"})
    except (httpx.HTTPError, httpx.InvalidURL, ValueError):
        return False


def server(url: str, token: str | None) -> Iterator[Finding]:
    """Ask a server that runs how it is."""
    try:
        answer = httpx.get(f"{url.rstrip('/')}/healthz", timeout=PATIENCE_S)
        is_alive = answer.json() == {"status": "alive"}
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        yield problem(
            "server", f"{url} doesn't answer as a Headgate does: {reason_of(error)}", "Look at the URL."
        )
        return
    if not is_alive:
        yield problem("server", f"{url} answers, and is no Headgate.", "Look at the URL.")
        return
    yield fine("server", f"{url} answers.")
    parts = urlsplit(url)
    if parts.scheme == "http" and parts.hostname not in LOOPBACK:
        yield warning(
            "server", "Tokens and data go to it in the clear.", "Put a proxy with TLS in front: https://…"
        )
    if told := answer.headers.get("date"):
        yield clock("the server", (parsedate_to_datetime(told) - datetime.now(UTC)).total_seconds())
    yield from _health(url, token)


def _health(url: str, token: str | None) -> Iterator[Finding]:
    if not token:
        yield warning(
            "token",
            "There is none: the server was not asked how it is.",
            "Set HEADGATE_TOKEN; `headgate token` prints one.",
        )
        return
    try:
        with Headgate(url, token, timeout_s=PATIENCE_S, retry_for_s=0.0) as headgate:
            answer = headgate.ask(HEALTH)
    except HeadgateError as error:
        yield problem("token", f"The server refuses it: {reason_of(error)}", "Make a new one: headgate token")
        return
    yield fine("token", f"It is valid, for the role {answer['viewer']['role']}.")
    health = answer["health"]
    if health["version"] == __version__:
        yield fine("version", f"Both are {__version__}.")
    else:
        yield warning(
            "version",
            f"The server is {health['version']}, this is {__version__}.",
            "Install the same version here.",
        )
    for check in health["checks"]:
        level = LEVELS[check["status"]]
        advice = None if level is Level.OK else "See the server's log, and run: headgate doctor there."
        yield Finding(check["name"], level, check["message"] or f"{check['status'].capitalize()}.", advice)
