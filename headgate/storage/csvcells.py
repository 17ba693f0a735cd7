"""Cells of a CSV file that spreadsheets would take for formulas, made harmless in a way that can be undone.

A text that begins with = + - @, a tab or a carriage return gets an apostrophe in front, and so does one that begins
with apostrophes and then one of these. A plain number stays as it is.
"""

import polars as pl

LIKE_FORMULA = r"^'*[=+\-@\t\r]"
ESCAPED = r"^'+[=+\-@\t\r]"
# No plus: a spreadsheet would drop it, and it may be all that tells a telephone number from a number.
NUMBER = r"^-?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"
ASCII_ONLY = "(?-u)"


def escaped(text: pl.Expr) -> pl.Expr:
    """Make texts harmless; null stays null, and the expression keeps its name."""
    is_dangerous = text.str.contains(LIKE_FORMULA) & ~text.str.contains(ASCII_ONLY + NUMBER)
    return pl.when(is_dangerous).then(text.str.replace("^", "'")).otherwise(text)


def unescaped(text: pl.Expr) -> pl.Expr:
    """Give texts back as they were before `escaped`; null stays null."""
    return pl.when(text.str.contains(ESCAPED)).then(text.str.slice(1)).otherwise(text)
