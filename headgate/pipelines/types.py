"""Lossless types: a text column gets a type only where the typed value gives back every text exactly."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from headgate.errors import JobFault
from headgate.storage.columns import MAX_SAFE_INTEGER, WHOLE, fields_of, inner_type, plain_text

DATE_TIME_FORMS = (
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%dT%H:%M:%S",
    "%Y-%m-%d %H:%M:%S%.3f",
    "%Y-%m-%dT%H:%M:%S%.3f",
    "%Y-%m-%d %H:%M:%S%.6f",
    "%Y-%m-%dT%H:%M:%S%.6f",
)
DECIMAL_PRECISION = 38
MAX_SCALE = 12
GLANCE_ROWS = 50
"""So many texts rule most candidates out, before the others are held against the whole sample."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A type that a text column may have.

    `form` is the spelling of its texts; `exact` turns text into the value, and into null where the value would
    not give the text back.
    """

    dtype: pl.DataType
    form: str | None
    exact: Callable[[pl.Expr], pl.Expr]
    changes: bool = True
    """Whether values come out as others than they went in."""


def as_it_is(dtype: pl.DataType) -> Candidate:
    """The type that a column has already."""
    return Candidate(dtype, None, lambda value: value, changes=False)


def _integer(text: pl.Expr) -> pl.Expr:
    """An integer is spelled in one way but for a plus, leading zeros and a minus before zero."""
    value = text.cast(pl.Int64, strict=False)
    other = (
        (text.str.starts_with("0") & (text != "0")) | text.str.starts_with("-0") | text.str.starts_with("+")
    )
    return pl.when(value.is_between(-MAX_SAFE_INTEGER, MAX_SAFE_INTEGER) & ~other).then(value)


def _float(text: pl.Expr) -> pl.Expr:
    value = text.cast(pl.Float64, strict=False)
    return pl.when(value.is_finite() & (value.cast(pl.String) == text)).then(value)


def _whole_float(text: pl.Expr) -> pl.Expr:
    value = text.cast(pl.Float64, strict=False)
    return pl.when(value.is_finite() & (value.cast(pl.String).str.strip_suffix(".0") == text)).then(value)


def _boolean(true: str, false: str) -> Callable[[pl.Expr], pl.Expr]:
    return lambda text: pl.when(text == true).then(True).when(text == false).then(False)


def _date(text: pl.Expr) -> pl.Expr:
    value = text.str.to_date("%Y-%m-%d", strict=False, cache=False)
    return pl.when(text.str.contains(r"^\d{4}-\d{2}-\d{2}$") & ~_in_year_zero(text)).then(value)


def _datetime(form: str) -> Callable[[pl.Expr], pl.Expr]:
    def exact(text: pl.Expr) -> pl.Expr:
        value = text.str.to_datetime(form, strict=False, time_unit="us")
        return pl.when((value.dt.to_string(form) == text) & ~_in_year_zero(text)).then(value)

    return exact


def _in_year_zero(text: pl.Expr) -> pl.Expr:
    """Whether a date lies in a year that Python's calendar, among others, doesn't have."""
    return text.str.starts_with("0000")


def _instant(text: pl.Expr) -> pl.Expr:
    form = "%Y-%m-%dT%H:%M:%SZ"
    value = text.str.to_datetime(form, strict=False, time_unit="us")
    exact = (value.dt.to_string(form) == text) & ~_in_year_zero(text)
    return pl.when(exact).then(value.dt.replace_time_zone("UTC"))


def _decimal(scale: int) -> Callable[[pl.Expr], pl.Expr]:
    def exact(text: pl.Expr) -> pl.Expr:
        value = text.cast(pl.Decimal(DECIMAL_PRECISION, scale), strict=False)
        return pl.when(value.cast(pl.String) == text).then(value)

    return exact


CANDIDATES: Sequence[Candidate] = (
    Candidate(pl.Int64(), None, _integer),
    Candidate(pl.Float64(), None, _float),
    Candidate(pl.Float64(), WHOLE, _whole_float),
    *(
        Candidate(pl.Decimal(DECIMAL_PRECISION, scale), None, _decimal(scale))
        for scale in range(1, MAX_SCALE + 1)
    ),
    Candidate(pl.Boolean(), None, _boolean("true", "false")),
    Candidate(pl.Boolean(), "True", _boolean("True", "False")),
    Candidate(pl.Boolean(), "TRUE", _boolean("TRUE", "FALSE")),
    Candidate(pl.Date(), None, _date),
    Candidate(pl.Datetime("us", "UTC"), "%Y-%m-%dT%H:%M:%SZ", _instant),
    *(Candidate(pl.Datetime("us"), form, _datetime(form)) for form in DATE_TIME_FORMS),
)
TEXT = as_it_is(pl.String())


NONE_WANTED: Mapping[str, Sequence[Candidate]] = {}


def wide_decimals() -> list[Candidate]:
    """Decimal types from the narrowest on, which take any number that has no more places than they."""
    return [_conforming_decimal(scale) for scale in range(MAX_SCALE + 1)]


def _conforming_decimal(scale: int) -> Candidate:
    dtype = pl.Decimal(DECIMAL_PRECISION, scale)
    return Candidate(dtype, None, lambda text: _parse(text, dtype))


@dataclass
class TypePlan:
    """The type that each column is taken to have; a guess from a sample until a whole scan has kept to it."""

    chosen: dict[str, Candidate]
    _left: dict[str, list[Candidate]]

    @classmethod
    def guess(
        cls,
        schema: pl.Schema,
        texts: Collection[str],
        sample: pl.DataFrame,
        wanted: Mapping[str, Sequence[Candidate]] = NONE_WANTED,
    ) -> "TypePlan":
        """For text columns the first type that gives every text of the sample back; other columns keep theirs.

        The types that are `wanted` for a column come before those that would be guessed.
        """
        left = {
            name: _fitting(_filled(sample, name), wanted.get(name, ()))
            if name in texts
            else [*_exact_ones(wanted.get(name, ()), _filled(sample, name)), *stored_types(dtype)]
            for name, dtype in schema.items()
        }
        return cls({name: candidates.pop(0) for name, candidates in left.items()}, left)

    def demote(self, names: Iterable[str]) -> None:
        """Take the next type for columns whose values broke theirs."""
        for name in names:
            if not self._left[name]:
                raise JobFault(
                    "UNSUPPORTED_TYPE", f"The values of column {name} fit no type that can be stored.", "DATA"
                )
            self.chosen[name] = self._left[name].pop(0)


def _filled(sample: pl.DataFrame, name: str) -> pl.Series:
    return sample.get_column(name).drop_nulls().rename("text")


def _fitting(filled: pl.Series, wanted: Sequence[Candidate]) -> list[Candidate]:
    """The candidates that take every text of a sample, text itself last."""
    if filled.is_empty():
        return [*wanted, TEXT]
    likely = _exact_ones([*wanted, *CANDIDATES], filled.head(GLANCE_ROWS))
    return [*_exact_ones(likely, filled), TEXT]


def _exact_ones(candidates: Sequence[Candidate], texts: pl.Series) -> list[Candidate]:
    text = pl.col("text")
    exact = texts.to_frame().select(
        candidate.exact(text).is_not_null().all().alias(str(number))
        for number, candidate in enumerate(candidates)
    )
    return (
        [candidate for candidate, fits in zip(candidates, exact.row(0), strict=True) if fits]
        if candidates
        else []
    )


def stored_types(dtype: pl.DataType) -> list[Candidate]:
    """The types under which a dataset may keep a typed column, the likeliest first; the last one takes any value."""
    stored, text = _stored(dtype), Candidate(pl.String(), None, _render(dtype))
    if stored == dtype:
        return [as_it_is(dtype)]
    if dtype == pl.UInt64:
        return [_cast_to(pl.Int64()), _cast_to(pl.Decimal(20, 0))]
    if stored is None:
        return [text]
    if dtype.is_nested() or dtype.base_type() is pl.Datetime:
        return [_there_and_back(dtype, stored), text]
    return [_cast_to(stored), text]


def _cast_to(dtype: pl.DataType) -> Candidate:
    def exact(value: pl.Expr) -> pl.Expr:
        return value.cast(dtype, strict=False)

    return Candidate(dtype, None, exact)


def _there_and_back(dtype: pl.DataType, wanted: pl.DataType) -> Candidate:
    """A cast that keeps those values which the cast back gives back."""

    def exact(value: pl.Expr) -> pl.Expr:
        cast = _bounded(value, dtype, wanted).cast(wanted, strict=False)
        return pl.when(cast.cast(dtype, strict=False).eq_missing(value)).then(cast)

    return Candidate(wanted, None, exact)


def _bounded(value: pl.Expr, dtype: pl.DataType, wanted: pl.DataType) -> pl.Expr:
    """Null for a number with more digits than the decimals of a type can have: to cast it is an error."""
    if not isinstance(wanted, pl.Decimal) or not dtype.is_numeric() or isinstance(dtype, pl.Decimal):
        return value
    return pl.when(value.abs() < 10.0 ** (wanted.precision - wanted.scale)).then(value)


_STORED: dict[type[pl.DataType], pl.DataType | None] = {
    pl.UInt8: pl.Int16(),
    pl.UInt16: pl.Int32(),
    pl.UInt32: pl.Int64(),
    pl.UInt64: pl.Decimal(20, 0),
    pl.Int128: pl.Decimal(DECIMAL_PRECISION, 0),
    pl.UInt128: pl.Decimal(DECIMAL_PRECISION, 0),
    pl.Float16: pl.Float32(),
    pl.Categorical: pl.String(),
    pl.Enum: pl.String(),
    pl.Null: pl.String(),
    pl.Time: None,
    pl.Duration: None,
}


def _stored(dtype: pl.DataType) -> pl.DataType | None:
    """What Delta Lake keeps a type as; None where it has no such type."""
    match dtype:
        case pl.List() | pl.Array():
            inner = _stored(inner_type(dtype))
            return None if inner is None else pl.List(inner)
        case pl.Struct():
            fields = {name: _stored(inner) for name, inner in fields_of(dtype).items()}
            known = {name: inner for name, inner in fields.items() if inner is not None}
            return pl.Struct(known) if known and len(known) == len(fields) else None
        case pl.Datetime():
            return pl.Datetime("us", dtype.time_zone and "UTC")
    return _STORED.get(dtype.base_type(), dtype)


def is_text(dtype: pl.DataType) -> bool:
    """Whether values of a type are texts, however they are kept."""
    return dtype.base_type() in (pl.String, pl.Categorical, pl.Enum)


def conforming(dtype: pl.DataType, wanted: pl.DataType) -> Candidate:
    """How values of one type go into an existing column of another; null where they can't without loss."""
    if dtype == wanted:
        return as_it_is(wanted)
    if wanted == pl.String:
        return Candidate(wanted, None, _render(dtype))
    if is_text(dtype):
        return Candidate(wanted, None, lambda text: _parse(text.cast(pl.String), wanted))

    return _there_and_back(dtype, wanted) if _is_akin(dtype, wanted) else _nothing(wanted)


