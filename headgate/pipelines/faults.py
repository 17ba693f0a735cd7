"""The cells that broke rules, as lines of the error ledger: built from faulty rows alone, column by column."""

import threading
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import polars as pl

from headgate.pipelines.rowmap import ROW_INDEX, Numbers, RowMap
from headgate.pipelines.rules import Rule, Severity
from headgate.storage import ledger
from headgate.storage.columns import MAX_SAFE_INTEGER, json_text, plain_text

RULE = "__headgate_rule__:"
"""What begins the names of columns that say which rows broke a rule."""
FAULTY, REJECTED = "__headgate_faulty__", "__headgate_rejected__"
"""Columns that say which rows break any rule, and which of them are rejected."""
FIRST_ROWS = 100
MOST_ROWS = 20_000
MOST_BYTES = 64 << 20
"""Texts of rows that wait keep those of their whole batch in memory."""
MAX_VALUE_CHARACTERS = 10_000
"""A longer original value is cut: a broken quote can make one cell of a whole file."""
MAX_RECORD_CHARACTERS = 10 * MAX_VALUE_CHARACTERS
"""A longer record is left out: it is more than a page should carry."""
LIST_SEPARATOR = ", "
EXACT_IN_JSON = (pl.String, pl.Boolean, pl.Int8, pl.Int16, pl.Int32, pl.UInt8, pl.UInt16, pl.UInt32)


def masks(rules: Sequence[Rule], first: int = 0) -> list[pl.Expr]:
    """Which rows break each of these rules, of which the first has this number."""
    return [rule.fails.fill_null(False).alias(f"{RULE}{n}") for n, rule in enumerate(rules, start=first)]


def verdicts(rules: Sequence[Rule]) -> list[pl.Expr]:
    """FAULTY and REJECTED, by the masks of all these rules."""
    breaks = [pl.col(f"{RULE}{number}") for number in range(len(rules))]
    rejects = [mask for mask, rule in zip(breaks, rules, strict=True) if rule.severity is Severity.ERROR]
    none = pl.lit(False)
    return [
        pl.any_horizontal(breaks or [none]).alias(FAULTY),
        pl.any_horizontal(rejects or [none]).alias(REJECTED),
    ]


class FaultyRows:
    """Collects faulty rows from the batches of a scan, and makes them lines of the ledger many at a time.

    A column named RULE and the number of a rule says which rows broke that; `originals` says which column holds the
    values of each column of the source as they came, and `values` does of every column that rules are about, by default
    of these. `take` gets the lines, in the order of rows.
    """

    def __init__(
        self,
        rules: Sequence[Rule],
        originals: Mapping[str, str],
        rows: RowMap | None,
        take: Callable[[pl.DataFrame], None],
        values: Mapping[str, str] | None = None,
    ) -> None:
        self._rules, self._originals, self._rows, self._take = rules, originals, rows, take
        self._values = originals if values is None else values
        self._pending: list[pl.DataFrame] = []
        self._height = self._bytes = 0
        self._enough = FIRST_ROWS
        self._lock = threading.Lock()

    def add(self, faulty: pl.DataFrame) -> None:
        """Take the faulty rows of one batch."""
        with self._lock:
            self._pending.append(faulty)
            self._height += faulty.height
            self._bytes += int(faulty.estimated_size())
            if self._height < self._enough and self._bytes < MOST_BYTES:
                return
            # The first are wanted soon, as samples for whoever watches; then many at once are faster.
            self._enough = min(self._enough * 10, MOST_ROWS)
            chunk = self._chunk()
        self._make(chunk)

    def finish(self) -> None:
        """Take what is left over."""
        with self._lock:
            chunk = self._chunk()
        self._make(chunk)

    def _chunk(self) -> list[pl.DataFrame]:
        chunk, self._pending = self._pending, []
        self._height = self._bytes = 0
        return chunk

    def _make(self, chunk: Sequence[pl.DataFrame]) -> None:
        if chunk:
            self._take(self._lines(pl.concat(chunk)))

    def _lines(self, faulty: pl.DataFrame) -> pl.DataFrame:
        """One line of the ledger for each rule that a row broke, in the order of rows."""
        shared = _places(faulty[ROW_INDEX], self._rows).with_columns(_records(faulty, self._originals))
        masks = [faulty[f"{RULE}{number}"] for number in range(len(self._rules))]
        lines = [
            _lines(rule, mask, faulty, shared, self._values)
            for rule, mask in zip(self._rules, masks, strict=True)
            if mask.any()
        ]
        return _without_repeats(pl.concat(lines)).sort("row", maintain_order=True)


