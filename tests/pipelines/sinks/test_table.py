"""The sink `table`: rows come into a table once and whole, with their types, or the job says why not."""

import datetime as dt
import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from headgate.errors import JobFault
from headgate.pipelines.orders import Stopped
from headgate.pipelines.sinks.sink import Delivered
from headgate.pipelines.sinks.table import TableSink
from headgate.storage.outside_sql import postgresql_tables, sqlite_tables
from tests.pipelines.databases import NAME, OutsideDatabase

UPSERT: dict[str, Any] = {"mode": "UPSERT", "keys": ["id"]}


def refused(delivered: Delivered) -> list[tuple[int, str]]:
    return list(zip(delivered.refused.index, delivered.refused.message, strict=True))


def fault_of(write: Callable[[], object]) -> JobFault:
    with pytest.raises(JobFault) as caught:
        write()
    return caught.value


def test_rows_are_added_to_a_table_that_is_made_for_them(outside_sql: OutsideDatabase) -> None:
    done = outside_sql.write({"id": [1, 2], "name": ["a", None]})
    again = outside_sql.write({"id": [2], "name": [""]})
    assert (done.merged, done.said) == (0, {"table": "t", "rows": 2, "created": True})
    assert again.said == {"table": "t", "rows": 1, "created": False}
    assert outside_sql.rows("t") == [(1, "a"), (2, ""), (2, None)]


def test_replace_leaves_only_the_new_rows(outside_sql: OutsideDatabase) -> None:
    outside_sql.write({"id": [1, 2]})
    outside_sql.write({"id": [3]}, mode="REPLACE")
    assert outside_sql.rows("t") == [(3,)]


def test_upsert_replaces_rows_with_the_same_keys_and_counts_those_that_gave_way(
    outside_sql: OutsideDatabase,
) -> None:
    first = outside_sql.write({"id": [1, 2, 1], "v": ["a", "b", "c"]}, **UPSERT)
    second = outside_sql.write({"id": [3, 2, 2, 2], "v": ["d", "e", "f", None]}, **UPSERT)
    assert (first.merged, second.merged) == (1, 2)
    assert outside_sql.rows("t") == [(1, "c"), (2, None), (3, "d")]


def test_upsert_leaves_columns_alone_that_it_does_not_bring(outside_sql: OutsideDatabase) -> None:
    outside_sql.write({"id": [1], "v": ["a"], "w": ["kept"]}, **UPSERT)
    outside_sql.write({"id": [1], "v": ["b"]}, **UPSERT)
    assert outside_sql.rows("t", "id", "v", "w") == [(1, "b", "kept")]


def test_upsert_of_keys_alone_leaves_each_once(outside_sql: OutsideDatabase) -> None:
    outside_sql.write({"id": [1, 2]}, **UPSERT)
    assert outside_sql.write({"id": [2, 3, 3]}, **UPSERT).merged == 1
    assert outside_sql.rows("t") == [(1,), (2,), (3,)]


@pytest.mark.parametrize(
    "mode", [{"mode": "APPEND"}, {"mode": "REPLACE"}, UPSERT], ids=["append", "replace", "upsert"]
)
def test_writing_again_under_the_same_key_changes_nothing_and_answers_the_same(
    outside_sql: OutsideDatabase, mode: dict[str, Any]
) -> None:
    rows = {"id": [1, 2, 2, None], "v": ["a", "b", "c", "d"]}
    first = outside_sql.write(rows, "job_1:0", **mode)
    outside_sql.sql("DELETE FROM t WHERE id = 1")
    assert outside_sql.write(rows, "job_1:0", **mode) == first
    assert 1 not in [row[0] for row in outside_sql.rows("t")]


def test_another_sink_of_the_same_job_writes_by_its_own_key(outside_sql: OutsideDatabase) -> None:
    outside_sql.write({"id": [1]}, "job_1:0")
    outside_sql.write({"id": [1]}, "job_1:1")
    assert outside_sql.rows("t") == [(1,), (1,)]


