"""Natural types: what the text of a column takes part in an expression as, which a sample of it shows."""

from collections.abc import Mapping
from datetime import date, datetime

import polars as pl
from sqlglot import exp

from headgate.pipelines.checks.moments import MOMENT
from headgate.pipelines.checks.operands import moment_of, names_moment, number_of, parse_moment
from headgate.pipelines.expressions import CHOICES, COMPARISONS, ON_TEXT
from headgate.pipelines.parsing import as_boolean
from headgate.pipelines.sqlwriting import as_double, rewritten
from headgate.pipelines.types import is_text

NAMES: Mapping[pl.DataType, str] = {
    pl.Float64(): "a number",
    pl.Boolean(): "true or false",
    pl.Date(): "a date",
    MOMENT: "a date or moment",
}
UNSEEN: tuple[pl.DataType, ...] = (pl.Float64(), pl.String(), MOMENT, pl.Boolean())
"""What a column whose sample has no values may be: the first that the expression can be carried out with."""
LEADING_ZERO = r"^[+-]?0\d"
"""A code, such as a zip code, rather than a number."""


def takes_part_as(tree: exp.Expression, cells: pl.Series) -> pl.DataType | None:
    """The type that a column takes part in an expression as, by some of its cells; None where they don't tell."""
    if cells.dtype == pl.Null:
        return pl.String() if stays_text(tree, cells.name, None) else None
    if not is_text(cells.dtype):
        return MOMENT if cells.dtype.base_type() is pl.Datetime else cells.dtype
    natural = natural_type(cells)
    return pl.String() if stays_text(tree, cells.name, natural) else natural


def natural_type(texts: pl.Series) -> pl.DataType | None:
    """What most of these texts are; None where there is none of them to tell by."""
    sample = texts.drop_nulls().cast(pl.String).alias("x").to_frame()
    if sample.is_empty():
        return None
    if _most(sample, number_of("x", pl.String()).is_not_null()):
        has_codes = sample.select(pl.col("x").str.contains(LEADING_ZERO).any()).item()
        return pl.String() if has_codes else pl.Float64()
    if _most(sample, as_boolean(pl.col("x")).is_not_null()):
        return pl.Boolean()
    if _most(sample, value_as("x", pl.String(), pl.Date()).is_not_null()):
        return pl.Date()
    return MOMENT if _most(sample, moment_of("x", pl.String()).is_not_null()) else pl.String()


def _most(sample: pl.DataFrame, holds: pl.Expr) -> bool:
    share = sample.select(holds.mean()).item()
    return bool(share > 0.5)


def value_as(column: str, dtype: pl.DataType, natural: pl.DataType) -> pl.Expr:
    """The value of a cell, text or typed, as what its column naturally is; null where it is none of that."""
    cell = pl.col(column)
    if dtype == pl.Null:
        return cell.cast(natural)
    if natural == MOMENT and (is_text(dtype) or dtype.base_type() is pl.Datetime):
        return moment_of(column, dtype)
    if not is_text(dtype):
        return cell
    text = cell.cast(pl.String)
    if natural == pl.Float64:
        return number_of(column, dtype)
    if natural == pl.Boolean:
        return as_boolean(text)
    if natural == pl.Date:
        return pl.when(text.str.len_bytes() == 10).then(moment_of(column, dtype).dt.date())
    return text


def stays_text(tree: exp.Expression, column: str, natural: pl.DataType | None) -> bool:
    """Whether an expression takes a column for text: by a function on texts, or beside one in a comparison or choice.

    The text of a date does not make text of a column of dates.
    """
    is_moment = natural in (pl.Date(), MOMENT)
    for node in tree.find_all(exp.Column):
        if node.name != column:
            continue
        if isinstance(node.parent, ON_TEXT) or _is_made_text(node.parent):
            return True
        if any(not (is_moment and names_moment(text.this)) for text in _compared_texts(node)):
            return True
    return False


def _is_made_text(node: exp.Expr | None) -> bool:
    """Whether something is cast to text: what is text by now is to stay as it is spelled."""
    return isinstance(node, exp.Cast) and node.to.this in exp.DataType.TEXT_TYPES


