"""What single cells of text look like: typed values, names, plain text."""

import re
from collections.abc import Sequence

TYPED = re.compile(
    r"[+-]?[$€£]?\d{1,3}([., '\u2019]\d{3})+([.,]\d+)?( ?[%€$£])?"  # 1,234.50
    r"|[+-]?[$€£]?(\d+([.,]\d*)?|[.,]\d+)([eE][+-]?\d+)?( ?[%€$£])?"  # 1.5e3, 12 %, $4
    r"|\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}([T ]\d{1,2}:\d.*)?"  # 2026-01-31T12:30
    r"|\d{1,2}:\d{2}(:\d{2}([.,]\d+)?)?( ?[ap]\.?m\.?)?"  # 12:30:00
    r"|true|false|-?inf(inity)?|nan",
    re.I,
)
MISSING = frozenset(
    {"", "-", "--", "?", ".", "na", "n/a", "n.a.", "nan", "null", "none", "nil", "#n/a", "tbd", "unknown"}
)
KNOWN_TEXT = re.compile(
    r"[\w .!?:\u2019()/&+\-\u2013#%*@°$€£=<>\[\]{}~^\u2026\u00b4`]*"
    r"|[\w.+-]+@[\w.-]+|\w+://\S+|[\w .!?:()/&+-]+['\u2019][\w .!?:()/&+'\u2019-]+"
)
MOSTLY = 0.8


def is_typed(cell: str) -> bool:
    """Whether a cell is a number, a date, a time or a truth value."""
    return TYPED.fullmatch(cell.strip()) is not None


def is_missing(cell: str) -> bool:
    """Whether a cell says that there is no value."""
    return cell.strip().lower() in MISSING


def is_known(cell: str) -> bool:
    """Whether a cell is of a type that cells have: one that holds delimiters or quotes is not."""
    text = cell.strip()
    return not text or is_typed(text) or KNOWN_TEXT.fullmatch(text) is not None


def is_mostly_typed(values: Sequence[str]) -> bool:
    """Whether most of a column's values are typed, those left out that are missing."""
    given = [value for value in values if not is_missing(value)]
    return sum(map(is_typed, given)) > MOSTLY * len(given)