@pytest.mark.parametrize(
    "mode", [{"mode": "APPEND"}, {"mode": "REPLACE"}, UPSERT], ids=["append", "replace", "upsert"]
)
def test_what_dies_before_its_commit_leaves_nothing_and_can_be_done_again(
    outside_sql: OutsideDatabase, mode: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    outside_sql.write({"id": [7], "v": ["old"]}, **mode)

    class Killed(BaseException):
        pass

    def die(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr((sqlite_tables if outside_sql.is_sqlite else postgresql_tables)._Writer, "_note", die)
        with pytest.raises(Killed):
            outside_sql.write({"id": [7, 8], "v": ["new", "new"]}, "job_1:0", **mode)
    assert outside_sql.rows("t") == [(7, "old")]
    outside_sql.write({"id": [7, 8], "v": ["new", "new"]}, "job_1:0", **mode)
    assert (8, "new") in outside_sql.rows("t")


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.lists(
            st.tuples(st.integers(0, 5), st.sampled_from(["x", "Y", "ü"]), st.integers(0, 99)), max_size=12
        ),
        min_size=1,
        max_size=3,
    )
)
def test_upserts_leave_what_a_dictionary_would_hold(
    outside_sql: OutsideDatabase, loads: list[list[tuple[int, str, int]]]
) -> None:
    outside_sql.sql("DROP TABLE IF EXISTS t")
    held: dict[tuple[int, str], int] = {}
    for load in loads:
        frame = pl.DataFrame(load, schema={"a": pl.Int64, "b": pl.String, "v": pl.Int64}, orient="row")
        done = outside_sql.write(frame, mode="UPSERT", keys=["a", "b"])
        assert done.merged == len(load) - len({(a, b) for a, b, _ in load})
        held |= {(a, b): v for a, b, v in load}
    assert outside_sql.rows("t") == sorted([(a, b, v) for (a, b), v in held.items()], key=repr)


def test_rows_without_a_key_are_refused_and_the_others_written(outside_sql: OutsideDatabase) -> None:
    done = outside_sql.write({"id": [1, None, 2, None], "v": ["a", "b", "c", "d"]}, **UPSERT)
    assert refused(done) == [(1, "The key id is empty."), (3, "The key id is empty.")]
    assert outside_sql.rows("t") == [(1, "a"), (2, "c")]


def test_dates_that_databases_do_not_have_are_refused(outside_sql: OutsideDatabase) -> None:
    days = pl.Series("day", [0, 10**7, -(10**6)], dtype=pl.Date)
    done = outside_sql.write(pl.DataFrame([days]))
    assert refused(done) == [
        (1, "The year of day is not one from 1 to 9999."),
        (2, "The year of day is not one from 1 to 9999."),
    ]
    assert len(outside_sql.rows("t")) == 1


def test_times_that_are_too_exact_are_refused(outside_sql: OutsideDatabase) -> None:
    times = pl.Series("at", [1000, 1001], dtype=pl.Time)
    assert refused(outside_sql.write(pl.DataFrame([times]))) == [(1, "at is more exact than microseconds.")]


def test_a_nul_character_is_refused_by_postgresql_and_kept_by_sqlite(outside_sql: OutsideDatabase) -> None:
    done = outside_sql.write({"v": ["a", "b\0c"], "l": [["x"], ["y\0"]]})
    if outside_sql.is_sqlite:
        assert ("b\0c", '["y\\u0000"]') in outside_sql.rows("t")
    else:
        assert refused(done) == [(1, "v holds a NUL character, which PostgreSQL can't keep.")]
        assert outside_sql.rows("t") == [("a", '["x"]')]


def test_nan_is_refused_by_sqlite_and_kept_by_postgresql(outside_sql: OutsideDatabase) -> None:
    done = outside_sql.write({"v": [1.5, float("nan"), float("inf")]})
    if outside_sql.is_sqlite:
        assert refused(done) == [(1, "v is NaN, which SQLite can't keep.")]
        assert outside_sql.rows("t") == [(1.5,), (float("inf"),)]
    else:
        assert [str(value) for (value,) in outside_sql.rows("t")] == ["1.5", "inf", "nan"]


TEXTS = ["", "\\N", "\\.", "a\tb", "a\nb\r\n", "\\", 'q"', "'", "a,b", "NULL", "\\.\n", "ünï☃", " ", "\\x41"]


def test_any_text_comes_back_as_it_went(outside_sql: OutsideDatabase) -> None:
    outside_sql.write({"v": TEXTS})
    assert sorted(value for (value,) in outside_sql.rows("t")) == sorted(TEXTS)


