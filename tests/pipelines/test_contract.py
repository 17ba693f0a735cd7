"""Contracts: what the columns must be, and what happens to rows, values and jobs where the input differs."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from headgate.errors import JobFault
from headgate.pipelines.contract import Contract
from headgate.pipelines.counts import Counts
from headgate.storage.datasets import WriteMode
from tests.pipelines.intake import Intake, new_intake
from tests.pipelines.screened import check, column, contract, csv, load, refused, told

EVOLVE, FREEZE, DISCARD_ROW, DISCARD_VALUE = POLICIES = ("EVOLVE", "FREEZE", "DISCARD_ROW", "DISCARD_VALUE")
A = column("a", "INTEGER")


def values(rows: list[dict[str, Any]], name: str = "a") -> list[Any]:
    return [row[name] for row in rows]


# Which column is which


@pytest.mark.parametrize(
    ("header", "names"),
    [
        ("a,other", ["a", "other"]),
        ("A ,other", ["a", "other"]),
        ("x,other", ["a", "other"]),
        ("X,other", ["a", "other"]),
        ("other,x", ["other", "a"]),
        ("x,a", ["x", "a"]),
        ("A,a", ["a", "a_2"]),
    ],
)
def test_columns_are_found_by_name_then_by_alias_then_in_another_case(
    intake: Intake, header: str, names: list[str]
) -> None:
    rules = contract(column("a", "STRING", aliases=["x", "ä"]))
    outcome = load(intake, csv(intake, f"{header}\n1,2\n"), rules)
    assert set(outcome.types) == set(names)
    assert outcome.types["a"] == "STRING"


@pytest.mark.parametrize("policy", POLICIES)
def test_two_columns_that_would_be_one_are_refused(intake: Intake, policy: str) -> None:
    rules = contract(column("a", "INTEGER", aliases=["x"]), unknownColumns=policy)
    found = refused(intake, csv(intake, "x,A\n1,2\n"), rules)
    assert (found.fault.code, found.fault.category) == ("AMBIGUOUS_COLUMN", "DATA")


def test_columns_stay_in_the_order_of_the_input_and_missing_ones_come_last(intake: Intake) -> None:
    rules = contract(A, column("b", "STRING"), column("c", "DATE"), missingColumns=EVOLVE)
    outcome = load(intake, csv(intake, "z,b,a\n1,2,3\n"), rules)
    assert list(outcome.types.items()) == [
        ("z", "INTEGER"),
        ("b", "STRING"),
        ("a", "INTEGER"),
        ("c", "DATE"),
    ]
    assert outcome.rows == [{"z": 1, "b": "2", "a": 3, "c": None}]


def test_checks_keys_and_errors_use_the_names_of_the_contract(intake: Intake) -> None:
    rules = {
        **contract(column("id", "INTEGER", aliases=["No."]), column("age", "INTEGER", aliases=["Alter"])),
        "checks": [{"range": {"columns": ["age"], "max": 100}}],
    }
    source = csv(intake, "No.,Alter,x\n1,5,k\n2,500,l\n1,6,m\n")
    outcome = load(intake, source, rules, mode=WriteMode.UPSERT, keys=["id"])
    assert outcome.counts == Counts(3, 1, 1, merged=1)
    assert outcome.rows == [{"id": 1, "age": 6, "x": "m"}]
    assert told(outcome.errors, "column", "value", "code") == [("age", "500", "RANGE")]
    assert json.loads(outcome.errors[0]["record"]) == {"id": "2", "age": "500", "x": "l"}


# Columns that the contract doesn't name, and those that the input lacks


def test_an_unknown_column_is_taken_along_or_left_out(intake: Intake) -> None:
    source = csv(intake, "a,b\n1,\n2,x\n")
    evolved = load(intake, source, contract(A, unknownColumns=EVOLVE), dataset="evolved")
    assert evolved.rows == [{"a": 1, "b": None}, {"a": 2, "b": "x"}]
    without = load(intake, source, contract(A, unknownColumns=DISCARD_VALUE), dataset="without")
    assert (without.rows, without.errors) == ([{"a": 1}, {"a": 2}], [])


def test_rows_with_a_value_in_an_unknown_column_are_rejected(intake: Intake) -> None:
    outcome = load(intake, csv(intake, "a,b\n1,\n2,x\n"), contract(A, unknownColumns=DISCARD_ROW))
    assert (outcome.rows, outcome.counts) == ([{"a": 1}], Counts(2, 1, 1))
    assert told(outcome.errors, "row", "column", "value", "code", "check") == [
        (2, "b", "x", "UNKNOWN_COLUMN", "contract")
    ]


def test_an_unknown_column_fails_the_job(intake: Intake) -> None:
    found = refused(intake, csv(intake, "a,b\n1,\n"), contract(A, unknownColumns=FREEZE))
    assert (found.fault.code, found.fault.category) == ("UNKNOWN_COLUMN", "DATA")
    assert told(found.errors, "row", "column", "code") == [(None, "b", "UNKNOWN_COLUMN")]
    assert found.counts == Counts(1, 0, 1)


@pytest.mark.parametrize("policy", [EVOLVE, DISCARD_VALUE])
@pytest.mark.parametrize(
    ("type_", "stored"),
    [(same, same) for same in ("INTEGER", "DECIMAL", "DATETIME", "BINARY")] + [("LIST", "STRING")],
)
def test_a_missing_column_is_null_and_has_its_type(
    intake: Intake, policy: str, type_: str, stored: str
) -> None:
    outcome = load(intake, csv(intake, "b\n1\n"), contract(column("a", type_), missingColumns=policy))
    assert (outcome.types["a"], outcome.rows) == (stored, [{"b": 1, "a": None}])


def test_a_missing_column_rejects_every_row_where_it_must_not_be(intake: Intake) -> None:
    for rules, code in [
        (contract(A, missingColumns=DISCARD_ROW), "MISSING_COLUMN"),
        (contract(column("a", "INTEGER", nullable=False), missingColumns=EVOLVE), "REQUIRED"),
    ]:
        found = refused(intake, csv(intake, "b\n1\n2\n"), rules)
        assert (found.fault.code, found.counts) == ("ALL_ROWS_REJECTED", Counts(2, 0, 2))
        expected = [(1, "a", None, code), (2, "a", None, code)]
        assert told(found.errors, "row", "column", "value", "code") == expected


@pytest.mark.parametrize("nullable", [True, False])
def test_a_missing_column_fails_the_job_and_is_told_once(intake: Intake, nullable: bool) -> None:
    found = refused(intake, csv(intake, "b\n1\n2\n"), contract(column("a", "INTEGER", nullable=nullable)))
    assert found.fault.code == "MISSING_COLUMN"
    assert told(found.errors, "row", "column", "code") == [(None, "a", "MISSING_COLUMN")]


# Values that are none of their column's type


def test_rows_with_a_value_of_another_type_are_rejected_with_their_original_text(intake: Intake) -> None:
    outcome = load(intake, csv(intake, 'n,a\n u ,007\nv," 1"\nw,x\n'), contract(A))
    assert (values(outcome.rows), outcome.counts) == ([7], Counts(3, 1, 2))
    assert told(outcome.errors, "row", "line", "value", "code") == [
        (2, 3, " 1", "TYPE"),
        (3, 4, "x", "TYPE"),
    ]
    assert json.loads(outcome.errors[0]["record"]) == {"n": "v", "a": " 1"}


def test_a_value_of_another_type_becomes_null_with_a_warning(intake: Intake) -> None:
    outcome = load(intake, csv(intake, "a,b\nx,1\n2,2\n"), contract(A, typeMismatch=DISCARD_VALUE))
    assert (outcome.rows, outcome.counts) == (
        [{"a": None, "b": 1}, {"a": 2, "b": 2}],
        Counts(2, 2, 0, warnings=1),
    )
    assert told(outcome.errors, "value", "code", "severity") == [("x", "TYPE", "WARNING")]
    assert "became null" in outcome.errors[0]["message"]


@pytest.mark.parametrize("type_", ["INTEGER", "DECIMAL"])
def test_a_value_is_not_given_up_where_there_must_be_one(intake: Intake, type_: str) -> None:
    rules = contract(column("a", type_, nullable=False), typeMismatch=DISCARD_VALUE)
    outcome = load(intake, csv(intake, "a,b\nx,1\n,2\n3,3\n"), rules)
    assert outcome.counts == Counts(3, 1, 2)
    assert told(outcome.errors, "row", "value", "code", "severity") == [
        (1, "x", "TYPE", "ERROR"),
        (2, None, "REQUIRED", "ERROR"),
    ]


@pytest.mark.parametrize(
    ("text", "type_"), [("1.5", "FLOAT"), ("1.50", "DECIMAL"), ("x", "STRING"), ("3", "INTEGER")]
)
def test_a_column_evolves_to_a_type_that_takes_all_values(intake: Intake, text: str, type_: str) -> None:
    outcome = load(intake, csv(intake, f"a\n{text}\n"), contract(A, typeMismatch=EVOLVE))
    assert (outcome.types["a"], outcome.counts, outcome.errors) == (type_, Counts(1, 1, 0), [])


def test_a_column_evolves_though_its_sample_fitted(intake: Intake) -> None:
    text = "a,b\n" + "007,1\n" * 3_000 + "x,1\n"
    outcome = load(intake, csv(intake, text), contract(A, typeMismatch=EVOLVE))
    assert (outcome.types["a"], outcome.counts.accepted) == ("STRING", 3_001)
    assert values(outcome.rows[2_999:]) == ["007", "x"]


def test_a_value_of_another_type_fails_the_job_and_names_the_column(intake: Intake) -> None:
    found = refused(intake, csv(intake, "a,b\n1,1\nx,1\n,y\n"), contract(A, typeMismatch=FREEZE))
    assert (found.fault.category, found.counts) == ("DATA", Counts(3, 0, 3))
    assert "type of a" in found.fault.message
    assert told(found.errors, "row", "value", "code") == [(2, "x", "TYPE")]


def test_a_missing_value_is_not_one_of_another_type(intake: Intake) -> None:
    rules = contract(column("a", "INTEGER", nullable=False), typeMismatch=FREEZE)
    outcome = load(intake, csv(intake, "a,b\n1,1\n,2\n"), rules)
    assert outcome.counts == Counts(2, 1, 1)
    assert told(outcome.errors, "row", "code") == [(2, "REQUIRED")]


@pytest.mark.parametrize("type_", ["BINARY", "LIST", "STRUCT", "DURATION", "NULL"])
def test_text_is_no_value_of_a_type_that_has_no_spelling(intake: Intake, type_: str) -> None:
    outcome = load(intake, csv(intake, "a,b\n1,1\n,2\n"), contract(column("a", type_)))
    assert outcome.rows == [{"a": None, "b": 2}]
    assert told(outcome.errors, "value", "code") == [("1", "TYPE")]


@pytest.mark.parametrize(
    ("settings", "good", "stored", "bad"),
    [
        ({"type": "DATE"}, "2024-02-29", "2024-02-29", "29.02.2024"),
        ({"type": "DATE", "format": "%d.%m.%Y"}, "29.02.2024", "2024-02-29", "2024-02-29"),
        ({"type": "TIME"}, "08:30", "08:30:00", "8h30"),
        ({"type": "DATETIME"}, "2024-02-29T08:30", "2024-02-29T08:30:00", "2024-02-29T08:30Z"),
        ({"type": "DATETIME"}, "2024-02-29T08:30+01:00", "2024-02-29T07:30:00Z", "2024-02-29T08:30"),
        ({"type": "DATETIME", "format": "%d.%m.%y %H:%M %z"}, "29.02.24 08:30 +0100", "2024-02-29T07:30:00Z", "x"),
        ({"type": "BOOLEAN"}, "TRUE", True, "yes"),
        ({"type": "FLOAT"}, "1e3", 1000.0, "NaN"),
        ({"type": "DECIMAL"}, "+1.250", "1.25", "1e3"),
    ],
)  # fmt: skip
def test_texts_are_read_as_the_type_of_the_contract(
    intake: Intake, settings: Any, good: str, stored: Any, bad: str
) -> None:
    outcome = load(intake, csv(intake, f"a,b\n{good},1\n{bad},2\n"), contract({"name": "a", **settings}))
    assert told(outcome.errors, "value", "code") == [(bad, "TYPE")]
    (value,) = values(outcome.rows)
    assert value == stored or value.rstrip("0") == stored


def test_a_key_that_became_null_rejects_its_row(intake: Intake) -> None:
    rules = contract(column("id", "INTEGER", aliases=["k"]), typeMismatch=DISCARD_VALUE)
    outcome = load(intake, csv(intake, "k,v\n1,a\nx,b\n,c\n"), rules, mode=WriteMode.UPSERT, keys=["id"])
    assert outcome.rows == [{"id": 1, "v": "a"}]
    assert sorted(told(outcome.errors, "row", "code", "severity")) == [
        (2, "REQUIRED", "ERROR"),
        (2, "TYPE", "WARNING"),
        (3, "REQUIRED", "ERROR"),
    ]
    assert [error["value"] for error in outcome.errors] == ["x", "x", None]


# All together


CELLS = st.sampled_from(["", "1", "-2", "1.5", "x", "2024-01-01", "true", "007"])
POLICY = st.sampled_from(POLICIES)
TYPE = st.sampled_from(["INTEGER", "FLOAT", "DECIMAL", "DATE", "BOOLEAN", "STRING", "LIST"])


@st.composite
def contracts(draw: st.DrawFn) -> Any:
    names = draw(st.lists(st.sampled_from("abcz"), min_size=1, unique=True))
    columns = [column(name, draw(TYPE), nullable=draw(st.booleans())) for name in names]
    policies = {name: draw(POLICY) for name in ("unknownColumns", "missingColumns", "typeMismatch")}
    on_invalid = draw(st.sampled_from(["REJECT_ROWS", "REJECT_ALL", "WARN"]))
    checks = [{"required": {"columns": ["a"], "severity": draw(st.sampled_from(["ERROR", "WARNING"]))}}]
    return {**contract(*columns, **policies), "checks": checks, "acceptance": {"onInvalid": on_invalid}}


@settings(max_examples=20)
@given(contracts(), st.lists(st.tuples(CELLS, CELLS, CELLS), min_size=1, max_size=6))
def test_every_row_is_answered_for_whatever_the_policies(rules: Any, rows: list[tuple[str, ...]]) -> None:
    text = "a,b,c\n" + "".join(",".join(row) + "\n" for row in rows)
    with new_intake() as intake:
        found = check(intake, csv(intake, text), rules)
        try:
            outcome = load(intake, csv(intake, text), rules)
        except JobFault as fault:
            # That the data is bad is the only reason to ingest nothing, and then the errors say why.
            if fault.category != "DATA" or not found.errors:
                raise
            return
        # A validation finds what the ingest into a new dataset does.
        assert (outcome.errors, outcome.counts) == (found.errors, found.verdict.counts)
        rejected = {error["row"] for error in outcome.errors if error["severity"] == "ERROR"}
        warnings = sum(error["severity"] == "WARNING" for error in outcome.errors)
        accepted = len(outcome.rows)
        assert outcome.counts == Counts(len(rows), accepted, len(rejected), warnings=warnings)
        assert len(rows) == accepted + len(rejected)


# What makes no sense


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ([], "at least 1 item"),
        ([A, A], "the name a is given twice"),
        ([A, column("A", "STRING")], "a and A differ in case alone"),
        ([column("*", "STRING")], "'\\*' can't name a column"),
        ([column("^a$", "STRING")], "can't name a column"),
        ([column("__headgate_row__", "STRING")], "can't name a column"),
        ([column("a\0", "STRING")], "should match pattern"),
        ([A, column("b", "STRING", aliases=["a"])], "the name a is given twice"),
        ([column("", "STRING")], "at least 1 character"),
        ([column("a", "NUMBER")], "Input should be"),
        ([column("a", "STRING", format="%Y")], "format is for DATE, DATETIME, TIME, and a is STRING"),
        ([column("a", "DATE", format="%Y")], "'%Y' is no format that tells a DATE in full, as %d.%m.%Y does"),
        ([column("a", "DATE", format="%Y" * 99)], "at most 100 characters"),
        ([column("a", "DATE", colour=1)], "Extra inputs"),
    ],
)
def test_a_contract_that_makes_no_sense_is_refused(columns: Any, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Contract.model_validate({"columns": columns})
