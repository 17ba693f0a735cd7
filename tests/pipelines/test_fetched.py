"""A URL is fetched once for a job: all its attempts, and jobs over its rejected rows, read the same."""

from collections.abc import Callable, Iterator
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest

from headgate.errors import JobFault
from headgate.pipelines import fetched
from headgate.pipelines.fetched import Fetch, LocalKept, fetched_source, kept_source
from headgate.pipelines.fetching import fetch
from headgate.pipelines.prepared import Source
from headgate.storage.formats import FileFormat
from tests.pipelines.intake import unheard
from tests.pipelines.websites import Site, respond, serving

Get = Callable[..., Source]


@pytest.fixture
def site() -> Iterator[Site]:
    with serving() as site:
        yield site


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "store" / "fetched" / "job_1"


@pytest.fixture
def get(site: Site, folder: Path, tmp_path: Path) -> Get:
    def get(path: str = "/data.csv", **values: Any) -> Source:
        """Read it as one attempt does, in a scratch folder of its own."""
        scratch = tmp_path / f"scratch{len(list(tmp_path.iterdir()))}"
        scratch.mkdir()
        settings: dict[str, Any] = {"networks": [ip_network("127.0.0.0/8")], "max_bytes": 99, "timeout_s": 9}
        return fetched_source(
            Fetch(site.url(path), LocalKept(folder), **(settings | values)), scratch, unheard
        )

    return get


def test_what_changed_since_the_first_attempt_is_not_read(get: Get, site: Site, folder: Path) -> None:
    site.answers["/data.csv"] = respond(b"a\n1\n")
    first = get()
    site.answers["/data.csv"] = respond(b"b,c\n2,3\n")
    again = get()
    assert again == first == kept_source(folder)
    assert (first.path.read_bytes(), first.format) == (b"a\n1\n", FileFormat.CSV)
    assert len(site.asked) == 1


@pytest.mark.parametrize(
    ("path", "body", "format"),
    [
        ("/data.ndjson", b'{"a": 1}\n', FileFormat.NDJSON),
        ("/data.tsv", b"a\tb\n1\t2\n", FileFormat.TSV),
        ("/data", b'[{"a": 1}]', FileFormat.JSON),
    ],
)
def test_the_format_is_told_by_the_content_and_the_name(
    get: Get, site: Site, path: str, body: bytes, format: FileFormat
) -> None:
    site.answers[path] = respond(body)
    assert [get(path).format for _ in range(2)] == [format, format]


@pytest.mark.parametrize(
    ("answer", "values", "code"),
    [
        (respond(b"no", status="500 Broken"), {}, "URL_STATUS"),
        (respond(b"a\n" * 50), {}, "URL_TOO_LARGE"),
        (respond(b"a\n1\n"), {"networks": []}, "URL_NOT_ALLOWED"),
    ],
)
def test_a_fetch_that_failed_leaves_nothing_and_is_done_again(
    get: Get, site: Site, folder: Path, answer: bytes, values: Any, code: str
) -> None:
    site.answers["/data.csv"] = answer
    with pytest.raises(JobFault) as failed:
        get(**values)
    assert not folder.exists()
    site.answers["/data.csv"] = respond(b"a\n1\n")
    assert get().path.read_bytes() == b"a\n1\n"
    assert failed.value.code == code


def test_of_two_attempts_at_once_the_first_to_end_is_read(
    get: Get, site: Site, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.answers["/data.csv"] = respond(b"a\n1\n")

    def overtaken(*args: Any, **options: Any) -> str:
        """Let another attempt come and go while this one fetches."""
        monkeypatch.setattr(fetched, "fetch", fetch)
        name = fetch(*args, **options)
        site.answers["/data.csv"] = respond(b"a\n2\n")
        get()
        return name

    monkeypatch.setattr(fetched, "fetch", overtaken)
    source = get()
    assert source.path.read_bytes() == b"a\n2\n" == (folder / "content").read_bytes()
    assert len(site.asked) == 2