def test_each_type_has_its_own_in_a_new_table(outside_sql: OutsideDatabase) -> None:
    moment = dt.datetime(2026, 1, 2, 3, 4, 5, 678901)
    row = {
        "i": 2**62, "f": 0.1, "e": Decimal("12.30"), "b": True, "d": dt.date(2026, 1, 2), "t": dt.time(3, 4, 5, 6),
        "m": moment, "u": moment.replace(tzinfo=dt.UTC), "s": "x", "y": b"\0\\x", "l": [1, None],
        "o": {"k": "v"}, "n": None,
    }  # fmt: skip
    outside_sql.write(pl.DataFrame([row]).cast({"e": pl.Decimal(20, 2)}))
    if outside_sql.is_sqlite:
        types = {name: declared for _, name, declared, *_ in outside_sql.sql("PRAGMA table_info(t)")}
        assert types == {
            "i": "BIGINT", "f": "DOUBLE PRECISION", "e": "DECIMAL_TEXT(20, 2)", "b": "BOOLEAN", "d": "DATE",
            "t": "TIME", "m": "TIMESTAMP", "u": "TIMESTAMPTZ", "s": "TEXT", "y": "BLOB", "l": "JSON_TEXT",
            "o": "JSON_TEXT", "n": "TEXT",
        }  # fmt: skip
        assert outside_sql.rows("t") == [
            (
                2**62, 0.1, "12.30", 1, "2026-01-02", "03:04:05.000006", "2026-01-02 03:04:05.678901",
                "2026-01-02 03:04:05.678901+00:00", "x", b"\0\\x", "[1,null]", '{"k":"v"}', None,
            )
        ]  # fmt: skip
        return
    found = outside_sql.rows("t")[0]
    assert found[:10] == tuple(row.values())[:10]
    assert [json.loads(found[10]), json.loads(found[11]), found[12]] == [[1, None], {"k": "v"}, None]
    types = dict(
        outside_sql.sql(
            "SELECT column_name, data_type FROM information_schema.columns WHERE table_name = 't'"
        )
    )
    assert list(types.values()) == [
        "bigint", "double precision", "numeric", "boolean", "date", "time without time zone",
        "timestamp without time zone", "timestamp with time zone", "text", "bytea", "jsonb", "jsonb", "text",
    ]  # fmt: skip


def test_a_table_that_lacks_a_column_is_not_written_to(outside_sql: OutsideDatabase) -> None:
    outside_sql.write({"id": [1]})
    fault = fault_of(lambda: outside_sql.write({"id": [2], "more": [1], "most": [2]}))
    assert (fault.code, fault.category, fault.details) == (
        "TABLE_MISMATCH",
        "CONFIG",
        {"columns": ["more", "most"]},
    )
    assert outside_sql.rows("t") == [(1,)]


def test_a_column_that_would_change_values_is_not_written_to(outside_sql: OutsideDatabase) -> None:
    outside_sql.sql("CREATE TABLE t (v INTEGER)")
    fault = fault_of(lambda: outside_sql.write({"v": ["007"]}))
    assert (fault.code, fault.details) == ("TABLE_MISMATCH", {"column": "v"})
    assert outside_sql.rows("t") == []


@pytest.mark.parametrize(
    ("declared", "values"),
    [
        ("int", [1.5]), ("numeric(10, 1)", [Decimal("1.25")]), ("numeric(5, 0)", [1.5]),
        ("date", [dt.datetime(2026, 1, 1, 5)]),
        ("timestamp(0)", [dt.datetime(2026, 1, 1, 5)]), ("date", ["01/02/2026"]), ("text[]", ["{a}"]), ("real", [0.1]),
        ("int", [True]), ("bytea", ["x"]),
    ],
    ids=str,
)  # fmt: skip
def test_postgresql_is_kept_from_rounding_and_guessing(
    postgresql_database: OutsideDatabase, declared: str, values: list[Any]
) -> None:
    postgresql_database.sql(f"CREATE TABLE t (v {declared})")
    assert fault_of(lambda: postgresql_database.write({"v": values})).code == "TABLE_MISMATCH"


