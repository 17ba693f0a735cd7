"""What callers give as ids, cursors and numbers is checked before anything is asked of the database."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.domain.ids import is_storable, require_id
from headgate.domain.pages import check_first, decode_cursor, decode_id_cursor, encode_cursor
from headgate.errors import UserFault
from headgate.storage.ids import new_id


def test_the_id_of_another_noun_is_named_as_such() -> None:
    with pytest.raises(UserFault, match="is the id of a job; a file's id starts with file_") as fault:
        require_id(new_id("job"), "file")
    assert (fault.value.code, fault.value.path) == ("INVALID_ID", ("id",))


@given(st.text())
def test_no_text_is_taken_for_an_id(text: str) -> None:
    with pytest.raises(UserFault, match="INVALID_ID"):
        require_id(text, "job")


@given(st.text())
def test_any_text_is_read_as_a_cursor_or_refused(text: str) -> None:
    with suppress(UserFault):
        assert decode_cursor(text).isascii()


@given(st.text(st.characters(codec="ascii")))
def test_a_cursor_is_read_back(position: str) -> None:
    assert decode_cursor(encode_cursor(position)) == position


def test_a_cursor_of_another_list_is_refused() -> None:
    job_id = new_id("job")
    assert decode_id_cursor(encode_cursor(job_id), "job") == job_id
    with pytest.raises(UserFault, match="INVALID_CURSOR"):
        decode_id_cursor(encode_cursor(job_id), "file")


@pytest.mark.parametrize("first", [0, -1, 201])
def test_a_page_holds_1_to_200_items(first: int) -> None:
    with pytest.raises(UserFault, match="INVALID_ARGUMENT"):
        check_first(first)


@pytest.mark.parametrize(
    ("text", "storable"), [("größe", True), ("a\0", False), ("\ud800", False), ("", True)]
)
def test_text_that_no_database_holds_is_known(text: str, storable: bool) -> None:
    assert is_storable(text) is storable
