"""How what sqlglot has read is written for Polars, which has other names for some functions, and smaller types."""

from collections.abc import Callable, Mapping
from typing import Any

from sqlglot import exp
from sqlglot.dialects.dialect import Dialect

WIDER = {"INT": exp.DataType.Type.BIGINT, "FLOAT": exp.DataType.Type.DOUBLE}
"""Types that have 32 bits in Polars, though columns have 64."""


class _Polars(Dialect):
    """The SQL that sqlglot writes by default, but that null comes after all else, as in PostgreSQL."""

    NULL_ORDERING = "nulls_are_large"


def rewritten(tree: exp.Expr, change: Callable[[exp.Expression], exp.Expression]) -> exp.Expression:
    """A copy of a tree in which every part was changed, the inner ones first."""
    root = tree.copy()
    for node in reversed([*root.walk()]):
        assert isinstance(node, exp.Expression)
        parent, key, index = node.parent, node.arg_key, node.index
        changed = change(node)
        if changed is node:
            continue
        if parent is None or key is None:
            root = changed
        else:
            parent.set(key, changed, index)
    assert isinstance(root, exp.Expression)
    return root


def written(tree: exp.Expr) -> str:
    """The text that makes Polars do what the tree says; every name stands in double quotes."""
    return rewritten(tree, _in_polars).sql(dialect=_Polars, comments=False, identify=True)


def _in_polars(node: exp.Expression) -> exp.Expression:
    write = _WRITERS.get(type(node))
    return node if write is None else write(node)


def _call(name: str, *arguments: Any) -> exp.Expression:
    return exp.Anonymous(this=name, expressions=list(arguments))


def _data_type(node: exp.Expression) -> exp.Expression:
    wider = WIDER.get(node.this.name)
    return node if wider is None else exp.DataType(this=wider)


def _logarithm(node: exp.Expression) -> exp.Expression:
    """The base comes first where there is one, and is 10 where there is none."""
    if not node.args.get("expression"):
        return _call("LOG10", node.this)
    if node.this.name == "10":
        return _call("LOG10", node.expression)
    return exp.Div(this=exp.Ln(this=node.expression), expression=exp.Ln(this=node.this))


def _trim(node: exp.Expression) -> exp.Expression:
    """Polars takes the characters to trim away from one side only."""
    value, side = node.this, (node.args.get("position") or "BOTH").upper()
    characters = [node.expression] if node.args.get("expression") else []
    for name, other in (("LTRIM", "TRAILING"), ("RTRIM", "LEADING")):
        if side != other:
            value = _call(name, value, *(each.copy() for each in characters))
    return value  # type: ignore[no-any-return]


def _whole(node: exp.Expression) -> exp.Expression:
    """What counts in as few bits as it needs by itself counts on in those, and wraps around."""
    return exp.Cast(this=node, to=exp.DataType(this=exp.DataType.Type.BIGINT))


def _position(node: exp.Expression) -> exp.Expression:
    """Polars counts bytes up to what is found, where characters are meant."""
    text, found = node.this, node.args["substr"]
    before = exp.Length(this=exp.SplitPart(this=text, delimiter=found, part_index=exp.Literal.number(1)))
    is_there = exp.GT(this=_call("STRPOS", text.copy(), found.copy()), expression=exp.Literal.number(0))
    place = exp.Add(this=_whole(before), expression=exp.Literal.number(1))
    # Nought times the length is null where the text is.
    nowhere = exp.Mul(this=_whole(exp.Length(this=text.copy())), expression=exp.Literal.number(0))
    return exp.Case(ifs=[exp.If(this=is_there, true=place)], default=nowhere)


def _part(node: exp.Expression) -> exp.Expression:
    return node if node.this.name.upper() == "EPOCH" else _whole(node)


def _power(node: exp.Expression) -> exp.Expression:
    """Polars takes no negative exponent for whole numbers."""
    return exp.Pow(this=as_double(node.this), expression=node.expression)


def as_double(node: exp.Expression) -> exp.Expression:
    """A value as a number of 64 bits with a floating point."""
    return exp.Cast(this=node, to=exp.DataType(this=exp.DataType.Type.DOUBLE))


_WRITERS: Mapping[type[exp.Expr], Callable[[exp.Expression], exp.Expression]] = {
    exp.DataType: _data_type,
    exp.Log: _logarithm,
    exp.Trim: _trim,
    exp.Pow: _power,
    exp.Extract: _part,
    exp.StrPosition: _position,
    exp.Length: _whole,
    exp.Year: _whole,
    exp.Month: _whole,
    exp.Day: _whole,
    exp.Initcap: lambda node: _call("INITCAP", node.this),
    exp.TimeToStr: lambda node: _call("STRFTIME", node.this, node.args["format"]),
    exp.TimestampTrunc: lambda node: _call(
        "DATE_TRUNC", exp.Literal.string(node.args["unit"].name.lower()), node.this
    ),
}
