"""Expressions bound to the columns of a table: what text and moments take part as, and what Polars is told of it.

A column of text takes part as what most of its values are, as in the check `expression`; a value that is none of that
is null. Moments take part in UTC, whole numbers with 64 bits. A division by zero is null.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

import polars as pl
from sqlglot import exp

from headgate.errors import JobFault
from headgate.pipelines.checks.natural import UNSEEN, fitted, takes_part_as, value_as
from headgate.pipelines.checks.operands import moment_of
from headgate.pipelines.expressions import Expression, first_line
from headgate.pipelines.sqlwriting import rewritten
from headgate.pipelines.steps.step import HIDDEN
from headgate.pipelines.types import is_text
from headgate.storage.columns import fields_of

VALUE, MADE, TRIED = f"{HIDDEN}value_", f"{HIDDEN}made", f"{HIDDEN}tried"
Types = Mapping[str, pl.DataType]
MOMENT_TYPES = (exp.DataType.Type.DATE, exp.DataType.Type.TIMESTAMP)
SMALL_INTEGERS = (pl.Int8, pl.Int16, pl.Int32, pl.UInt8, pl.UInt16, pl.UInt32)
"""In the types of their columns they would wrap around."""


@dataclass(frozen=True, slots=True)
class Bound:
    """An expression for rows of one schema.

    `fields` are fields of columns under their names with dots; `values` are made of cells and stand for these in it.
    """

    expression: Expression
    fields: Mapping[str, pl.Expr]
    values: Mapping[str, pl.Expr]
    is_zoned: bool

    def over(self, rows: pl.LazyFrame, name: str) -> pl.LazyFrame:
        """The rows with the value as one more column, or in place of the one of that name."""
        cells = (cell.alias(value) for value, cell in self.values.items())
        made = self.expression.over(rows.with_columns(**self.fields).with_columns(cells), MADE)
        value = _storable(pl.col(MADE), made.collect_schema()[MADE], is_zoned=self.is_zoned)
        return made.drop(*self.values, *self.fields).with_columns(value.alias(name)).drop(MADE)


def _storable(value: pl.Expr, dtype: pl.DataType, *, is_zoned: bool) -> pl.Expr:
    """A value without NaN and infinity; a moment that was made of moments with a zone has one."""
    if dtype.is_float():
        return pl.when(value.is_finite()).then(value)
    is_moment = isinstance(dtype, pl.Datetime) and dtype.time_zone is None
    return value.dt.replace_time_zone("UTC") if is_moment and is_zoned else value


def read_as_values(expressions: Iterable[Expression], sample: pl.DataFrame) -> list[str]:
    """The columns that expressions read, and none of them as text."""
    parts = [
        (column, takes_part_as(expression.tree, sample[column]))
        for expression in expressions
        for column in expression.columns
        if column in sample.columns
    ]
    as_text = {column for column, dtype in parts if dtype in (None, pl.String)}
    return [column for column in dict.fromkeys(column for column, _ in parts) if column not in as_text]


def bind(expression: Expression, sql: str, sample: pl.DataFrame, now: datetime) -> Bound:
    """Bind an expression to rows of which there is a sample. Raises JobFault where it can't be evaluated for them."""
    fields = _fields(expression, sample.schema)
    rows, sample = sample, sample.with_columns(**fields)
    known = {column: takes_part_as(expression.tree, sample[column]) for column in expression.columns}
    fault = ""
    for unseen in (None, *UNSEEN) if None in known.values() else (None,):
        usual = {column: unseen or _usual(sample.schema[column]) for column in known}
        types = {column: dtype or usual[column] for column, dtype in known.items()}
        bound = _bound(expression, sample.schema, types, now, fields)
        try:
            bound.over(rows.lazy(), TRIED).collect()
        except pl.exceptions.PolarsError as error:
            fault = fault or first_line(error)
        else:
            return bound
    raise JobFault("INVALID_EXPRESSION", f"{sql} can't be evaluated: {fault}", "CONFIG")


def _usual(dtype: pl.DataType) -> pl.DataType:
    """What a column without values in the sample is taken for, as long as the expression can be evaluated so."""
    return pl.String() if is_text(dtype) else pl.Float64()


def roots(expression: Expression, schema: pl.Schema) -> list[str]:
    """The columns that an expression needs: of a name with dots that is no column's, the one before the first dot."""
    return [name if name in schema else name.partition(".")[0] for name in expression.columns]


def _fields(expression: Expression, schema: pl.Schema) -> dict[str, pl.Expr]:
    """The fields of columns that an expression names."""
    return {name: _field(name, schema) for name in expression.columns if name not in schema}


def _field(name: str, schema: pl.Schema) -> pl.Expr:
    root, *path = name.split(".")
    if root not in schema:
        return pl.lit(None)
    dtype, value = schema[root], pl.col(root)
    for part in path:
        if not isinstance(dtype, pl.Struct) or part not in (known := fields_of(dtype)):
            return pl.lit(None)
        dtype, value = known[part], value.struct.field(part)
    return value


def _bound(
    expression: Expression, schema: pl.Schema, types: Types, now: datetime, fields: Mapping[str, pl.Expr]
) -> Bound:
    values: dict[str, pl.Expr] = {}

    def moment(node: exp.Expression) -> exp.Expression:
        if not isinstance(node, exp.Cast) or not isinstance(node.this, exp.Column):
            return node
        column, wanted = node.this.name, node.to.this
        if types[column] != pl.String or wanted not in MOMENT_TYPES:
            return node
        name, value = f"{VALUE}{wanted.name}_{column}", moment_of(column, schema[column])
        values[name] = value.dt.date() if wanted == exp.DataType.Type.DATE else value
        return exp.column(name, quoted=True)

    def cell(node: exp.Expression) -> exp.Expression:
        column = node.name
        if not isinstance(node, exp.Column) or column in values or _is_plain(schema[column], types[column]):
            return node
        values[f"{VALUE}{column}"] = _cell(column, schema[column], types[column])
        return exp.column(f"{VALUE}{column}", quoted=True)

    tree = rewritten(fitted(expression.tree, types, now), without_zero)
    tree = rewritten(rewritten(tree, moment), cell)
    zoned = any(isinstance(dtype, pl.Datetime) and dtype.time_zone for dtype in map(schema.get, types))
    return Bound(Expression(tree, expression.columns), fields, values, zoned)


def _is_plain(dtype: pl.DataType, wanted: pl.DataType) -> bool:
    """Whether a cell can stand in an expression as it is."""
    return dtype == wanted and (dtype not in SMALL_INTEGERS)


def _cell(column: str, dtype: pl.DataType, wanted: pl.DataType) -> pl.Expr:
    cell = value_as(column, dtype, wanted)
    return cell.cast(pl.Int64) if dtype in SMALL_INTEGERS else cell


def without_zero(node: exp.Expression) -> exp.Expression:
    """A division with null in place of a divisor of zero."""
    if not isinstance(node, exp.Div | exp.Mod) or isinstance(node.expression, exp.Nullif):
        return node
    divisor = exp.Nullif(this=node.expression, expression=exp.Literal.number(0))
    return type(node)(this=node.this, expression=divisor)
