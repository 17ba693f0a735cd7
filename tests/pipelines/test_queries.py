"""Queries read the table `input` and nothing else, and never make more rows of it."""

import pytest

from headgate.pipelines.queries import parse

REACHING_OUT = [
    # Functions that read files, or call others.
    "SELECT * FROM read_csv('/etc/passwd')",
    "SELECT * FROM READ_PARQUET('s3://bucket/x.parquet')",
    "SELECT * FROM read_ipc('/tmp/x')",
    "SELECT * FROM read_json('/tmp/x')",
    "SELECT * FROM read_ndjson('/tmp/x')",
    "SELECT * FROM \"read_csv\"('/etc/passwd')",
    "SELECT * FROM /* input */ read_csv('/etc/passwd') -- FROM input",
    "SELECT * FROM input, read_csv('/etc/passwd')",
    "SELECT * FROM input WHERE x IN (SELECT * FROM read_csv('/etc/passwd'))",
    "SELECT * FROM input WHERE x > (SELECT MAX(x) FROM read_csv('/etc/passwd'))",
    "WITH a AS (SELECT * FROM read_csv('/etc/passwd')) SELECT * FROM a",
    "SELECT * FROM (SELECT * FROM read_csv('/etc/passwd')) t",
    "SELECT read_csv('/etc/passwd') AS x FROM input",
    "SELECT pg_read_file('/etc/passwd') AS x FROM input",
    "SELECT pg_sleep(10) AS x FROM input",
    "SELECT * FROM glob('/etc/*')",
    "SELECT * FROM input ORDER BY read_csv('/etc/passwd')",
    "SELECT COUNT(*) AS n FROM input GROUP BY read_csv('/etc/passwd')",
    "SELECT SUM(x) OVER (PARTITION BY read_csv('x')) AS n FROM input",
    # Names of files in place of tables.
    "SELECT * FROM '/etc/passwd'",
    "SELECT * FROM \"/etc/passwd\"",
    "SELECT * FROM '*.parquet'",
    "SELECT * FROM `/etc/passwd`",
    "SELECT * FROM 's3://bucket/*.csv'",
    "SELECT * FROM 'https://example.org/x.csv'",
    "SELECT * FROM \"input.csv\"",
    "SELECT * FROM delta.\"/tmp/x\"",
    # Other tables, or this one elsewhere.
    "SELECT * FROM users",
    "SELECT * FROM self",
    "SELECT * FROM INPUT2",
    "SELECT * FROM public.input",
    "SELECT * FROM db.public.input",
    "SELECT * FROM input.input",
    "SELECT * FROM information_schema.tables",
    "SELECT * FROM pg_catalog.pg_user",
    "SELECT public.input.x FROM input",
    "TABLE users",
    # Names of WITH that hide others, come too late, or name files.
    "WITH input AS (SELECT 1 AS x) SELECT * FROM input",
    "WITH INPUT AS (SELECT * FROM input) SELECT * FROM INPUT",
    "WITH a AS (SELECT * FROM input), a AS (SELECT * FROM input) SELECT * FROM a",
    "WITH a AS (SELECT * FROM b), b AS (SELECT * FROM input) SELECT * FROM a",
    "WITH a AS (SELECT * FROM a) SELECT * FROM a",
    "WITH RECURSIVE a AS (SELECT x FROM input UNION ALL SELECT x FROM a) SELECT * FROM a",
    "WITH RECURSIVE a AS (SELECT x FROM input) SELECT * FROM a",
    "WITH a(x) AS (SELECT y FROM input) SELECT * FROM a",
    "WITH a AS (VALUES (1)) SELECT * FROM a",
    "WITH a AS (DELETE FROM input RETURNING *) SELECT * FROM a",
    "SELECT * FROM (WITH b AS (SELECT * FROM input) SELECT * FROM b) t",
    "WITH \"^a$\" AS (SELECT * FROM input) SELECT * FROM \"^a$\"",
    # More rows than there are.
    "SELECT * FROM input, input AS b",
    "SELECT * FROM input a CROSS JOIN input b",
    "SELECT a.x FROM input a JOIN input b ON a.x = b.x",
    "SELECT a.x FROM input a LEFT JOIN input b USING (x)",
    "SELECT * FROM input NATURAL JOIN input b",
    "SELECT x FROM input UNION ALL SELECT x FROM input",
    "SELECT x FROM input UNION SELECT x FROM input",
    "SELECT x FROM input INTERSECT SELECT x FROM input",
    "(SELECT x FROM input) EXCEPT (SELECT x FROM input)",
    "SELECT * FROM generate_series(1, 1000000000)",
    "SELECT UNNEST(x) AS x FROM input",
    "SELECT x FROM input CROSS JOIN UNNEST(y) AS t(z)",
    "SELECT x FROM input, LATERAL (SELECT 1) t",
    "SELECT EXPLODE(x) AS x FROM input",
    "SELECT x FROM input GROUP BY CUBE (x)",
    "SELECT x FROM input GROUP BY ROLLUP (x)",
    "SELECT x FROM input GROUP BY GROUPING SETS ((x), ())",
    "SELECT * FROM input PIVOT (SUM(a) FOR b IN (1, 2))",
    "SELECT * FROM (VALUES (1), (2)) t",
    "SELECT 1 AS x",
    "SELECT (SELECT x FROM input) AS y FROM input",
    # What is no query.
    "DROP TABLE input",
    "INSERT INTO input SELECT * FROM input",
    "UPDATE input SET x = 1",
    "COPY input TO '/tmp/x'",
    "COPY (SELECT * FROM input) TO '/tmp/x'",
    "CREATE TABLE x AS SELECT * FROM input",
    "SELECT * INTO x FROM input",
    "SELECT * FROM input; DROP TABLE input",
    "SELECT * FROM input; SELECT * FROM input",
    "SET x = 1",
    "EXPLAIN SELECT * FROM input",
    "ATTACH '/tmp/x'",
    "x > 1",
    "",
    "  -- nothing",
    # The rest that could surprise.
    "SELECT * FROM input FOR UPDATE",
    "SELECT * FROM ONLY input",
    "SELECT * FROM input TABLESAMPLE BERNOULLI (10)",
    "SELECT DISTINCT ON (x) x FROM input",
    "SELECT DISTINCT * FROM input",
    "SELECT *, COUNT(*) AS n FROM input GROUP BY x",
    "SELECT x + 1 FROM input",
    "SELECT x, y AS X FROM input",
    "SELECT x AS \"__headgate_row__\" FROM input",
    "SELECT \"__headgate_row__\" FROM input",
    "SELECT COLUMNS('.*') FROM input",
    "SELECT $1 AS x FROM input",
    "SELECT x FROM input LIMIT (SELECT MAX(x) FROM input)",
    "SELECT x FROM input FETCH FIRST 1 ROWS ONLY",
    "SELECT ROW_NUMBER() AS n FROM input",
    "SELECT SUM(x) OVER w AS n FROM input WINDOW w AS (ORDER BY y)",
    "SELECT CAST(x AS JSON) AS x FROM input",
    "SELECT RANDOM() AS x FROM input",
    "SELECT CURRENT_USER AS x FROM input",
    "SELECT x FROM input WHERE " + "(" * 2_000 + "x > 1" + ")" * 2_000,
]  # fmt: skip

