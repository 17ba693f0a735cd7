"""Steps that choose and name columns: `select`, `drop` and `rename`."""

from typing import Any

import pytest
from pydantic import ValidationError

from headgate.errors import JobFault
from tests.pipelines.steps.harness import apply, step

ROWS = {"a": [1, 2], "b": ["x", None], "c": [True, False]}


def renamed(*names: str) -> list[dict[str, str]]:
    return [dict(zip(("from", "to"), name.split("→"), strict=True)) for name in names]


def test_columns_are_selected_in_the_order_in_which_they_are_named() -> None:
    result = apply("select", ROWS, columns=["c", "a"])
    assert result.rows == [{"c": True, "a": 1}, {"c": False, "a": 2}]
    assert result.frame.columns == ["c", "a"]


def test_columns_are_dropped() -> None:
    assert apply("drop", ROWS, columns=["c", "a"]).rows == [{"b": "x"}, {"b": None}]


def test_not_all_columns_can_be_dropped() -> None:
    with pytest.raises(JobFault, match="NO_COLUMN_LEFT"):
        apply("drop", ROWS, columns=["c", "b", "a"])


@pytest.mark.parametrize(
    ("names", "columns"),
    [
        (["a→z"], ["z", "b", "c"]),
        (["a→b", "b→a"], ["b", "a", "c"]),
        (["a→b", "b→c", "c→a"], ["b", "c", "a"]),
        (["a→A"], ["A", "b", "c"]),
        (["a→a"], ["a", "b", "c"]),
        (["a→Größe in €"], ["Größe in €", "b", "c"]),
    ],
)
def test_columns_are_renamed_in_their_places(names: list[str], columns: list[str]) -> None:
    result = apply("rename", ROWS, columns=renamed(*names))
    assert result.frame.columns == columns
    assert [column.to_list() for column in result.frame] == list(ROWS.values())


@pytest.mark.parametrize("name", ["b", "B"])
def test_a_name_that_another_column_has_is_refused(name: str) -> None:
    with pytest.raises(JobFault, match=f"There is a column {name} already") as fault:
        apply("rename", ROWS, columns=renamed(f"a→{name}"))
    assert fault.value.code == "COLUMN_EXISTS"


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ([], "at least 1"),
        (["a→x", "a→y"], "renamed twice"),
        (["a→x", "b→X"], "the column X is named twice"),
        (["a→"], "at least 1"),
        (["a→__headgate_row__"], "can't name a column"),
        (["a→*"], "can't name a column"),
        (["a→^b$"], "can't name a column"),
        (["a→x\0"], "can't name a column"),
        (["a→" + "x" * 256], "at most 255"),
    ],
)
def test_names_that_no_column_can_have_are_refused(names: list[str], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        step("rename", columns=renamed(*names))


@pytest.mark.parametrize(
    ("kind", "columns"), [("select", ["z"]), ("drop", ["z"]), ("rename", renamed("z→y")), ("select", ["^a$"])]
)
def test_a_column_that_is_not_there_is_a_fault(kind: str, columns: list[Any]) -> None:
    with pytest.raises(JobFault, match="UNKNOWN_COLUMN"):
        apply(kind, ROWS, columns=columns)


def test_hidden_columns_are_nobodys() -> None:
    for kind in ("select", "drop"):
        with pytest.raises(JobFault, match="UNKNOWN_COLUMN"):
            apply(kind, ROWS, columns=["__headgate_row__"])


def test_thousands_of_columns_are_named() -> None:
    rows = {f"c{number}": [number] for number in range(2_000)}
    assert apply("select", rows, columns=list(rows)[::-1]).frame.columns == list(rows)[::-1]
    assert apply("drop", rows, columns=list(rows)[1:]).rows == [{"c0": 0}]
    result = apply("rename", rows, columns=[{"from": name, "to": f"new {name}"} for name in rows])
    assert result.frame.columns == [f"new {name}" for name in rows]
