"""What is written into which table, and what came of it, whatever the system."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

import polars as pl

from headgate.errors import JobFault
from headgate.storage.columns import Column
from headgate.storage.datasets import WriteMode

MAX_NAME_BYTES = 63
"""A longer name would be cut by PostgreSQL, and might then be another's."""
WRITE_FAILED = "WRITE_FAILED"
COMMITS = "headgate_commits"
"""The table that says what was written before: a row for each key, made in the transaction that wrote the rows."""
STAGED = "headgate_staged"
PART = r'(?:"((?:[^"]|"")+)"|([^".]+))'
NAME = re.compile(rf"{PART}(?:\.{PART})?")


def quoted(name: str) -> str:
    """A name as SQL spells it, whatever is in it."""
    return '"' + name.replace('"', '""') + '"'


def listed(names: Sequence[str]) -> str:
    """Names as SQL lists them."""
    return ", ".join(map(quoted, names))


def check_name(name: str) -> None:
    """Say whether a table or column can be called so. Raises ValueError."""
    if not name or "\0" in name:
        raise ValueError("a name is not empty and holds no NUL")
    try:
        size = len(name.encode())
    except UnicodeEncodeError:
        raise ValueError("a name is made of Unicode characters") from None
    if size > MAX_NAME_BYTES:
        raise ValueError(f"the name {name[:80]!r} has more than {MAX_NAME_BYTES} bytes")


@dataclass(frozen=True, slots=True)
class TableName:
    """A table, in a schema where one is named; spelled as it is, capitals included."""

    name: str
    schema: str | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `table` or `schema.table`; what holds dots is in double quotes. Raises ValueError."""
        found = NAME.fullmatch(text)
        if found is None:
            raise ValueError("give table or schema.table, with double quotes around a name that holds a dot")
        first, second = (_unquoted(*found.group(at, at + 1)) for at in (1, 3))
        name, schema = (first, None) if second is None else (second, first)
        for part in (name, schema):
            if part is not None:
                check_name(part)
        assert name is not None
        if name == COMMITS:
            raise ValueError(f"{COMMITS} is where Headgate notes what it wrote")
        return cls(name, schema)

    def sql(self) -> str:
        """The name as SQL spells it."""
        return f"{quoted(self.schema)}.{quoted(self.name)}" if self.schema is not None else quoted(self.name)

    def __str__(self) -> str:
        return f"{self.schema}.{self.name}" if self.schema is not None else self.name


def _unquoted(quoted_part: str | None, plain: str | None) -> str | None:
    return quoted_part.replace('""', '"') if quoted_part is not None else plain


@dataclass(frozen=True, slots=True)
class Writing:
    """What to write: the rows of batches that hold the columns, and in `index` a number that grows from row to row.

    `key` is what makes writing again harmless. `create` says whether to make what is missing: the table, and the
    unique index that an upsert needs.
    """

    table: TableName
    mode: WriteMode
    keys: Sequence[str]
    columns: Sequence[Column]
    index: str
    key: str
    create: bool = True

    @property
    def names(self) -> list[str]:
        """What the columns are called."""
        return [column.name for column in self.columns]

    def check(self) -> None:
        """Say whether any table can take these columns. Raises JobFault TABLE_MISMATCH."""
        if not self.columns:
            raise mismatch("There is no column to write.")
        for name in self.names:
            try:
                check_name(name)
            except ValueError as error:
                raise mismatch(f"A column can't be called so: {error}.", column=name) from None
        for key in self.keys:
            if key not in self.names:
                raise mismatch(f"There is no column {key} to tell rows apart by.", column=key)


@dataclass(frozen=True, slots=True)
class Written:
    """What was written, by this attempt or an earlier one.

    `rows` were sent, and `merged` of them gave way to later ones with the same keys. `refused` are the numbers of rows
    that no table of the system can hold, by what is wrong with them.
    """

    rows: int
    merged: int
    created: bool
    refused: Mapping[str, Sequence[int]]

    def to_json(self) -> dict[str, Any]:
        """As it is kept beside the rows."""
        return asdict(self)

    @classmethod
    def from_json(cls, said: Mapping[str, Any]) -> Self:
        """As it was kept."""
        return cls(**said)


Batches = Iterator[pl.DataFrame]


def mismatch(message: str, **details: Any) -> JobFault:
    """The fault of a table that can't take the rows."""
    return JobFault("TABLE_MISMATCH", message, "CONFIG", details=details or None)


def check_columns(writing: Writing, existing: Sequence[str]) -> None:
    """Say whether a table has all the columns. Raises JobFault TABLE_MISMATCH."""
    if missing := [name for name in writing.names if name not in existing]:
        message = (
            f"The table {writing.table} has no column {', '.join(missing)}; it has {', '.join(existing)}."
        )
        raise mismatch(message, columns=missing)


def wrong_type(writing: Writing, column: Column, existing: str) -> JobFault:
    """The fault of a column that would not keep the values as they are."""
    message = (
        f"The column {column.name} of the table {writing.table} has the type {existing or 'of any value'}, which does "
        f"not take {column.type} as it is. Give the column another type with a contract or a step."
    )
    return mismatch(message, column=column.name)


def no_unique_keys(writing: Writing) -> JobFault:
    """The fault of a table in which nothing keeps keys unique."""
    keys = ", ".join(writing.keys)
    return mismatch(
        f"The table {writing.table} has no unique index on exactly {keys}, which an upsert needs."
    )


def no_table(writing: Writing) -> JobFault:
    """The fault of a table that is not there and is not to be made."""
    return mismatch(f"There is no table {writing.table}, and createTable is false.")


def assignments(writing: Writing) -> str:
    """What an upsert sets in a row that is there already."""
    changed = [name for name in writing.names if name not in writing.keys] or list(writing.keys)
    return ", ".join(f"{quoted(name)} = excluded.{quoted(name)}" for name in changed)
