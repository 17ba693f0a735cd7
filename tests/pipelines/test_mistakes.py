"""What is wrong with settings is said in the middle of a sentence."""

import pytest
from pydantic import Field, ValidationError, field_validator

from headgate.pipelines.kinds import Settings
from headgate.pipelines.mistakes import mistakes_in, told


class Query(Settings):
    """A query."""

    first: int = Field(ge=1)
    text: str

    @field_validator("text")
    @classmethod
    def _check(cls, text: str) -> str:
        raise ValueError(text)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"first": 1}, "text: is required"),
        ({"first": 1, "text": "RECURSIVE is not allowed."}, "text: RECURSIVE is not allowed"),
        ({"first": 1, "text": "Give a table."}, "text: give a table"),
        ({"first": 0, "text": "a"}, "first: should be greater than or equal to 1; text: a"),
        ({"first": 1, "text": "a", "more": 1}, "text: a; more: there is no such setting"),
    ],
    ids=["missing", "keyword", "sentence", "two", "unknown"],
)
def test_each_mistake_is_told_with_its_place(given: dict[str, object], expected: str) -> None:
    with pytest.raises(ValidationError) as error:
        Query.model_validate(given)
    assert told(mistakes_in(error.value)) == expected
