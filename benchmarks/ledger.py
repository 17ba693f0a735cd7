"""How soon people see what is wrong with their data: pages, summaries and CSV files of a long error ledger."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import polars as pl

from benchmarks.client import Client
from benchmarks.figures import Figure, Sizes, alternate
from benchmarks.memory import MIB, PROC, peak_bytes_of
from demo.server import Server, serving
from headgate.domain.ledgers import ledger_key
from headgate.storage.ledger import SCHEMA, merge_parts

MAX_S = 0.15
MAX_GROWTH_BYTES = 256 * MIB
ERRORS_A_ROW = 2
COLUMNS = ("amount", "country", "email", "birthday", "quantity")
CODES = ("TYPE", "REQUIRED", "RANGE", "ENUM", "PATTERN")
BROKEN = {"text": {"format": "CSV", "content": "a,b\n1,2\n3,4,5\n"}}
FIELDS = "id row line column value code check severity message suggestion record"
PAGE = f"""
query ($id: ID!) {{
  job(id: $id) {{
    errors(first: 20) {{ totalCount edges {{ cursor node {{ {FIELDS} }} }} pageInfo {{ hasNextPage endCursor }} }}
  }}
}}
"""
SUMMARY = f"""
query ($id: ID!) {{
  job(id: $id) {{ errorSummary {{ code column count rows samples {{ {FIELDS} }} }} }}
}}
"""
LINKS = """
query ($id: ID!) { job(id: $id) { ERRORS: errorsDownloadUrl ROWS: errorsDownloadUrl(content: ROWS) } }
"""


def measure_ledger(folder: Path, sizes: Sizes) -> list[Figure]:
    """Give a job a ledger of so many errors, and ask a real server for them."""
    home = folder / "ledger"
    with serving(home) as server, Client(server.url, server.token) as client:
        job_id = client.ingest(BROKEN, "rejected")
        if not client.finish(job_id)["counts"]["rejected"]:
            raise RuntimeError("The job rejected no row.")
        _write_ledger(home / "store" / ledger_key(job_id), sizes.errors)
        page_s, summary_s = alternate(
            sizes,
            (
                lambda: _took_s(lambda: _check_page(client.ask(PAGE, id=job_id), sizes.errors)),
                lambda: _took_s(lambda: _check_summary(client.ask(SUMMARY, id=job_id), sizes.errors)),
            ),
        )
        return [
            _figure("First page", sizes, page_s),
            _figure("Summary with samples", sizes, summary_s),
            *_download_figures(server, client.ask(LINKS, id=job_id)["job"], sizes),
        ]


def _write_ledger(path: Path, errors: int) -> None:
    """Write a ledger of this many errors, every second one in the row of the one before."""
    number = pl.int_range(errors, eager=False)
    row = number // ERRORS_A_ROW + 1
    name, text = pl.lit("person number ") + row.cast(pl.String), (number * 7_919).cast(pl.String)
    column = _one_of(COLUMNS, number)
    values = {
        "row": row,
        "line": row + 1,
        "column": column,
        "value": text,
        "code": _one_of(CODES, number // len(COLUMNS)),
        "check": pl.lit(None, pl.String),
        "severity": pl.lit("ERROR"),
        "message": pl.lit("This is not what it should be: ") + column,
        "suggestion": pl.lit(None, pl.String),
        "record": pl.struct(
            name.alias("name"), *((text + f" {each}").alias(each) for each in COLUMNS)
        ).struct.json_encode(),
    }
    part = path.with_name("part.parquet")
    part.parent.mkdir(parents=True, exist_ok=True)
    pl.select(**values, eager=False).cast(SCHEMA).sink_parquet(part)
    merge_parts([part], path)
    part.unlink()


def _one_of(names: tuple[str, ...], number: pl.Expr) -> pl.Expr:
    return number.mod(len(names)).replace_strict(dict(enumerate(names)), return_dtype=pl.String)


def _took_s(ask: Callable[[], None]) -> float:
    started = time.perf_counter()
    ask()
    return time.perf_counter() - started


def _check_page(answer: dict[str, Any], errors: int) -> None:
    found = answer["job"]["errors"]
    assert (found["totalCount"], len(found["edges"])) == (errors, 20)


def _check_summary(answer: dict[str, Any], errors: int) -> None:
    groups = answer["job"]["errorSummary"]
    assert len(groups) == len(COLUMNS) * len(CODES)
    assert sum(group["count"] for group in groups) == errors
    assert all(len(group["samples"]) == 3 for group in groups)


def _figure(what: str, sizes: Sizes, taken_s: float) -> Figure:
    name = f"{what} of {sizes.errors:,} errors"
    return Figure(name, f"{taken_s * 1000:.0f} ms", f"at most {MAX_S * 1000:.0f} ms", taken_s <= MAX_S)


def _download_figures(server: Server, links: dict[str, str], sizes: Sizes) -> list[Figure]:
    """Download both CSV files, and see how much more memory the server has taken by then."""
    before = _peak_bytes(server)
    figures = [
        Figure(f"CSV of {sizes.errors:,} errors, {content}", _downloaded(server.url + link))
        for content, link in links.items()
    ]
    peak = _peak_bytes(server)
    growth = peak - before
    asked = f"at most {MAX_GROWTH_BYTES // MIB} MiB"
    name = "Growth of the server's peak memory with these downloads"
    measured = f"{growth / MIB:.0f} MiB, to {peak / MIB:.0f} MiB"
    memory = [Figure(name, measured, asked, growth <= MAX_GROWTH_BYTES)] if PROC.is_dir() else []
    return figures + memory


def _peak_bytes(server: Server) -> int:
    return peak_bytes_of(server.process.pid) if PROC.is_dir() else 0


def _downloaded(url: str) -> str:
    started = time.perf_counter()
    with httpx.stream("GET", url, trust_env=False, timeout=120) as response:
        response.raise_for_status()
        size = sum(map(len, response.iter_raw()))
    return f"{time.perf_counter() - started:.1f} s, {size / MIB:.0f} MiB"
