"""The benchmarks run, whatever their figures; `make bench` judges those."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.__main__ import BENCHMARKS
from benchmarks.figures import FULL, alternate

pytestmark = pytest.mark.thorough

ROOT = Path(__file__).parent.parent
JUDGED = {
    "requests": 1,
    "guards": 2,
    "ingest": 1,
    "checks": 1,
    "steps": 1,
    "memory": 0,
    "pages": 4,
    "downloads": 2,
    "ledger": 2,
    "appends": 2,
    "upsert": 2,
    "jobs": 2,
    "starts": 0,
    "first_start": 1,
    "events": 1,
    "subscriptions": 0,
    "uploads": 4,
}
"""The benchmarks, and of how many figures of each something is asked."""
JUDGED_ON_LINUX = {"checks": 1, "memory": 3, "downloads": 1, "ledger": 1, "uploads": 2}
"""How many more there are where the memory of a process can be measured."""


@pytest.mark.parametrize("name", JUDGED)
def test_a_benchmark_runs_on_small_data_and_writes_nothing_where_it_runs(name: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--quick", name],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    judged = JUDGED[name] + (JUDGED_ON_LINUX.get(name, 0) if sys.platform == "linux" else 0)
    assert done.stdout.count("not judged") == judged
    assert list(tmp_path.iterdir()) == []


def test_every_benchmark_is_run() -> None:
    assert [measure.__name__.removeprefix("measure_") for measure in BENCHMARKS] == list(JUDGED)


def test_measures_take_turns_and_the_first_turn_does_not_count() -> None:
    ours, plain = iter([9.0, 1.0, 3.0, 2.0]), iter([0.0, 7.0, 5.0, 6.0])
    sizes = replace(FULL, warm_ups=1, rounds=3)
    assert alternate(sizes, (lambda: next(ours), lambda: next(plain))) == [2.0, 6.0]
