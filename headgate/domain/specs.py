"""Specs: what a job or a pipeline does, in JSON as people give it; read, or refused with every mistake."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import orjson

from headgate.domain.dialects import checked_dialect
from headgate.domain.parts import Mistakes, Path, parse_kind, parse_kinds, parse_settings
from headgate.domain.retry_policy import RetryPolicy
from headgate.domain.schedules import Schedule
from headgate.errors import UserFault
from headgate.pipelines.acceptance import Acceptance
from headgate.pipelines.checks.registry import check_kinds
from headgate.pipelines.contract import Contract
from headgate.pipelines.kinds import Kind, one_of
from headgate.pipelines.sinks.dataset import DatasetSink
from headgate.pipelines.sinks.registry import sink_kinds
from headgate.pipelines.sinks.sink import Sink
from headgate.pipelines.sources.file import FileSource
from headgate.pipelines.sources.registry import source_kinds
from headgate.pipelines.sources.source import SourceKind
from headgate.pipelines.sources.text import TextSource
from headgate.pipelines.steps.registry import step_kinds

ROWS = ("contract", "steps", "checks", "acceptance")
"""The parts that say what becomes of rows."""
RUNNING = ("retry", "timeoutSeconds")
"""Those that say how a job is carried out."""
PARTS = ("source", *ROWS, "sinks", "schedule", *RUNNING)
MAX_TIMEOUT_S = 7 * 86_400
MAX_SINKS = 10
AT = ("spec",)

Spec = Mapping[str, Any]


def check_spec(spec: Spec, at: Path = AT) -> None:
    """Hold a spec against the models of its parts.

    Raises UserFault (INVALID_SPEC), one for each mistake, whose path begins with `at`.
    """
    mistakes = Mistakes()
    for name in spec.keys() - set(PARTS):
        mistakes.note("INVALID_SPEC", f"A spec has no {name}; it has {', '.join(PARTS)}.", (*at, name))
    for name in PARTS:
        if spec.get(name) is not None:
            mistakes.of(lambda name=name: _check_part(name, spec[name], (*at, name)))  # type: ignore[misc]
    mistakes.check()


def _check_part(name: str, given: Any, path: Path) -> None:
    check_storable(given, path, "INVALID_SPEC")
    match name:
        case "source":
            _check_source(parse_kind(source_kinds(), "source", given, path), path)
        case "contract":
            parse_settings(Contract, given, path, "The contract")
        case "steps":
            parse_kinds(step_kinds(), "step", given, path)
        case "checks":
            parse_kinds(check_kinds(), "check", given, path)
        case "acceptance":
            parse_settings(Acceptance, given, path, "The acceptance")
        case "sinks":
            _check_sinks(parse_kinds(sink_kinds(), "sink", given, path), path)
        case "schedule":
            parse_settings(Schedule, given, path, "The schedule")
        case "retry":
            parse_settings(RetryPolicy, given, path, "The retry")
        case "timeoutSeconds":
            _check_timeout(given, path)


def _check_source(source: SourceKind, path: Path) -> None:
    if isinstance(source, FileSource | TextSource) and source.dialect is not None:
        checked_dialect(source.dialect.given(), (*path, source.kind, "dialect"))


def _check_sinks(sinks: Sequence[Sink], path: Path) -> None:
    if len(sinks) > MAX_SINKS:
        raise UserFault("INVALID_SPEC", f"There are at most {MAX_SINKS} sinks.", path)
    of_datasets = [number for number, sink in enumerate(sinks) if isinstance(sink, DatasetSink)]
    if len(of_datasets) > 1:
        message = (
            "There is one dataset sink at most: what is in a dataset can be the source of another pipeline."
        )
        raise UserFault("INVALID_SPEC", message, (*path, str(of_datasets[1])))


def _check_timeout(given: Any, path: Path) -> None:
    is_number = isinstance(given, int | float) and not isinstance(given, bool)
    if not is_number or not 0 < given <= MAX_TIMEOUT_S:
        message = f"timeoutSeconds is a number above 0 and at most {MAX_TIMEOUT_S}."
        raise UserFault("INVALID_SPEC", message, path)


def check_storable(value: Any, path: Path, code: str) -> None:
    """Raise UserFault with this code for what JSON can't hold, such as half a character."""
    try:
        orjson.dumps(value)
    except TypeError as error:
        raise UserFault(code, f"This can't be kept: {error}.", path) from error


def chosen(spec: Spec, names: Sequence[str]) -> dict[str, Any]:
    """Those of these parts that a spec has."""
    return {name: spec[name] for name in names if spec.get(name) is not None}


def datasets_named(spec: Spec) -> dict[str, Path]:
    """Name the datasets that steps and checks look values up in, each with the path to its first mention."""
    mentions: dict[str, Path] = {}
    for path, part in _kinds(spec, LISTS):
        for setting in part.datasets:
            mentions.setdefault(getattr(part, setting), (*path, part.kind, setting))
    return mentions


class EndpointMention(NamedTuple):
    """An endpoint that a spec names, where it does, and the kinds of which it has to be one."""

    name: str
    path: Path
    kinds: tuple[str, ...]


def endpoints_named(spec: Spec) -> list[EndpointMention]:
    """Name the endpoints that a checked spec reads from and writes to."""
    return [
        EndpointMention(name, (*path, part.kind, setting), kinds)
        for path, part in [*_source(spec), *_kinds(spec, LISTS)]
        for setting, kinds in part.endpoints.items()
        if (name := getattr(part, setting)) is not None
    ]


def _source(spec: Spec) -> Iterator[tuple[Path, Kind]]:
    if (given := spec.get("source")) is not None:
        yield ("source",), one_of(source_kinds(), given)


def _kinds(
    spec: Spec, lists: Mapping[str, Callable[[], Mapping[str, type[Kind]]]]
) -> Iterator[tuple[Path, Kind]]:
    for name, kinds in lists.items():
        for number, each in enumerate(spec.get(name) or ()):
            yield (name, str(number)), one_of(kinds(), each)


LISTS: Mapping[str, Callable[[], Mapping[str, type[Kind]]]] = {
    "steps": step_kinds,
    "checks": check_kinds,
    "sinks": sink_kinds,
}


def dataset_sink(spec: Spec) -> dict[str, Any] | None:
    """The settings of the sink that writes to a dataset; None where there is none."""
    return next((sink["dataset"] for sink in spec.get("sinks") or () if "dataset" in sink), None)


def with_dataset_sink(spec: Spec, settings: Mapping[str, Any]) -> dict[str, Any]:
    """The same spec with these settings in its dataset sink, which is added where there is none."""
    sinks = [
        {"dataset": {**sink["dataset"], **settings}} if "dataset" in sink else sink
        for sink in spec.get("sinks") or ()
    ]
    if dataset_sink(spec) is None:
        sinks.append({"dataset": dict(settings)})
    return {**spec, "sinks": sinks}
