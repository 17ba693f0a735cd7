"""Suggestions: what a faulty text was plainly meant to be; nothing where it could be two things."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from difflib import SequenceMatcher
from functools import lru_cache

import polars as pl

from headgate.pipelines.rules import Suggest
from headgate.storage.columns import ColumnType

Propose = Callable[[str], str | None]

MEANT = "meant"
MAX_CHARACTERS = 200
"""A longer text is nothing that was mistyped."""
MAX_TEXTS = 2_000
"""So many different texts get suggestions at a time; who reads errors by the thousand wants another answer."""
MAX_CHOICES = 1_000
"""Among more values than these, the closest is not looked for."""
CUTOFF = 0.7
"""How alike, from 0 to 1, two texts must be for one to be taken for the other (difflib's ratio)."""
SHORT, LONG = 5, 20
"""Between these lengths two letters may be wrong: of a shorter text too little is left, a longer one takes too long."""


def suggesting(propose: Propose) -> Suggest:
    """Ask for each text once, whatever the number of its cells."""

    def suggest(texts: pl.Series) -> pl.Series:
        distinct = texts.drop_nulls().unique(maintain_order=True).head(MAX_TEXTS).to_list()
        meant = [propose(text) if len(text) <= MAX_CHARACTERS else None for text in distinct]
        old, new = pl.Series(distinct, dtype=pl.String), pl.Series(meant, dtype=pl.String)
        return texts.replace_strict(old, new, default=None, return_dtype=pl.String)

    return suggest


def only_where(passes: pl.Expr, suggest: Suggest) -> Suggest:
    """Of what is suggested, what would pass: `passes` is over a column MEANT of the suggested texts."""

    def checked(texts: pl.Series) -> pl.Series:
        meant = suggest(texts).alias(MEANT)
        return meant.to_frame().select(pl.when(passes).then(MEANT)).to_series()

    return checked


def trimmed_to(is_right: Callable[[str], bool]) -> Propose:
    """The text without the blanks around it, where that makes it right."""

    def propose(text: str) -> str | None:
        meant = text.strip()
        return meant if meant != text and is_right(meant) else None

    return propose


MARKS = re.compile(r"[$€£¥\s\u00a0\u202f]")
PLAIN = re.compile(r"[+-]?\d+(\.\d+)?([eE][+-]?\d{1,2})?|[+-]?\.\d+", re.ASCII)
# A comma or a point before three digits may group them or begin the fraction: alone it is not told which.
POINT_FRACTION = re.compile(r"[+-]?\d{1,3}(,\d{3})*,\d{3}\.\d+|[+-]?\d{1,3}(,\d{3}){2,}", re.ASCII)
COMMA_FRACTION = re.compile(r"[+-]?\d{1,3}(\.\d{3})*\.\d{3},\d+|[+-]?\d{1,3}(\.\d{3}){2,}", re.ASCII)
COMMA_ALONE = re.compile(r"[+-]?\d*,(\d{1,2}|\d{4,})|[+-]?(0|\d{4,}),\d+", re.ASCII)
APOSTROPHES = re.compile(r"[+-]?\d{1,3}(['\u2019]\d{3})+(\.\d+)?", re.ASCII)


def number(text: str) -> str | None:
    """The number that a text spells with currency signs, blanks, grouped digits or a decimal comma."""
    bare = MARKS.sub("", text).replace("\u2212", "-")
    if PLAIN.fullmatch(bare):
        digits = bare
    elif POINT_FRACTION.fullmatch(bare):
        digits = bare.replace(",", "")
    elif COMMA_FRACTION.fullmatch(bare):
        digits = bare.replace(".", "").replace(",", ".")
    elif COMMA_ALONE.fullmatch(bare):
        digits = bare.replace(",", ".")
    elif APOSTROPHES.fullmatch(bare):
        digits = re.sub("['\u2019]", "", bare)
    else:
        return None
    return _shortest(Decimal(digits)) if _blanks_group(text) else None


def _blanks_group(text: str) -> bool:
    """Whether blanks between digits stand where groups of three begin: "1 234", but not "12 5"."""
    numbers = re.findall(r"\d[\d\s]*", text)
    return len(numbers[:1]) == 1 and all(
        re.fullmatch(r"\d+|\d{1,3}(\s\d{3})+", part.strip()) for part in numbers
    )


def _shortest(value: Decimal) -> str:
    digits = format(value, "f")
    shortest = digits.rstrip("0").rstrip(".") if "." in digits else digits
    return "0" if value == 0 else shortest.removeprefix("+")


def integer(text: str) -> str | None:
    """The integer that a text spells, such as 7 for "007" or "7.0"."""
    meant = number(text)
    return meant if meant is not None and "." not in meant and meant != text else None


def boolean(text: str) -> str | None:
    """The boolean that a text means in English."""
    word = text.strip().lower()
    if word in ("true", "yes", "y"):
        return "true"
    return "false" if word in ("false", "no", "n") else None


FIRST_YEAR = 1000
"""An earlier one was hardly meant, and Python writes it with fewer digits."""
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
YEAR_FIRST = re.compile(r"(\d{4})([-/.]?)(\d{1,2})\2(\d{1,2})(?:[t ]00:00(?::00(?:\.0+)?)?z?)?", re.ASCII)
DOTTED = re.compile(r"(\d{1,2})\. ?(\d{1,2})\. ?(\d{4})", re.ASCII)
YEAR_LAST = re.compile(r"(\d{1,2})([-/])(\d{1,2})\2(\d{4})", re.ASCII)
DAY_AND_NAME = re.compile(r"(\d{1,2})[ .-]+([a-z]{3,9})[ .,-]+(\d{4})", re.ASCII)
NAME_AND_DAY = re.compile(r"([a-z]{3,9})[ .]+(\d{1,2}),? +(\d{4})", re.ASCII)


def date_as(form: str = "%Y-%m-%d") -> Propose:
    """The day that a text names in another common notation, in the strftime format `form`."""

    def propose(text: str) -> str | None:
        day = _day(text.strip().lower())
        return None if day is None else day.strftime(form)

    return propose


def _day(text: str) -> date | None:
    """The one day that a text can name; 01/02/2024 names two."""
    days = set(_days(text))
    return days.pop() if len(days) == 1 else None


def _days(text: str) -> Iterable[date]:
    if found := YEAR_FIRST.fullmatch(text):
        yield from _dates(found[1], found[3], found[4])
    elif found := DOTTED.fullmatch(text):
        yield from _dates(found[3], found[2], found[1])
    elif found := YEAR_LAST.fullmatch(text):
        yield from _dates(found[4], found[1], found[3])
        yield from _dates(found[4], found[3], found[1])
    elif found := DAY_AND_NAME.fullmatch(text):
        yield from _dates(found[3], _month(found[2]), found[1])
    elif found := NAME_AND_DAY.fullmatch(text):
        yield from _dates(found[3], _month(found[1]), found[2])


def _dates(year: str, month: str, day: str) -> Iterable[date]:
    if int(year) < FIRST_YEAR:
        return
    try:
        yield date(int(year), int(month), int(day))
    except ValueError:
        return


def _month(name: str) -> str:
    """The number of a month by its English name, 0 for another word."""
    full = date(2000, MONTHS.index(name[:3]) + 1, 1).strftime("%B").lower() if name[:3] in MONTHS else ""
    return str(MONTHS.index(name[:3]) + 1) if full.startswith(name) or name == "sept" else "0"


def value_of(type: ColumnType, form: str | None = None) -> Propose | None:
    """What proposes values of a type, dates in the strftime format `form`; None for a type of which none is told."""
    if type is ColumnType.DATE:
        return date_as(form or "%Y-%m-%d")
    return VALUES.get(type)


VALUES: Mapping[ColumnType, Propose] = {
    ColumnType.INTEGER: integer,
    ColumnType.FLOAT: number,
    ColumnType.DECIMAL: number,
    ColumnType.BOOLEAN: boolean,
}


def closest(choices: Sequence[str]) -> Propose:
    """The choice that a text was meant to be: the same but for its case, else the one that is most like it.

    Nothing where two are equally like it, or where there are more than MAX_CHOICES.
    """
    by_folded = {choice.strip().casefold(): choice for choice in reversed(choices)}
    near = _neighbours(by_folded) if len(by_folded) <= MAX_CHOICES else {}

    @lru_cache(maxsize=MAX_TEXTS)
    def propose(text: str) -> str | None:
        folded = text.strip().casefold()
        if folded in by_folded:
            return by_folded[folded]
        found = {choice for short in _shortened(folded) for choice in near.get(short, ())}
        likest = _likest(folded, found)
        return None if likest is None else by_folded[likest]

    return propose


def _likest(text: str, choices: Iterable[str]) -> str | None:
    ratios = sorted(
        ((SequenceMatcher(None, text, choice).ratio(), choice) for choice in choices), reverse=True
    )
    if not ratios or ratios[0][0] < CUTOFF or (len(ratios) > 1 and ratios[0][0] == ratios[1][0]):
        return None
    return ratios[0][1]


def _neighbours(choices: Iterable[str]) -> dict[str, list[str]]:
    """The choices by each text that they shorten to: a look-up in place of a comparison with every choice."""
    near: dict[str, list[str]] = {}
    for choice in choices:
        for short in _shortened(choice):
            near.setdefault(short, []).append(choice)
    return near


def _shortened(text: str) -> set[str]:
    """The text without up to two of its characters, one where it is short or long.

    Two texts that differ by that many letters, left out, added, changed or swapped, share one of these.
    """
    once = {text[:at] + text[at + 1 :] for at in range(len(text))}
    if not SHORT < len(text) <= LONG:
        return {text, *once}
    return {text, *once, *(part[:at] + part[at + 1 :] for part in once for at in range(len(part)))}
