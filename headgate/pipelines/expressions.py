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

READ_AS, WRITTEN_AS = "postgres", ""
MAX_CHARACTERS = 2_000
"""Longer ones take Polars seconds to read, and nobody can."""

COMPARISONS = (exp.EQ, exp.NEQ, exp.LT, exp.LTE, exp.GT, exp.GTE, exp.NullSafeEQ, exp.NullSafeNEQ)
CONDITIONS = (
    *COMPARISONS,
    *(exp.And, exp.Or, exp.Not, exp.In, exp.Between, exp.Is),
    *(exp.Like, exp.ILike, exp.RegexpLike, exp.StartsWith, exp.EndsWith),
)
ON_TEXT = (
    *(exp.Like, exp.ILike, exp.RegexpLike, exp.StartsWith, exp.EndsWith, exp.DPipe, exp.Concat),
    *(exp.Length, exp.Lower, exp.Upper, exp.Trim, exp.Substring, exp.Left, exp.Right, exp.Replace),
)
ON_NUMBERS = (
    *(exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Mod, exp.Neg, exp.Pow),
    *(exp.Abs, exp.Round, exp.Floor, exp.Ceil, exp.Sqrt, exp.Sign, exp.Ln, exp.Exp),
)
CHOICES = (exp.Case, exp.If, exp.Coalesce, exp.Nullif, exp.Greatest, exp.Least)
ON_MOMENTS = (exp.Extract, exp.Year, exp.Month, exp.Day, exp.Interval, exp.CurrentDate)
PARTS = (exp.Column, exp.Identifier, exp.Literal, exp.Boolean, exp.Null, exp.Paren, exp.Var)
TYPES = (exp.Cast, exp.TryCast, exp.DataType)
KNOWN: frozenset[type[exp.Expression]] = frozenset(
    (*CONDITIONS, *ON_TEXT, *ON_NUMBERS, *CHOICES, *ON_MOMENTS, *PARTS, *TYPES)
)
TYPE_NAMES = frozenset(
    {"INT", "BIGINT", "FLOAT", "DOUBLE", "TEXT", "VARCHAR", "BOOLEAN", "DATE", "TIMESTAMP"}
)


@dataclass(frozen=True, slots=True)
class Expression:
    """An expression that reads `columns`, and nothing else."""

    tree: exp.Expression
    columns: tuple[str, ...]

    def compiled(self) -> pl.Expr:
        """The expression for Polars. Raises PolarsError where it doesn't take it."""
        return _compiled(self.tree)


def parse(sql: str) -> Expression:
    """Read an expression. Raises ValueError that says what is wrong with it, and where."""
    tree = _tree(sql)
    for node in tree.walk():
        _check(node)
    columns = dict.fromkeys(column.name for column in tree.find_all(exp.Column))
    parsed = Expression(_lenient(tree), tuple(columns))
    try:
        parsed.compiled()
        _try_constants(tree)
    except pl.exceptions.PolarsError as error:
        raise ValueError(f"the expression can't be carried out: {first_line(error)}") from error
    return parsed


def _try_constants(tree: exp.Expression) -> None:
    """Carry out what is the same for all rows and can go wrong. Raises PolarsError."""
    for cast in tree.find_all(exp.Cast):
        if isinstance(cast.this, exp.Literal):
            pl.select(_compiled(cast))
    for match in tree.find_all(exp.RegexpLike):
        if isinstance(match.expression, exp.Literal):
            pl.select(pl.lit("").str.contains(match.expression.this))


def _compiled(tree: exp.Expression) -> pl.Expr:
    return pl.sql_expr(tree.sql(dialect=WRITTEN_AS, comments=False, identify=True))


def parse_condition(sql: str) -> Expression:
    """Read an expression that is true or false of a row. Raises ValueError."""
    parsed = parse(sql)
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
        raise ValueError(_where(error)) from error
    except RecursionError as error:
        raise ValueError("the expression is nested too deeply") from error
    if len(trees) != 1 or not isinstance(trees[0], exp.Expression):
        raise ValueError("give one expression, such as clicks <= impressions")
    return trees[0]


def _where(error: SqlglotError) -> str:
    """What the parser couldn't read, and where; it underlines the place with codes for a terminal."""
    if not (details := getattr(error, "errors", None)):
        return f"not an SQL expression: {error.__cause__ or error}"
    place = f"line {details[0].get('line')}, column {details[0].get('col')}"
    near = str(details[0].get("highlight") or "").strip()
    return f"not an SQL expression: unexpected {near!r} at {place}"


def _check(node: exp.Expr) -> None:
    if type(node) not in KNOWN or (isinstance(node, exp.Func) and node.args.get("distinct")):
        raise ValueError(f"{_named(node)} is not allowed in an expression over the columns of a row")
    if isinstance(node, exp.Column) and (node.table or not isinstance(node.this, exp.Identifier)):
        raise ValueError(f"{node.sql()} is not the name of a column; put names with dots into double quotes")
    if isinstance(node, exp.DataType) and node.this.name not in TYPE_NAMES:
        raise ValueError(f"a value can't be cast to {node.sql()}, only to {', '.join(sorted(TYPE_NAMES))}")


def _named(node: exp.Expr) -> str:
    if isinstance(node, exp.Anonymous):
        return f"The function {node.name}"
    if isinstance(node, exp.Func):
        return f"The function {node.sql_name()}"
    return "A subquery" if isinstance(node, exp.Query | exp.Subquery) else f"{node.sql(dialect=READ_AS)!r}"


def _lenient(tree: exp.Expression) -> exp.Expression:
    """The same, with casts that make null of a value that they can't cast, in place of failing all rows."""

    def lenient(node: exp.Expression) -> exp.Expression:
        if type(node) is exp.Cast and not isinstance(node.this, exp.Literal):
            return exp.TryCast(this=node.this, to=node.args["to"])
        return node

    return tree.transform(lenient)


def first_line(error: Exception) -> str:
    """What Polars says of an expression, without the plan that it shows for people who wrote it in Python."""
    return re.split(r"\n|\bResolved plan", str(error).strip())[0].strip()
