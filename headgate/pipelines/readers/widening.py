"""Types that keep every value of two others."""

from collections.abc import Mapping

import polars as pl

from headgate.pipelines.types import DECIMAL_PRECISION, is_text
from headgate.storage.columns import fields_of, inner_type

SIGNED: tuple[pl.DataType, ...] = (pl.Int8(), pl.Int16(), pl.Int32(), pl.Int64())
BITS: Mapping[pl.DataType, int] = {
    pl.Int8(): 7,
    pl.UInt8(): 8,
    pl.Int16(): 15,
    pl.UInt16(): 16,
    pl.Int32(): 31,
    pl.UInt32(): 32,
    pl.Int64(): 63,
    pl.UInt64(): 64,
}
"""How many bits the largest integer of a type has."""
FLOAT_BITS: Mapping[pl.DataType, int] = {pl.Float32(): 24, pl.Float64(): 53}
"""How many bits an integer may have that a float keeps."""
DIGITS = {7: 3, 8: 3, 15: 5, 16: 5, 31: 10, 32: 10, 63: 19, 64: 20}
"""How many digits the integers of so many bits have."""


def wider(one: pl.DataType, other: pl.DataType) -> pl.DataType | None:
    """The type that keeps the values of both; None where there is none, or only the values tell."""
    if one == other or other == pl.Null:
        return one
    if one == pl.Null:
        return other
    if is_text(one) and is_text(other):
        return pl.String()
    if one.is_numeric() and other.is_numeric():
        return _wider_number(one, other)
    if one.is_temporal() and other.is_temporal():
        return _wider_moment(one, other)
    if isinstance(one, pl.List) and isinstance(other, pl.List):
        inner = wider(inner_type(one), inner_type(other))
        return None if inner is None else pl.List(inner)
    if isinstance(one, pl.Struct) and isinstance(other, pl.Struct):
        return _wider_struct(one, other)
    return None


def _wider_number(one: pl.DataType, other: pl.DataType) -> pl.DataType | None:
    if isinstance(one, pl.Decimal) or isinstance(other, pl.Decimal):
        return _wider_decimal(one, other)
    if one.is_float() and other.is_float():
        return pl.Float64()
    if one.is_float() or other.is_float():
        return _wider_float(*((other, one) if one.is_float() else (one, other)))
    if one not in BITS or other not in BITS:
        return None
    if one.is_unsigned_integer() and other.is_unsigned_integer():
        return max(one, other, key=BITS.__getitem__)
    bits = max(BITS[one], BITS[other])
    return next((dtype for dtype in SIGNED if BITS[dtype] >= bits), pl.Decimal(DIGITS[bits], 0))


def _wider_float(whole: pl.DataType, broken: pl.DataType) -> pl.DataType | None:
    """The float that keeps the integers of a type beside those floats."""
    bits = BITS.get(whole)
    fitting = (dtype for dtype in (broken, pl.Float64()) if bits and bits <= FLOAT_BITS.get(dtype, 0))
    return next(fitting, None)


def _wider_decimal(one: pl.DataType, other: pl.DataType) -> pl.DataType | None:
    """Decimals with as many digits on either side of the point as both need."""
    (whole, scale), (other_whole, other_scale) = _digits(one), _digits(other)
    places = max(scale, other_scale)
    precision = max(whole, other_whole) + places
    return pl.Decimal(precision, places) if precision <= DECIMAL_PRECISION else None


def _digits(dtype: pl.DataType) -> tuple[int, int]:
    """How many digits numbers of a type have before and behind the point; too many for one that has no such bound."""
    if isinstance(dtype, pl.Decimal):
        return (dtype.precision or DECIMAL_PRECISION) - dtype.scale, dtype.scale
    return DIGITS.get(BITS.get(dtype, 0), DECIMAL_PRECISION + 1), 0


def _wider_moment(one: pl.DataType, other: pl.DataType) -> pl.DataType | None:
    if isinstance(one, pl.Date):
        one, other = other, one
    if not isinstance(one, pl.Datetime):
        return None
    if isinstance(other, pl.Date):
        return one if one.time_zone is None and one.time_unit != "ns" else None
    # Nanoseconds reach from 1677 to 2262 only.
    if not isinstance(other, pl.Datetime) or "ns" in (one.time_unit, other.time_unit):
        return None
    return pl.Datetime("us", one.time_zone) if one.time_zone == other.time_zone else None


def _wider_struct(one: pl.Struct, other: pl.Struct) -> pl.DataType | None:
    left, right = fields_of(one), fields_of(other)
    if left.keys() != right.keys():
        return None
    fields = {name: wider(left[name], right[name]) for name in left}
    known = {name: dtype for name, dtype in fields.items() if dtype is not None}
    return pl.Struct(known) if len(known) == len(fields) else None
