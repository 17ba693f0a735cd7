"""The search for secrets finds each that is there, however it is written, and no other."""

import json
import sqlite3
from base64 import b64encode, urlsafe_b64encode
from contextlib import closing
from pathlib import Path
from urllib.parse import quote, quote_plus, urlencode

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.canaries import found_in, found_in_home, make_canary

SECRET = "bird /0f1e2d3c4b5a6978+&=?"
OTHERS = {"bird": SECRET, "another": make_canary("another")}
WRITTEN = {
    "plain": SECRET,
    "json": json.dumps({"a": [SECRET]}),
    "json in json": json.dumps(json.dumps({"a": SECRET})),
    "path": quote(SECRET, safe=""),
    "query": urlencode({"a": SECRET}),
    "form": quote_plus(SECRET),
    "basic": b64encode(f"ann:{SECRET}".encode()).decode(),
    "hexadecimal": SECRET.encode().hex(),
}


@pytest.mark.parametrize("name", WRITTEN)
def test_a_secret_is_found_however_it_is_written(name: str) -> None:
    assert found_in(f"x {WRITTEN[name]} y".encode(), OTHERS) == {"bird"}


@given(st.binary(max_size=20), st.binary(max_size=20))
def test_a_secret_is_found_in_base64_whatever_is_around_it(before: bytes, after: bytes) -> None:
    text = before + SECRET.encode() + after
    assert found_in(b64encode(text), OTHERS) == found_in(urlsafe_b64encode(text), OTHERS) == {"bird"}


def test_what_is_not_there_is_not_found() -> None:
    for text in ("", SECRET[:-6], SECRET[5:], make_canary("bird")):
        assert found_in(text.encode(), OTHERS) == set()


def test_a_home_is_searched_to_the_last_file(tmp_path: Path) -> None:
    (tmp_path / "secret.key").write_text(SECRET)
    assert found_in_home(tmp_path, OTHERS) == {}
    (tmp_path / "deep" / "er").mkdir(parents=True)
    (tmp_path / "deep" / "er" / "log").write_text(f'{{"event": "{SECRET}"}}')
    pl.DataFrame({"a": [SECRET] * 1000}).write_parquet(tmp_path / "deep" / "a.parquet")
    with closing(sqlite3.connect(tmp_path / "a.db")) as connection, connection:
        connection.execute("CREATE TABLE t (a)")
        connection.execute("INSERT INTO t VALUES (?)", ["x" * 4000 + SECRET + "x" * 4000])
    assert found_in_home(tmp_path, OTHERS) == {
        name: {"bird"} for name in ("a.db", "deep/a.parquet", "deep/er/log")
    }
