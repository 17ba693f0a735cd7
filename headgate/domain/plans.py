"""Plans: what a request does with its data, as a pipeline, a template or a spec says it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from sqlmodel import select

from headgate.domain.acceptance import Content
from headgate.domain.parts import Path
from headgate.domain.queries import is_one_of
from headgate.domain.requests import DataRequest, DatasetRef, content_of, has_data, source_of
from headgate.domain.services import Services
from headgate.domain.specs import AT, Spec, check_spec
from headgate.errors import UserFault
from headgate.pipelines.dialect import GivenDialect
from headgate.pipelines.sources.dataset import DatasetSource
from headgate.pipelines.sources.dialect_settings import DialectSettings
from headgate.pipelines.sources.file import FileSource
from headgate.pipelines.sources.records import RecordsSource
from headgate.pipelines.sources.registry import source_from_json
from headgate.pipelines.sources.source import SourceKind
from headgate.pipelines.sources.text import TextSource
from headgate.pipelines.sources.url import UrlSource
from headgate.pipelines.templates.registry import templates
from headgate.pipelines.templates.template import Template
from headgate.storage.filters import RowFilter
from headgate.storage.tables import Pipeline

R = TypeVar("R", bound=DataRequest)


@dataclass(frozen=True, slots=True)
class Plan:
    """A spec that was checked, and where in the request it comes from; `pipeline` is there where it is that one's."""

    spec: Spec
    at: Path
    pipeline: Pipeline | None = None

    @property
    def of_pipeline(self) -> dict[str, Any]:
        """What a job keeps of the pipeline that it is of: `pipeline_id` and `pipeline_version`."""
        if self.pipeline is None:
            return {}
        return {"pipeline_id": self.pipeline.id, "pipeline_version": self.pipeline.version}


async def pipelines_named(services: Services, requests: Iterable[DataRequest]) -> dict[str, Pipeline]:
    """Look up the pipelines that requests name, in one query; leaves out those that are not there."""
    names = {request.pipeline for request in requests if request.pipeline is not None}
    if not names:
        return {}
    async with services.database.read() as session:
        found = await session.scalars(select(Pipeline).where(is_one_of(Pipeline.name, names)))
        return {pipeline.name: pipeline for pipeline in found}


def plan_of(request: DataRequest, pipelines: Mapping[str, Pipeline]) -> Plan:
    """What a request is to do. Raises UserFault: INVALID_ARGUMENT, NOT_FOUND, PIPELINE_DISABLED, INVALID_SPEC."""
    given = [name for name in ("pipeline", "template", "spec") if getattr(request, name) is not None]
    if len(given) > 1:
        raise UserFault("INVALID_ARGUMENT", "Give one of pipeline, template and spec.", (given[1],))
    if request.pipeline is not None:
        pipeline = _enabled(request.pipeline, pipelines)
        return _checked(Plan(pipeline.spec, ("pipeline",), pipeline))
    if request.template is not None:
        return _checked(Plan(template_named(request.template).spec, ("template",)))
    return _checked(Plan(request.spec or {}, AT))


def _checked(plan: Plan) -> Plan:
    check_spec(plan.spec, plan.at)
    return plan


def _enabled(name: str, pipelines: Mapping[str, Pipeline]) -> Pipeline:
    path = ("pipeline",)
    if name not in pipelines:
        raise UserFault("NOT_FOUND", f"There is no pipeline {name}.", path)
    if not pipelines[name].enabled:
        raise UserFault("PIPELINE_DISABLED", f"The pipeline {name} is disabled; enable it first.", path)
    return pipelines[name]


def template_named(name: str) -> Template:
    """Find a template. Raises UserFault (NOT_FOUND), with the path `template`."""
    if name not in templates():
        message = f"There is no template {name}; there are {', '.join(templates())}."
        raise UserFault("NOT_FOUND", message, ("template",))
    return templates()[name]


@dataclass(frozen=True, slots=True)
class Reading:
    """What a job reads: `source` in the words of a job's spec, a file's id, or what came with the request.

    `at` is where in the request it is said.
    """

    source: dict[str, Any]
    file_id: str | None = None
    content: Content | None = None
    at: Path = ("data",)


def reading_of(request: DataRequest, plan: Plan) -> Reading:
    """What is read: the data of the request, else what its plan says.

    Raises UserFault: INVALID_DATA where neither says it, and what `content_of` and `source_of` raise.
    """
    given = plan.spec.get("source")
    source = source_from_json(given) if given is not None else None
    if has_data(request):
        return _read(request, source)
    if source is None or (isinstance(source, FileSource) and source.id is None):
        raise UserFault("INVALID_DATA", "Say what to read: nothing else does.", ("data",))
    if (data := _data(source)) is None:
        return Reading({"outside": {"source": dict(given or {})}})
    at = (*plan.at, "source")
    try:
        return replace(_read(replace(request, **data), source), at=at)
    except UserFault as fault:
        raise UserFault(fault.code, fault.message, (*at, *fault.path[1:])) from fault


def _read(request: DataRequest, source: SourceKind | None) -> Reading:
    content = content_of(request)
    said = source_of(request, content)
    if isinstance(source, FileSource) and "file" in said:
        said["file"] |= source.model_dump(mode="json", include={"format", "dialect"}, exclude_none=True)
    return Reading(said, request.file_id, content)


def _data(source: SourceKind) -> dict[str, Any] | None:
    """A source as the data of a request; None for one that lies outside."""
    match source:
        case FileSource():
            return {"file_id": source.id}
        case RecordsSource():
            return {"records": source.rows}
        case TextSource():
            return {"text": source.content, "format": source.format, "dialect": _dialect(source.dialect)}
        case UrlSource():
            return {"url": source.url}
        case DatasetSource():
            wanted = None if source.filter is None else RowFilter.from_spec(source.filter)
            return {"rows_of": DatasetRef(source.name, source.version, wanted)}
    return None


def _dialect(settings: DialectSettings | None) -> GivenDialect | None:
    return None if settings is None else settings.given()
