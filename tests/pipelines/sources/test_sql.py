"""The source `sql`: what a query answers comes with its types, streamed, and nothing is ever written by it."""

import datetime as dt
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from headgate.errors import JobFault
from headgate.pipelines.orders import Stopped
from headgate.pipelines.sources import answers
from headgate.pipelines.sources.sql import SqlSource
from headgate.storage.outside_sql import postgresql_queries, sqlite_queries
from tests.pipelines.databases import NAME, OutsideDatabase, fetched

MANY = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {}) SELECT i, 'row ' || i AS t FROM n"
ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) AS c FROM n"


def fault_of(database: OutsideDatabase, query: str, **given: Any) -> JobFault:
    with pytest.raises(JobFault) as caught:
        fetched(database, query, **given)
    return caught.value


@pytest.fixture
def orders(outside_sql: OutsideDatabase) -> OutsideDatabase:
    outside_sql.write(
        {"id": [1, 2, 3], "customer": ["a", None, ""], "amount": [1.5, 2.0, None]}, table="orders"
    )
    return outside_sql


def test_rows_come_with_their_names_and_types(orders: OutsideDatabase) -> None:
    rows, state = fetched(orders, "SELECT id, customer AS who, amount FROM orders ORDER BY id;")
    assert rows.schema == {"id": pl.Int64, "who": pl.String, "amount": pl.Float64}
    assert rows.rows() == [(1, "a", 1.5), (2, None, 2.0), (3, "", None)]
    assert state is None


def test_no_rows_are_a_file_with_columns(orders: OutsideDatabase) -> None:
    rows, _ = fetched(orders, "SELECT id, customer FROM orders WHERE id > 3")
    assert rows.height == 0
    assert rows.schema == {"id": pl.Int64, "customer": pl.String}


def test_a_single_column_keeps_its_nulls_and_empty_texts(orders: OutsideDatabase) -> None:
    rows, _ = fetched(orders, "SELECT customer FROM orders ORDER BY id -- all of them")
    assert rows["customer"].to_list() == ["a", None, ""]


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)
MOMENT = st.datetimes(dt.datetime(1, 1, 1), dt.datetime(9999, 12, 31, 23, 59, 59, 999999))
TYPES: dict[str, tuple[pl.DataType, st.SearchStrategy[Any]]] = {
    "i": (pl.Int64(), st.integers(-(2**63), 2**63 - 1)),
    "f": (pl.Float64(), st.floats(allow_nan=False)),
    "e": (pl.Decimal(38, 4), st.integers(-(10**20), 10**20).map(lambda number: Decimal(number).scaleb(-4))),
    "b": (pl.Boolean(), st.booleans()),
    "d": (pl.Date(), st.dates()),
    "t": (pl.Time(), st.times()),
    "m": (pl.Datetime("us"), MOMENT),
    "u": (pl.Datetime("us", "UTC"), MOMENT.map(lambda moment: moment.replace(tzinfo=dt.UTC))),
    "s": (pl.String(), TEXT | st.sampled_from(["\\N", "\\.", '"', "\r\n", "NULL"])),
    "y": (pl.Binary(), st.binary(max_size=8)),
}
ROWS = st.lists(
    st.fixed_dictionaries({name: st.none() | values for name, (_, values) in TYPES.items()}),
    min_size=1,
    max_size=8,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ROWS)
def test_rows_come_back_from_a_table_as_they_went_into_it(
    outside_sql: OutsideDatabase, rows: list[dict[str, Any]]
) -> None:
    frame = pl.DataFrame(rows, schema={name: dtype for name, (dtype, _) in TYPES.items()})
    assert not outside_sql.write(frame, mode="REPLACE").refused.index
    back, _ = fetched(outside_sql, "SELECT * FROM t")
    assert back.sort(pl.all()).rows() == frame.sort(pl.all()).rows()
    filled = [name for name in frame.columns if frame[name].null_count() < frame.height]
    assert back.select(filled).schema == frame.select(filled).schema


