"""What `headgate serve` prints, and to whom."""

import os
import pty
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import takewhile
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urldefrag

from headgate.cli.links import link
from headgate.client import Headgate
from tests.acceptance import processes
from tests.acceptance.processes import HEADGATE

LINK = re.compile(r"http://[\d.]+:\d+/\S*")


@contextmanager
def serving(home: Path, *options: str, terminal: bool = False, **settings: str) -> Iterator[list[str]]:
    """Run `headgate serve`; yields the lines that it prints until it is ready."""
    named = {f"HEADGATE_{name.upper()}": value for name, value in settings.items()}
    ours, theirs = pty.openpty() if terminal else os.pipe()
    with os.fdopen(ours, "rb", buffering=0) as printed, (home / "log").open("wb") as log:
        process = subprocess.Popen(
            [*HEADGATE, "serve", *options],
            env=processes.Headgate(home, named).environment,
            stdout=theirs,
            stderr=log,
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


def test_the_sample_is_there_once_however_often_a_server_starts_and_links_lead_to_it(tmp_path: Path) -> None:
    with serving(tmp_path, "--sample", terminal=True) as printed:
        console, graphiql = (urldefrag(found) for found in LINK.findall("\n".join(printed[1:])))
        first = jobs_of(console.url, console.fragment.removeprefix("token="))
    assert graphiql.url == f"{console.url}graphiql"
    assert graphiql.fragment == console.fragment
    assert {(job.dataset, job.status, job.rejected) for job in first} == {
        ("loans", "PARTIAL", 1),
        ("sales", "PARTIAL", 4),
        ("campaigns", "PARTIAL", 1),
        ("revenue", "SUCCEEDED", 0),
    }
    with serving(tmp_path, "--sample", terminal=True, production="true") as printed:
        assert tokens(printed) == []
        again = jobs_of(
            LINK.findall(printed[0])[0].removesuffix("graphql"), processes.Headgate(tmp_path).token()
        )
    assert again == first


def test_a_log_gets_links_without_a_token(tmp_path: Path) -> None:
    with serving(tmp_path) as printed:
        pass
    assert len(LINK.findall("\n".join(printed))) == 3
    assert tokens(printed) == []
    assert "headgate token --link" in printed[-1]


class Known(NamedTuple):
    id: str
    dataset: str | None
    status: str
    rejected: int


def jobs_of(url: str, token: str) -> list[Known]:
    with Headgate(url, token) as headgate:
        assert headgate.ask("{ viewer { role } }") == {"viewer": {"role": "ADMIN"}}
        return [
            Known(job.id, job.dataset.name if job.dataset else None, job.status, job.counts.rejected)
            for job in headgate.jobs()
        ]


def test_what_a_token_holds_cannot_leave_its_fragment() -> None:
    assert link("http://a", "/", "x#&y") == "http://a/#token=x%23%26y"
