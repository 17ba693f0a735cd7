"""A download is whole or not at all: bounded in bytes and time, and named by its server."""

import gzip
import os
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import suppress
from ipaddress import ip_network
from pathlib import Path
from socket import socket
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from headgate.errors import JobFault
from headgate.pipelines import fetching, outgoing
from headgate.pipelines.fetching import fetch
from headgate.pipelines.orders import Stopped
from headgate.pipelines.outgoing import parse_url
from tests.pipelines.websites import Site, redirect, respond, serving, stream

CSV = b"a,b\n1,2\n"
Fetch = Callable[..., str]


class Log:
    """A watch that writes down what it hears; `stops` makes it end the task."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, int, int | None]] = []
        self.stops: Callable[[], bool] = lambda: False

    def __call__(self, stage: str, **figures: Any) -> None:
        self.heard.append((stage, figures["bytes_read"], figures["bytes_total"]))
        if self.stops():
            raise Stopped


@pytest.fixture
def site() -> Iterator[Site]:
    with serving() as site:
        yield site


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "fetched"


@pytest.fixture
def log() -> Log:
    return Log()


@pytest.fixture
def get(site: Site, target: Path, log: Log) -> Fetch:
    def get(path: str = "/data.csv", *, max_bytes: int = 1000, timeout_s: float = 10) -> str:
        networks = [ip_network("127.0.0.1/32")]
        return fetch(
            site.url(path), target, networks=networks, max_bytes=max_bytes, timeout_s=timeout_s, watch=log
        )

    return get


def fault_of(get: Callable[[], object], target: Path) -> JobFault:
    """Why a download failed; nothing of it is left."""
    with pytest.raises(JobFault) as failed:
        get()
    assert list(target.parent.iterdir()) == []
    return failed.value


@pytest.mark.parametrize(
    "answer", [respond(CSV), stream([CSV[:3], CSV[3:]]), b"HTTP/1.0 200 OK\r\n\r\n" + CSV]
)
def test_a_body_is_stored_as_it_came(get: Fetch, site: Site, target: Path, log: Log, answer: bytes) -> None:
    site.answers["/data.csv"] = answer
    assert get() == "data.csv"
    assert target.read_bytes() == CSV
    assert list(target.parent.iterdir()) == [target]
    total = len(CSV) if b"Content-Length" in answer else None
    assert log.heard[0] == ("fetching", 0, None)
    assert log.heard[-1] == ("fetching", len(CSV), total)


def test_an_empty_body_is_an_empty_file(get: Fetch, site: Site, target: Path) -> None:
    site.answers["/data.csv"] = respond(b"")
    get()
    assert target.read_bytes() == b""


def test_a_download_takes_the_place_of_an_earlier_one(get: Fetch, site: Site, target: Path) -> None:
    target.write_bytes(b"old")
    site.answers["/data.csv"] = respond(CSV)
    get()
    assert target.read_bytes() == CSV


def test_a_server_is_asked_for_what_is_not_packed(get: Fetch, site: Site) -> None:
    site.answers["/data.csv?q=1"] = respond(CSV)
    get("/data.csv?q=1#part")
    (head,) = site.asked
    assert head.startswith("GET /data.csv?q=1 HTTP/1.1\r\n")
    assert "\r\nAccept-Encoding: identity\r\n" in head
    assert "Cookie" not in head
    assert "Authorization" not in head


@pytest.mark.parametrize("encoding", ["br", "deflate", "gzip, gzip", "aws-chunked"])
def test_an_encoding_that_no_reader_knows_is_refused(
    get: Fetch, site: Site, target: Path, encoding: str
) -> None:
    site.answers["/data.csv"] = respond(CSV, f"Content-Encoding: {encoding}")
    fault = fault_of(get, target)
    assert (fault.code, fault.retryable) == ("URL_UNREACHABLE", False)


@pytest.mark.parametrize("encoding", ["identity", "gzip", "GZip"])
def test_what_a_server_keeps_packed_stays_so(get: Fetch, site: Site, target: Path, encoding: str) -> None:
    body = CSV if encoding == "identity" else gzip.compress(CSV, mtime=0)
    site.answers["/data.csv"] = respond(body, f"Content-Encoding: {encoding}")
    assert get() == "data.csv"
    assert target.read_bytes() == body


def test_chunks_say_themselves_how_long_they_are(get: Fetch, site: Site, target: Path, log: Log) -> None:
    site.answers["/data.csv"] = stream([CSV], "Content-Length: 1000000")
    get()
    assert target.read_bytes() == CSV
    assert {total for _, _, total in log.heard} == {None}


def test_a_file_appears_when_it_is_flushed(
    get: Fetch, site: Site, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[bool, int]] = []
    monkeypatch.setattr(os, "fsync", lambda file: seen.append((target.exists(), os.fstat(file).st_size)))
    site.answers["/data.csv"] = respond(CSV)
    get()
    assert seen == [(False, len(CSV))]
    assert target.exists()


class TestSize:
    """No more bytes are taken than may be."""

    def test_exactly_as_many_as_may_be_are_taken(self, get: Fetch, site: Site, target: Path) -> None:
        site.answers["/data.csv"] = respond(CSV)
        get(max_bytes=len(CSV))
        assert target.read_bytes() == CSV

    @pytest.mark.parametrize("answer", [respond(CSV), stream([CSV]), b"HTTP/1.0 200 OK\r\n\r\n" + CSV])
    def test_one_more_is_too_many(self, get: Fetch, site: Site, target: Path, answer: bytes) -> None:
        site.answers["/data.csv"] = answer
        fault = fault_of(lambda: get(max_bytes=len(CSV) - 1), target)
        assert (fault.code, fault.category, fault.retryable) == ("URL_TOO_LARGE", "DATA", False)

    def test_a_size_that_is_told_is_refused_before_anything_comes(
        self, get: Fetch, site: Site, target: Path, log: Log
    ) -> None:
        site.answers["/data.csv"] = respond(b"", length=10**15)
        assert fault_of(get, target).code == "URL_TOO_LARGE"
        assert {count for _, count, _ in log.heard} == {0}

    def test_a_body_without_end_is_left(self, get: Fetch, site: Site, target: Path) -> None:
        def flood(connection: socket) -> None:
            connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            with suppress(OSError):
                while not site.closing.is_set():
                    connection.sendall(b"x" * 1000)

        site.answers["/data.csv"] = flood
        assert fault_of(get, target).code == "URL_TOO_LARGE"

    def test_memory_does_not_grow_with_the_body(self, get: Fetch, site: Site, target: Path) -> None:
        piece, count = bytes(64 << 10), 256

        def pour(connection: socket) -> None:
            connection.sendall(respond(length=len(piece) * count))
            for _ in range(count):
                connection.sendall(piece)

        site.answers["/data.csv"] = pour
        tracemalloc.start()
        try:
            get(max_bytes=1 << 30)
            _, peak_bytes = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert target.stat().st_size == len(piece) * count
        assert peak_bytes < 2 << 20


class TestBroken:
    """What breaks off leaves no file, and says that it may be tried again."""

    @pytest.mark.parametrize(
        "answer",
        [
            b"",
            b"HTTP/1.1 200 OK\r\nContent-",
            respond(CSV, length=len(CSV) + 1),
            respond(b"", length=1),
            stream([CSV])[:-5],
            b"220 mail.example.org ESMTP\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n" + CSV,
            b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\nContent-Length: 9\r\n\r\n" + CSV,
            b"HTTP/1.1 200 OK\r\nX: " + b"x" * 200_000,
        ],
    )
    def test_an_answer_that_is_cut_off_or_none_at_all(
        self, get: Fetch, site: Site, target: Path, answer: bytes
    ) -> None:
        site.answers["/data.csv"] = answer
        fault = fault_of(get, target)
        assert (fault.code, fault.category, fault.retryable) == ("URL_UNREACHABLE", "DEPENDENCY", True)

    def test_a_port_where_nobody_listens(self, get: Fetch, site: Site, target: Path) -> None:
        with serving() as gone:
            site.port = gone.port
        assert fault_of(get, target).code == "URL_UNREACHABLE"

    def test_a_host_that_nobody_knows(self, target: Path, log: Log) -> None:
        url = "http://a..b/data.csv"
        fault = fault_of(lambda: fetch(url, target, networks=[], max_bytes=1, timeout_s=9, watch=log), target)
        assert (fault.code, fault.retryable) == ("URL_UNREACHABLE", True)


class TestSlow:
    """Nobody can hold a download longer than it may take, however busy it looks."""

    def drip(self, site: Site, head: bytes) -> Callable[[socket], None]:
        def drip(connection: socket) -> None:
            connection.sendall(head)
            with suppress(OSError):
                while not site.closing.wait(0.01):
                    connection.sendall(b"x")

        return drip

    def wait(self, site: Site, head: bytes) -> Callable[[socket], None]:
        def wait(connection: socket) -> None:
            connection.sendall(head)
            site.closing.wait(10)

        return wait

    @pytest.mark.parametrize("head", [b"HTTP/1.1 200 OK\r\nX-Slow: ", b"HTTP/1.1 200 OK\r\n\r\n"])
    def test_a_drip_of_bytes_does_not_stretch_the_time(
        self, get: Fetch, site: Site, target: Path, head: bytes
    ) -> None:
        site.answers["/data.csv"] = self.drip(site, head)
        fault = fault_of(lambda: get(max_bytes=10**6, timeout_s=0.3), target)
        assert (fault.code, fault.category, fault.retryable) == ("URL_TIMED_OUT", "DEPENDENCY", True)

    @pytest.mark.parametrize("head", [b"", respond(b"a", length=2)])
    def test_a_server_that_falls_silent_is_left(
        self, get: Fetch, site: Site, target: Path, head: bytes, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(fetching, "SILENCE_TIMEOUT_S", 0.1)
        site.answers["/data.csv"] = self.wait(site, head)
        began = time.monotonic()
        assert fault_of(lambda: get(timeout_s=60), target).code == "URL_TIMED_OUT"
        assert time.monotonic() - began < 9

    def test_the_whole_time_ends_a_silence_too(
        self, get: Fetch, site: Site, target: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(outgoing, "SLICE_S", 60)
        site.answers["/data.csv"] = self.wait(site, b"")
        began = time.monotonic()
        assert fault_of(lambda: get(timeout_s=0.1), target).code == "URL_TIMED_OUT"
        assert time.monotonic() - began < 9

    def test_the_time_is_for_all_redirects_together(self, get: Fetch, site: Site, target: Path) -> None:
        def later(connection: socket) -> None:
            site.closing.wait(0.2)
            connection.sendall(redirect("/data.csv"))

        site.answers["/data.csv"] = later
        assert fault_of(lambda: get(timeout_s=0.3), target).code == "URL_TIMED_OUT"
        assert len(site.asked) == 2

    def test_a_task_is_stopped_while_the_server_is_silent(
        self, get: Fetch, site: Site, target: Path, log: Log, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(outgoing, "SLICE_S", 0.01)
        site.answers["/data.csv"] = self.wait(site, respond(b"a", length=2))
        log.stops = lambda: log.heard.count(("fetching", 1, 2)) > 5
        began = time.monotonic()
        with pytest.raises(Stopped):
            get(timeout_s=60)
        assert time.monotonic() - began < 9
        assert list(target.parent.iterdir()) == []


class TestStatus:
    """Only a whole answer is one; the status is told, what comes with it is not."""

    @pytest.mark.parametrize(
        ("status", "retryable"),
        [
            *((status, False) for status in (201, 204, 206, 300, 304, 400, 401, 403, 404, 410, 418)),
            *((status, True) for status in (408, 425, 429, 500, 502, 503, 504)),
        ],
    )
    def test_another_status_is_a_fault(
        self, get: Fetch, site: Site, target: Path, status: int, retryable: bool
    ) -> None:
        body = b"" if status in (204, 304) else b"s3cret"
        site.answers["/data.csv?key=s3cret"] = respond(body, status=f"{status} s3cret")
        fault = fault_of(lambda: get("/data.csv?key=s3cret"), target)
        assert (fault.code, fault.category, fault.retryable) == ("URL_STATUS", "DEPENDENCY", retryable)
        assert str(status) in fault.message
        assert fault.details == {"status": status}
        assert "s3cret" not in fault.message

    def test_a_redirect_to_nowhere_is_a_status(self, get: Fetch, site: Site, target: Path) -> None:
        site.answers["/data.csv"] = respond(status="302 Found")
        assert fault_of(get, target).code == "URL_STATUS"

    def test_what_comes_before_the_answer_is_passed_over(self, get: Fetch, site: Site) -> None:
        site.answers["/data.csv"] = b"HTTP/1.1 103 Early Hints\r\n\r\n" + respond(CSV)
        assert get() == "data.csv"


class TestRedirects:
    """A few redirects are followed."""

    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    def test_the_last_answer_counts(self, get: Fetch, site: Site, target: Path, status: int) -> None:
        site.answers["/data.csv"] = respond(b"x", "Location: b/c.csv", status=f"{status} Elsewhere")
        site.answers["/b/c.csv"] = respond(CSV)
        assert get() == "c.csv"
        assert target.read_bytes() == CSV

    def test_five_are_followed(self, get: Fetch, site: Site) -> None:
        site.answers |= {f"/{number}": redirect(f"/{number + 1}") for number in range(5)}
        site.answers["/5"] = respond(CSV)
        assert get("/0") == "5"

    def test_more_are_not(self, get: Fetch, site: Site, target: Path) -> None:
        site.answers["/data.csv"] = redirect("/data.csv")
        assert fault_of(get, target).code == "URL_NOT_ALLOWED"
        assert len(site.asked) == 6


class TestNames:
    """The name is what the server gives, else the end of the path; and never leads anywhere."""

    @pytest.mark.parametrize(
        ("disposition", "name"),
        [
            ("attachment; filename=sales.csv", "sales.csv"),
            ('attachment; filename="sales of may.csv"', "sales of may.csv"),
            ('inline; FILENAME="sales.csv"', "sales.csv"),
            ("attachment; filename*=UTF-8''%e2%82%ac%20rates.csv", "€ rates.csv"),
            ("attachment; filename*=UTF-8''b%C3%BCcher.csv; filename=books.csv", "bücher.csv"),
            ("attachment; filename=books.csv; filename*=UTF-8''b%C3%BCcher.csv", "bücher.csv"),
            ("attachment; filename*=iso-8859-1''b%FCcher.csv", "bücher.csv"),
            ('attachment; filename="bücher.csv"', "bücher.csv"),
            ('attachment; filename="100%25.csv"', "100%25.csv"),
            ('attachment; filename="../../etc/cron.d/x"', "x"),
            (r'attachment; filename="C:\\Users\\ada\\x.csv"', "x.csv"),
            ('attachment; filename=".."', "end.csv"),
            ('attachment; filename="a/"', "end.csv"),
            ("attachment; filename*=UTF-8''%00%0d%0aa%1b.csv", "a.csv"),
            ("attachment; filename*=nonsense''a.csv", "a.csv"),
            ("attachment", "end.csv"),
            ("", "end.csv"),
        ],
    )
    def test_the_server_names_the_file(self, get: Fetch, site: Site, disposition: str, name: str) -> None:
        answer = respond(CSV).replace(b"\r\n\r\n", f"\r\nContent-Disposition: {disposition}\r\n\r\n".encode())
        site.answers["/end.csv"] = answer
        assert get("/end.csv") == name

    def test_a_name_in_latin_1_is_read(self, get: Fetch, site: Site) -> None:
        site.answers["/"] = respond(CSV, "Content-Disposition: attachment; filename=b?cher.csv").replace(
            b"?", b"\xfc"
        )
        assert get("/") == "bücher.csv"

    @pytest.mark.parametrize(
        ("path", "name"),
        [
            ("/a/b.csv?c=d.json#e", "b.csv"),
            ("/a/b%20%C3%BC.csv", "b ü.csv"),
            ("/a/ü.csv", "ü.csv"),
            ("/a/..%2F..%2Fetc%2Fpasswd", "passwd"),
            ("/a/%2E%2E", "download"),
            ("/a/", "download"),
            ("", "download"),
            ("/" + "a" * 300 + ".csv", "a" * 251 + ".csv"),
        ],
    )
    def test_else_the_path_does(self, get: Fetch, site: Site, path: str, name: str) -> None:
        site.answer = lambda connection, head: connection.sendall(respond(CSV))  # type: ignore[method-assign]
        assert get(path) == name

    @given(st.text(alphabet=st.characters(exclude_characters="\0\r\n"), max_size=80))
    @example("filename*=UTF-8''%ff%fe")
    @example("filename*=idna''a%20b")
    @example("filename*0*=UTF-8''a; filename*1=b")
    @example("filename*" + "9" * 5000 + "=a")
    @example('filename="')
    def test_any_header_gives_a_plain_name(self, disposition: str) -> None:
        for header in (disposition, f"attachment; {disposition}", f"attachment; filename={disposition}"):
            name = fetching._name(header, parse_url("http://example.org/"))
            assert 0 < len(name) <= 255
            assert name.isprintable()
            assert not set(name) & set("/\\")
            assert name not in (".", "..")
