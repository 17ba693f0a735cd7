"""Samples of errors are complete, short and named by what they are."""

from headgate.domain.samples import MAX_RECORD_CHARACTERS, sampled, samples_of
from headgate.storage.ledger import SCHEMA
from headgate.storage.tables import Job
from tests.domain.ledgers import an_error


def message(*errors: dict[str, object]) -> str | None:
    return sampled(Job(id="job_1"), samples_of(errors)).message


def test_a_sample_has_the_fields_of_a_ledger_and_no_others() -> None:
    [sample] = samples_of([{"row": 3, "code": "TYPE", "record": {"a": 1}, "host": "secret"}])
    assert sample == dict.fromkeys(SCHEMA) | {"row": 3, "code": "TYPE", "record": '{"a":1}'}


def test_a_record_that_is_too_long_is_left_out() -> None:
    long, short = samples_of([an_error(1, record="1" * (MAX_RECORD_CHARACTERS + 1)), an_error(1)])
    assert (long["record"], short["record"]) == (None, '{"age":"x"}')


def test_the_message_names_each_kind_once() -> None:
    assert message(an_error(1), an_error(2), an_error(2, column="name", code="REQUIRED")) == (
        "TYPE in age, REQUIRED in name"
    )
    assert message(an_error(1, column=None, code="STRUCTURE")) == "STRUCTURE"
    assert message(*(an_error(1, column=name) for name in "abcde")) == (
        "TYPE in a, TYPE in b, TYPE in c and 2 more"
    )


def test_the_message_can_be_stored_whatever_the_column_is_called() -> None:
    assert message(an_error(1, column="a\0b")) == "TYPE in ab"
