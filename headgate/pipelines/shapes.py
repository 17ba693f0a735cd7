"""Shapes of texts: the classes of their characters, such as two capitals and four digits."""

import re
from itertools import groupby

import polars as pl

MAX_CHARACTERS = 64
MAX_RUNS = 12
MAX_WORD_CHARACTERS = 10
"""Longer texts of one length without a digit are rather words than codes."""
CLASSES = {"A": "[A-Z]", "a": "[a-z]", "9": "[0-9]"}
"""What stands in a shape for each letter and digit of ASCII; all else stands for itself."""
SPECIAL = frozenset(r"\.+*?()|[]{}^$")
"""What means something in a regex."""
PLAIN = re.compile(r"[!-~ ]+")

Runs = list[tuple[str, int]]


def common_regex(texts: pl.Series) -> str | None:
    """A regex that each whole text matches, where all have one shape; None where that would say little of them.

    Runs of one class may differ in length: such a run is one or more. There must be digits, or texts of one length.
    """
    shapes = [_runs(shape) for shape in _shapes(texts)]
    if not shapes or any(shape is None for shape in shapes):
        return None
    known = [shape for shape in shapes if shape is not None]
    kinds = {tuple(mark for mark, _ in shape) for shape in known}
    if len(kinds) > 1:
        return None
    lengths = [{length for _, length in run} for run in zip(*known, strict=True)]
    marks = kinds.pop()
    if "9" not in marks and not _is_code(lengths):
        return None
    return "".join(_part(mark, found) for mark, found in zip(marks, lengths, strict=True))


def _shapes(texts: pl.Series) -> list[str]:
    shapes = (
        texts.str.slice(0, MAX_CHARACTERS + 1)
        .str.replace_all("[A-Z]", "A")
        .str.replace_all("[a-z]", "a")
        .str.replace_all("[0-9]", "9")
    )
    return shapes.unique().to_list()


def _runs(shape: str) -> Runs | None:
    """Each class with the length of its run; None for a shape that no short regex tells."""
    if len(shape) > MAX_CHARACTERS or not PLAIN.fullmatch(shape):
        return None
    runs = [(mark, sum(1 for _ in run)) for mark, run in groupby(shape)]
    return runs if len(runs) <= MAX_RUNS else None


def _is_code(lengths: list[set[int]]) -> bool:
    return all(len(found) == 1 for found in lengths) and sum(map(max, lengths)) <= MAX_WORD_CHARACTERS


def _part(mark: str, lengths: set[int]) -> str:
    part = CLASSES.get(mark) or _literal(mark)
    if len(lengths) > 1:
        return f"{part}+"
    length = next(iter(lengths))
    return part if length == 1 else f"{part}{{{length}}}"


def _literal(mark: str) -> str:
    return f"\\{mark}" if mark in SPECIAL else mark
