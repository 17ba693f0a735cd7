"""What a pipeline is to do, in one of the ways in which people say it."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from headgate.domain.canonical import canonical, check_size
from headgate.domain.parts import Mistakes, Path
from headgate.domain.plans import template_named
from headgate.domain.schedules import next_run_at
from headgate.domain.specs import Spec, check_spec
from headgate.errors import UserFault
from headgate.pipelines.yaml_specs import from_yaml
from headgate.storage.tables import OverlapPolicy, Pipeline, utc_now

WAYS = ("spec", "yaml", "template")


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One of a spec, a YAML text and the name of a template."""

    spec: Spec | None = None
    yaml: str | None = None
    template: str | None = None

    @property
    def ways(self) -> list[str]:
        """The ways in which something was said."""
        return [way for way in WAYS if getattr(self, way) is not None]


@dataclass(frozen=True, slots=True)
class Read:
    """A canonical spec, with the description that came with it, if one did."""

    spec: dict[str, Any]
    description: str | None = None


async def read(said: Said) -> Read | None:
    """Read what was said and hold it against the models of its parts; None where nothing was said.

    Raises UserFault: INVALID_ARGUMENT for more than one way, INVALID_YAML, NOT_FOUND for a template, and INVALID_SPEC
    for each mistake, with a path that begins with the way.
    """
    ways = said.ways
    if not ways:
        return None
    if len(ways) > 1:
        raise UserFault("INVALID_ARGUMENT", f"Give one of {' and '.join(ways)}, not more.", (ways[1],))
    at = (ways[0],)
    description, spec = await _spec(said)
    check_size(spec, at)
    mistakes = Mistakes()
    mistakes.of(lambda: check_spec(spec, at))
    mistakes.of(lambda: _check_needs_of_schedule(spec, at))
    mistakes.check()
    _check_schedule_comes(spec, at)
    return Read(canonical(spec), description)


async def _spec(said: Said) -> tuple[str | None, Spec]:
    if said.yaml is not None:
        try:
            # A long text takes a while.
            found = await asyncio.to_thread(from_yaml, said.yaml)
        except UserFault as fault:
            raise UserFault(fault.code, fault.message, ("yaml", *fault.path)) from fault
        return found.description, found.spec
    if said.template is not None:
        template = template_named(said.template)
        return template.summary, template.spec
    return None, said.spec or {}


def _check_needs_of_schedule(spec: Spec, at: Path) -> None:
    if spec.get("schedule") is None:
        return
    for part in ("source", "sinks"):
        if not spec.get(part):
            message = (
                f"A pipeline with a schedule needs {part}: nobody says it when the schedule starts a job."
            )
            raise UserFault("INVALID_SPEC", message, (*at, "schedule"))


def _check_schedule_comes(spec: Spec, at: Path) -> None:
    if spec.get("schedule") is None:
        return
    try:
        next_run_at(spec["schedule"], utc_now())
    except OverflowError as error:
        path = (*at, "schedule", "cron")
        raise UserFault("INVALID_SPEC", "This schedule never comes.", path) from error


def set_schedule(pipeline: Pipeline, now: datetime) -> None:
    """Let the row of a pipeline show the schedule of its spec, and when it comes next; that is kept where it stays."""
    schedule: Mapping[str, Any] = pipeline.spec.get("schedule") or {}
    shown = (
        schedule.get("cron"),
        schedule.get("timezone", "UTC") if schedule else None,
        OverlapPolicy(schedule.get("overlap", OverlapPolicy.SKIP)) if schedule else None,
    )
    is_same = shown == (pipeline.cron, pipeline.timezone, pipeline.overlap)
    pipeline.cron, pipeline.timezone, pipeline.overlap = shown
    if not schedule or not pipeline.enabled:
        pipeline.next_run_at = None
    elif not is_same or pipeline.next_run_at is None:
        pipeline.next_run_at = next_run_at(schedule, now)
