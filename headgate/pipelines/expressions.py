"""SQL expressions over the columns of a row, from people: only what reads these columns and nothing else gets through.

sqlglot takes the text apart, every part has to be a known one, and what goes on is written anew from the parts: a text
that Polars would take for something else never reaches it.
"""

import re
from dataclasses import dataclass

import polars as pl
import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from headgate.pipelines.sqlwriting import rewritten, written

READ_AS = "postgres"
MAX_CHARACTERS = 2_000
"""Longer ones take Polars seconds to read, and nobody can."""

MAX_NESTED = 20
"""Beyond twice as many, Polars tries every way to read what it can't, which takes it ages; some parts count double."""
CHAINS = (exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Mod, exp.And, exp.Or, exp.DPipe)
MAX_CHAINED = 250
"""Polars carries out a chain by recursion."""

COMPARISONS = (exp.EQ, exp.NEQ, exp.LT, exp.LTE, exp.GT, exp.GTE, exp.NullSafeEQ, exp.NullSafeNEQ)
CONDITIONS = (
    *COMPARISONS,
    *(exp.And, exp.Or, exp.Not, exp.In, exp.Between, exp.Is),
    *(exp.Like, exp.ILike, exp.RegexpLike, exp.StartsWith, exp.EndsWith),
)
ON_TEXT = (
    *(exp.Like, exp.ILike, exp.RegexpLike, exp.StartsWith, exp.EndsWith, exp.DPipe, exp.Concat),
    *(exp.Length, exp.Lower, exp.Upper, exp.Trim, exp.Substring, exp.Left, exp.Right, exp.Replace),
    *(exp.ConcatWs, exp.SplitPart, exp.StrPosition, exp.Pad, exp.Initcap, exp.Reverse, exp.RegexpReplace),
)
ON_NUMBERS = (
    *(exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Mod, exp.Neg, exp.Pow),
    *(exp.Abs, exp.Round, exp.Floor, exp.Ceil, exp.Sqrt, exp.Sign, exp.Ln, exp.Exp),
    *(exp.Trunc, exp.Log, exp.Cbrt),
)
CHOICES = (exp.Case, exp.If, exp.Coalesce, exp.Nullif, exp.Greatest, exp.Least)
ON_MOMENTS = (
    *(exp.Extract, exp.Year, exp.Month, exp.Day, exp.Interval, exp.CurrentDate),
    *(exp.TimestampTrunc, exp.TimeToStr),
)
PARTS = (exp.Column, exp.Identifier, exp.Literal, exp.Boolean, exp.Null, exp.Paren, exp.Var)
TYPES = (exp.Cast, exp.TryCast, exp.DataType)
KNOWN: frozenset[type[exp.Expression]] = frozenset(
    (*CONDITIONS, *ON_TEXT, *ON_NUMBERS, *CHOICES, *ON_MOMENTS, *PARTS, *TYPES)
)
TYPE_NAMES = frozenset(
    {"INT", "BIGINT", "FLOAT", "DOUBLE", "TEXT", "VARCHAR", "BOOLEAN", "DATE", "TIMESTAMP"}
)
RESULT = "result"


@dataclass(frozen=True, slots=True)
class Expression:
    """An expression that reads `columns`, and nothing else."""

    tree: exp.Expression
    columns: tuple[str, ...]

    def over(self, rows: pl.LazyFrame, name: str) -> pl.LazyFrame:
        """The rows with one more column, which holds the value. Raises PolarsError, some only when it is collected."""
        value = exp.alias_(self.tree, name, quoted=True)
        return _select(rows, f"*, {written(value)}")

    def value(self, rows: pl.DataFrame) -> pl.Series:
        """The value for each row. Raises PolarsError where it can't be evaluated."""
        value = exp.alias_(self.tree, RESULT, quoted=True)
        return _select(rows.lazy(), written(value)).collect().to_series()


def _select(rows: pl.LazyFrame, what: str) -> pl.LazyFrame:
    return pl.SQLContext(frames={"input": rows}, eager=False).execute(f'SELECT {what} FROM "input"')  # noqa: S608


def parse(sql: str, *, fields: bool = False) -> Expression:
    """Read an expression. Raises ValueError that says what is wrong with it, and where.

    With `fields`, a name with dots, such as metrics.clicks, is one of `columns`: a column, or a field of a column.
    """
    tree = _tree(sql)
    check_depth(tree)
    tree = rewritten(tree, _dotted) if fields else tree
    for node in tree.walk():
        _check(node, sql)
    columns = dict.fromkeys(column.name for column in tree.find_all(exp.Column))
    parsed = Expression(lenient(tree), tuple(columns))
    try:
        pl.sql_expr(written(_without_types(tree)))
        _try_constants(tree)
    except pl.exceptions.PolarsError as error:
        raise ValueError(f"the expression can't be carried out: {first_line(error)}") from error
    return parsed


def _dotted(node: exp.Expression) -> exp.Expression:
    """A name with dots as that of one column."""
    if not isinstance(node, exp.Column) or not all(isinstance(part, exp.Identifier) for part in node.parts):
        return node
    return exp.column(".".join(part.name for part in node.parts), quoted=True) if node.table else node


def _without_types(tree: exp.Expression) -> exp.Expression:
    """The same but for what Polars can read only when it knows the types of the columns."""

    def plain(node: exp.Expression) -> exp.Expression:
        return node.this if isinstance(node, exp.TimestampTrunc) else node

    return rewritten(tree, plain)