def _nothing(wanted: pl.DataType) -> Candidate:
    return Candidate(wanted, None, lambda value: pl.lit(None, wanted))


def _is_akin(dtype: pl.DataType, wanted: pl.DataType) -> bool:
    """Whether a value of one type may mean a value of the other: 5 is no date, and no moment without a zone."""
    if isinstance(dtype, pl.List | pl.Array) and isinstance(wanted, pl.List):
        return _is_akin(inner_type(dtype), inner_type(wanted))
    if isinstance(dtype, pl.Struct) and isinstance(wanted, pl.Struct):
        known = fields_of(wanted)
        return all(_is_akin(field, known.get(name, field)) for name, field in fields_of(dtype).items())
    if dtype.base_type() in (pl.Date, pl.Datetime) and wanted.base_type() in (pl.Date, pl.Datetime):
        return bool(getattr(dtype, "time_zone", None)) == bool(getattr(wanted, "time_zone", None))
    return dtype in (wanted, pl.Null) or (dtype.is_numeric() and wanted.is_numeric())


def _parse(text: pl.Expr, wanted: pl.DataType) -> pl.Expr:
    """The value that a text means in a column whose type is fixed, whatever the spelling; null where it means none."""
    match wanted:
        case pl.Float64() | pl.Float32():
            return _parse_float(text, wanted)
        case pl.Decimal(scale=scale):
            fits = text.str.contains(rf"^[+-]?[0-9]+(\.[0-9]{{0,{scale}}}0*)?$")
            return pl.when(fits).then(text.cast(wanted, strict=False))
        case pl.Boolean():
            return _boolean("true", "false")(text.str.to_lowercase())
        case pl.Date():
            return _date(text)
        case pl.Datetime(time_zone="UTC"):
            return _instant(text)
        case pl.Datetime():
            return pl.coalesce(*(_datetime(form)(text) for form in DATE_TIME_FORMS))
        case _ if wanted.is_integer():
            value = text.cast(wanted, strict=False)
            return pl.when(value.cast(pl.String) == text).then(value)
    return pl.lit(None, wanted)


def _parse_float(text: pl.Expr, wanted: pl.DataType) -> pl.Expr:
    """A number of up to 15 digits comes back out of a double; of a longer one only its own shortest spelling."""
    value = text.cast(wanted, strict=False)
    printed = value.cast(pl.String)
    digits = text.str.replace(r"[eE].*$", "").str.replace_all("[^0-9]", "").str.strip_chars("0")
    short = digits.str.len_bytes() <= (15 if wanted == pl.Float64 else 6)
    same = (printed == text) | (printed.str.strip_suffix(".0") == text)
    return pl.when(value.is_finite() & (short | same)).then(value)


def _render(dtype: pl.DataType) -> Callable[[pl.Expr], pl.Expr]:
    if dtype.is_nested() or dtype == pl.Binary:
        return lambda value: value.map_elements(plain_text, return_dtype=pl.String)
    if dtype.is_temporal():
        return lambda value: value.dt.to_string("iso")
    return lambda value: value.cast(pl.String)
