# ruff: noqa: S608 - the query comes from people, and is prepared as one statement in a transaction that only reads
"""What a query answers, from PostgreSQL: streamed by COPY, as text, in a transaction that writes nothing."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from headgate.storage.outside_sql.dialled import Connection, begin
from headgate.storage.outside_sql.patience import Patience
from headgate.storage.outside_sql.queries import (
    PIECE_BYTES,
    Answer,
    AnswerColumn,
    Query,
    Spelling,
    Take,
    check_names,
)

SPELLINGS: Mapping[str, Spelling] = {
    "int2": Spelling.INTEGER,
    "int4": Spelling.INTEGER,
    "int8": Spelling.INTEGER,
    "oid": Spelling.INTEGER,
    "float4": Spelling.FLOAT,
    "float8": Spelling.FLOAT,
    "numeric": Spelling.NUMERIC,
    "bool": Spelling.BOOLEAN,
    "date": Spelling.DATE,
    "time": Spelling.TIME,
    "timestamp": Spelling.LOCAL,
    "timestamptz": Spelling.MOMENT,
    "bytea": Spelling.HEX,
}
FULL_NAME = "SELECT format_type($1, -1)"


async def read(connection: Connection, query: Query, take: Take, patience: Patience) -> Answer:
    """Let `take` have all that a query answers, piece by piece."""
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        await begin(connection, patience)
        # Prepared by itself first: so it is one statement, whatever its text looks like.
        statement = await connection.prepare(query.text)
        attributes = statement.get_attributes()
        columns = [_column(attribute) for attribute in attributes]
        check_names(query, [column.name for column in columns])
        pieces = _Pieces(columns, take, has_cursor=query.cursor is not None)
        await connection.copy_from_query(
            await _wrapped(connection, query, attributes, columns), output=pieces.add, format="csv"
        )
        await pieces.finish()
    return Answer(columns, pieces.last)


def _column(attribute: Any) -> AnswerColumn:
    is_list = attribute.type.kind == "array"
    name = attribute.type.name.removesuffix("[]") if is_list else attribute.type.name
    spelling = SPELLINGS.get(name, Spelling.TEXT) if attribute.type.schema == "pg_catalog" else Spelling.TEXT
    if is_list and spelling is Spelling.HEX:
        spelling = Spelling.TEXT
    return AnswerColumn(attribute.name, spelling, is_list)


async def _wrapped(
    connection: Connection, query: Query, attributes: Sequence[Any], columns: Sequence[AnswerColumn]
) -> str:
    """The query with its columns spelled as text.

    The first column is never null, since a line without anything would be none.
    """
    short = [f"c{number}" for number in range(len(columns))]
    names = [f"answer.{name}" for name in short]
    values = ["1", *map(_spelled, names, columns)]
    behind = ""
    if (cursor := query.cursor) is not None:
        at = [column.name for column in columns].index(cursor.column)
        values.append(f"{names[at]}::text")
        if cursor.after is not None:
            full_name = await connection.fetchval(FULL_NAME, attributes[at].type.oid)
            behind = f" WHERE {names[at]} > CAST({_literal(str(cursor.after))} AS {full_name})"
        behind += f" ORDER BY {names[at]} NULLS FIRST"
    return f"SELECT {', '.join(values)} FROM (\n{query.text}\n) AS answer({', '.join(short)}){behind}"


def _spelled(name: str, column: AnswerColumn) -> str:
    if column.is_list:
        return f"to_json({name}::text[])"
    if column.spelling is Spelling.HEX:
        return f"encode({name}, 'hex')"
    return f"{name}::text" if column.spelling is Spelling.BOOLEAN else name


def _literal(text: str) -> str:
    """A text as SQL spells it: COPY takes no parameters."""
    return "'" + text.replace("\0", "").replace("'", "''") + "'"


@dataclass(slots=True)
class _Pieces:
    """Makes frames of CSV as it comes, always whole rows."""

    columns: Sequence[AnswerColumn]
    take: Take
    has_cursor: bool
    last: str | None = None
    _waiting: list[bytes] = field(default_factory=list)
    _bytes: int = 0
    _quotes: int = 0

    async def add(self, data: bytes) -> None:
        self._waiting.append(data)
        self._bytes += len(data)
        self._quotes += data.count(b'"')
        if self._bytes >= PIECE_BYTES and self._quotes % 2 == 0 and data.endswith(b"\n"):
            await self.finish()

    async def finish(self) -> None:
        """Hand on what has come; the server is kept waiting meanwhile, so that no more than a piece is in memory."""
        if self._waiting:
            await asyncio.to_thread(self._hand_on)

    def _hand_on(self) -> None:
        content = b"".join(self._waiting)
        self._waiting, self._bytes, self._quotes = [], 0, 0
        names = [f"c{number}" for number in range(len(self.columns) + 1 + self.has_cursor)]
        frame = pl.read_csv(content, has_header=False, infer_schema=False, new_columns=names)
        if self.has_cursor:
            self.last = frame[names[-1]][-1]
        self.take(
            frame.select(
                pl.col(name).alias(column.name) for name, column in zip(names[1:], self.columns, strict=False)
            ),
            self.columns,
        )
