"""Runs every benchmark and prints its figures; ends with status 1 where one misses what is asked of it."""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console

from benchmarks.appends import measure_appends
from benchmarks.checks import measure_checks
from benchmarks.downloads import measure_downloads
from benchmarks.figures import FULL, QUICK, Figure, Sizes, show_figures
from benchmarks.first_start import measure_first_start
from benchmarks.guards import measure_guards
from benchmarks.ingest import measure_ingest
from benchmarks.jobs import measure_jobs
from benchmarks.ledger import measure_ledger
from benchmarks.memory import measure_memory
from benchmarks.pages import measure_pages
from benchmarks.requests import measure_requests
from benchmarks.rivals import measure_rivals
from benchmarks.starts import measure_starts
from benchmarks.steps import measure_steps
from benchmarks.subscriptions import measure_events, measure_subscriptions
from benchmarks.uploads import measure_uploads
from benchmarks.upsert import measure_upsert

Measure = Callable[[Path, Sizes], list[Figure]]

BENCHMARKS: tuple[Measure, ...] = (
    measure_requests,
    measure_guards,
    measure_ingest,
    measure_checks,
    measure_steps,
    measure_memory,
    measure_pages,
    measure_downloads,
    measure_ledger,
    measure_appends,
    measure_upsert,
    measure_jobs,
    measure_starts,
    measure_first_start,
    measure_events,
    measure_subscriptions,
    measure_uploads,
)


RIVALS: tuple[Measure, ...] = (measure_rivals,)
"""Measured at full size only, since the other tools are installed for nothing else."""


def main() -> int:
    """Measure in a temporary folder and answer the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="small sizes: shows that those of Headgate run, judges nothing"
    )
    parser.add_argument("names", nargs="*", help="which ones, such as ingest; all of them by default")
    given = parser.parse_args()
    sizes = QUICK if given.quick else FULL
    benchmarks = _named(parser, BENCHMARKS if given.quick else (*BENCHMARKS, *RIVALS), given.names)
    with TemporaryDirectory(prefix="headgate-benchmarks-") as folder:
        figures = [figure for measure in benchmarks for figure in measure(Path(folder), sizes)]
    show_figures(Console(), figures, judged=not given.quick)
    return 0 if given.quick or all(figure.met for figure in figures) else 1


def _named(
    parser: argparse.ArgumentParser, benchmarks: Sequence[Measure], names: Sequence[str]
) -> Sequence[Measure]:
    known = {measure.__name__.removeprefix("measure_"): measure for measure in benchmarks}
    if unknown := set(names) - known.keys():
        parser.error(f"there is no benchmark {min(unknown)}; there are {', '.join(known)}")
    return [known[name] for name in names] if names else benchmarks


if __name__ == "__main__":
    sys.exit(main())