@pytest.mark.parametrize(
    ("sql", "dtype", "value"),
    [
        ("1::smallint", pl.Int64, 1),
        ("1.50::numeric(10,2)", pl.Decimal(38, 2), Decimal("1.50")),
        ("'NaN'::numeric", pl.String, "NaN"),
        ("1e30::numeric * 1e20 + 0.1", pl.String, "1" + "0" * 50 + ".1"),
        ("0.1::real", pl.Float64, 0.1),
        ("'infinity'::float8", pl.Float64, float("inf")),
        ("true", pl.Boolean, True),
        ("'infinity'::date", pl.String, "infinity"),
        ("'0044-03-15 BC'::date", pl.String, "0044-03-15 BC"),
        (
            "'2026-01-02 03:04:05+02'::timestamptz",
            pl.Datetime("us", "UTC"),
            dt.datetime(2026, 1, 2, 1, 4, 5, tzinfo=dt.UTC),
        ),
        ("'{\"a\": [1, null]}'::jsonb", pl.String, '{"a": [1, null]}'),
        ("'{1,NULL,3}'::int[]", pl.List(pl.Int64), [1, None, 3]),
        ("'{a,NULL,\"b,c\"}'::text[]", pl.List(pl.String), ["a", None, "b,c"]),
        ("'{}'::int[]", pl.List(pl.Int64), []),
        ("'{1.5,2.25}'::numeric[]", pl.List(pl.Decimal(38, 2)), [Decimal("1.50"), Decimal("2.25")]),
        ("'{t,f}'::bool[]", pl.List(pl.Boolean), [True, False]),
        ("'{2026-01-02}'::date[]", pl.List(pl.Date), [dt.date(2026, 1, 2)]),
        ("'{{1,2},{3,4}}'::int[]", pl.String, '[["1","2"],["3","4"]]'),
        ("'10.0.0.1'::inet", pl.String, "10.0.0.1"),
        ("'00000000-0000-0000-0000-000000000001'::uuid", pl.String, "00000000-0000-0000-0000-000000000001"),
        ("'1 day 2 hours'::interval", pl.String, "P1DT2H"),
        ("row(1, 'a')", pl.String, "(1,a)"),
        ("'24:00'::time", pl.String, "24:00:00"),
        ("'[1,5)'::int4range", pl.String, "[1,5)"),
        ("'\\x00ff'::bytea", pl.Binary, b"\0\xff"),
        ("null", pl.String, None),
    ],
    ids=str,
)
def test_types_of_postgresql_lose_nothing(
    postgresql_database: OutsideDatabase, sql: str, dtype: Any, value: Any
) -> None:
    rows, _ = fetched(postgresql_database, f"SELECT {sql} AS v")
    assert rows.schema["v"] == dtype
    assert rows["v"].to_list() == [value]


@pytest.mark.parametrize(
    ("values", "dtype", "expected"),
    [
        ("1), (2.5", pl.Float64, [1.0, 2.5]),
        ("1), ('x'", pl.String, ["1", "x"]),
        ("9007199254740993), (0.5", pl.String, ["9007199254740993", "0.5"]),
        ("x'00ff'), (NULL", pl.Binary, [b"\0\xff", None]),
        ("'007'), ('1'", pl.String, ["007", "1"]),
    ],
    ids=str,
)
def test_any_values_of_sqlite_lose_nothing(
    sqlite_database: OutsideDatabase, values: str, dtype: Any, expected: Any
) -> None:
    sqlite_database.sql("CREATE TABLE t (v)")
    sqlite_database.sql(f"INSERT INTO t VALUES ({values})")
    rows, _ = fetched(sqlite_database, "SELECT v FROM t")
    assert (rows.schema["v"], rows["v"].to_list()) == (dtype, expected)


def test_what_comes_in_pieces_is_whole_and_of_one_type(
    outside_sql: OutsideDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (postgresql_queries, sqlite_queries):
        monkeypatch.setattr(module, "PIECE_BYTES", 1000)
    frame = pl.DataFrame(
        {"i": range(5000), "t": ['a "quoted"\nline\r\n,'] * 5000, "late": [None] * 4999 + [1.5]}
    )
    outside_sql.write(frame)
    pieces: list[int] = []
    rows, _ = fetched(
        outside_sql,
        "SELECT * FROM t",
        watch=lambda stage, **figures: pieces.append(figures.get("rows_read", 0)),
    )
    assert rows.sort("i").equals(frame)
    assert len({piece for piece in pieces if piece}) > 1


def test_numbers_of_sqlite_that_become_fractions_late_are_exact(
    sqlite_database: OutsideDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_queries, "PIECE_BYTES", 1000)
    sqlite_database.sql("CREATE TABLE t (v)")
    for value in (2**53 + 1, 1.5):
        sqlite_database.sql(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000) "
            f"INSERT INTO t SELECT {value!r} FROM n"
        )
    rows, _ = fetched(sqlite_database, "SELECT v FROM t")
    assert rows["v"].unique().sort().to_list() == ["1.5", "9007199254740993"]


def test_an_incremental_source_goes_on_behind_the_last_row(orders: OutsideDatabase) -> None:
    new = {"incremental": {"column": "id", "start": 1}}
    rows, state = fetched(orders, "SELECT * FROM orders", **new)
    assert rows["id"].to_list() == [2, 3]
    rows, state = fetched(orders, "SELECT * FROM orders", state=state, **new)
    assert rows.height == 0
    orders.write({"id": [10, 4], "customer": ["x", "y"], "amount": [0.0, 0.0]}, table="orders")
    rows, state = fetched(orders, "SELECT * FROM orders", state=state, **new)
    assert rows["id"].to_list() == [4, 10]
    assert fetched(orders, "SELECT * FROM orders", state=state, **new)[0].height == 0


