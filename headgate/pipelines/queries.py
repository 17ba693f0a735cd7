"""SQL queries from people: one SELECT over the table `input`, which reads nothing else and never makes more rows of it.

As with expressions, sqlglot takes the text apart, every part has to be a known one, and what goes on is written anew.
What could make more rows than there are is left out: joins, unions, table functions, recursion and UNNEST.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from headgate.errors import JobFault
from headgate.pipelines import expressions
from headgate.pipelines.expressions import (
    READ_AS,
    check_depth,
    check_types,
    lenient,
    named,
    place,
    refused_at,
)
from headgate.pipelines.readers.naming import check_keys

INPUT = "input"
MAX_CHARACTERS = 10_000
MAX_SELECTS = 30
RANKS = (exp.RowNumber, exp.Rank, exp.DenseRank, exp.Ntile, exp.Lag, exp.Lead, exp.FirstValue, exp.LastValue)
"""Functions that need a window."""
AGGREGATES = (
    *(exp.Count, exp.Sum, exp.Avg, exp.Min, exp.Max, exp.Median),
    *(exp.Stddev, exp.StddevSamp, exp.Variance),
)
KNOWN: frozenset[type[exp.Expr]] = expressions.KNOWN | {
    *(exp.Select, exp.From, exp.Table, exp.TableAlias, exp.Alias, exp.With, exp.CTE, exp.Subquery, exp.Star),
    *(
        exp.Where,
        exp.Group,
        exp.Having,
        exp.Qualify,
        exp.Order,
        exp.Ordered,
        exp.Limit,
        exp.Offset,
        exp.Distinct,
    ),
    *(exp.Window, exp.WindowSpec, exp.Filter, *RANKS, *AGGREGATES),
}
PARTS: Mapping[type[exp.Expr], frozenset[str]] = {
    exp.Select: frozenset(
        {
            "expressions",
            "from_",
            "with_",
            "where",
            "group",
            "having",
            "qualify",
            "order",
            "limit",
            "offset",
            "distinct",
        }
    ),
    exp.Table: frozenset({"this", "alias"}),
    exp.TableAlias: frozenset({"this"}),
    exp.Subquery: frozenset({"this", "alias"}),
    exp.With: frozenset({"expressions"}),
    exp.CTE: frozenset({"this", "alias"}),
    exp.Group: frozenset({"expressions"}),
    exp.Star: frozenset(),
    exp.Distinct: frozenset({"expressions"}),
    exp.Limit: frozenset({"expression"}),
    exp.Offset: frozenset({"expression"}),
    exp.Window: frozenset({"this", "partition_by", "order", "spec", "over"}),
    exp.Column: frozenset({"this", "table"}),
}
"""What parts of a query may have; whatever else there is of them reads or makes more than is there."""


@dataclass(frozen=True, slots=True)
class Query:
    """A query that reads `input`, and of it by name at most `columns`.

    `merges` is true where rows become one with others, `sees_all` where what becomes of a row depends on others.
    """

    tree: exp.Select
    columns: tuple[str, ...]
    merges: bool
    sees_all: bool


def parse(sql: str) -> Query:
    """Read a query. Raises ValueError that says what is wrong with it, and where."""
    tree = _tree(sql)
    check_depth(tree)
    for node in tree.walk():
        _check(node, sql)
    _check_tables(tree, sql)
    flowing = list(flow(tree))
    if len(flowing) > MAX_SELECTS:
        raise ValueError(f"a query has at most {MAX_SELECTS} SELECTs")
    for select in flowing:
        _check_names(select, sql)
    columns = tuple(dict.fromkeys(column.name for column in tree.find_all(exp.Column)))
    merging = any(merges(select) for select in flowing)
    others = (exp.Window, exp.Limit, exp.Offset)
    subqueries = len(flowing) < len([*tree.find_all(exp.Select)])
    made = lenient(tree)
    assert isinstance(made, exp.Select)
    return Query(made, columns, merging, merging or subqueries or tree.find(*others) is not None)


def _tree(sql: str) -> exp.Select:
    try:
        trees = sqlglot.parse(sql, dialect=READ_AS)
    except SqlglotError as error:
        raise ValueError(refused_at(error, "a query in SQL")) from error
    except RecursionError as error:
        raise ValueError("the query is nested too deeply") from error
    if len(trees) != 1 or not isinstance(trees[0], exp.Select):
        raise ValueError("give one query over the table input, such as SELECT * FROM input WHERE clicks > 0")
    return trees[0]


def flow(tree: exp.Select) -> Sequence[exp.Select]:
    """The selects whose rows go on to the outcome: not those within expressions, which only answer questions."""
    inner = (
        each for each in tree.find_all(exp.CTE, exp.Subquery) if isinstance(each.parent, exp.With | exp.From)
    )
    return [tree, *(each.this for each in inner if not _in_expression(each))]


def _in_expression(node: exp.Expr) -> bool:
    above = node.find_ancestor(exp.Subquery, exp.In)
    while above is not None:
        if isinstance(above, exp.In) or not isinstance(above.parent, exp.From):
            return True
        above = above.find_ancestor(exp.Subquery, exp.In)
    return False


def merges(select: exp.Select) -> bool:
    """Whether a select makes one row of several."""
    has_groups = any(select.args.get(part) is not None for part in ("group", "having", "distinct"))
    return has_groups or aggregates(select)


def aggregates(select: exp.Select) -> bool:
    """Whether a select adds up rows by a function outside of a window."""
    return any(
        each.find_ancestor(exp.Select) is select and not _is_windowed(each)
        for each in select.find_all(*AGGREGATES)
    )


def _is_windowed(function: exp.Expr) -> bool:
    above = function.parent
    if isinstance(above, exp.Filter):
        function, above = above, above.parent
    return isinstance(above, exp.Window) and above.this is function


def _check(node: exp.Expr, sql: str) -> None:
    if type(node) not in KNOWN:
        raise ValueError(f"{named(node)} is not allowed in a query{place(node, sql)}")
    for part, value in node.args.items():
        if value and part not in PARTS.get(type(node), {part}):
            raise ValueError(f"{_called(part, value)} is not allowed in a query{place(node, sql)}")
    if isinstance(node, RANKS) and not isinstance(node.parent, exp.Window):
        raise ValueError(f"{named(node)} needs a window: OVER (…){place(node, sql)}")
    if isinstance(node, exp.Select):
        _check_select(node, sql)
    if isinstance(node, exp.Limit | exp.Offset) and not node.expression.is_int:
        raise ValueError(f"LIMIT and OFFSET take whole numbers{place(node, sql)}")
    if isinstance(node, exp.Subquery) and not isinstance(node.parent, exp.From | exp.In):
        _check_scalar(node, sql)
    check_types(node, sql)


_WORDS = {
    **{
        "joins": "A join",
        "db": "A schema",
        "catalog": "A catalog",
        "recursive": "RECURSIVE",
        "laterals": "LATERAL",
    },
    **{
        "into": "INTO",
        "locks": "FOR UPDATE",
        "pivots": "PIVOT",
        "sample": "TABLESAMPLE",
        "on": "DISTINCT ON",
    },
    **{"all": "ALL", "columns": "A list of columns behind a name", "windows": "WINDOW", "except_": "EXCLUDE"},
}


def _called(part: str, value: object) -> str:
    first = value[0] if isinstance(value, list) else value
    return _WORDS.get(part) or (named(first) if isinstance(first, exp.Expr) else part.strip("_").upper())


def _check_select(select: exp.Select, sql: str) -> None:
    source = select.args.get("from_")
    if source is None:
        raise ValueError(f"a SELECT without a table: read input, or a name of WITH{place(select, sql)}")
    if select.args.get("with_") is not None and select.parent is not None:
        raise ValueError(f"WITH stands at the beginning of a query only{place(select, sql)}")
    if not isinstance(source.this, exp.Table | exp.Subquery):
        raise ValueError(f"{named(source.this)} is no table{place(source, sql)}")


def _check_scalar(node: exp.Subquery, sql: str) -> None:
    """A query within an expression stands for one value: then it never has more rows than one."""
    inner = node.this
    is_single = isinstance(inner, exp.Select) and len(inner.expressions) == 1 and aggregates(inner)
    if not is_single or any(
        inner.args.get(part) for part in ("group", "having", "qualify", "limit", "offset")
    ):
        message = "A subquery in an expression has to be an aggregate of all rows, such as SELECT MAX(day) FROM input"
        raise ValueError(f"{message}{place(node, sql)}")


def _check_tables(tree: exp.Select, sql: str) -> None:
    """Every table is `input`, or a name of WITH that was said before."""
    known = {INPUT}
    seen: set[int] = set()
    for cte in tree.ctes:
        _check_reads(cte, known, seen, sql)
        name = cte.alias
        if name.casefold() in {each.casefold() for each in known}:
            raise ValueError(f"the name {name} of WITH is taken{place(cte.args['alias'], sql)}")
        _check_name(name, cte.args["alias"], sql)
        known.add(name)
    _check_reads(tree, known, seen, sql)


def _check_reads(part: exp.Expr, known: set[str], seen: set[int], sql: str) -> None:
    for table in part.find_all(exp.Table):
        if id(table) in seen:
            continue
        seen.add(id(table))
        if not isinstance(table.this, exp.Identifier):
            raise ValueError(f"{named(table.this)} is not allowed in a query{place(table, sql)}")
        if table.name not in known:
            names = " and ".join(sorted(known))
            raise ValueError(
                f"there is no table {table.name} to read: a query reads {names}{place(table, sql)}"
            )
        if table.alias:
            _check_name(table.alias, table, sql)


def _check_names(select: exp.Select, sql: str) -> None:
    """Each column of an outcome has a name, and no two the same."""
    seen: set[str] = set()
    for value in select.expressions:
        if value.is_star:
            if merges(select):
                message = "name the columns in place of *, where rows are grouped or told apart by DISTINCT"
                raise ValueError(f"{message}{place(value, sql)}")
            continue
        name = value.alias_or_name if isinstance(value, exp.Alias | exp.Column) else ""
        if not name:
            raise ValueError(f"name the value {value.sql(READ_AS)} with AS{place(value, sql)}")
        _check_name(name, value, sql)
        if name.casefold() in seen:
            raise ValueError(f"two columns are named {name}{place(value, sql)}")
        seen.add(name.casefold())


def _check_name(name: str, node: exp.Expr, sql: str) -> None:
    try:
        check_keys([name])
    except JobFault as fault:
        raise ValueError(f"{fault.message}{place(node, sql)}") from fault