MANY_SELECTS = (
    "WITH a0 AS (SELECT * FROM input)"
    + "".join(f", a{number + 1} AS (SELECT * FROM a{number})" for number in range(30))
    + " SELECT * FROM a30"
)


@pytest.mark.parametrize("sql", REACHING_OUT, ids=[str(number) for number in range(len(REACHING_OUT))])
def test_a_query_that_reads_or_makes_anything_else_is_refused(sql: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        parse(sql)


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("SELECT * FROM read_csv('x')", r"READ_CSV is not allowed in a query \(line 1, column 15\)"),
        ("SELECT x\nFROM users", r"no table users to read: a query reads input \(line 2, column 6\)"),
        (
            "SELECT x,\n  pg_sleep(1) AS y FROM input",
            r"pg_sleep is not allowed in a query \(line 2, column 3\)",
        ),
        ("SELECT x FRM input WHERE", "line 1, column"),
        ("SELECT a.x FROM input a JOIN input b ON a.x = b.x", "A join is not allowed"),
        ("SELECT x FROM input UNION SELECT x FROM input", "give one query"),
        ("WITH input AS (SELECT * FROM input) SELECT * FROM input", "name input of WITH is taken"),
        ("SELECT x + 1 FROM input", r"name the value x \+ 1 with AS"),
        ("SELECT x, y AS X FROM input", "two columns are named X"),
        ("SELECT DISTINCT * FROM input", r"name the columns in place of \*"),
        ("SELECT x FROM input LIMIT 1 + 1", "whole numbers"),
        ("SELECT * FROM " + "(SELECT * FROM " * 10 + "input" + ") t" * 10, "nested too deeply"),
        ("SELECT x" + " + x" * 300 + " AS y FROM input", "chains more than 250 parts"),
        (MANY_SELECTS, "at most 30 SELECTs"),
    ],
)
def test_a_refusal_says_what_is_wrong_and_where(sql: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse(sql)


@pytest.mark.parametrize(
    ("sql", "merges", "sees_all"),
    [
        ("SELECT * FROM input WHERE x > 1 ORDER BY y", False, False),
        ("select x as \"a b\", i.y from input as i -- all", False, False),
        ("SELECT * FROM (SELECT * FROM input WHERE x > 1) t", False, False),
        ("SELECT * FROM input LIMIT 5", False, True),
        ("SELECT x, ROW_NUMBER() OVER (ORDER BY y) AS n FROM input", False, True),
        ("SELECT x, COUNT(*) FILTER (WHERE y > 1) OVER (PARTITION BY z) AS n FROM input", False, True),
        ("SELECT x FROM input WHERE x > (SELECT AVG(x) FROM input)", False, True),
        ("SELECT x FROM input WHERE x IN (SELECT MAX(x) FROM input GROUP BY y)", False, True),
        ("SELECT COUNT(*) AS n FROM input", True, True),
        ("SELECT DISTINCT x FROM input", True, True),
        ("WITH a AS (SELECT x, SUM(y) AS y FROM input GROUP BY x) SELECT * FROM a WHERE y > 1", True, True),
    ],
)  # fmt: skip
def test_a_query_tells_whether_rows_are_merged_or_depend_on_each_other(
    sql: str, merges: bool, sees_all: bool
) -> None:
    query = parse(sql)
    assert (query.merges, query.sees_all) == (merges, sees_all)
