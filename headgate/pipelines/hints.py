"""Hints: what the values of a sampled column look like, as settings of a check that they may stand for.

They are guesses and err on the side of none: whoever takes them has yet to see that the sample passes them.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import polars as pl

from headgate.pipelines.shapes import common_regex
from headgate.storage.columns import ColumnType, plain_text

MIN_VALUES = 10
"""Fewer values suggest nothing, and fewer different ones no pattern."""
MIN_REGULAR_VALUES = 30
"""Fewer values are alike by chance: no range, list or pattern comes of them."""
MAX_LISTED = 20
MIN_REPEATS = 5
"""How often a value of a list is there, on average at least."""
MAX_LISTED_CHARACTERS = 100
NUMBERS = {ColumnType.INTEGER, ColumnType.FLOAT, ColumnType.DECIMAL}
MOMENTS = {ColumnType.DATE, ColumnType.DATETIME}
NOUNS = {
    ColumnType.INTEGER: "whole numbers",
    ColumnType.FLOAT: "numbers",
    ColumnType.DECIMAL: "decimal numbers",
    ColumnType.DATE: "dates",
    ColumnType.DATETIME: "moments",
}
RANGES: Sequence[tuple[frozenset[str], int, int, str]] = (
    (frozenset({"lat", "latitude"}), -90, 90, "latitudes"),
    (frozenset({"lon", "lng", "long", "longitude"}), -180, 180, "longitudes"),
    (frozenset({"percent", "percentage", "pct"}), 0, 100, "percentages"),
    (frozenset({"probability", "fraction", "share"}), 0, 1, "shares of a whole"),
)
"""Words of a column's name that bound its values, and what they are called."""
KEY_WORDS = frozenset({"id", "key", "uuid", "guid", "code", "sku", "isbn", "ean", "email", "number"})
DATE_FORMATS = (
    *("%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y", "%Y/%m/%d", "%Y.%m.%d"),
    *("%d %b %Y", "%d-%b-%Y", "%b %d %Y", "%b %d, %Y", "%d %B %Y", "%B %d %Y", "%B %d, %Y"),
)
FORMS = {"email": ("@", "e-mail addresses"), "url": ("://", "URLs")}
"""Kinds of text: what any such text holds, and what they are called."""


@dataclass(frozen=True, slots=True)
class Hint:
    """A kind of check, its settings but for `columns`, and in words why."""

    kind: str
    settings: Mapping[str, Any]
    reason: str


