"""How numbers are distributed: quantiles and histograms, of numbers and how often each is there."""

import functools
import itertools
import math
import operator
from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
MAX_BINS = 20
NUMBER, COUNT = "number", "count"


def quantiles(counted: pl.DataFrame) -> list[dict[str, float]]:
    """Quantiles of NUMBER, each there COUNT times; between two neighbours on a straight line.

    They are 5, 25, 50, 75 and 95 in 100; none where there is no number.
    """
    ordered = counted.drop_nulls(NUMBER).sort(NUMBER)
    if ordered.is_empty():
        return []
    numbers, ends = ordered[NUMBER].to_numpy(), ordered[COUNT].cum_sum().to_numpy()
    places = np.array(QUANTILES) * (int(ends[-1]) - 1)
    lower, upper = (
        numbers[np.searchsorted(ends, place, side="right")] for place in (np.floor(places), np.ceil(places))
    )
    share = places - np.floor(places)
    # Neither product can overflow, which the difference of the neighbours can.
    values = lower * (1 - share) + upper * share
    return [{"q": q, "value": value} for q, value in zip(QUANTILES, values.tolist(), strict=True)]


def histogram(
    counted: pl.LazyFrame, low: float | None, high: float | None, step: float | None
) -> list[dict[str, Any]]:
    """Up to MAX_BINS bins of equal width from `low` to `high`, the least and the greatest NUMBER.

    Where values have a `step` between them, each bin holds equally many that are possible.
    """
    if low is None or high is None:
        return []
    edges = _edges(low, high, step)
    index = _index(edges[1:-1])
    counts = counted.drop_nulls(NUMBER).group_by(index.alias("bin")).agg(pl.col(COUNT).sum())
    found = dict(counts.collect(engine="streaming").iter_rows())
    bounds = itertools.pairwise(edges)
    return [{"from": start, "to": end, "count": found.get(bin, 0)} for bin, (start, end) in enumerate(bounds)]


def _index(inner_edges: Sequence[float]) -> pl.Expr:
    """How many edges a number has reached: compared with each, as dividing by a width is not exact."""
    reached = ((pl.col(NUMBER) >= edge).cast(pl.UInt8) for edge in inner_edges)
    return functools.reduce(operator.add, reached, pl.lit(0, pl.UInt8))


def _edges(low: float, high: float, step: float | None) -> list[float]:
    """The ends of all bins, in order: one more than bins."""
    if step is not None:
        width = math.ceil(((high - low) / step + 1) / MAX_BINS) * step
        bins = math.ceil((high - low + step) / width)
        edges = [low + bin * width for bin in range(bins + 1)]
    else:
        shares = (bin / MAX_BINS for bin in range(1, MAX_BINS))
        # Each product is finite, which the distance between the two need not be.
        inner = (low * (1 - share) + high * share for share in shares)
        edges = [low, *(min(max(edge, low), high) for edge in inner), high]
    distinct = sorted(set(edges))
    return distinct if len(distinct) > 1 else [low, high]
