# ruff: noqa: S608 - the query comes from people, and may do nothing but read
"""What a query answers, from SQLite: read in pieces, as text, over a connection that can do nothing but read."""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from headgate.storage.outside_sql.patience import Patience
from headgate.storage.outside_sql.queries import (
    PIECE_BYTES,
    QUERY_FAILED,
    Answer,
    AnswerColumn,
    Query,
    Spelling,
    Take,
    check_names,
)
from headgate.storage.outside_sql.sqlite_file import opened
from headgate.storage.outside_sql.tables import quoted

AT_ONCE = 500
"""So many rows are fetched before their size is looked at."""
MOST_ROWS = 100_000
READS = {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE}
REFUSED_FUNCTIONS = {"load_extension", "fts3_tokenizer", "readfile", "writefile", "edit"}
DECLARED: Mapping[str, Spelling] = {
    "DATE": Spelling.DATE,
    "TIME": Spelling.TIME,
    "TIMESTAMP": Spelling.LOCAL,
    "DATETIME": Spelling.LOCAL,
    "TIMESTAMPTZ": Spelling.MOMENT,
    "DECIMAL_TEXT": Spelling.NUMERIC,
    "DECIMAL": Spelling.NUMERIC,
    "NUMERIC": Spelling.NUMERIC,
}
"""What texts spell in a column that was declared so."""
WITHOUT_VALUES = {"BIGINT": Spelling.INTEGER, "INTEGER": Spelling.INTEGER, "BOOLEAN": Spelling.BOOLEAN}
WITHOUT_VALUES |= {"DOUBLE PRECISION": Spelling.FLOAT, "REAL": Spelling.FLOAT, "BLOB": Spelling.HEX}


def read(path: Path, query: Query, take: Take, patience: Patience) -> Answer:
    """Let `take` have all that a query answers, piece by piece. Raises JobFault (QUERY_FAILED)."""
    with opened(path, "ro", patience, QUERY_FAILED) as connection:
        declared = _declared(connection, query.text)
        check_names(query, [name for name, _ in declared])
        connection.set_authorizer(_only_reads)
        pieces = _Pieces(declared)
        cursor = connection.execute(*_wrapped(query))
        # Only here are two columns with one name called the same.
        check_names(query, [name for name, *_ in cursor.description])
        for rows in _rows(cursor):
            patience.left_s()
            take(pieces.piece(rows), pieces.columns())
            if query.cursor is not None:
                at = [name for name, _ in declared].index(query.cursor.column)
                pieces.last = rows[-1][at]
    return Answer(pieces.columns(), pieces.last)


def _declared(connection: sqlite3.Connection, query: str) -> list[tuple[str, str]]:
    """The names and declared types of what a query answers; SQLite tells the latter of views alone."""
    connection.execute(f"CREATE TEMPORARY VIEW headgate_answer AS {query}")
    found = connection.execute("PRAGMA temp.table_info(headgate_answer)").fetchall()
    connection.execute("DROP VIEW temp.headgate_answer")
    return [(name, declared.partition("(")[0].strip().upper()) for _, name, declared, *_ in found]


def _only_reads(action: int, _first: str | None, second: str | None, *_: object) -> int:
    if action not in READS or (action == sqlite3.SQLITE_FUNCTION and second in REFUSED_FUNCTIONS):
        return sqlite3.SQLITE_DENY
    return sqlite3.SQLITE_OK


def _wrapped(query: Query) -> tuple[str, list[Any]]:
    if (cursor := query.cursor) is None:
        return query.text, []
    column = f"answer.{quoted(cursor.column)}"
    begun = cursor.after is not None
    where = f"WHERE {column} > ? " if begun else ""
    wrapped = f"SELECT * FROM (\n{query.text}\n) AS answer {where}ORDER BY {column}"
    return wrapped, [cursor.after] if begun else []


def _rows(cursor: sqlite3.Cursor) -> Iterator[list[Any]]:
    """Rows, as many as make a piece."""
    rows: list[Any] = []
    size = 0
    while some := cursor.fetchmany(AT_ONCE):
        rows += some
        size += sum(len(value) if isinstance(value, str | bytes) else 8 for row in some for value in row)
        if size >= PIECE_BYTES or len(rows) >= MOST_ROWS:
            yield rows
            rows, size = [], 0
    if rows:
        yield rows


@dataclass(slots=True)
class _Pieces:
    """Makes frames of rows, and learns what is in the columns: SQLite keeps any value anywhere."""

    declared: Sequence[tuple[str, str]]
    last: Any = None
    _seen: dict[str, set[type]] = field(default_factory=dict)

    def piece(self, rows: Sequence[Sequence[Any]]) -> pl.DataFrame:
        values = zip(*rows, strict=True)
        return pl.DataFrame(
            [self._texts(name, column) for (name, _), column in zip(self.declared, values, strict=True)]
        )

    def columns(self) -> list[AnswerColumn]:
        return [
            AnswerColumn(name, _spelling(self._seen.get(name, set()), declared))
            for name, declared in self.declared
        ]

    def _texts(self, name: str, values: Sequence[Any]) -> pl.Series:
        self._seen.setdefault(name, set()).update(set(map(type, values)) - {type(None)})
        return pl.Series(name, list(map(_text, values)), pl.String)


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return value.hex() if isinstance(value, bytes) else str(value)


def _spelling(seen: set[type], declared: str) -> Spelling:
    """What texts spell that were made of values of these types."""
    if not seen:
        return WITHOUT_VALUES.get(declared) or DECLARED.get(declared, Spelling.TEXT)
    if seen == {int}:
        return Spelling.BOOLEAN if declared == "BOOLEAN" else Spelling.INTEGER
    if seen <= {int, float}:
        return Spelling.FLOAT
    if seen == {bytes}:
        return Spelling.HEX
    return DECLARED.get(declared, Spelling.TEXT) if seen == {str} else Spelling.TEXT
