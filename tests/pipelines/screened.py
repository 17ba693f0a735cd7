"""Runs ingests and validations whose rows are held against contracts and checks."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from headgate.errors import JobFault
from headgate.pipelines.counts import Counts
from headgate.pipelines.dialect import Dialect
from headgate.pipelines.inputs import Input
from headgate.pipelines.prepared import Source
from headgate.pipelines.runner import Ingest, ingest
from headgate.pipelines.screening import Screening
from headgate.pipelines.validation import Validate, Verdict, validate
from headgate.storage import datasets
from headgate.storage.formats import FileFormat
from tests.pipelines.intake import Intake, Outcome, errors_in, target_of, unheard

Rules = Mapping[str, Any]
"""A contract, checks and acceptance, in the words of a spec."""


def csv(intake: Intake, text: str) -> Source:
    return Source(intake.file(text), FileFormat.CSV, Dialect())


def ndjson(intake: Intake, records: Iterable[Any]) -> Source:
    return Source(intake.file("".join(json.dumps(record) + "\n" for record in records)), FileFormat.NDJSON)


def parquet(intake: Intake, frame: pl.DataFrame) -> Source:
    path = intake.folder / "data.parquet"
    frame.write_parquet(path)
    return Source(path, FileFormat.PARQUET)


def column(name: str, type_: str, **settings: Any) -> dict[str, Any]:
    return {"name": name, "type": type_, **settings}


def contract(*columns: Mapping[str, Any], **policies: str) -> Rules:
    """A spec that has only a contract."""
    return {"contract": {"columns": list(columns), **policies}}


def job_of(intake: Intake, source: Input, rules: Rules, **settings: Any) -> Ingest:
    """An ingest of a source; `settings` are those of `Intake.job`."""
    job = intake.job(Path(), FileFormat.CSV, **settings)
    return replace(job, source=source, screening=Screening.from_json(rules, {}))


def load(intake: Intake, source: Input, rules: Rules, **settings: Any) -> Outcome:
    """Run an ingest to its end."""
    return intake.run(job_of(intake, source, rules, **settings))


@dataclass(frozen=True)
class Refusal:
    """Why a job ingested nothing, and what is in its ledger."""

    fault: JobFault
    errors: list[dict[str, Any]]

    @property
    def counts(self) -> Counts:
        return Counts(**(self.fault.details or {})["counts"])


def refused(intake: Intake, source: Input, rules: Rules, **settings: Any) -> Refusal:
    """Run an ingest that must fail and leave its dataset as it was."""
    job = job_of(intake, source, rules, **settings)
    before, files = datasets.latest(target_of(job).folder), intake.parquet_files()
    with pytest.raises(JobFault) as caught:
        ingest(job, unheard)
    assert (datasets.latest(target_of(job).folder), intake.parquet_files()) == (before, files)
    found = Refusal(caught.value, errors_in(job.ledger))
    assert (caught.value.details or {}).get("errors", len(found.errors)) == len(found.errors)
    return found


@dataclass(frozen=True)
class Checked:
    """What a validation found."""

    verdict: Verdict
    errors: list[dict[str, Any]]


def check(intake: Intake, source: Input, rules: Rules, datasets: Mapping[str, Any] | None = None) -> Checked:
    """Run a validation to its end."""
    scratch = intake.scratch()
    ledger = intake.ledger(scratch.name)
    task = Validate(source, ledger, scratch, Screening.from_json(rules, datasets or {}))
    return Checked(validate(task, unheard), errors_in(ledger))


def told(errors: Iterable[Mapping[str, Any]], *names: str) -> list[tuple[Any, ...]]:
    """These columns of a ledger."""
    return [tuple(error[name] for name in names) for error in errors]