@pytest.mark.parametrize(
    ("declared", "value", "kept"),
    [
        ("smallint", 7, 7), ("double precision", 7, 7.0), ("numeric(12, 4)", Decimal("1.25"), Decimal("1.2500")),
        ("varchar(5)", "abc", "abc"), ("uuid", "00000000-0000-0000-0000-000000000001", None), ("json", [1, 2], None),
        ("timestamptz", dt.datetime(2026, 1, 1, 5), dt.datetime(2026, 1, 1, 5, tzinfo=dt.UTC)), ("text", 12, "12"),
        ("inet", "10.0.0.1", None), ("timestamp", dt.date(2026, 1, 1), dt.datetime(2026, 1, 1)),
    ],
    ids=str,
)  # fmt: skip
def test_postgresql_takes_values_into_any_type_that_keeps_them(
    postgresql_database: OutsideDatabase, declared: str, value: Any, kept: Any
) -> None:
    postgresql_database.sql(f"CREATE TABLE t (v {declared})")
    postgresql_database.write({"v": [value]})
    ((found,),) = postgresql_database.rows("t")
    assert found == kept if kept is not None else str(found).replace(" ", "") == str(value).replace(" ", "")


def test_a_value_that_postgresql_does_not_take_is_named(postgresql_database: OutsideDatabase) -> None:
    postgresql_database.sql("CREATE TABLE t (id int, v uuid)")
    fault = fault_of(lambda: postgresql_database.write({"id": [1, 2], "v": [None, "nonsense"]}))
    assert (fault.code, fault.category) == ("WRITE_FAILED", "DATA")
    assert "nonsense" in fault.message
    assert "row 2 of those sent, column v" in fault.message


def test_integers_that_a_float_column_would_change_are_refused(postgresql_database: OutsideDatabase) -> None:
    postgresql_database.sql("CREATE TABLE t (v double precision)")
    assert [index for index, _ in refused(postgresql_database.write({"v": [2**53 + 1, 5]}))] == [0]


def test_nothing_is_made_where_it_is_not_to_be(outside_sql: OutsideDatabase) -> None:
    outside_sql.sql("CREATE TABLE other (id INTEGER, v TEXT)")
    assert fault_of(lambda: outside_sql.write({"id": [1]}, createTable=False)).code == "TABLE_MISMATCH"
    no_index = fault_of(lambda: outside_sql.write({"id": [1]}, table="other", createTable=False, **UPSERT))
    assert no_index.code == "TABLE_MISMATCH"
    assert "unique index" in no_index.message
    outside_sql.write({"id": [1]}, table="other", createTable=False)
    assert outside_sql.rows("other") == [(1, None)]


def test_an_upsert_makes_the_index_that_it_needs(outside_sql: OutsideDatabase) -> None:
    outside_sql.write({"id": [1], "v": ["a"]})
    outside_sql.write({"id": [1], "v": ["b"]}, **UPSERT)
    outside_sql.write({"id": [1], "v": ["c"]}, **UPSERT)
    assert outside_sql.rows("t") == [(1, "c")]


def test_a_table_with_repeated_keys_gets_no_index(outside_sql: OutsideDatabase) -> None:
    outside_sql.write({"id": [1, 1]})
    assert fault_of(lambda: outside_sql.write({"id": [1]}, **UPSERT)).code == "WRITE_FAILED"
    assert outside_sql.rows("t") == [(1,), (1,)]


def test_a_view_is_not_a_table(outside_sql: OutsideDatabase) -> None:
    outside_sql.sql("CREATE VIEW t AS SELECT 1 AS id")
    assert fault_of(lambda: outside_sql.write({"id": [1]})).code == "TABLE_MISMATCH"


HOSTILE = ['a"b', "drop table t; --", "select", "a'b", "Ä" * 31, "a b", "%s", "$1", ":x", "\\", "x\ny"]


@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
def test_names_are_names_whatever_is_in_them(outside_sql: OutsideDatabase, name: str) -> None:
    outside_sql.write(
        {name: [1, 1], "v": [1, 2]}, table='"' + name.replace('"', '""') + '"', mode="UPSERT", keys=[name]
    )
    outside_sql.write(
        {name: [2], "v": [3]}, table='"' + name.replace('"', '""') + '"', mode="UPSERT", keys=[name]
    )
    assert outside_sql.rows(name) == [(1, 2), (2, 3)]


@pytest.mark.parametrize("column", ["ü" * 32, "a\0b", ""], ids=["long", "nul", "empty"])
def test_columns_that_can_not_be_called_so_are_told(outside_sql: OutsideDatabase, column: str) -> None:
    assert fault_of(lambda: outside_sql.write({column: [1]})).code == "TABLE_MISMATCH"


