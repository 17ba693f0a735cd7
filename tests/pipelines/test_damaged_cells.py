"""A table in which known cells were damaged has exactly those errors and no other, and its other rows come through."""

import json
from collections.abc import Sequence
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from headgate.pipelines.acceptance import Acceptance, InvalidPolicy
from headgate.pipelines.contract import SchemaPolicy
from headgate.pipelines.screening import Screening
from headgate.storage.formats import FileFormat
from tests.pipelines.damaged import (
    CONTRACTED,
    ERROR,
    MEANT,
    TEXTS,
    TYPED,
    UNTYPED,
    WARNING,
    Row,
    Table,
    contract,
    job_over,
    tables,
    written,
)
from tests.pipelines.intake import new_intake, spelled


def check_errors(errors: list[Row], table: Table, lines: Sequence[int | None]) -> None:
    """The faults are those of the table, each told once, in row order, with its line and its whole row."""
    faults = [
        (error["row"], *(error[key] for key in ("column", "value", "code", "severity"))) for error in errors
    ]
    assert len(faults) == len(set(faults))
    assert set(faults) == table.faults
    assert [error["row"] for error in errors] == sorted(error["row"] for error in errors)
    for error in errors:
        row = table.rows[error["row"] - 1]
        assert error["line"] == lines[error["row"] - 1]
        assert json.loads(error["record"]) == json.loads(json.dumps(row, default=str))


@settings(max_examples=25)
@given(st.data(), st.sampled_from([InvalidPolicy.REJECT_ROWS, InvalidPolicy.WARN]))
def test_exactly_the_damaged_cells_of_a_text_file_are_told(
    data: st.DataObject, policy: InvalidPolicy
) -> None:
    table = data.draw(tables(TEXTS, only_warns=policy is InvalidPolicy.WARN))
    with new_intake() as intake:
        lines = written(intake.folder / "data", table.rows, FileFormat.CSV)
        screening = Screening(checks=table.checks, acceptance=Acceptance(on_invalid=policy))
        outcome = intake.run(job_over(intake, FileFormat.CSV, screening))
        check_errors(outcome.errors, table, lines)
        assert outcome.counts == table.counts
        for column in outcome.version.columns:
            texts = [spelled(column, row[column.name]) for row in outcome.rows]
            assert texts == [row[column.name] for row in table.accepted]


@settings(max_examples=15)
@given(tables(TYPED), st.sampled_from([FileFormat.NDJSON, FileFormat.PARQUET]))
def test_exactly_the_damaged_cells_of_typed_records_are_told(table: Table, format: FileFormat) -> None:
    with new_intake() as intake:
        lines = written(intake.folder / "data", table.rows, format)
        outcome = intake.run(job_over(intake, format, Screening(checks=table.checks)))
        check_errors(outcome.errors, table, lines)
        assert outcome.counts == table.counts
        assert outcome.rows == json.loads(json.dumps(table.accepted, default=str))


@settings(max_examples=20)
@given(st.data(), st.sampled_from([InvalidPolicy.REJECT_ROWS, InvalidPolicy.WARN]))
def test_exactly_the_cells_that_break_a_contract_or_its_checks_are_told(
    data: st.DataObject, policy: InvalidPolicy
) -> None:
    mismatch, untyped = data.draw(
        st.sampled_from([(SchemaPolicy.DISCARD_ROW, ERROR), (SchemaPolicy.DISCARD_VALUE, WARNING)])
    )
    table = data.draw(tables(CONTRACTED, only_warns=policy is InvalidPolicy.WARN, untyped=untyped))
    with new_intake() as intake:
        lines = written(intake.folder / "data", table.rows, FileFormat.CSV)
        screening = Screening(contract(mismatch), table.checks, Acceptance(on_invalid=policy))
        outcome = intake.run(job_over(intake, FileFormat.CSV, screening))
        check_errors(outcome.errors, table, lines)
        assert outcome.counts == table.counts
        assert outcome.rows == [
            {column: meant(column, text) for column, text in row.items()} for row in table.accepted
        ]


def meant(column: str, text: str | None) -> Any:
    """What the contract takes a text for; null for one that it doesn't."""
    if text is None or CONTRACTED[column].damages.get(text, {}).get(UNTYPED):
        return None
    return MEANT.get(column, str)(text)