def _compared_texts(node: exp.Expression) -> list[exp.Literal]:
    """The texts in the comparison or choice that a part of an expression stands in."""
    parent = node.parent
    if isinstance(parent, exp.If | exp.Case) and node.arg_key in ("true", "false", "default"):
        return _chosen_texts(parent)
    if not isinstance(parent, (*COMPARISONS, *CHOICES, exp.In, exp.Between)) or isinstance(parent, exp.If):
        return []
    return [text for text in parent.find_all(exp.Literal) if text.is_string and text.parent is parent]


def _chosen_texts(choice: exp.Expression) -> list[exp.Literal]:
    """The texts that a CASE may answer with."""
    case = choice.parent if isinstance(choice.parent, exp.Case) else choice
    branches = [case, *case.args.get("ifs", ())]
    answers = (branch.args.get(key) for branch in branches for key in ("true", "false", "default"))
    return [answer for answer in answers if isinstance(answer, exp.Literal) and answer.is_string]


def fitted(tree: exp.Expression, types: Mapping[str, pl.DataType], now: datetime) -> exp.Expression:
    """The same for columns of these types, as Polars has to be told it; today is that of now."""
    tree = _with_days(_with_moments(tree, types, now), types)
    has_decimals = any(isinstance(dtype, pl.Decimal) for dtype in types.values())
    return tree if has_decimals else rewritten(tree, _as_double)


def _with_moments(tree: exp.Expression, types: Mapping[str, pl.DataType], now: datetime) -> exp.Expression:
    """The same, with texts that are compared with a column of dates or moments made into such."""
    tree = tree.copy()
    for node in [*tree.find_all(exp.Column)]:
        if types.get(node.name) in (pl.Date(), MOMENT):
            for text in _compared_texts(node):
                text.replace(_moment(parse_moment(text.this)))
    for today in [*tree.find_all(exp.CurrentDate)]:
        today.replace(_moment(now.date()))
    return tree


def _moment(value: date | datetime) -> exp.Expression:
    kind = exp.DataType.Type.TIMESTAMP if isinstance(value, datetime) else exp.DataType.Type.DATE
    return exp.Cast(this=exp.Literal.string(str(value)), to=exp.DataType(this=kind))


def _as_double(node: exp.Expression) -> exp.Expression:
    """A number with a point is a decimal to Polars, which then divides to six places."""
    is_whole = not isinstance(node, exp.Literal) or node.is_string or node.is_int
    return node if is_whole or isinstance(node.parent, exp.Interval) else as_double(node)


def _with_days(tree: exp.Expression, types: Mapping[str, pl.DataType]) -> exp.Expression:
    """The same, with the days between two dates in place of a duration, and with EPOCH of a duration in seconds."""

    def between(node: exp.Expression) -> exp.Expression:
        if isinstance(node, exp.Sub) and _is_date(node.this, types) and _is_date(node.expression, types):
            return exp.paren(exp.Sub(this=_whole(node.this), expression=_whole(node.expression)), copy=False)
        if isinstance(node, exp.Extract) and isinstance(node.expression.unnest(), exp.Sub):
            return _seconds(node) if node.this.name.upper() == "EPOCH" else node
        return node

    return rewritten(tree, between)


def _is_date(node: exp.Expression, types: Mapping[str, pl.DataType]) -> bool:
    inner = node.unnest()
    if isinstance(inner, exp.Column):
        return types.get(inner.name) == pl.Date()
    return isinstance(inner, exp.Cast) and inner.to.this == exp.DataType.Type.DATE


def _whole(node: exp.Expression) -> exp.Expression:
    return exp.Cast(this=node, to=exp.DataType(this=exp.DataType.Type.BIGINT))


def _seconds(node: exp.Expression) -> exp.Expression:
    """A duration counts microseconds."""
    return exp.paren(
        exp.Div(this=_whole(node.expression), expression=as_double(exp.Literal.number(1_000_000))), copy=False
    )
