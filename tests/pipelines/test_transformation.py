"""The data of a mapping is changed as its transformation says, or it is said why it can't be."""

from typing import Any

import pytest
from pydantic import ValidationError

from headgate.errors import JobFault
from headgate.pipelines.transformation import MAX_ENTRIES, Transformation

RECORD = {"id": 7, "name": "Ada", "address": {"city": "Oslo", "zip": "0150"}}


def applied(data: Any, **said: Any) -> Any:
    return Transformation.model_validate(said).apply(data)


@pytest.mark.parametrize("data", [RECORD, [RECORD], 7, "text", None, []], ids=str)
def test_without_anything_said_data_stays_as_it_is(data: Any) -> None:
    assert applied(data) == data


def test_a_part_of_the_data_is_taken() -> None:
    assert applied({"data": {"items": [1, 2]}}, recordPath="data.items") == [1, 2]


@pytest.mark.parametrize(
    "select",
    [
        [{"from": "address.city", "to": "city"}, {"from": "id", "to": "id"}],
        {"address.city": "city", "id": "id"},
        [{"from": "address.city", "to": "city"}, "id"],
    ],
    ids=["list", "object", "names"],
)
def test_only_selected_fields_are_kept(select: Any) -> None:
    assert applied(RECORD, select=select) == {"city": "Oslo", "id": 7}


def test_fields_get_other_names_and_the_rest_stays() -> None:
    renamed = applied(RECORD, rename=[{"from": "name", "to": "full_name"}])
    assert renamed == {"id": 7, "full_name": "Ada", "address": RECORD["address"]}


def test_two_fields_change_their_names_for_each_other() -> None:
    assert applied({"a": 1, "b": 2}, rename={"a": "b", "b": "a"}) == {"a": 2, "b": 1}


def test_fields_inside_others_are_made_and_moved() -> None:
    assert applied(RECORD, select={"id": "user.key", "address.zip": "user.zip"}) == {
        "user": {"key": 7, "zip": "0150"}
    }
    moved = applied(RECORD, rename={"address.city": "city"})
    assert (moved["city"], moved["address"]) == ("Oslo", {"zip": "0150"})


def test_fields_are_added_and_replaced() -> None:
    assert applied({"a": 1}, set=[{"name": "a", "value": 2}, {"name": "tags", "value": ["x"]}]) == {
        "a": 2,
        "tags": ["x"],
    }


def test_each_record_of_a_list_is_changed_by_itself() -> None:
    made = applied([{"a": 1}, {"a": 2}], set=[{"name": "x", "value": {}}, {"name": "x.y", "value": 0}])
    assert made == [{"a": 1, "x": {"y": 0}}, {"a": 2, "x": {"y": 0}}]
    assert made[0]["x"] is not made[1]["x"]


def test_all_is_done_in_the_order_that_is_documented() -> None:
    said = {"recordPath": "data", "select": ["id"], "rename": {"id": "key"}, "set": {"source": "crm"}}
    assert applied({"data": RECORD}, **said) == {"key": 7, "source": "crm"}


def test_what_it_was_given_stays_as_it_was() -> None:
    given = {"a": {"b": 1}}
    applied(given, rename={"a.b": "a.c"}, set={"a.d": 2})
    assert given == {"a": {"b": 1}}


@pytest.mark.parametrize(
    ("data", "said", "code"),
    [
        ({"a": 1}, {"recordPath": "data"}, "MISSING_FIELD"),
        ({"data": 1}, {"recordPath": "data.items"}, "MISSING_FIELD"),
        ({"a": 1}, {"select": ["b"]}, "MISSING_FIELD"),
        ({"a": 1}, {"rename": {"a.b": "c"}}, "MISSING_FIELD"),
        ([1], {"select": ["a"]}, "WRONG_DATA"),
        (None, {"set": {"a": 1}}, "WRONG_DATA"),
        ({"a": 1}, {"set": {"a.b": 1}}, "WRONG_DATA"),
    ],
    ids=str,
)
def test_data_that_is_not_as_it_was_said_to_be_is_a_fault_of_the_data(
    data: Any, said: dict[str, Any], code: str
) -> None:
    with pytest.raises(JobFault) as failed:
        applied(data, **said)
    assert (failed.value.code, failed.value.category) == (code, "DATA")


@pytest.mark.parametrize(
    "said",
    [
        {"fields": []},
        {"select": "a"},
        {"select": [{"from": "a"}]},
        {"select": [{"from": "a..b", "to": "c"}]},
        {"select": [{"from": "", "to": "c"}]},
        {"rename": {"a": "c", "b": "c"}},
        {"rename": {str(number): f"_{number}" for number in range(MAX_ENTRIES + 1)}},
        {"method": "DELETE"},
        {"sourcePath": "https://elsewhere.example.com/"},
        {"sourcePath": "//elsewhere.example.com/"},
        {"targetPath": "/users/../admin"},
        {"targetPath": "/users\r\nHost: x"},
        {"targetPath": "/" * 2001},
        [],
        "select",
    ],
    ids=lambda said: str(said)[:40],
)
def test_what_makes_no_sense_is_refused(said: Any) -> None:
    with pytest.raises(ValidationError):
        Transformation.model_validate(said)


def test_paths_name_the_mapping_without_becoming_other_paths() -> None:
    said = Transformation(source_path="/users/{id}?of={id}", target_path="/contacts")
    assert (
        said.source_url("a/../b?c&d é") == "/users/a%2F..%2Fb%3Fc%26d%20%C3%A9?of=a%2F..%2Fb%3Fc%26d%20%C3%A9"
    )
    assert said.target_url("a") == "/contacts"


def test_it_is_kept_as_it_was_said() -> None:
    said = {"select": [{"from": "a", "to": "a"}], "set": [{"name": "b", "value": None}], "sourcePath": "/x"}
    assert Transformation.model_validate({**said, "select": ["a"], "set": {"b": None}}).to_json() == said
