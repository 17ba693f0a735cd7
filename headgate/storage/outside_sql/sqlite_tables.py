# ruff: noqa: S608 - every name is quoted, every value is bound
"""Rows into a table of SQLite: in one transaction with a note, as into PostgreSQL's."""

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from headgate.storage.columns import Column
from headgate.storage.datasets import WriteMode
from headgate.storage.outside_sql.patience import Patience
from headgate.storage.outside_sql.sqlite_file import opened, wait_for
from headgate.storage.outside_sql.sqlite_types import made_type, spelled, unfit_for
from headgate.storage.outside_sql.tables import (
    COMMITS,
    STAGED,
    WRITE_FAILED,
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

MAKE_COMMITS = f"""
CREATE TABLE IF NOT EXISTS main.{COMMITS} (
  key TEXT PRIMARY KEY, committed_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP, table_name TEXT NOT NULL,
  written TEXT NOT NULL
)
"""


def write(path: Path, writing: Writing, batches: Batches, patience: Patience) -> Written:
    """Write all rows, or none; what was written under the key before stays, and is answered again.

    Raises JobFault: TABLE_MISMATCH, WRITE_FAILED, and what stands for a file that can't be used.
    """
    writing.check()
    if writing.table.schema not in (None, "main"):
        raise mismatch("A table of SQLite is in no schema but main.")
    with opened(path, "rwc" if writing.create else "rw", patience, WRITE_FAILED) as connection:
        # Readers of the file hold a writer up twice: when it begins, and when it commits.
        wait_for(lambda: connection.execute("BEGIN IMMEDIATE"), patience)
        written = _Writer(connection, writing, batches).write()
        wait_for(lambda: connection.execute("COMMIT"), patience)
        return written


@dataclass(slots=True)
class _Writer:
    connection: sqlite3.Connection
    writing: Writing
    batches: Batches

    @property
    def target(self) -> str:
        return TableName(self.writing.table.name, "main").sql()

    def write(self) -> Written:
        self.connection.execute(MAKE_COMMITS)
        if (done := self._written_before()) is not None:
            return done
        written = self._write_rows()
        self._note(written)
        return written

    def _written_before(self) -> Written | None:
        said = self.connection.execute(
            f"SELECT written FROM main.{COMMITS} WHERE key = ?",
            [self.writing.key],
        ).fetchone()
        return Written.from_json(json.loads(said[0])) if said is not None else None

    def _note(self, written: Written) -> None:
        self.connection.execute(
            f"INSERT INTO main.{COMMITS} (key, table_name, written) VALUES (?, ?, ?)",
            [self.writing.key, str(self.writing.table), json.dumps(written.to_json())],
        )

    def _write_rows(self) -> Written:
        is_new = self._make_table()
        table = self._columns()
        sieve = Sieve(self.writing.index, [*unfit_anywhere(self.writing), *unfit_for(self.writing, table)])
        if self.writing.mode is WriteMode.REPLACE:
            self.connection.execute(f"DELETE FROM {self.target}")
        if self.writing.mode is WriteMode.UPSERT:
            rows, merged = self._upsert(sieve)
        else:
            rows, merged = self._insert(self.target, self.writing.columns, sieve), 0
        return Written(rows, merged, is_new, sieve.refused)

    def _make_table(self) -> bool:
        found = self.connection.execute(
            "SELECT type FROM main.sqlite_schema WHERE lower(name) = lower(?)", [self.writing.table.name]
        ).fetchone()
        if found is not None:
            if found[0] != "table":
                raise mismatch(f"{self.writing.table} is not a table.")
            return False
        if not self.writing.create:
            raise no_table(self.writing)
        parts = [f"{quoted(each.name)} {made_type(each.dtype, each.type)}" for each in self.writing.columns]
        if self.writing.mode is WriteMode.UPSERT:
            parts.append(f"PRIMARY KEY ({listed(self.writing.keys)})")
        self.connection.execute(f"CREATE TABLE {self.target} ({', '.join(parts)})")
        return True

    def _columns(self) -> Mapping[str, str]:
        found = self.connection.execute(f"PRAGMA main.table_info({quoted(self.writing.table.name)})")
        columns = {name: declared for _, name, declared, *_ in found}
        check_columns(self.writing, list(columns))
        return columns

    def _upsert(self, sieve: Sieve) -> tuple[int, int]:
        self._have_unique_keys()
        names, index = listed(self.writing.names), quoted(self.writing.index)
        staged = f"temp.{STAGED}"
        self.connection.execute(
            f"CREATE TEMPORARY TABLE {STAGED} AS SELECT 0 AS {index}, {names} FROM {self.target} WHERE false"
        )
        rows = self._insert(staged, [Column(self.writing.index, pl.Int64()), *self.writing.columns], sieve)
        last = f"SELECT max({index}) FROM {staged} GROUP BY {listed(self.writing.keys)}"
        done = self.connection.execute(
            f"INSERT INTO {self.target} ({names}) "
            f"SELECT {names} FROM {staged} WHERE {index} IN ({last}) ORDER BY {index} "
            f"ON CONFLICT ({listed(self.writing.keys)}) DO UPDATE SET {assignments(self.writing)}"
        )
        return rows, rows - done.rowcount

    def _have_unique_keys(self) -> None:
        if any(set(keys) == set(self.writing.keys) for keys in self._unique_keys()):
            return
        if not self.writing.create:
            raise no_unique_keys(self.writing)
        name = quoted(f"headgate_{'_'.join((self.writing.table.name, *self.writing.keys))}")
        self.connection.execute(
            f"CREATE UNIQUE INDEX main.{name} ON {quoted(self.writing.table.name)} ({listed(self.writing.keys)})"
        )

    def _unique_keys(self) -> list[list[str]]:
        """The columns of each unique index of the table, its primary key among them."""
        table = quoted(self.writing.table.name)
        primary = self.connection.execute(f"PRAGMA main.table_info({table})").fetchall()
        found = [[row[1] for row in primary if row[5]]]
        for _, index, is_unique, _, is_partial in self.connection.execute(
            f"PRAGMA main.index_list({table})"
        ).fetchall():
            if is_unique and not is_partial:
                columns = self.connection.execute(f"PRAGMA main.index_info({quoted(index)})")
                found.append([name for _, _, name in columns])
        return found

    def _insert(self, target: str, columns: Sequence[Column], sieve: Sieve) -> int:
        names = [column.name for column in columns]
        marks = ", ".join("?" * len(names))
        statement = f"INSERT INTO {target} ({listed(names)}) VALUES ({marks})"
        rows = 0
        for batch in map(sieve.fit, self.batches):
            values = batch.select(spelled(batch[column.name], column.dtype) for column in columns)
            self.connection.executemany(statement, values.iter_rows())
            rows += batch.height
        return rows