def _try_constants(tree: exp.Expression) -> None:
    """Carry out what is the same for all rows and can go wrong. Raises PolarsError."""
    for cast in tree.find_all(exp.Cast):
        if isinstance(cast.this, exp.Literal):
            pl.select(pl.sql_expr(written(cast)))
    for part in tree.find_all(exp.TimestampTrunc):
        pl.select(pl.sql_expr(f"DATE_TRUNC('{part.args['unit'].name}', DATE '2000-01-01')"))
    for match in tree.find_all(exp.RegexpLike, exp.RegexpReplace):
        if isinstance(match.expression, exp.Literal):
            pl.select(pl.lit("").str.contains(match.expression.this))


def parse_condition(sql: str, *, fields: bool = False) -> Expression:
    """Read an expression that is true or false of a row. Raises ValueError."""
    parsed = parse(sql, fields=fields)
    root = parsed.tree.unnest()
    if not isinstance(root, (*CONDITIONS, *CHOICES, exp.Column, exp.Boolean)):
        raise ValueError("the expression is neither true nor false: compare it with something")
    if not parsed.columns:
        raise ValueError("the expression names no column")
    return parsed


def _tree(sql: str) -> exp.Expression:
    try:
        trees = sqlglot.parse(sql, dialect=READ_AS)
    except SqlglotError as error:
        raise ValueError(refused_at(error, "an SQL expression")) from error
    except RecursionError as error:
        raise ValueError("the expression is nested too deeply") from error
    if len(trees) != 1 or not isinstance(trees[0], exp.Expression):
        raise ValueError("give one expression, such as clicks <= impressions")
    return trees[0]


def check_depth(tree: exp.Expr) -> None:
    """Raise ValueError where parts are nested so deeply, or in so long a chain, that they would take too long."""
    depths = {id(tree): (0, 0)}
    for node in tree.walk():
        nested, chained = depths.get(id(node.parent), (0, 0))
        is_chained = isinstance(node, CHAINS) and isinstance(node.parent, CHAINS) and node.arg_key == "this"
        depths[id(node)] = (nested + (not is_chained), chained + 1)
        if nested > MAX_NESTED:
            raise ValueError(f"it is nested too deeply: more than {MAX_NESTED} parts in each other")
        if chained > MAX_CHAINED:
            raise ValueError(f"it chains more than {MAX_CHAINED} parts")


def refused_at(error: SqlglotError, wanted: str) -> str:
    """What the parser couldn't read, and where; it underlines the place with codes for a terminal."""
    if not (details := getattr(error, "errors", None)):
        return f"not {wanted}: {error.__cause__ or error}"
    place = f"line {details[0].get('line')}, column {details[0].get('col')}"
    near = str(details[0].get("highlight") or "").strip()
    return f"not {wanted}: unexpected {near!r} at {place}"


def _check(node: exp.Expr, sql: str) -> None:
    if type(node) not in KNOWN or (isinstance(node, exp.Func) and node.args.get("distinct")):
        message = f"{named(node)} is not allowed in an expression over the columns of a row"
        raise ValueError(f"{message}{place(node, sql)}")
    if isinstance(node, exp.Column) and (node.table or not isinstance(node.this, exp.Identifier)):
        message = f"{node.sql()} is not the name of a column{place(node, sql)}"
        raise ValueError(f"{message}; put names with dots into double quotes")
    check_types(node, sql)


def check_types(node: exp.Expr, sql: str) -> None:
    """Raise ValueError for what Polars would take for something else, or casts that it can't do."""
    if isinstance(node, exp.DataType) and node.this.name not in TYPE_NAMES:
        names = ", ".join(sorted(TYPE_NAMES))
        raise ValueError(f"a value can't be cast to {node.sql()}, only to {names}{place(node, sql)}")
    copied = node.args.get("expression" if isinstance(node, exp.Trim) else "substr")
    if isinstance(node, exp.Trim | exp.StrPosition) and not isinstance(
        copied, exp.Literal | exp.Column | None
    ):
        raise ValueError(f"{named(node)} takes a text or a column to look for{place(node, sql)}")
    if isinstance(node, exp.StrPosition) and node.find_ancestor(exp.StrPosition):
        raise ValueError(f"{named(node)} can't stand within itself{place(node, sql)}")
    if isinstance(node, exp.RegexpReplace) and "\\" in node.args["replacement"].name:
        message = "what REGEXP_REPLACE puts in is taken as it is, and can't name parts of what was found"
        raise ValueError(f"{message}{place(node, sql)}")


def place(node: exp.Expr, sql: str) -> str:
    """Where in the text a part of it begins, as far as the parser has kept that."""
    starts = [part.meta["start"] for part in node.walk() if "start" in part.meta]
    if not starts:
        return ""
    before = sql[: min(starts)]
    return f" (line {before.count(chr(10)) + 1}, column {len(before) - before.rfind(chr(10))})"


def named(node: exp.Expr) -> str:
    """What a part of an expression is called in messages."""
    if isinstance(node, exp.Anonymous):
        return f"The function {node.name}"
    if isinstance(node, exp.Func):
        return f"The function {node.sql_name()}"
    return "A subquery" if isinstance(node, exp.Query | exp.Subquery) else f"{node.sql(dialect=READ_AS)!r}"


def lenient(tree: exp.Expression) -> exp.Expression:
    """The same, with casts that make null of a value that they can't cast, in place of failing all rows."""

    def forgiving(node: exp.Expression) -> exp.Expression:
        if type(node) is exp.Cast and not isinstance(node.this, exp.Literal):
            return exp.TryCast(this=node.this, to=node.args["to"])
        return node

    return rewritten(tree, forgiving)


def first_line(error: Exception) -> str:
    """What Polars says of an expression, without the plan that it shows for people who wrote it in Python."""
    return re.split(r"\n|\bResolved plan", str(error).strip())[0].strip()
