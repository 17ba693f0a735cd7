"""Tasks that are jobs: from the JSON of a task to the JSON of its answer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path
from typing import Any

from headgate.errors import JobFault
from headgate.pipelines.counts import Counts
from headgate.pipelines.dialect import Dialect, GivenDialect
from headgate.pipelines.endpoints.outside import Outside
from headgate.pipelines.fetched import Fetch, KeptFolder, fetched_source, kept_source
from headgate.pipelines.inputs import Input
from headgate.pipelines.keptfiles import OutsideFetch, fetched_files, is_kept, kept_files
from headgate.pipelines.mappings import Done, Item, Tally, carry_out
from headgate.pipelines.nearby import Nearby
from headgate.pipelines.orders import Permit
from headgate.pipelines.prepared import Source, Watch
from headgate.pipelines.readers.corrections import Corrections
from headgate.pipelines.readers.dataset import DatasetRows
from headgate.pipelines.readers.many import Files
from headgate.pipelines.rejections import Samples, Tell
from headgate.pipelines.runner import Ingest, Ingested, ingest, settle
from headgate.pipelines.scratch import scratch_made
from headgate.pipelines.screening import Screening
from headgate.pipelines.sinks.registry import sinks_from_json
from headgate.pipelines.sinks.sink import OutsideSink
from headgate.pipelines.sinks.writing import Target
from headgate.pipelines.sources.registry import source_from_json
from headgate.pipelines.sources.source import OutsideSource
from headgate.pipelines.steps.registry import steps_from_json
from headgate.pipelines.validation import Validate, validate
from headgate.storage.datasets import WriteMode
from headgate.storage.filters import RowFilter
from headgate.storage.formats import DELIMITED, FileFormat
from headgate.storage.locations import location_from_json
from headgate.storage.open_errors import OpenErrors
from headgate.storage.tablefolders import TableFolder, table_folder


@dataclass(frozen=True, slots=True)
class Following:
    """Those who follow a task: they hear how far it is, of the first faults and of items, and permit its commit."""

    watch: Watch
    permit: Permit
    tell: Tell
    done: Done


def run_ingest(task: Mapping[str, Any], following: Following) -> dict[str, Any]:
    """Run the task "ingest"; the answer has the counts and the dataset's new version, where rows go to one."""
    outside = Outside.from_json(task["outside"])
    with scratch_made(Path(task["scratch"])) as scratch:
        nearby = Nearby(scratch, following.watch)
        source, state = _input(task["source"], outside, nearby, scratch, following.watch)
        if isinstance(source, Files) and not source.files:
            return _ingested(Ingested(Counts(0, 0, 0), None, (), (), state))
        job = Ingest(
            source,
            target_of(task, scratch),
            nearby.written(task["ledger"]),
            scratch,
            _open_errors(task["replay"]) if task.get("replay") else None,
            _screening(task),
            Samples(following.tell),
            nearby.written(task["resolved"]),
            task["lineage"],
            steps_from_json(task["rules"].get("steps") or ()),
            _outside_sinks(task["sinks"]),
            outside,
            state,
            task["job"],
            nearby.keep,
        )
        return _ingested(ingest(job, following.watch, following.permit))


def target_of(task: Mapping[str, Any], scratch: Path) -> Target | None:
    """The dataset that a task writes to, if it writes to one."""
    if (dataset := task.get("dataset")) is None:
        return None
    return Target(
        _folder(dataset),
        WriteMode(dataset["mode"]),
        dataset["keys"],
        job=task["job"],
        attempt=task["attempt"],
        scratch=scratch,
        partition_by=dataset.get("partitionBy"),
        step=dataset.get("step"),
    )


def _outside_sinks(given: Sequence[Mapping[str, Any]]) -> list[tuple[int, OutsideSink]]:
    sinks = enumerate(sinks_from_json(given))
    return [(number, sink) for number, sink in sinks if isinstance(sink, OutsideSink)]


def run_settle(task: Mapping[str, Any]) -> dict[str, Any]:
    """Run the task "settle", after a death: "ingested" is the job's answer where it had committed, else null."""
    settled = settle(_folder(task), task["job"], task["attempt"])
    return {"ingested": _ingested(settled) if settled else None}