def test_what_has_no_value_to_go_by_comes_the_first_time(orders: OutsideDatabase) -> None:
    rows, state = fetched(orders, "SELECT * FROM orders", incremental={"column": "amount"})
    assert rows["amount"].to_list() == [None, 1.5, 2.0]
    assert (
        fetched(orders, "SELECT * FROM orders", state=state, incremental={"column": "amount"})[0].height == 0
    )


def test_moments_are_gone_on_from_exactly(outside_sql: OutsideDatabase) -> None:
    moments = [dt.datetime(2026, 1, 1, 0, 0, 0, micro, dt.UTC) for micro in (1, 2, 3)]
    outside_sql.write({"at": moments[:2]})
    new = {"incremental": {"column": "at", "start": "2026-01-01"}}
    rows, state = fetched(outside_sql, "SELECT * FROM t", **new)
    assert rows["at"].to_list() == moments[:2]
    outside_sql.write({"at": moments[2:]})
    assert fetched(outside_sql, "SELECT * FROM t", state=state, **new)[0]["at"].to_list() == moments[2:]


def test_the_state_of_another_column_is_not_gone_on_from(orders: OutsideDatabase) -> None:
    state = {"column": "amount", "value": 99}
    rows, _ = fetched(orders, "SELECT * FROM orders", state=state, incremental={"column": "id"})
    assert rows.height == 3


def test_the_state_is_a_value_and_no_sql(postgresql_database: OutsideDatabase) -> None:
    postgresql_database.write({"v": ["a", "z"]})
    state = {"column": "v", "value": "x' OR 'a' = 'a"}
    rows, _ = fetched(postgresql_database, "SELECT * FROM t", state=state, incremental={"column": "v"})
    assert rows["v"].to_list() == ["z"]


def test_an_unknown_column_to_go_by_is_told(orders: OutsideDatabase) -> None:
    fault = fault_of(orders, "SELECT id FROM orders", incremental={"column": "nope"})
    assert (fault.code, fault.details) == ("UNKNOWN_COLUMN", {"column": "nope"})


def test_what_the_database_says_of_a_query_is_told(orders: OutsideDatabase) -> None:
    fault = fault_of(orders, "SELECT nope FROM orders")
    assert (fault.code, fault.category, fault.retryable) == ("QUERY_FAILED", "CONFIG", False)
    assert "nope" in fault.message
    assert fault_of(orders, "SELECT id, amount AS id FROM orders").code == "QUERY_FAILED"


@pytest.mark.parametrize(
    "query",
    [
        "INSERT INTO t VALUES (1)",
        "DROP TABLE t",
        "SELECT 1; DROP TABLE t",
        "SELECT 1;; SELECT 2",
        "UPDATE t SET a = 1",
        "WITH a AS (DELETE FROM t RETURNING *) SELECT * FROM a",
        "SELECT * INTO x FROM t",
        "SELECT * FROM t FOR UPDATE",
        "COPY t TO STDOUT",
        "EXPLAIN ANALYZE SELECT 1",
        "PRAGMA writable_schema = 1",
        "ATTACH 'x' AS y",
        "SET x = 1",
        "VACUUM",
        "SELECT $1",
        "SELECT :x",
        "SELECT ?",
        "",
        " ",
        ";",
        "-- nothing",
        "SELECT (",
        "SELECT 'a\0b'",
        "CALL p()",
        "DO $$ BEGIN END $$",
        "BEGIN",
        "COMMIT",
        "TRUNCATE t",
        "GRANT ALL ON t TO x",
        "SELECT 1) TO STDOUT; DROP TABLE t; --",
    ],
    ids=repr,
)
def test_what_is_not_one_select_is_refused(query: str) -> None:
    with pytest.raises(ValidationError):
        SqlSource.model_validate({"endpoint": NAME, "query": query})


@pytest.mark.parametrize(
    "query",
    [
        "SELECT 1",
        "select 1;",
        "WITH a AS (SELECT 1 AS x) SELECT * FROM a",
        "SELECT 1 UNION ALL SELECT 2",
        "(SELECT 1)",
        "SELECT ';' AS x -- ; DROP TABLE t",
        "SELECT a::text, b->>'c' FROM t",
        "SELECT * FROM t WHERE a GLOB 'x*'",
        "SELECT DISTINCT ON (a) a FROM t ORDER BY a",
        "SELECT sum(a) OVER (PARTITION BY b) FROM t",
        'SELECT "order" FROM "a.b"',
    ],
    ids=repr,
)
def test_a_select_is_a_select(query: str) -> None:
    SqlSource.model_validate({"endpoint": NAME, "query": query})


