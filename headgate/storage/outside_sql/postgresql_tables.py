# ruff: noqa: S608 - every name is quoted, every value is bound
"""Rows into a table of PostgreSQL: in one transaction with a note, so that nothing is ever written twice.

See docs/decisions/0019-rows-into-outside-tables.md.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import polars as pl

from headgate.storage.columns import Column
from headgate.storage.datasets import WriteMode
from headgate.storage.outside_sql.copy_text import copy_text
from headgate.storage.outside_sql.dialled import Connection, begin
from headgate.storage.outside_sql.patience import Patience
from headgate.storage.outside_sql.postgresql_types import TableColumn, made_type, unfit_for
from headgate.storage.outside_sql.tables import (
    COMMITS,
    STAGED,
    Batches,
    TableName,
    Writing,
    Written,
    assignments,
    check_columns,
    listed,
    mismatch,
    no_table,
    no_unique_keys,
    quoted,
)
from headgate.storage.outside_sql.unfit import Sieve, unfit_anywhere

FIND_TABLE = """
SELECT n.nspname AS schema, c.relname AS name, c.relkind IN ('r', 'p') AS is_table
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.oid = to_regclass($1)
"""
FIND_COLUMNS = """
SELECT a.attname AS name, coalesce(b.typname, t.typname)::text AS type,
  format_type(a.atttypid, a.atttypmod) AS spelled,
  CASE WHEN t.typtype = 'd' THEN t.typtypmod ELSE a.atttypmod END AS modifier
FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
LEFT JOIN pg_type b ON t.typtype = 'd' AND b.oid = t.typbasetype
WHERE a.attrelid = to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum
"""
HAS_UNIQUE_KEYS = """
SELECT EXISTS (
  SELECT FROM pg_index i
  WHERE i.indrelid = to_regclass($1) AND i.indisunique AND i.indisvalid AND i.indimmediate
    AND i.indpred IS NULL AND i.indexprs IS NULL
    AND $2::text[] = (
      SELECT array_agg(a.attname::text ORDER BY a.attname::text COLLATE "C") FROM pg_attribute a
      WHERE a.attrelid = i.indrelid AND a.attnum = ANY ((i.indkey::int2[])[0:i.indnkeyatts - 1])
    )
)
"""
COLLATED_TYPES = ("text", "varchar", "bpchar", "citext")
LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('headgate:' || $1, 0))"
"""Held to the end of the transaction: of all jobs that write to a table one does so at a time."""
MAKE_COMMITS = """
CREATE TABLE IF NOT EXISTS {} (
  key TEXT PRIMARY KEY, committed_at TIMESTAMPTZ NOT NULL DEFAULT now(), table_name TEXT NOT NULL,
  written JSONB NOT NULL
)
"""


async def write(connection: Connection, writing: Writing, batches: Batches, patience: Patience) -> Written:
    """Write all rows, or none; what was written under the key before stays, and is answered again."""
    writing.check()
    return await _Writer(connection, writing, batches, patience).write()


@dataclass(slots=True)
class _Writer:
    connection: Connection
    writing: Writing
    batches: Batches
    patience: Patience

    @property
    def commits(self) -> TableName:
        return TableName(COMMITS, self.writing.table.schema)

    @property
    def target(self) -> str:
        return self.writing.table.sql()

    async def write(self) -> Written:
        await self._make_commits()
        async with self.connection.transaction():
            await begin(self.connection, self.patience)
            await self._lock()
            if (done := await self._written_before()) is not None:
                return done
            written = await self._write_rows()
            await self._note(written)
        return written

    async def _make_commits(self) -> None:
        """In a transaction of its own, so that no job waits for the rows of another to make it."""
        if await self.connection.fetchval("SELECT to_regclass($1) IS NOT NULL", self.commits.sql()):
            return
        async with self.connection.transaction():
            await begin(self.connection, self.patience)
            await self.connection.execute(LOCK, COMMITS)
            await self.connection.execute(MAKE_COMMITS.format(self.commits.sql()))

    async def _lock(self) -> None:
        """Lock the table, there or not, by the name that it has in full."""
        found = await self.connection.fetchrow(FIND_TABLE, self.writing.table.sql())
        if found is not None:
            full = TableName(found["name"], found["schema"])
        else:
            schema = self.writing.table.schema or await self.connection.fetchval("SELECT current_schema()")
            full = TableName(self.writing.table.name, schema)
        self.writing = replace(self.writing, table=full)
        await self.connection.execute(LOCK, full.sql())

    async def _written_before(self) -> Written | None:
        said = await self.connection.fetchval(
            f"SELECT written FROM {self.commits.sql()} WHERE key = $1",
            self.writing.key,
        )
        return Written.from_json(json.loads(said)) if said is not None else None

    async def _note(self, written: Written) -> None:
        await self.connection.execute(
            f"INSERT INTO {self.commits.sql()} (key, table_name, written) VALUES ($1, $2, $3)",
            self.writing.key,
            self.writing.table.sql(),
            json.dumps(written.to_json()),
        )

    async def _write_rows(self) -> Written:
        is_new = await self._make_table()
        columns = await self._columns()
        sieve = Sieve(self.writing.index, [*unfit_anywhere(self.writing), *unfit_for(self.writing, columns)])
        if self.writing.mode is WriteMode.REPLACE:
            # Not TRUNCATE: who reads meanwhile would have to wait, or see nothing.
            await self.connection.execute(f"DELETE FROM {self.writing.table.sql()}")
        if self.writing.mode is WriteMode.UPSERT:
            rows, merged = await self._upsert(sieve, columns, is_new)
        else:
            rows, merged = await self._copy(self.writing.table, self.writing.columns, sieve), 0
        return Written(rows, merged, is_new, sieve.refused)

    async def _make_table(self) -> bool:
        """Make the table where it is missing, without its key: to build that at once, behind the rows, is faster."""
        found = await self.connection.fetchrow(FIND_TABLE, self.writing.table.sql())
        if found is not None:
            if not found["is_table"]:
                raise mismatch(f"{self.writing.table} is not a table.")
            return False
        if not self.writing.create:
            raise no_table(self.writing)
        columns = (
            f"{quoted(column.name)} {made_type(column.dtype, column.type)}" for column in self.writing.columns
        )
        await self.connection.execute(f"CREATE TABLE {self.writing.table.sql()} ({', '.join(columns)})")
        return True

    async def _columns(self) -> Mapping[str, TableColumn]:
        found = await self.connection.fetch(FIND_COLUMNS, self.writing.table.sql())
        columns = {row["name"]: TableColumn(**row) for row in found}
        check_columns(self.writing, list(columns))
        return columns

    async def _upsert(
        self, sieve: Sieve, columns: Mapping[str, TableColumn], is_new: bool
    ) -> tuple[int, int]:
        if not is_new:
            await self._have_unique_keys()
        rows = await self._stage(sieve)
        names = listed(self.writing.names)
        # In the order of keys, for which the index is fastest.
        keys = ", ".join(_ordered(columns[key]) for key in self.writing.keys)
        last = (
            f"SELECT DISTINCT ON ({keys}) {names} FROM pg_temp.{STAGED} "
            f"ORDER BY {keys}, {quoted(self.writing.index)} DESC"
        )
        if is_new:
            done = await self._insert(last)
            await self._execute(f"ALTER TABLE {self.target} ADD PRIMARY KEY ({listed(self.writing.keys)})")
        else:
            done = await self._merge(last)
        return rows, rows - done

    async def _merge(self, last: str) -> int:
        """Update the rows that are there, and insert the others; answers how many both are.

        To insert all, and update where there is a conflict, takes a third longer. What others insert meanwhile is a
        conflict still.
        """
        same = " AND ".join(f"old.{quoted(key)} = new.{quoted(key)}" for key in self.writing.keys)
        others = [name for name in self.writing.names if name not in self.writing.keys]
        await self._execute(f"ANALYZE pg_temp.{STAGED}")
        updated = 0
        if others:
            changes = ", ".join(f"{quoted(name)} = new.{quoted(name)}" for name in others)
            update = f"UPDATE {self.target} AS old SET {changes} FROM ({last}) AS new WHERE {same}"
            updated = _count(await self._execute(update))
            last = f"SELECT * FROM ({last}) AS new WHERE NOT EXISTS (SELECT FROM {self.target} AS old WHERE {same})"
        conflict = f"ON CONFLICT ({listed(self.writing.keys)}) DO UPDATE SET {assignments(self.writing)}"
        return updated + await self._insert(last, conflict)

    async def _insert(self, rows: str, conflict: str = "") -> int:
        names = listed(self.writing.names)
        return _count(await self._execute(f"INSERT INTO {self.target} ({names}) {rows} {conflict}"))

    async def _execute(self, statement: str) -> str:
        return str(await self.connection.execute(statement))

    async def _have_unique_keys(self) -> None:
        keys = sorted(self.writing.keys)
        if await self.connection.fetchval(HAS_UNIQUE_KEYS, self.writing.table.sql(), keys):
            return
        if not self.writing.create:
            raise no_unique_keys(self.writing)
        await self.connection.execute(
            f"CREATE UNIQUE INDEX ON {self.writing.table.sql()} ({listed(self.writing.keys)})"
        )

    async def _stage(self, sieve: Sieve) -> int:
        """Send the rows to a table of this transaction, which has the types of the true one."""
        staged = TableName(STAGED, "pg_temp")
        index = quoted(self.writing.index)
        await self.connection.execute(
            f"CREATE TEMPORARY TABLE {STAGED} ON COMMIT DROP AS SELECT 0::bigint AS {index}, "
            f"{listed(self.writing.names)} FROM {self.writing.table.sql()} WITH NO DATA"
        )
        columns = [Column(self.writing.index, pl.Int64()), *self.writing.columns]
        return await self._copy(staged, columns, sieve)

    async def _copy(self, target: TableName, columns: Any, sieve: Sieve) -> int:
        texts = (copy_text(fit, columns) for fit in map(sieve.fit, self.batches))
        done = await self.connection.copy_to_table(
            target.name,
            schema_name=target.schema,
            columns=[column.name for column in columns],
            source=_in_a_thread(texts),
            format="text",
        )
        return _count(done)


async def _in_a_thread(texts: Iterator[bytes]) -> AsyncIterator[bytes]:
    """Make each piece while the one before is on its way."""
    ahead = asyncio.ensure_future(asyncio.to_thread(next, texts, None))
    while (text := await ahead) is not None:
        ahead = asyncio.ensure_future(asyncio.to_thread(next, texts, None))
        yield text


def _ordered(key: TableColumn) -> str:
    """A key to sort by: bytes are compared far faster than a language's letters."""
    return f'{quoted(key.name)} COLLATE "C"' if key.type in COLLATED_TYPES else quoted(key.name)


def _count(done: str) -> int:
    """The number of rows in what the server says of a statement, such as INSERT 0 12."""
    return int(done.rpartition(" ")[2])
