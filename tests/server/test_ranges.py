"""A range of bytes is read as RFC 9110 has it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.server.ranges import ByteRange, Unsatisfiable, WantedRange, wanted_range

COUNTS = st.integers(0, 40)


@given(COUNTS, st.none() | COUNTS, st.integers(0, 30))
def test_a_range_holds_the_bytes_that_it_names(first: int, last: int | None, size: int) -> None:
    wanted = wanted_range(f"bytes={first}-{'' if last is None else last}")
    if last is not None and last < first:
        assert wanted is None
        return
    assert wanted is not None
    named = [n for n in range(size) if n >= first and (last is None or n <= last)]
    if not named:
        with pytest.raises(Unsatisfiable):
            wanted.of(size)
    else:
        assert wanted.of(size) == ByteRange(named[0], named[-1] + 1)


@given(COUNTS, st.integers(0, 30))
def test_a_suffix_holds_the_last_bytes(count: int, size: int) -> None:
    wanted = wanted_range(f"bytes=-{count}")
    assert wanted == WantedRange(None, count)
    if not count or not size:
        with pytest.raises(Unsatisfiable):
            wanted.of(size)
    else:
        assert wanted.of(size) == ByteRange(max(size - count, 0), size)


@given(st.none() | st.text())
def test_what_makes_no_sense_means_all(header: str | None) -> None:
    assert wanted_range(header) is None or header is not None


@pytest.mark.parametrize(
    "header", ["bytes=-", "bytes=1-2,4-5", "rows=1-2", "bytes 1-2", "bytes=٣-", "", None]
)
def test_what_is_no_single_range_of_bytes_means_all(header: str | None) -> None:
    assert wanted_range(header) is None
