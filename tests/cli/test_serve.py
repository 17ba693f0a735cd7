"""What `headgate serve` prints, and to whom."""

import os
import pty
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import takewhile
from pathlib import Path
from urllib.parse import urldefrag

import httpx

from headgate.cli.links import link
from tests.acceptance.processes import HEADGATE, Headgate

LINK = re.compile(r"http://[\d.]+:\d+/\S*")


@contextmanager
def serving(home: Path, *options: str, terminal: bool = False, **settings: str) -> Iterator[list[str]]:
    """Run `headgate serve`; yields the lines that it prints until it is ready."""
    named = {f"HEADGATE_{name.upper()}": value for name, value in settings.items()}
    ours, theirs = pty.openpty() if terminal else os.pipe()
    with os.fdopen(ours, "rb", buffering=0) as printed, (home / "log").open("wb") as log:
        process = subprocess.Popen(
            [*HEADGATE, "serve", *options], env=Headgate(home, named).environment, stdout=theirs, stderr=log
        )
        os.close(theirs)
        try:
            lines = (line.decode().rstrip("\r\n") for line in printed)
            yield list(takewhile(lambda line: line != "ready", lines))
        finally:
            process.terminate()
            process.wait(30)


def tokens(printed: list[str]) -> list[str]:
    return [fragment for found in LINK.findall("\n".join(printed)) if (fragment := urldefrag(found).fragment)]


def test_at_a_terminal_links_sign_an_administrator_in(tmp_path: Path) -> None:
    with serving(tmp_path, terminal=True) as printed:
        console, graphiql = (urldefrag(found) for found in LINK.findall("\n".join(printed[1:])))
        token = console.fragment.removeprefix("token=")
        answer = httpx.post(
            f"{console.url}graphql",
            json={"query": "{ viewer { role } }"},
            headers={"authorization": f"Bearer {token}"},
        )
    assert graphiql.url == f"{console.url}graphiql"
    assert answer.json()["data"]["viewer"]["role"] == "ADMIN"


def test_a_log_gets_links_without_a_token(tmp_path: Path) -> None:
    with serving(tmp_path) as printed:
        pass
    assert len(LINK.findall("\n".join(printed))) == 3
    assert tokens(printed) == []
    assert "headgate token --link" in printed[-1]


def test_in_production_no_link_carries_a_token_whatever_is_asked_for(tmp_path: Path) -> None:
    with serving(tmp_path, "--link", terminal=True, production="true") as printed:
        pass
    assert tokens(printed) == []


def test_what_a_token_holds_cannot_leave_its_fragment() -> None:
    assert link("http://a", "/", "x#&y") == "http://a/#token=x%23%26y"
