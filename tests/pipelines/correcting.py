"""Ingests whose rejected rows are corrected, one job after the other."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from headgate.errors import JobFault
from headgate.pipelines.acceptance import Acceptance
from headgate.pipelines.checks.registry import checks_from_json
from headgate.pipelines.contract import Contract
from headgate.pipelines.counts import Counts
from headgate.pipelines.dialect import Dialect
from headgate.pipelines.prepared import Source
from headgate.pipelines.readers.corrections import Corrections
from headgate.pipelines.runner import Ingest
from headgate.pipelines.screening import Screening
from headgate.storage.datasets import Snapshot, WriteMode
from headgate.storage.error_csv import row_lines
from headgate.storage.formats import FileFormat
from headgate.storage.open_errors import LedgerFilter, OpenErrors
from tests.pipelines.intake import Intake, Outcome, errors_in, target_of

ADULT = {"range": {"columns": ["age"], "min": 18, "max": 150}}
PEOPLE = "name,age\nAda,36\nBob,x\nEve,200\nMax,1,2\n"
NAMES = ("name", "age")
NOTHING = Snapshot(-1, (), ())


@dataclass
class Ingested:
    """A job, and what resolves its rejected rows: each correction under the spec of the job that it is for."""

    intake: Intake
    job: Ingest
    own: Sequence[str]
    as_text: bool = True
    lineage: list[str] = field(default_factory=list)
    resolved: list[Path] = field(default_factory=list)
    columns: Sequence[str] = ()
    is_taken: bool = True

    @property
    def errors(self) -> OpenErrors:
        return OpenErrors(self.job.ledger, self.resolved)

    def open_rows(self) -> list[int]:
        return sorted(set(self.errors.rejected_rows()))

    def open_codes(self) -> set[tuple[Any, ...]]:
        page = self.errors.page(LedgerFilter(severity="ERROR"), first=1000)
        return set(page.select("row", "column", "code").rows())

    def correction(self, source: Source, job: str) -> Ingest:
        target = target_of(self.job)
        mode = WriteMode.APPEND if target.mode is WriteMode.REPLACE and self.is_taken else target.mode
        scratch = self.intake.scratch()
        return replace(
            self.job,
            source=Corrections(source, self.errors, [*self.own, *self.columns], self.as_text, self.own),
            target=replace(target, mode=mode, job=job),
            ledger=self.intake.ledger(job),
            scratch=scratch,
            screening=replace(self.job.screening, acceptance=Acceptance(), is_partial=True),
            resolved=scratch / "resolved.parquet",
            lineage=[*self.lineage, target_of(self.job).job],
        )

    def correct(self, values: Mapping[int, Any]) -> tuple[Outcome, "Ingested"]:
        lines = [json.dumps({"row": row, "values": given}) + "\n" for row, given in values.items()]
        return self.run(Source(self.intake.file("".join(lines), "given"), FileFormat.NDJSON))

    def correct_by_csv(self, text: str) -> tuple[Outcome, "Ingested"]:
        return self.run(Source(self.intake.file(text, "given.csv"), FileFormat.CSV))

    def run(self, source: Source) -> tuple[Outcome, "Ingested"]:
        """Run corrections; the job of them may be corrected in its turn."""
        later = self.correction(source, f"job_{len(list(self.intake.folder.iterdir()))}")
        try:
            outcome = self.intake.run(later)
        except JobFault as fault:
            if fault.code != "ALL_ROWS_REJECTED":
                raise
            counts = Counts(**(fault.details or {})["counts"])
            outcome = Outcome(counts, NOTHING, [], errors_in(later.ledger))
        else:
            assert later.resolved is not None
            self.resolved.append(later.resolved)
            self.is_taken = True
        lineage = [*self.lineage, target_of(self.job).job]
        return outcome, replace(self, job=later, lineage=lineage, resolved=[])

    def download(self) -> list[str]:
        """The rejected rows as CSV, line by line."""
        return (
            b"".join(row_lines(self.errors, LedgerFilter(severity="ERROR"), self.own)).decode().splitlines()
        )


def ingested(
    intake: Intake,
    text: str,
    *checks: Mapping[str, Any],
    own: Sequence[str] = NAMES,
    mode: WriteMode = WriteMode.APPEND,
    keys: Sequence[str] = (),
    contract: Mapping[str, Any] | None = None,
    format: FileFormat = FileFormat.CSV,
) -> Ingested:
    """Ingest a text whose rows are held against checks."""
    dialect = Dialect() if format is FileFormat.CSV else None
    job = intake.job(intake.file(text), format, mode, keys, dialect=dialect, job="job_first")
    screening = Screening(
        Contract.model_validate(contract) if contract else None, checks_from_json(list(checks))
    )
    first = Ingested(intake, replace(job, screening=screening), own, format is FileFormat.CSV)
    try:
        intake.run(first.job)
    except JobFault as fault:
        if fault.code != "ALL_ROWS_REJECTED":
            raise
        first.is_taken = False
    return first