def run_validate(task: Mapping[str, Any], following: Following) -> dict[str, Any]:
    """Run the task "validate"; the answer has the counts and a report."""
    outside = Outside.from_json(task["outside"])
    with scratch_made(Path(task["scratch"])) as scratch:
        nearby = Nearby(scratch, following.watch)
        job = Validate(
            _input(task["source"], outside, nearby, scratch, following.watch)[0],
            nearby.written(task["ledger"]),
            scratch,
            _screening(task),
            Samples(following.tell),
            steps_from_json(task["rules"].get("steps") or ()),
            outside,
            nearby.keep,
        )
        verdict = validate(job, following.watch, following.permit)
    return {
        "counts": verdict.counts.to_json(),
        "errors": verdict.issues,
        "report": verdict.to_json(),
    }


def run_map(task: Mapping[str, Any], following: Following) -> dict[str, Any]:
    """Run the task "map"; what became of its items was told by then, so that the answer is empty."""
    items = [Item.from_json(each) for each in task["items"]]
    tally, outside = Tally(**task["tally"]), Outside.from_json(task["outside"])
    watch, done = following.watch, following.done
    carry_out(task["job"], items, tally, outside, at_once=task["at_once"], watch=watch, done=done)
    return {}


def _input(
    source: Mapping[str, Any], outside: Outside, nearby: Nearby, scratch: Path, watch: Watch
) -> tuple[Input, Mapping[str, Any] | None]:
    """What is read and, of an incremental source, the state to go on from next time."""
    if "version" in source:
        wanted = source.get("filter")
        rows = RowFilter.from_json(wanted) if wanted else None
        return DatasetRows(_folder(source), source["version"], rows), None
    if "outside" in source:
        kept = fetched_files(_outside_fetch(source, nearby.kept(source["kept"]), outside), scratch, watch)
        return kept.input(), kept.state
    if "url" in source:
        return fetched_source(_fetch(source, nearby.kept(source["kept"])), scratch, watch), None
    dialect = Dialect.from_json(source["dialect"]) if source["dialect"] else None
    given = GivenDialect.from_json(source.get("given_dialect"))
    file = Source(nearby.file(source["object"]), FileFormat(source["format"]), dialect, given=given)
    return _corrections(source, file, nearby) if "corrections" in source else file, None


def _folder(said: Mapping[str, Any]) -> TableFolder:
    return table_folder(location_from_json(said["folder"]))


def _outside_fetch(source: Mapping[str, Any], folder: KeptFolder, outside: Outside) -> OutsideFetch:
    kind = source_from_json(source["outside"])
    assert isinstance(kind, OutsideSource)
    return OutsideFetch(kind, folder, outside, source["max_bytes"], source["state"])


def _open_errors(earlier: Mapping[str, Any]) -> OpenErrors:
    """The open errors of an earlier job: its ledger, but for the rows that later jobs resolved."""
    resolved = [location_from_json(said) for said in earlier["resolved"]]
    return OpenErrors(location_from_json(earlier["ledger"]), resolved)


def _corrections(source: Mapping[str, Any], table: Source, nearby: Nearby) -> Corrections:
    given = source["corrections"]
    as_text = given["asText"]
    if as_text is None:
        as_text = _was_text(nearby.kept(given["fetched"]))
    return Corrections(table, _open_errors(given["of"]), given["columns"], as_text, given.get("own", ()))


def _was_text(fetched: KeptFolder) -> bool:
    """Whether what was fetched came as text, whose types were still to be found."""
    if (folder := fetched.find()) is None:
        raise JobFault(
            "NOTHING_TO_REPLAY", "What was fetched from outside is gone. Send the data again.", "DATA"
        )
    return kept_files(folder).is_text if is_kept(folder) else kept_source(folder).format in DELIMITED


def _fetch(source: Mapping[str, Any], folder: KeptFolder) -> Fetch:
    networks = [ip_network(network) for network in source["networks"]]
    return Fetch(source["url"], folder, networks, source["max_bytes"], source["timeout_s"])


def _screening(task: Mapping[str, Any]) -> Screening:
    return Screening.from_json(task["rules"], task["datasets"], is_partial=bool(task.get("lineage")))


def _ingested(done: Ingested) -> dict[str, Any]:
    version = done.version
    return {
        "counts": done.counts.to_json(),
        "columns": [column.to_json() for column in done.columns],
        "delivered": list(done.delivered),
        "state": done.state,
        "dataset": None if version is None else version.to_json(),
    }
