"""Ids tell what they name and sort by age."""

import re
from datetime import UTC, datetime, timedelta

import pytest

from headgate.storage.ids import is_id, made_at, new_id


def test_an_id_names_its_kind() -> None:
    assert re.fullmatch(r"job_[0-7][0-9a-hjkmnp-tv-z]{25}", new_id("job"))


def test_ids_sort_by_the_order_in_which_they_were_made() -> None:
    ids = [new_id("job") for _ in range(2_000)]
    assert sorted(set(ids)) == ids


def test_an_id_is_of_its_own_kind_only() -> None:
    assert is_id(new_id("job"), "job")
    assert not is_id(new_id("job"), "file")


@pytest.mark.parametrize(
    "value",
    [
        "",
        "job",
        "job_",
        "job_1",
        "_01h455vb4pex5vsknk084sn02q",
        "01h455vb4pex5vsknk084sn02q",
        "JOB_01H455VB4PEX5VSKNK084SN02Q",
        "job_81h455vb4pex5vsknk084sn02q",
        "job_01h455vb4pex5vsknk084sn02u",
        "job_01h455vb4pex5vsknk084sn02q ",
        "job_../../../../../etc/passwd",
        "job_\N{ARABIC-INDIC DIGIT ZERO}1h455vb4pex5vsknk084sn02q",
        "job_" + "0" * 10_000,
    ],
)
def test_what_is_no_id_is_told(value: str) -> None:
    assert not is_id(value, "job")


def test_an_id_tells_when_it_was_made() -> None:
    assert abs(made_at(new_id("file")) - datetime.now(UTC)) < timedelta(seconds=5)
    assert made_at("job_01h455vb4pex5vsknk084sn02q") == datetime(2023, 6, 30, 3, 34, 18, 518_000, UTC)


def test_what_is_no_id_was_never_made() -> None:
    with pytest.raises(ValueError, match="not an id"):
        made_at("job_1")
