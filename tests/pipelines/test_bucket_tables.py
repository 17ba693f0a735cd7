"""Datasets in a bucket are what they are in a folder, whatever job writes or reads them."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from headgate.errors import JobFault
from headgate.pipelines.orders import Stopped
from headgate.pipelines.readers.dataset import DatasetRows
from headgate.pipelines.runner import ingest
from headgate.pipelines.screening import Screening
from headgate.pipelines.steps.registry import steps_from_json
from headgate.storage import datasets
from headgate.storage.datasets import WriteMode
from headgate.storage.filters import RowFilter
from headgate.storage.formats import FileFormat
from tests.buckets import Store, set_keys
from tests.pipelines.correcting import ingested
from tests.pipelines.intake import BucketIntake, Intake, Outcome, target_of, unheard
from tests.pipelines.screened import csv, load, refused

APPEND, REPLACE, UPSERT = WriteMode.APPEND, WriteMode.REPLACE, WriteMode.UPSERT


@pytest.fixture
def bucket(tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch) -> BucketIntake:
    set_keys(monkeypatch)
    folder = tmp_path / "bucket"
    folder.mkdir()
    return BucketIntake(folder, store)


@pytest.fixture
def both(tmp_path: Path, bucket: BucketIntake) -> Iterator[Callable[[Callable[[Intake], Any]], Any]]:
    """Do the same with datasets of a folder and of a bucket, where the same has to come out."""
    folder = tmp_path / "folder"
    folder.mkdir()

    def run(story: Callable[[Intake], Any]) -> Any:
        found = story(bucket)
        assert found == story(Intake(folder))
        return found

    yield run
    assert not list(bucket.folder.rglob("dataset*")), "something of the dataset was written beside the bucket"


Both = Callable[[Callable[[Intake], Any]], Any]


def seen(outcome: Outcome) -> tuple[Any, ...]:
    version = outcome.version
    parts = [(part.name, part.rows, part.byte_size, part.partition) for part in version.parts]
    return outcome.counts, outcome.rows, outcome.errors, version.version, version.columns, parts


def test_rows_are_appended_upserted_and_replaced(both: Both) -> None:
    def story(intake: Intake) -> Sequence[Any]:
        return [
            seen(intake.load("id,a\n1,x\n2,y\n", job="job_1")),
            seen(intake.load("id,a,new\n3,z,2026-01-01 10:00:00\n", job="job_2")),
            seen(intake.load("id,a\n2,Y\n4,w\n2,last\n", UPSERT, ["id"], job="job_3")),
            intake.parquet_files(),
            seen(intake.load("b\n1\n", REPLACE, job="job_4")),
            seen(intake.load("b\n1\n", REPLACE, job="job_4")),
        ]

    _, _, upserted, files, *_ = both(story)
    assert [row["id"] for row in upserted[1]] == [1, 3, 4, 2]
    assert files == {
        "job_1-1-000000.parquet",
        "job_2-1-000000.parquet",
        "job_3-1-000000.parquet",
        "job_3-1-kept000000-000000.parquet",
    }


def test_partitions_are_written_and_only_those_of_an_upsert_again(both: Both) -> None:
    def story(intake: Intake) -> Sequence[Any]:
        outcomes = []
        for number, text in enumerate(["day,id,a\n1,1,x\n2,2,y\n3,3,z\n", "day,id,a\n2,2,new\n"]):
            job = intake.job(intake.file(text), FileFormat.CSV, UPSERT, ["day", "id"], job=f"job_{number}")
            target = replace(target_of(job), partition_by=["day"])
            outcomes.append(seen(intake.run(replace(job, target=target, source=csv(intake, text)))))
        return outcomes

    _, upserted = both(story)
    assert [part[-1] for part in upserted[-1]] == [("1",), ("3",), ("2",)]


def test_other_datasets_are_looked_into_and_read(both: Both) -> None:
    def story(intake: Intake) -> Sequence[Any]:
        intake.load("id,name\n1,Ann\n2,Bob\n", dataset="customers")
        intake.load("id,mail\n9,a\n", job="job_1")
        checks = [
            {"reference": {"columns": ["id"], "dataset": "customers"}},
            {"unique": {"columns": ["mail"], "inDataset": True}},
        ]
        job = intake.job(Path(), FileFormat.CSV, job="job_2")
        customers = {"customers": intake.table("customers")}
        screening = replace(Screening.from_json({"checks": checks}, {}), datasets=customers)
        join = {"join": {"dataset": "customers", "columns": [{"column": "id"}]}}
        text = "id,mail\n1,a\n2,b\n7,c\n"
        job = replace(job, source=csv(intake, text), screening=screening, steps=steps_from_json([join]))
        outcome = intake.run(job)
        rows = DatasetRows(intake.table("dataset"), outcome.version.version, RowFilter("name", eq="Bob"))
        return [seen(outcome), seen(load(intake, rows, {}, dataset="other", job="job_3"))]

    found, other = both(story)
    assert [(error["row"], error["code"]) for error in found[2]] == [(1, "UNIQUE"), (3, "REFERENCE")]
    assert other[1] == [{"id": 2, "mail": "b", "name": "Bob"}]


def test_rejected_rows_are_corrected_and_read_again(both: Both) -> None:
    def story(intake: Intake) -> Sequence[Any]:
        first = ingested(intake, "name,age\nAda,36\nBob,200\n", {"range": {"columns": ["age"], "max": 150}})
        outcome, _ = first.correct({2: {"age": 20}})
        text = intake.file("id\n1\nx\n", "later")
        intake.load("id\n0\n", dataset="numbers")
        job = intake.job(text, FileFormat.CSV, dataset="numbers", job="job_8")
        rejected = intake.run(job)
        again = intake.job(text, FileFormat.CSV, dataset="numbers", job="job_9", replay=job.ledger)
        with pytest.raises(JobFault) as caught:
            ingest(again, unheard)
        return [outcome.rows, rejected.rows, rejected.errors, caught.value.code, caught.value.details]

    rows, *_ = both(story)
    assert rows == [{"name": "Ada", "age": 36}, {"name": "Bob", "age": 20}]


def test_a_job_that_fails_or_is_stopped_sends_nothing_and_leaves_nothing(
    bucket: BucketIntake, store: Store
) -> None:
    bucket.load("a\n1\n")
    before = store.keys()
    found = refused(
        bucket,
        csv(bucket, "a\n1\n7\n"),
        {"checks": [{"range": {"columns": ["a"], "max": 5}}], "acceptance": {"onInvalid": "REJECT_ALL"}},
    )
    assert found.fault.code

    def stop(stage: str, **figures: Any) -> None:
        if store.keys() != before:
            raise Stopped

    job = bucket.job(bucket.file("a\n3\n"), FileFormat.CSV, job="job_stopped")
    with pytest.raises(Stopped):
        ingest(job, stop)
    assert store.keys() == before
    assert datasets.latest(bucket.table("dataset")) == datasets.snapshot(bucket.table("dataset"), 0)