def test_nothing_is_written_even_where_the_query_gets_through(
    outside_sql: OutsideDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The guard in front is taken away: those of the database hold by themselves."""
    monkeypatch.setattr("headgate.pipelines.sources.sql.read_select", lambda query: query)
    outside_sql.write({"id": [1]})
    for query in (
        "INSERT INTO t VALUES (2)",
        "WITH a AS (DELETE FROM t RETURNING *) SELECT * FROM a",
        "SELECT 1 AS a; DROP TABLE t",
        "SELECT 1 AS a) TO STDOUT; DROP TABLE t; --",
        "CREATE TABLE x (i INTEGER)",
        "SELECT 1 AS a) AS answer(c0)) TO STDOUT; COMMIT; DROP TABLE t; --",
    ):
        assert fault_of(outside_sql, query).code == "QUERY_FAILED"
    assert outside_sql.rows("t") == [(1,)]


def test_functions_that_write_do_not(postgresql_database: OutsideDatabase) -> None:
    postgresql_database.sql("CREATE SEQUENCE s")
    postgresql_database.write({"id": [1]})
    postgresql_database.sql("CREATE FUNCTION w() RETURNS int LANGUAGE sql AS 'DELETE FROM t; SELECT 1'")
    for query in (
        "SELECT nextval('s') AS n",
        "SELECT w() AS w",
        "SELECT set_config('transaction_read_only', 'off', true) AS c, w() AS w",
    ):
        assert fault_of(postgresql_database, query).code == "QUERY_FAILED"
    assert postgresql_database.rows("t") == [(1,)]


@pytest.mark.parametrize("query", ["SELECT load_extension('x') AS v", "SELECT * FROM pragma_database_list"])
def test_sqlite_does_not_reach_beyond_its_tables(sqlite_database: OutsideDatabase, query: str) -> None:
    sqlite_database.write({"id": [1]})
    fault = fault_of(sqlite_database, query)
    assert fault.code == "QUERY_FAILED"
    assert str(sqlite_database.folder) not in fault.message


def test_a_file_that_is_not_there_is_not_made(sqlite_database: OutsideDatabase) -> None:
    fault = fault_of(sqlite_database, "SELECT 1 AS a")
    assert (fault.code, fault.category) == ("URL_UNREACHABLE", "DEPENDENCY")
    assert str(sqlite_database.folder) not in fault.message
    assert not list(sqlite_database.folder.glob("*.db"))


def test_a_query_that_takes_too_long_ends_with_the_time_of_the_job(outside_sql: OutsideDatabase) -> None:
    outside_sql.write({"id": [1]})
    fault = fault_of(outside_sql, ENDLESS, timeout_s=0.5)
    assert (fault.code, fault.retryable) == ("DATABASE_TIMED_OUT", True)


def test_a_server_that_sleeps_ends_with_the_time_of_the_job(postgresql_database: OutsideDatabase) -> None:
    query = "SELECT set_config('statement_timeout', '0', true) AS a, pg_sleep(60) IS NULL AS b"
    assert fault_of(postgresql_database, query, timeout_s=0.5).code == "DATABASE_TIMED_OUT"


def test_a_stop_order_ends_a_query(outside_sql: OutsideDatabase) -> None:
    outside_sql.write({"id": [1]})
    heard: list[str] = []

    def watch(stage: str, **figures: Any) -> None:
        heard.append(stage)
        if len(heard) > 2:
            raise Stopped

    with pytest.raises(Stopped):
        fetched(outside_sql, ENDLESS, watch=watch)


def test_more_than_a_job_may_fetch_is_refused(
    outside_sql: OutsideDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (postgresql_queries, sqlite_queries):
        monkeypatch.setattr(module, "PIECE_BYTES", 1000)
    outside_sql.write({"id": [1]})
    assert fault_of(outside_sql, MANY.format(100_000), max_bytes=10_000).code == "QUERY_TOO_LARGE"


def test_a_long_answer_is_never_in_memory_as_a_whole(
    outside_sql: OutsideDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (postgresql_queries, sqlite_queries):
        monkeypatch.setattr(module, "PIECE_BYTES", 100_000)
    heights: list[int] = []
    take = answers.AnswerFiles.take

    def counted(files: answers.AnswerFiles, piece: pl.DataFrame, columns: Any) -> None:
        heights.append(piece.height)
        take(files, piece, columns)

    monkeypatch.setattr(answers.AnswerFiles, "take", counted)
    outside_sql.write({"id": [1]})
    rows, _ = fetched(outside_sql, MANY.format(50_000))
    assert rows["i"].sum() == 50_000 * 50_001 // 2
    assert sum(heights) == 50_000
    assert max(heights) < 20_000