@dataclass(frozen=True)
class Sampled:
    """A column of a sample, with the type that its values have; `position` counts from 0."""

    name: str
    position: int
    cells: pl.Series
    type: ColumnType

    @cached_property
    def values(self) -> pl.Series:
        """The cells that aren't null."""
        return self.cells.drop_nulls()

    @cached_property
    def distinct(self) -> int:
        """How many different values there are."""
        return self.values.n_unique()

    @cached_property
    def words(self) -> frozenset[str]:
        """The words of the name, in lower case: avgSpend and avg_spend have two."""
        return frozenset(word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+|[0-9]+", self.name))

    @property
    def all(self) -> str:
        """How reasons begin."""
        return f"All {self.values.len():,} sampled values"

    @property
    def looks_like_key(self) -> bool:
        """Whether each row has a value of its own, and the column's name or place says that this is meant."""
        if self.type not in (ColumnType.INTEGER, ColumnType.STRING) or self.distinct < self.cells.len():
            return False
        return bool(self.words & KEY_WORDS) or (self.position == 0 and self.type is ColumnType.INTEGER)


def of_column(column: Sampled) -> Iterator[Hint]:
    """The hints of one column."""
    if column.values.len() < MIN_VALUES or column.type in (
        ColumnType.LIST,
        ColumnType.STRUCT,
        ColumnType.BINARY,
    ):
        return
    yield from _type(column)
    yield from _required(column)
    yield from _unique(column)
    if column.type in NUMBERS:
        yield from _range(column)
    if column.type is ColumnType.STRING:
        yield from _text(column)


def _type(column: Sampled) -> Iterator[Hint]:
    settings = {"type": column.type.value}
    if column.type is ColumnType.BOOLEAN:
        yield Hint("type", settings, f"{column.all} are true or false.")
    elif column.type in NOUNS and _is_finite(column):
        least, greatest = plain_text(column.values.min()), plain_text(column.values.max())
        yield Hint("type", settings, f"{column.all} are {NOUNS[column.type]} from {least} to {greatest}.")


def _is_finite(column: Sampled) -> bool:
    return column.type is not ColumnType.FLOAT or bool(column.values.is_finite().all())


def _required(column: Sampled) -> Iterator[Hint]:
    if not column.cells.null_count():
        yield Hint("required", {}, f"None of the {column.cells.len():,} sampled rows lacks a value.")


def _unique(column: Sampled) -> Iterator[Hint]:
    if column.looks_like_key:
        yield Hint("unique", {}, f"{column.all} are different ones, as those of a key are.")


def _range(column: Sampled) -> Iterator[Hint]:
    """Bounds that the name tells, or the one that numbers without a minus sign have."""
    if column.values.len() < MIN_REGULAR_VALUES or column.looks_like_key or not _is_finite(column):
        return
    least, greatest = column.values.min(), column.values.max()
    shown = f"from {plain_text(least)} to {plain_text(greatest)}"
    for words, low, high, noun in RANGES:
        if words & column.words and low <= least and greatest <= high:  # type: ignore[operator]
            bounds = {"min": low, "max": high}
            yield Hint("range", bounds, f"{column.all} are {noun} by their name, and go {shown}.")
            return
    if least >= 0:  # type: ignore[operator]
        yield Hint("range", {"min": 0}, f"{column.all} are 0 or more: they go {shown}.")


def _text(column: Sampled) -> Iterator[Hint]:
    """The one thing that texts are, the most telling first."""
    found = _form(column) or _date(column)
    if found is None and column.values.len() >= MIN_REGULAR_VALUES:
        found = _list(column) or _pattern(column)
    if found is not None:
        yield found


def _form(column: Sampled) -> Hint | None:
    for kind, (mark, noun) in FORMS.items():
        if column.values.str.contains(mark, literal=True).all():
            return Hint(kind, {}, f"{column.all} are {noun}.")
    return None


def _date(column: Sampled) -> Hint | None:
    """A date whose form can only be one: 01/02/2026 alone may be of January or February."""
    fitting = [form for form in DATE_FORMATS if _is_of_form(column.values, form)]
    if len(fitting) != 1:
        return None
    return Hint("date", {"format": fitting[0]}, f"{column.all} are dates of the form {fitting[0]}.")


def _is_of_form(texts: pl.Series, form: str) -> bool:
    parsed = texts.str.to_date(form, strict=False, cache=False)
    return bool(((parsed.dt.to_string(form) == texts) & parsed.is_not_null()).all())


def _list(column: Sampled) -> Hint | None:
    """A list is whole where the second half of the sample has nothing that the first hasn't."""
    counts = column.values.alias("value").value_counts(name="count").sort("count")
    texts = counts["value"]
    if not 2 <= len(texts) <= MAX_LISTED or column.values.len() < MIN_REPEATS * len(texts):
        return None
    if counts["count"][0] < 2 or column.values.head(column.values.len() // 2).n_unique() < len(texts):
        return None
    if texts.str.len_chars().max() > MAX_LISTED_CHARACTERS:  # type: ignore[operator]
        return None
    listed = sorted(texts.to_list())
    reason = (
        f"The {column.values.len():,} sampled values are only {len(listed)} different ones, each of them there "
        f"{counts['count'][0]:,} times or more."
    )
    return Hint("oneOf", {"values": listed}, reason)


def _pattern(column: Sampled) -> Hint | None:
    regex = common_regex(column.values) if column.distinct >= MIN_VALUES else None
    if regex is None:
        return None
    example = str(column.values.min())
    return Hint("pattern", {"regex": regex}, f"{column.all} are built like {example}.")
