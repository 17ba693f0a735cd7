"""A small Druid on this machine: it takes tasks, reads what they name, and keeps rows by table.

It answers as the overlord and the router do, over HTTP: a task is accepted once, runs until it was asked for a few
times, and reports what it did with its rows.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from io import BytesIO
from itertools import count
from typing import Any

import polars as pl

from tests.restapi import Asked, Reply, serving

TASK = "/druid/indexer/v1/task"
STATEMENT = "/druid/v2/sql/task"
VERSION = "31.0.0"
ETERNITY = ("0000-01-01T00:00:00.000Z", "9999-01-01T00:00:00.000Z")
ReadObject = Callable[[str, str], bytes]
"""Answers the content of an object, by its bucket and its path."""


@dataclass
class Task:
    """A task that was accepted; `polls` are how often it is asked for until it ends."""

    said: Mapping[str, Any]
    polls: int
    code: str = "SUCCESS"
    message: str | None = None
    stats: dict[str, int] = field(default_factory=dict)


class Overlord:
    """`tables` hold rows, each with `__time` in milliseconds.

    `faults` are for the next tasks, which fail with these messages. `lost` rows of each task are thrown away. Without
    `reports`, none are told. `troubles` come first, one for each request, as in RestApi.
    """

    def __init__(self, port: int) -> None:
        self.port = port
        self.tables: dict[str, list[dict[str, Any]]] = {}
        self.tasks: dict[str, Task] = {}
        self.asked: list[Asked] = []
        self.troubles: list[Reply | None] = []
        self.faults: list[str] = []
        self.polls = 1
        self.lost = 0
        self.reports = True
        self.read_object: ReadObject = lambda bucket, path: b""
        self._numbers = count(1)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def submitted(self) -> list[Any]:
        """What was handed in, be it accepted or not."""
        return [asked.json for asked in self.asked if asked.method == "POST"]

    def answer(self, asked: Asked) -> Reply:
        self.asked.append(asked)
        trouble = self.troubles.pop(0) if self.troubles else None
        if trouble is not None:
            return trouble
        if asked.method == "POST":
            return self._take(asked)
        if asked.path == "/status":
            return Reply(said={"version": VERSION})
        found = re.fullmatch(rf"{TASK}/([^/]+)/(status|reports)", asked.path)
        if found is None:
            return Reply(404, {"error": "no such thing"})
        if found[1] not in self.tasks:
            return Reply(404, {"error": f"No status for task [{found[1]}]"})
        return self._status(found[1]) if found[2] == "status" else self._reports(found[1])

    def _take(self, asked: Asked) -> Reply:
        if asked.path == TASK and asked.json.get("type") == "index_parallel":
            task = asked.json.get("id") or f"index_parallel_{next(self._numbers)}"
            return self._accept(task, asked.json, {"task": task})
        if asked.path == STATEMENT and "query" in asked.json:
            query = asked.json.get("context", {}).get("sqlQueryId") or f"made-{next(self._numbers)}"
            return self._accept(
                f"query-{query}", asked.json, {"taskId": f"query-{query}", "state": "RUNNING"}
            )
        return Reply(400, {"error": "this is no task"})

    def _accept(self, name: str, said: Mapping[str, Any], told: Mapping[str, str]) -> Reply:
        if name in self.tasks:
            return Reply(400, {"error": f"Task[{name}] already exists!"})
        self.tasks[name] = task = Task(said, self.polls)
        if self.faults:
            task.code, task.message = "FAILED", self.faults.pop(0)
        else:
            self._run(task)
        return Reply(200, told)

    def _run(self, task: Task) -> None:
        load = _loading(task.said)
        rows = [_timed(row, load) for row in self._read(load)]
        good = [row for row in rows if row is not None][self.lost :]
        bad = rows.count(None)
        task.stats = {
            "processed": len(good),
            "processedWithError": 0,
            "thrownAway": min(self.lost, len(rows)),
            "unparseable": bad,
        }
        if bad > load.max_faults:
            task.code, task.message = "FAILED", f"Max parse exceptions exceeded: {bad}"
            return
        kept = [] if load.replaces else self.tables.get(load.table, [])
        if load.replaces:
            kept = [row for row in self.tables.get(load.table, []) if not _is_within(row, load.interval)]
        self.tables[load.table] = kept + [
            {key: row[key] for key in row if key in load.columns} for row in good
        ]

    def _read(self, load: "Load") -> list[dict[str, Any]]:
        if load.source["type"] == "inline":
            assert load.format == {"type": "json"}
            return [json.loads(line) for line in load.source["data"].splitlines()]
        assert load.format == {"type": "parquet"}
        contents = [self.read_object(each["bucket"], each["path"]) for each in load.source["objects"]]
        return [row for content in contents for row in pl.read_parquet(BytesIO(content)).to_dicts()]

    def _status(self, name: str) -> Reply:
        task = self.tasks[name]
        task.polls -= 1
        code = "RUNNING" if task.polls >= 0 else task.code
        return Reply(
            said={"task": name, "status": {"id": name, "statusCode": code, "errorMsg": task.message}}
        )

    def _reports(self, name: str) -> Reply:
        if not self.reports:
            return Reply(404, {"error": f"No reports for task [{name}]"})
        task = self.tasks[name]
        return Reply(said=_report_of_query(task) if "query" in task.said else _report_of_ingestion(task))


def _report_of_ingestion(task: Task) -> dict[str, Any]:
    payload = {"errorMsg": task.message, "rowStats": {"buildSegments": task.stats} if task.stats else {}}
    return {"ingestionStatsAndErrors": {"type": "ingestionStatsAndErrors", "payload": payload}}


def _report_of_query(task: Task) -> dict[str, Any]:
    error = {"errorReport": {"error": {"errorMessage": task.message}}} if task.message else {}
    warnings = [{"error": {"errorCode": "CannotParseExternalData"}}] * task.stats.get("unparseable", 0)
    inputs = {"type": "channel", "rows": [task.stats.get("processed", 0)]}
    payload = {
        "status": {"status": task.code, "warnings": warnings, **error},
        "counters": {
            "0": {"0": {"input0": inputs}},
            "1": {"0": {"output": {"type": "channel", "rows": [1]}}},
        },
    }
    return {"multiStageQuery": {"type": "multiStageQuery", "payload": payload}}


@dataclass(frozen=True)
class Load:
    """What a task loads, in whichever language it was told."""

    table: str
    source: Mapping[str, Any]
    format: Mapping[str, Any]
    time: str
    columns: frozenset[str]
    replaces: bool
    interval: tuple[str, str]
    max_faults: float


def _loading(said: Mapping[str, Any]) -> Load:
    return _of_statement(said) if "query" in said else _of_spec(said["spec"])


def _of_spec(spec: Mapping[str, Any]) -> Load:
    data, io = spec["dataSchema"], spec["ioConfig"]
    fields = [metric["fieldName"] for metric in data["metricsSpec"] if "fieldName" in metric]
    dimensions = [dimension["name"] for dimension in data["dimensionsSpec"]["dimensions"]]
    intervals = data["granularitySpec"].get("intervals") or ["/".join(ETERNITY)]
    begin, _, end = intervals[0].partition("/")
    return Load(
        data["dataSource"],
        io["inputSource"],
        io["inputFormat"],
        data["timestampSpec"]["column"],
        frozenset({"__time", *dimensions, *fields}),
        not io["appendToExisting"],
        (begin, end),
        spec["tuningConfig"].get("maxParseExceptions", float("inf")),
    )


def _of_statement(said: Mapping[str, Any]) -> Load:
    query = said["query"]
    texts = [each.replace("''", "'") for each in re.findall(r"^    '(.*?)'(?:,|$)", query, re.MULTILINE)]
    source, format, signature = map(json.loads, texts)
    head = re.match(r'(INSERT|REPLACE) INTO "(.+?)"', query)
    time = re.search(r'\w+\("(.+?)"\) AS "__time"', query)
    span = re.search(r"OVERWRITE WHERE .*TIMESTAMP '(.+?)' AND .*TIMESTAMP '(.+?)'", query)
    assert head
    assert time
    begin, end = (f"{span[1]}Z", f"{span[2]}Z") if span else ETERNITY
    columns = frozenset({"__time", *(each["name"] for each in signature)})
    faults = said["context"].get("maxParseExceptions", 0)
    return Load(head[2], source, format, time[1], columns, head[1] == "REPLACE", (begin, end), faults)


def _timed(row: dict[str, Any], load: Load) -> dict[str, Any] | None:
    """A row with its `__time`; None where it has none."""
    time = row.get(load.time)
    return {**row, "__time": time} if isinstance(time, int) else None


def _is_within(row: Mapping[str, Any], interval: tuple[str, str]) -> bool:
    begin, end = (datetime.fromisoformat(each).replace(tzinfo=UTC) for each in _readable(interval))
    return bool(begin.timestamp() * 1000 <= row["__time"] < end.timestamp() * 1000)


def _readable(interval: tuple[str, str]) -> Iterator[str]:
    """Python's calendar begins with the year 1."""
    return (moment.replace("0000-", "0001-") for moment in interval)


@contextmanager
def serving_druid() -> Iterator[Overlord]:
    """Run a Druid on 127.0.0.1."""
    with serving(Overlord) as overlord:
        yield overlord
