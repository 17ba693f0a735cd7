"""Secrets that must not sing: texts that are planted as secrets, and looked for wherever they must not come out."""

import json
import sqlite3
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from secrets import token_hex
from urllib.parse import quote, quote_plus

import polars as pl

Encode = Callable[[bytes], bytes]


def make_canary(name: str) -> str:
    """Make a secret that fits into a header, and that looks different once it is encoded."""
    return f"{name} /{token_hex(8)}+&=?"


def forms(secret: str) -> Iterator[bytes]:
    """How a secret may stand in bytes: as it is, in JSON, in a URL, in hexadecimal, or somewhere in base64."""
    raw = secret.encode()
    yield raw
    yield json.dumps(secret)[1:-1].encode()
    yield from (quote(secret).encode(), quote(secret, safe="").encode(), quote_plus(secret).encode())
    yield from (raw.hex().encode(), raw.hex().upper().encode())
    for encode in (b64encode, urlsafe_b64encode):
        yield from _in_base64(raw, encode)


def found_in(content: bytes, secrets: Mapping[str, str]) -> set[str]:
    """The names of the secrets that stand in bytes, in whatever form."""
    return {name for name, secret in secrets.items() if any(form in content for form in forms(secret))}


def found_in_home(home: Path, secrets: Mapping[str, str]) -> dict[str, set[str]]:
    """Which secrets stand in the files of a home, by file. The file of the secret key is where that one belongs."""
    found = {}
    for path in sorted(home.rglob("*")):
        if path.is_file() and path.name != "secret.key" and (names := found_in(_content(path), secrets)):
            found[str(path.relative_to(home))] = names
    return found


def _content(path: Path) -> bytes:
    """What a file holds, and what it says to who reads it: pages are cut, and columns compressed."""
    content = path.read_bytes()
    if path.suffix == ".db":
        with closing(sqlite3.connect(path)) as connection:
            content += "\n".join(connection.iterdump()).encode()
    if path.suffix == ".parquet":
        content += pl.read_parquet(path).write_ndjson().encode()
    return content


def _in_base64(raw: bytes, encode: Encode) -> Iterator[bytes]:
    """The characters that no neighbour of a secret changes, at each of the three places in a group of bytes."""
    for before in range(3):
        encoded = encode(b"\0" * before + raw).rstrip(b"=")
        first = -(-before * 8 // 6)
        last = len(encoded) - ((before + len(raw)) % 3 != 0)
        yield encoded[first:last]
