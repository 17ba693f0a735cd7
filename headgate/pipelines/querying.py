"""Carries queries out over rows, each of which goes along with its number, and is found again in what comes out.

A select that keeps rows apart passes on the hidden columns of each. One that makes one row of several passes on the
smallest number of these; its rows come in the order of their numbers where the query asks for no other.
"""

from collections.abc import Sequence

import polars as pl
from sqlglot import exp

from headgate.pipelines.prepared import ROW_INDEX
from headgate.pipelines.queries import INPUT, Query, aggregates, flow
from headgate.pipelines.sqlwriting import written

INNER = "__headgate_inner"


def carried_out(query: Query, rows: pl.LazyFrame, hidden: Sequence[str]) -> pl.LazyFrame:
    """The outcome of a query over rows, with the `hidden` columns that they have. Raises PolarsError."""
    sql = written(numbered(query.tree, hidden))
    context = pl.SQLContext(frames={INPUT: rows}, eager=False)
    return context.execute(sql).filter(pl.col(ROW_INDEX).is_not_null())


def numbered(tree: exp.Select, hidden: Sequence[str]) -> exp.Select:
    """The same query, whose outcome has the hidden columns too."""
    root = tree.copy()
    for select in reversed(flow(root)):
        made = _told_apart(_numbered(select, hidden))
        if select is root:
            root = made
        elif made is not select:
            select.replace(made)
    return root


def _numbered(select: exp.Select, hidden: Sequence[str]) -> exp.Select:
    if aggregates(select) or select.args.get("group") is not None or select.args.get("having") is not None:
        return _in_order(select.select(_first(), copy=False))
    if not any(value.is_star for value in select.expressions):
        select.select(*(exp.column(name, quoted=True) for name in hidden), copy=False)
    return select


def _first() -> exp.Expr:
    smallest = exp.Min(this=exp.column(ROW_INDEX, quoted=True))
    return exp.alias_(smallest, ROW_INDEX, quoted=True)


def _in_order(select: exp.Select) -> exp.Select:
    if select.args.get("order") is None:
        select.order_by(exp.column(ROW_INDEX, quoted=True), copy=False)
    return select


def _told_apart(select: exp.Select) -> exp.Select:
    """A select of distinct rows as one of groups, of which the first number is known."""
    if select.args.get("distinct") is None:
        return select
    names = [value.alias_or_name for value in select.expressions if value.alias_or_name != ROW_INDEX]
    outer = exp.select(*(exp.column(name, quoted=True) for name in names), _first())
    for part in ("with_", "order", "limit", "offset"):
        if (value := select.args.get(part)) is not None:
            outer.set(part, value.pop())
    for column in outer.args["order"].find_all(exp.Column) if outer.args.get("order") else ():
        column.set("table", None)
    select.set("distinct", None)
    inner = exp.Subquery(this=select.copy(), alias=exp.TableAlias(this=exp.to_identifier(INNER)))
    outer.from_(inner, copy=False).group_by(*(exp.column(name, quoted=True) for name in names), copy=False)
    return _in_order(outer)