@pytest.mark.parametrize(
    "wrong",
    [
        {"table": "a.b.c"}, {"table": "x" * 64}, {"table": "a\0b"}, {"table": ""}, {"table": ".x"}, {"table": 'a"b'},
        {"table": "headgate_commits"}, {"mode": "UPSERT"}, {"keys": ["id"]}, {"mode": "UPSERT", "keys": ["id", "id"]},
        {"mode": "MERGE"}, {"endpoint": ""}, {"mode": "UPSERT", "keys": [""]}, {"extra": 1},
    ],
    ids=str,
)  # fmt: skip
def test_wrong_settings_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        TableSink.model_validate({"endpoint": NAME, "table": "t"} | wrong)


def test_a_table_may_be_in_a_schema(postgresql_database: OutsideDatabase) -> None:
    postgresql_database.sql('CREATE SCHEMA "my shop"')
    postgresql_database.write({"id": [1]}, table="my shop.orders", **UPSERT)
    postgresql_database.write({"id": [1]}, table='"my shop"."orders"', **UPSERT)
    assert postgresql_database.sql('SELECT * FROM "my shop".orders') == [(1,)]
    assert fault_of(lambda: postgresql_database.write({"id": [1]}, table="none.t")).code == "WRITE_FAILED"


def test_many_writers_of_one_table_lose_nothing_and_never_block_each_other(
    outside_sql: OutsideDatabase,
) -> None:
    """Each load holds the same keys in another order, and a counter of its own."""
    keys = list(range(400))
    loads = [
        pl.DataFrame(
            {"id": keys[number * 50 :] + keys[: number * 50], "v": [number] * 400, "own": [None] * 400}
        )
        for number in range(8)
    ]
    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda load: outside_sql.write(load, **UPSERT), loads))
    assert sum(each.said["created"] for each in done) == 1
    rows = outside_sql.rows("t", "id", "v")
    assert sorted(row[0] for row in rows) == keys
    assert len({row[1] for row in rows}) == 1


def test_the_same_delivery_by_two_attempts_at_once_is_written_once(outside_sql: OutsideDatabase) -> None:
    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda _: outside_sql.write({"id": [1, 2]}, "job_1:0"), range(4)))
    assert outside_sql.rows("t") == [(1,), (2,)]
    assert all(each == done[0] for each in done)


def test_a_stop_order_ends_the_writing(outside_sql: OutsideDatabase) -> None:
    rows = outside_sql.sink_rows(pl.DataFrame({"id": range(10)}))

    def stop(stage: str, **figures: Any) -> None:
        raise Stopped

    with pytest.raises(Stopped):
        TableSink(endpoint=NAME, table="t").write(rows, outside_sql.delivery(watch=stop))


def test_a_stop_order_ends_the_wait_for_a_lock(outside_sql: OutsideDatabase) -> None:
    outside_sql.write({"id": [1]})
    rows = outside_sql.sink_rows(pl.DataFrame({"id": [2]}))
    stops_at = time.monotonic() + 0.5

    def watch(stage: str, **figures: Any) -> None:
        if time.monotonic() > stops_at:
            raise Stopped

    with outside_sql.held("t"), pytest.raises(Stopped):
        TableSink(endpoint=NAME, table="t").write(rows, outside_sql.delivery(watch=watch))
    assert outside_sql.rows("t") == [(1,)]


def test_the_wait_for_a_lock_ends_with_the_time_of_the_job(outside_sql: OutsideDatabase) -> None:
    outside_sql.write({"id": [1]})
    rows = outside_sql.sink_rows(pl.DataFrame({"id": [2]}))
    with outside_sql.held("t"):
        sink = TableSink(endpoint=NAME, table="t")
        fault = fault_of(lambda: sink.write(rows, outside_sql.delivery(timeout_s=0.5)))
    assert (fault.code, fault.retryable) == ("DATABASE_TIMED_OUT", True)
    assert outside_sql.rows("t") == [(1,)]


def test_no_rows_make_an_empty_table(outside_sql: OutsideDatabase) -> None:
    outside_sql.write(pl.DataFrame(schema={"id": pl.Int64}), **UPSERT)
    assert outside_sql.rows("t") == []
