"""Ten rules over the made-up data, which good rows keep: each damaged cell breaks what they say of its column."""

from typing import Any

from benchmarks.data import WORDS

MAX_QUANTITY = 499
MAX_PRICE = 12_500
MAX_SCORE = 1_000
MIN_NOTE, MAX_NOTE = 6, 12
DAY = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
BOOLEANS = ("true", "false")
CHECKS: list[dict[str, Any]] = [
    {"unique": {"columns": ["id"]}},
    {"required": {"columns": ["note"]}},
    {"numeric": {"columns": ["quantity"]}},
    {"range": {"columns": ["quantity"], "min": 0, "max": MAX_QUANTITY}},
    {"range": {"columns": ["price"], "min": 0, "max": MAX_PRICE}},
    {"range": {"columns": ["score"], "min": 0, "max": MAX_SCORE}},
    {"oneOf": {"columns": ["product"], "values": list(WORDS)}},
    {"oneOf": {"columns": ["active"], "values": list(BOOLEANS)}},
    {"pattern": {"columns": ["day"], "regex": DAY}},
    {"length": {"columns": ["note"], "min": MIN_NOTE, "max": MAX_NOTE}},
]
"""The rules as Headgate's checks."""