def _places(indexes: pl.Series, rows: RowMap | None) -> pl.DataFrame:
    at: Numbers = indexes.to_numpy().astype(np.int64)
    if rows is None:
        return pl.DataFrame({"row": at + 1, "line": pl.Series([None] * len(at), dtype=pl.Int64)})
    numbers, lines = rows.locate(at)
    # A record that had no line of its own, as in Parquet, keeps none where it is corrected.
    known = pl.Series(lines).replace(0, None)
    return pl.DataFrame({"row": numbers, "line": known}, schema={"row": pl.Int64, "line": pl.Int64})


def _records(faulty: pl.DataFrame, originals: Mapping[str, str]) -> pl.Series:
    """Whole records as JSON texts."""
    came = faulty.select(pl.col(column).alias(name) for name, column in originals.items())
    if all(_is_exact_in_json(came[name]) for name in came.columns):
        texts = came.select(pl.struct(pl.all()).struct.json_encode().alias("record")).to_series()
    else:
        texts = pl.Series("record", [json_text(record) for record in came.iter_rows(named=True)], pl.String)
    return texts.set(texts.str.len_bytes() > MAX_RECORD_CHARACTERS, None)


def _is_exact_in_json(values: pl.Series) -> bool:
    """Whether Polars writes these values as JSON that loses nothing."""
    if values.dtype == pl.Int64:
        return bool(values.is_between(-MAX_SAFE_INTEGER, MAX_SAFE_INTEGER).all())
    return values.dtype in EXACT_IN_JSON


def _lines(
    rule: Rule,
    mask: pl.Series,
    faulty: pl.DataFrame,
    shared: pl.DataFrame,
    holders: Mapping[str, str],
) -> pl.DataFrame:
    cells, places = faulty.filter(mask), shared.filter(mask)
    values = _values(rule, cells, holders)
    return pl.DataFrame(
        {
            "row": places["row"],
            "line": places["line"],
            "column": _same(rule.column, places.height),
            "value": values.str.slice(0, MAX_VALUE_CHARACTERS),
            "code": _same(rule.code, places.height),
            "check": _same(rule.check, places.height),
            "severity": _same(rule.severity.value, places.height),
            "message": _messages(rule, cells[ROW_INDEX]),
            "suggestion": rule.suggest(values) if rule.suggest else _same(None, places.height),
            "record": places["record"],
        },
        schema=ledger.SCHEMA,
    )


def _same(text: str | None, count: int) -> pl.Series:
    return pl.repeat(text, count, dtype=pl.String, eager=True)


def _messages(rule: Rule, indexes: pl.Series) -> pl.Series:
    return rule.messages(indexes) if rule.messages else _same(rule.message, len(indexes))


def _values(rule: Rule, cells: pl.DataFrame, holders: Mapping[str, str]) -> pl.Series:
    """The texts of the faulty cells as they came; of a rule over several columns, those of all of them."""
    columns = [rule.column] if rule.column is not None else rule.columns
    texts = [_texts(cells[holders[name]]) for name in columns if name in holders]
    if not texts:
        return _same(None, cells.height)
    joined = pl.concat_str(texts, separator=LIST_SEPARATOR, ignore_nulls=True)
    return texts[0] if len(texts) == 1 else pl.select(joined).to_series()


def _texts(values: pl.Series) -> pl.Series:
    if values.dtype == pl.String:
        return values
    return pl.Series(
        [None if value is None else plain_text(value) for value in values.to_list()], dtype=pl.String
    )


def _without_repeats(lines: pl.DataFrame) -> pl.DataFrame:
    """Several rules may say of one cell that its type is wrong: once is enough, as an ERROR where one says so."""
    is_type = lines["code"] == "TYPE"
    if is_type.sum() < 2:
        return lines
    mistyped = lines.filter(is_type).sort("severity", maintain_order=True)
    told = mistyped.unique(["row", "column"], keep="first", maintain_order=True)
    return pl.concat([lines.filter(~is_type), told]) if told.height < mistyped.height else lines
