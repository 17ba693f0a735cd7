"""What the benchmarks measure, and how runs become one figure."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is measured; every measurement is the median of `rounds`, after those that only warm up."""

    warm_ups: int
    rounds: int
    ingest_rows: int
    few_rows: int
    many_rows: int
    requests: int


FULL = Sizes(
    warm_ups=1, rounds=5, ingest_rows=5_000_000, few_rows=1_000_000, many_rows=10_000_000, requests=200
)
QUICK = Sizes(warm_ups=0, rounds=1, ingest_rows=20_000, few_rows=5_000, many_rows=20_000, requests=24)


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure: what was measured, what is asked of it, and whether it is met."""

    name: str
    measured: str
    asked: str
    met: bool


def alternate(sizes: Sizes, measures: Sequence[Callable[[], float]]) -> list[float]:
    """The median of each measure, all taken in turn, so that what slows the machine down slows them all."""
    taken = [[measure() for measure in measures] for _ in range(sizes.warm_ups + sizes.rounds)]
    return [median(values) for values in zip(*taken[sizes.warm_ups :], strict=True)]


def show_figures(console: Console, figures: Iterable[Figure], *, judged: bool) -> None:
    """Print the figures; where sizes are too small to judge by, without a verdict."""
    table = Table("figure", "measured", "asked", "")
    for figure in figures:
        verdict = ("ok" if figure.met else "miss") if judged else "not judged"
        table.add_row(figure.name, figure.measured, figure.asked, verdict)
    console.print(table)
