"""The reference of an ingest: plain Polars, in a process of its own.

`python -m benchmarks.plain FILE.csv FILE.parquet` prints the seconds.
"""

import sys
import time

import polars as pl


def main() -> None:
    """Convert the file, and time nothing but that."""
    source, target = sys.argv[1:]
    started = time.perf_counter()
    pl.scan_csv(source).sink_parquet(target)
    print(time.perf_counter() - started)


if __name__ == "__main__":
    main()
