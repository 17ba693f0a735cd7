"""CSV, TSV and their like.

One sweep over the bytes finds every record and rejects the broken ones. A file without faults is then scanned by
Polars where it lies; any other is first copied to a canonical form (UTF-8, LF, doubled quotes) that holds its good
records only.
"""

import os
from pathlib import Path
from typing import Any

import polars as pl

from headgate.pipelines import dialect as dialects
from headgate.pipelines.dialect import NOTHING_GIVEN, Dialect, GivenDialect
from headgate.pipelines.prepared import ROW_INDEX, Prepared, Source, Watch
from headgate.pipelines.readers.sweep import Sweep
from headgate.pipelines.rejections import RejectionLog

# Polars reads this where it first scans. By default it takes larger pieces the larger the file is: half a GiB of
# memory for ten million rows in place of a quarter, and no faster.
os.environ.setdefault("POLARS_CSV_CHUNK_SIZE", str(4_000_000))


def read(source: Source, scratch: Path, log: RejectionLog, watch: Watch) -> Prepared:
    """Sweep a delimited file; every column of the result is the source's own text."""
    dialect = source.dialect or detect_dialect(source.path, source.given)
    canonical = scratch / "canonical.csv"
    sweep = Sweep(source.path, dialect, canonical, log, source.only, cut_off=source.cut_off)
    sweep.run(watch)
    return Prepared(
        frame=_frame(sweep).with_row_index(ROW_INDEX),
        names=sweep.names,
        texts=frozenset(sweep.names),
        sample=_sample(sweep),
        accepted=sweep.accepted,
        rows=sweep.rows,
    )


def detect_dialect(path: Path, given: GivenDialect = NOTHING_GIVEN) -> Dialect:
    """The dialect found in the file's first bytes, as far as it isn't given."""
    with path.open("rb") as file:
        head = file.read(dialects.SAMPLE_BYTES)
    return dialects.detect(head, complete=len(head) < dialects.SAMPLE_BYTES, given=given)


def _frame(sweep: Sweep) -> pl.LazyFrame:
    """The good records, all columns as text: an empty cell is null, a quoted empty one empty text."""
    if not sweep.accepted:
        return pl.LazyFrame(schema=dict.fromkeys(sweep.names, pl.String))
    return pl.scan_csv(sweep.good.path, skip_lines=sweep.good.skip_lines, glob=False, **_options(sweep))


def _sample(sweep: Sweep) -> pl.DataFrame:
    """Records from all over the file, to guess types from."""
    text = b"".join(sweep.good.samples())
    if not text:
        return pl.DataFrame(schema=dict.fromkeys(sweep.names, pl.String))
    return pl.read_csv(text, **_options(sweep))


def _options(sweep: Sweep) -> dict[str, Any]:
    grammar = sweep.good.grammar
    return {
        "has_header": False,
        "extra_columns": "raise",
        "schema": dict.fromkeys(sweep.names, pl.String),
        "separator": grammar.delimiter.decode(),
        "quote_char": chr(grammar.quote or 0),
    }
