"""What the benchmarks measure, and how runs become one figure."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import ceil
from statistics import median

from rich.console import Console
from rich.table import Table

NOTHING = "-"
"""What is asked of a figure that is only shown."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is measured; every measurement is the median of `rounds`, after those that only warm up."""

    warm_ups: int
    rounds: int
    ingest_rows: int
    errors: int
    few_rows: int
    many_rows: int
    requests: int
    small_requests: int
    jobs: int
    jobs_at_once: int
    single_jobs: int
    subscriptions: int
    watched_events: int
    shared_events: int
    rival_rows: int
    slow_rival_rows: int
    append_bodies: int
    append_calls: int
    upload_blocks: int


FULL = Sizes(
    warm_ups=1,
    rounds=5,
    ingest_rows=5_000_000,
    errors=1_000_000,
    few_rows=1_000_000,
    many_rows=10_000_000,
    requests=200,
    small_requests=4_000,
    jobs=2_000,
    jobs_at_once=50,
    single_jobs=100,
    subscriptions=1_000,
    watched_events=150,
    shared_events=10,
    rival_rows=1_000_000,
    slow_rival_rows=50_000,
    append_bodies=48,
    append_calls=300,
    upload_blocks=2_048,
)
QUICK = Sizes(
    warm_ups=0,
    rounds=1,
    ingest_rows=20_000,
    errors=2_000,
    few_rows=5_000,
    many_rows=20_000,
    requests=24,
    small_requests=80,
    jobs=8,
    jobs_at_once=2,
    single_jobs=3,
    subscriptions=20,
    watched_events=5,
    shared_events=1,
    rival_rows=2_000,
    slow_rival_rows=2_000,
    append_bodies=2,
    append_calls=5,
    upload_blocks=6,
)


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure: what was measured, what is asked of it, if anything, and whether that is met."""

    name: str
    measured: str
    asked: str = NOTHING
    met: bool = True

    def verdict(self, *, judged: bool) -> str:
        """Say whether it is good enough; nothing where nobody asked for anything."""
        if self.asked == NOTHING:
            return ""
        if not judged:
            return "not judged"
        return "ok" if self.met else "miss"


def alternate(sizes: Sizes, measures: Sequence[Callable[[], float]]) -> list[float]:
    """The median of each measure, all taken in turn, so that what slows the machine down slows them all."""
    taken = [[measure() for measure in measures] for _ in range(sizes.warm_ups + sizes.rounds)]
    return [median(values) for values in zip(*taken[sizes.warm_ups :], strict=True)]


def percentile(values: Sequence[float], share: float) -> float:
    """The value that this share of them, from 0 to 1, does not exceed."""
    return sorted(values)[max(ceil(share * len(values)) - 1, 0)]


def in_ms(seconds: Sequence[float]) -> str:
    """Say what is usual and what is rare."""
    p50, p95 = (percentile(seconds, share) * 1000 for share in (0.5, 0.95))
    return f"p50 {p50:.0f} ms, p95 {p95:.0f} ms"


def show_figures(console: Console, figures: Iterable[Figure], *, judged: bool) -> None:
    """Print the figures; where sizes are too small to judge by, without a verdict."""
    table = Table("figure", "measured", "asked", "")
    for figure in figures:
        table.add_row(figure.name, figure.measured, figure.asked, figure.verdict(judged=judged))
    console.print(table)
