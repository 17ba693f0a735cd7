"""Steps in the one scan: rows are changed, rejected where a step can't take them, and all of them counted."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

import polars as pl
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from headgate.errors import JobFault
from headgate.pipelines.counts import Counts
from headgate.pipelines.runner import ingest
from headgate.pipelines.screening import Screening
from headgate.pipelines.steps.registry import steps_from_json
from headgate.pipelines.steps.step import Step, StepTable, Transform
from headgate.pipelines.validation import Validate, validate
from headgate.storage.datasets import WriteMode
from headgate.storage.formats import FileFormat
from tests.pipelines.intake import Intake, Outcome, errors_in, new_intake, unheard

Steps = Sequence[Mapping[str, Any]]
NET = {"derive": {"columns": [{"name": "net", "sql": "spend * 2"}]}}


def run(
    intake: Intake, text: str, steps: Steps, rules: Mapping[str, Any] | None = None, *settings: Any
) -> Outcome:
    job = intake.job(intake.file(text), FileFormat.CSV, *settings)
    return intake.run(
        replace(job, steps=steps_from_json(steps), screening=Screening.from_json(rules or {}, {}))
    )


def told(outcome: Outcome) -> list[tuple[Any, ...]]:
    return [
        tuple(error[name] for name in ("row", "line", "column", "value", "code")) for error in outcome.errors
    ]


def test_text_of_a_file_takes_part_as_what_it_spells_and_what_spells_nothing_is_rejected(
    intake: Intake,
) -> None:
    outcome = run(intake, "id,spend\n1,10\n2,abc\n3,\n4,2.5\n", [NET])
    assert outcome.rows == [
        {"id": 1, "spend": 10.0, "net": 20.0},
        {"id": 3, "spend": None, "net": None},
        {"id": 4, "spend": 2.5, "net": 5.0},
    ]
    assert told(outcome) == [(2, 3, "spend", "abc", "TYPE")]
    assert outcome.errors[0]["record"] == '{"id":"2","spend":"abc"}'
    assert outcome.counts == Counts(read=4, accepted=3, rejected=1)


def test_whole_numbers_stay_whole_unless_one_is_not_however_late_it_comes(intake: Intake) -> None:
    rows = "".join(f"{number},{number}\n" for number in range(3000))
    whole = run(intake, "id,spend\n" + rows, [NET])
    assert (whole.types["spend"], whole.types["net"]) == ("INTEGER", "INTEGER")
    with new_intake() as other:
        late = run(other, f"id,spend\n{rows}3000,0.5\n", [NET])
    assert (late.types["spend"], late.rows[-1]["net"]) == ("FLOAT", 1.0)
    assert late.counts == Counts(read=3001, accepted=3001, rejected=0)


def test_a_check_sees_what_steps_have_made_and_shows_the_record_as_it_came(intake: Intake) -> None:
    rules = {"checks": [{"range": {"columns": ["net"], "max": 10}}]}
    outcome = run(intake, "id,spend\n1,4\n2,6\n", [NET], rules)
    assert told(outcome) == [(2, 3, "net", "12", "RANGE")]
    assert outcome.errors[0]["record"] == '{"id":"2","spend":"6"}'


def test_what_the_contract_rejects_does_not_come_to_the_steps(intake: Intake) -> None:
    contract = {
        "columns": [{"name": "id", "type": "INTEGER"}, {"name": "spend", "type": "FLOAT", "nullable": False}]
    }
    mean = [{"fill": {"columns": ["id"], "method": "MEAN"}}]
    outcome = run(intake, "id,spend\n1,1\n100,x\n,3\n3,\n", mean, {"contract": contract})
    assert [row["id"] for row in outcome.rows] == [1, 1]
    assert told(outcome) == [(2, 3, "spend", "x", "TYPE"), (4, 5, "spend", None, "REQUIRED")]


def test_text_that_no_step_reads_keeps_the_type_that_loses_nothing(intake: Intake) -> None:
    steps: Steps = [{"rename": {"columns": [{"from": "code", "to": "zip"}]}}, {"filter": {"sql": "id > 1"}}]
    outcome = run(intake, "id,code,day\n1,007,2024-01-02\n2,008,2024-01-03\n", steps)
    assert outcome.types == {"id": "INTEGER", "zip": "STRING", "day": "DATE"}
    renamed = [{"rename": {"columns": [{"from": "code", "to": "zip"}]}}]
    with new_intake() as other:
        assert run(other, "code\n7\n8\n", renamed).types == {"zip": "INTEGER"}
    with new_intake() as other:
        as_text = [{"cast": {"columns": [{"name": "code", "type": "STRING"}]}}]
        assert run(other, "code\n7\n8\n", as_text).types == {"code": "STRING"}


def test_groups_that_a_check_rejects_are_told_as_they_came_out_of_the_step(intake: Intake) -> None:
    metrics = [{"function": "SUM", "column": "spend", "as": "spend"}]
    rules = {"checks": [{"range": {"columns": ["spend"], "max": 10}}]}
    outcome = run(
        intake, "id,spend\n1,4\n2,6\n1,7\n", [{"aggregate": {"groupBy": ["id"], "metrics": metrics}}], rules
    )
    assert outcome.rows == [{"id": 2, "spend": 6}]
    assert outcome.errors[0]["record"] == '{"id":"1","spend":11}'
    assert outcome.counts == Counts(read=3, accepted=1, rejected=1, merged=1)


def test_rows_that_a_step_makes_of_one_count_as_read(intake: Intake) -> None:
    outcome = run(intake, "id,tags\n1,a|b|c\n2,d\n", [{"explode": {"columns": ["tags"], "separator": "|"}}])
    assert [row["tags"] for row in outcome.rows] == ["a", "b", "c", "d"]
    assert outcome.counts == Counts(read=4, accepted=4, rejected=0)


def test_of_rows_that_a_step_made_with_one_key_the_last_counts(intake: Intake) -> None:
    steps = [{"explode": {"columns": ["tags"], "separator": "|"}}]
    outcome = run(intake, "id,tags\n1,a|b|a\n2,b\n", steps, None, WriteMode.UPSERT, ["tags"])
    assert outcome.rows == [{"id": 1, "tags": "a"}, {"id": 2, "tags": "b"}]
    assert outcome.counts == Counts(read=4, accepted=2, rejected=0, merged=2)


def test_a_fault_of_a_step_says_which_it_was(intake: Intake) -> None:
    job = intake.job(intake.file("id\n1\n"), FileFormat.CSV)
    steps = steps_from_json([{"trim": {}}, {"drop": {"columns": ["none"]}}])
    with pytest.raises(JobFault) as caught:
        ingest(replace(job, steps=steps), unheard)
    assert (caught.value.code, caught.value.step) == ("UNKNOWN_COLUMN", "steps.1.drop")


def test_a_step_that_the_rows_do_not_fit_fails_the_job_and_says_why(intake: Intake) -> None:
    job = intake.job(intake.file("n\n1\nx\n"), FileFormat.CSV)
    with pytest.raises(JobFault, match="cannot compare string") as caught:
        ingest(replace(job, steps=steps_from_json([{"filter": {"sql": "n >= 0"}}])), unheard)
    assert (caught.value.category, caught.value.step) == ("CONFIG", "steps.0.filter")


class Careless(Step):
    """Takes any column for a number."""

    kind: ClassVar[str] = "careless"

    def prepare(self, table: StepTable) -> Transform:
        return lambda rows: rows.with_columns(pl.col("n").sqrt())


def test_a_step_that_does_not_look_at_what_comes_fails_its_job_and_nothing_else(intake: Intake) -> None:
    job = intake.job(intake.file("n\nx\n"), FileFormat.CSV)
    with pytest.raises(JobFault, match="can't be carried out") as caught:
        ingest(replace(job, steps=[Careless()]), unheard)
    assert (caught.value.code, caught.value.category, caught.value.step) == ("STEP_FAILED", "CONFIG", "steps")


def test_a_validation_goes_through_the_steps_too(intake: Intake) -> None:
    job = intake.job(intake.file("id,spend\n1,4\n2,6\n3,x\n"), FileFormat.CSV)
    screening = Screening.from_json({"checks": [{"range": {"columns": ["net"], "max": 10}}]}, {})
    task = Validate(job.source, job.ledger, job.scratch, screening, steps=steps_from_json([NET]))
    verdict = validate(task, unheard)
    assert (verdict.counts, verdict.passed) == (Counts(read=3, accepted=1, rejected=2), False)
    assert {(error["row"], error["code"]) for error in errors_in(job.ledger)} == {(2, "RANGE"), (3, "TYPE")}


LIKELY = [("1", "w"), ("2", "w"), ("1", "w")]
CELLS = st.sampled_from(["1", "2", "3", "-4", "0.5", "", "x"])
ROWS = st.lists(st.tuples(CELLS, st.sampled_from(["a", "b", "", "a"])), min_size=1, max_size=40)


@given(rows=ROWS, keep=st.sampled_from(["FIRST", "LAST"]))
def test_counts_add_up_and_rows_are_those_of_plain_python(rows: list[tuple[str, str]], keep: str) -> None:
    text = io.StringIO()
    csv.writer(text).writerows([("n", "word"), *LIKELY, *rows])
    steps: list[dict[str, Any]] = [
        {"filter": {"sql": "n >= 0"}},
        {"derive": {"columns": [{"name": "double", "sql": "n * 2"}]}},
        {"deduplicate": {"columns": ["word"], "keep": keep}},
    ]
    rules = {"checks": [{"range": {"columns": ["double"], "max": 5}}]}
    known = [*LIKELY, *rows]
    # The sample decides what the column is: where most texts of it are no numbers, it is text.
    assume(sum(cell != "x" for cell, _ in known if cell) > sum(cell == "x" for cell, _ in known))
    with new_intake() as intake:
        outcome = run(intake, text.getvalue(), steps, rules)
    good = [(float(cell), word) for cell, word in known if cell not in ("", "x") and float(cell) >= 0]
    ordered = good if keep == "FIRST" else good[::-1]
    kept = list({(word or None): (number, word) for number, word in ordered[::-1]}.values())
    expected = {word or None: number * 2 for number, word in kept if number * 2 <= 5}
    assert {row["word"]: row["double"] for row in outcome.rows} == expected
    counts = outcome.counts
    assert counts.read == len(known) == counts.accepted + counts.rejected + counts.filtered + counts.merged
    unread = sum(cell == "x" for cell, _ in known)
    assert counts.rejected == unread + sum(number * 2 > 5 for number, _ in kept)
    assert counts.merged == len(good) - len(kept)
