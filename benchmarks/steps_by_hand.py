"""The reference of a pipeline of steps: the same expressions in Polars, in a process of its own.

`python -m benchmarks.steps_by_hand FILES.parquet FILE.parquet` prints the seconds.
"""

import sys
import time

import polars as pl


def main() -> None:
    """Carry out the steps, and time nothing but that."""
    source, target = sys.argv[1:]
    started = time.perf_counter()
    rows = (
        pl.scan_parquet(source)
        .with_columns(pl.col("product", "note").str.strip_chars(), pl.col("quantity").fill_null(0))
        .filter(pl.col("price") > 100)
    )
    low, high = (
        rows.select(low=pl.col("score").min(), high=pl.col("score").max()).collect(engine="streaming").row(0)
    )
    changed = rows.with_columns(
        revenue=pl.col("quantity") * pl.col("price"),
        score=(pl.col("score") - low) / (high - low),
        day_year=pl.col("day").dt.year(),
        day_month=pl.col("day").dt.month(),
    )
    changed.rename({"note": "remark"}).drop("active").sink_parquet(target, compression="lz4")
    print(time.perf_counter() - started)


if __name__ == "__main__":
    main()
