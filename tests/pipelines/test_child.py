"""A real child process takes tasks as lines of JSON and answers with progress and one outcome each."""

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tests.pipelines.intake import Intake
from tests.restapi import TOKEN, serving_api

COMMAND = (sys.executable, "-m", "headgate.pipelines")
NOISY = """
import os, sys
from headgate.pipelines import child, inspector
inspect = inspector.inspect
def noisy(*arguments, **options):
    print("a library prints")
    os.write(1, b"a library writes\\n")
    return inspect(*arguments, **options)
child.inspect = noisy
child.main()
"""


class Child:
    """A running child process."""

    def __init__(self, *command: str) -> None:
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        self.progress: list[dict[str, Any]] = []
        self.samples: list[dict[str, Any]] = []
        self.asked = 0

    def send(self, task: dict[str, Any]) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(task).encode() + b"\n")
        self.process.stdin.flush()

    def message(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        answer: dict[str, Any] = json.loads(self.process.stdout.readline())
        return answer

    def run(self, task: dict[str, Any], permits: Sequence[float | None] = (60,)) -> dict[str, Any]:
        """Send a task and answer its outcome; its questions for the commit get these answers."""
        self.send(task)
        self.progress, left = [], list(permits)
        self.samples = []
        while (message := self.message()).keys() & {"progress", "asks", "errors"}:
            self.samples += message.get("errors", [])
            self.progress += [message["progress"]] if "progress" in message else []
            if "asks" in message:
                self.send({"commit": left.pop(0)})
        self.asked = len(permits) - len(left)
        return message

    def close(self) -> tuple[bytes, bytes]:
        """Close its input and wait for its end: what it answered since, and what it logged."""
        return self.process.communicate(timeout=20)


@pytest.fixture(scope="module")
def child() -> Iterator[Child]:
    child = Child(*COMMAND)
    yield child
    child.close()
    assert child.process.returncode == 0


def ingest_task(intake: Intake, path: Path, format: str = "CSV", **dataset: Any) -> dict[str, Any]:
    return {
        "task": "ingest",
        "job": "job_1",
        "attempt": 1,
        "source": {"object": {"path": str(path)}, "format": format, "dialect": None},
        "dataset": {"folder": {"path": str(intake.dataset().path)}, "mode": "APPEND", "keys": [], **dataset},
        "rules": {},
        "datasets": {},
        "lineage": [],
        "sinks": [],
        "outside": {"endpoints": {}, "networks": [], "timeout_s": 60},
        "ledger": {"path": str(intake.ledger("job_1"))},
        "resolved": {"path": str(intake.folder / "resolved" / "job_1.parquet")},
        "scratch": str(intake.scratch()),
    }


def settle_task(intake: Intake) -> dict[str, Any]:
    return {"task": "settle", "job": "job_1", "attempt": 1, "folder": {"path": str(intake.dataset().path)}}


def inspect_task(intake: Intake, path: Path, name: str) -> dict[str, Any]:
    task = {
        "task": "inspect",
        "object": {"path": str(path)},
        "name": name,
        "format": None,
        "dialect": None,
        "rows": 2,
    }
    return {**task, "scratch": str(intake.scratch())}


def test_an_ingest_answers_counts_and_the_new_version(child: Child, intake: Intake) -> None:
    answer = child.run(ingest_task(intake, intake.file("a,b\n1,2.50\n3\n5,6.25\n")))
    counts = {"read": 3, "accepted": 2, "rejected": 1, "filtered": 0, "merged": 0, "warnings": 0}
    assert [(sample["row"], sample["code"]) for sample in child.samples] == [(2, "STRUCTURE")]
    result = answer["result"]
    assert result["counts"] == counts
    assert (result["dataset"]["version"], result["dataset"]["row_count"]) == (0, 2)
    assert result["dataset"]["byte_size"] > 0
    assert result["dataset"]["columns"] == [
        {"name": "a", "type": "INTEGER", "nativeType": "Int64", "nullable": True, "form": None},
        {
            "name": "b",
            "type": "DECIMAL",
            "nativeType": "Decimal(precision=38, scale=2)",
            "nullable": True,
            "form": None,
        },
    ]
    assert child.progress[0]["stage"] == "reading"
    assert child.progress[-1]["stage"] == "committing"
    keys = {"stage", "fraction", "rows_read", "rows_written", "bytes_read", "bytes_total"}
    assert all(figures.keys() >= keys for figures in child.progress)
    settled = child.run(settle_task(intake))
    assert settled["result"]["ingested"]["counts"] == counts


def test_an_ingest_asks_once_before_it_commits_and_no_other_task_does(child: Child, intake: Intake) -> None:
    path = intake.file("a\n1\n")
    assert "result" in child.run(ingest_task(intake, path))
    assert child.asked == 1
    for task in (settle_task(intake), inspect_task(intake, path, "a.csv"), ingest_task(intake, path)):
        assert "result" in child.run(task, permits=())


def test_an_ingest_that_must_not_commit_leaves_nothing(child: Child, intake: Intake) -> None:
    task = ingest_task(intake, intake.file("a,b\n1,2\n3\n"))
    assert child.run(task, permits=[None]) == {"stopped": True}
    assert intake.parquet_files() == set()
    assert not intake.ledger("job_1").exists()
    assert child.run(settle_task(intake))["result"] == {"ingested": None}
    assert "result" in child.run(task)


def test_an_ingest_asks_again_when_its_time_to_commit_has_passed(child: Child, intake: Intake) -> None:
    task = ingest_task(intake, intake.file("a\n1\n"))
    assert child.run(task, permits=[0, 0, None]) == {"stopped": True}
    assert "result" in child.run(task, permits=[0, 60])
    assert child.asked == 2


def test_an_ingest_of_bad_rows_alone_asks_before_it_keeps_their_errors(child: Child, intake: Intake) -> None:
    task = ingest_task(intake, intake.file("a,b\n1\n"))
    assert child.run(task, permits=[None]) == {"stopped": True}
    assert not intake.ledger("job_1").exists()
    assert child.run(task)["failure"]["code"] == "ALL_ROWS_REJECTED"
    assert intake.ledger("job_1").exists()


def test_answers_that_nobody_waits_for_are_dropped(child: Child, intake: Intake) -> None:
    path = intake.file("a\n1\n")
    child.send({"commit": None})
    assert "result" in child.run(inspect_task(intake, path, "a.csv"))
    child.send({"commit": None})
    assert "result" in child.run(ingest_task(intake, path))


def large_file(intake: Intake) -> Path:
    path = intake.folder / "large"
    pl.DataFrame({"a": range(1_000_000)}).select("a", b=pl.col("a").cast(pl.String)).write_csv(path)
    return path


@pytest.mark.parametrize("stage", ["reading", "writing"])
def test_an_ingest_ends_when_it_is_told_to_stop(child: Child, intake: Intake, stage: str) -> None:
    task = ingest_task(intake, large_file(intake))
    child.send(task)
    while child.message()["progress"]["stage"] != stage:
        pass
    child.send({"stop": True})
    while "progress" in (message := child.message()):
        pass
    assert message == {"stopped": True}
    assert intake.parquet_files() == set()
    child.send({"stop": True})
    assert "result" in child.run(task)


def test_an_ingest_told_to_stop_while_it_asks_does_not_commit(child: Child, intake: Intake) -> None:
    child.send(ingest_task(intake, intake.file("a\n1\n")))
    while "progress" in (message := child.message()):
        pass
    assert message == {"asks": "commit"}
    child.send({"stop": True})
    child.send({"commit": 60})
    assert child.message() == {"stopped": True}
    assert intake.parquet_files() == set()


def test_an_ingest_reads_only_the_rows_that_an_earlier_one_rejected(child: Child, intake: Intake) -> None:
    path = intake.file("a,b\n1,2\n3\n5,6\n7\n")
    assert child.run(ingest_task(intake, path))["result"]["counts"]["rejected"] == 2

    def replay(job: str) -> dict[str, Any]:
        return {"replay": {"ledger": {"path": str(intake.ledger(job))}, "resolved": []}}

    task = ingest_task(intake, path) | {"job": "job_2", "ledger": {"path": str(intake.ledger("job_2"))}}
    failure = child.run(task | replay("job_1"))["failure"]
    assert (failure["code"], failure["counts"]["read"]) == ("ALL_ROWS_REJECTED", 2)
    failure = child.run(task | replay("job_3"))["failure"]
    assert (failure["code"], failure["category"]) == ("NOTHING_TO_REPLAY", "DATA")


def test_an_inspection_answers_format_dialect_columns_and_records(child: Child, intake: Intake) -> None:
    result = child.run(inspect_task(intake, intake.file("a;b\n1;x\n2;y\n3;z\n"), "a.csv"))["result"]
    assert (result["format"], result["dialect"]["delimiter"]) == ("CSV", ";")
    assert [(column["name"], column["type"]) for column in result["columns"]] == [
        ("a", "INTEGER"),
        ("b", "STRING"),
    ]
    assert (result["records"], result["has_more"]) == ([{"a": 1, "b": "x"}, {"a": 2, "b": "y"}], True)


def test_a_failure_says_why_and_the_next_task_runs(child: Child, intake: Intake) -> None:
    failure = child.run(ingest_task(intake, intake.file("a,b\n1\n")))["failure"]
    assert (failure["code"], failure["category"], failure["retryable"]) == (
        "ALL_ROWS_REJECTED",
        "DATA",
        False,
    )
    assert failure["counts"]["rejected"] == 1
    failure = child.run(ingest_task(intake, intake.file(b"PAR1 no"), "PARQUET"))["failure"]
    assert (failure["code"], failure["category"], failure["counts"]) == ("UNREADABLE_FILE", "DATA", None)
    failure = child.run(inspect_task(intake, intake.file(b""), "a.csv"))["failure"]
    assert failure["code"] == "EMPTY_FILE"
    failure = child.run(inspect_task(intake, intake.folder / "absent", "a.csv"))["failure"]
    assert (failure["code"], failure["category"]) == ("INTERNAL", "SYSTEM")
    assert str(intake.folder) not in failure["message"]
    assert "result" in child.run(inspect_task(intake, intake.file("a\n1\n"), "a.csv"))


def test_what_libraries_print_is_no_answer(intake: Intake) -> None:
    child = Child(sys.executable, "-c", NOISY)
    assert "result" in child.run(inspect_task(intake, intake.file("a\n1\n"), "a.csv"))
    _, printed = child.close()
    assert b"a library prints" in printed
    assert b"a library writes" in printed


@pytest.mark.parametrize("task", ["", '{"task": "inspect", '])
def test_it_ends_when_its_input_closes(task: str) -> None:
    ended = subprocess.run(COMMAND, input=task.encode(), capture_output=True, timeout=20, check=False)
    assert ended.stdout == b""


def test_it_ends_in_the_middle_of_a_task_too(intake: Intake) -> None:
    path = intake.folder / "data"
    pl.DataFrame({"a": range(3_000_000)}).select("a", b=pl.col("a").cast(pl.String)).write_csv(path)
    child = Child(*COMMAND)
    child.send(ingest_task(intake, path))
    while child.message()["progress"]["stage"] != "reading":
        pass
    answers, _ = child.close()
    assert b'"result"' not in answers


def test_an_endpoint_is_asked_and_its_secrets_show_nowhere() -> None:
    child = Child(*COMMAND)
    with serving_api() as api:
        api.guard = api.wants_bearer
        for settings, is_fine in (
            ({}, True),
            ({"timeoutSeconds": "s3cret"}, False),
            ({"url": "http://10.1.2.3"}, False),
        ):
            ads = {"kind": "HTTP", "settings": {"url": api.url, **settings}, "secrets": {"token": TOKEN}}
            outside = {"endpoints": {"ads": ads}, "networks": ["127.0.0.0/8"], "timeout_s": 5}
            answer = child.run({"task": "probe", "endpoint": "ads", "outside": outside})
            assert answer["result"]["ok"] is is_fine
            assert TOKEN not in str(answer) + str(child.progress)
        assert child.run({"task": "probe", "endpoint": "none", "outside": outside})["failure"]["code"] == (
            "UNKNOWN_ENDPOINT"
        )
        ads["secrets"] = [TOKEN]
        assert "failure" in child.run({"task": "probe", "endpoint": "ads", "outside": outside})
        assert api.asked[0].headers["authorization"] == f"Bearer {TOKEN}"
    assert TOKEN not in str(child.close())
