"""Whatever is damaged and whatever is corrected: each row is in the dataset once, or open."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from headgate.storage import datasets
from tests.pipelines.correcting import ingested
from tests.pipelines.intake import Intake, new_intake, rows_of

VALUES = st.sampled_from(["1", "7", "50", "-3", "x", "5000", None])
ROWS = st.lists(st.tuples(VALUES, VALUES, st.booleans()), min_size=1, max_size=8)
ROUNDS = st.lists(
    st.dictionaries(
        st.integers(1, 9),
        st.dictionaries(st.sampled_from(["a", "b", "A", "c"]), VALUES, min_size=1),
        min_size=1,
    ),
    max_size=4,
)
IN_RANGE = {"range": {"columns": ["a", "b"], "min": 0, "max": 100}}
Values = dict[str, str | None]


def is_good(values: Values | None) -> bool:
    return values is not None and all(value in (None, "1", "7", "50") for value in values.values())


def merged(state: Values | None, given: Values) -> Values | None:
    """What a row is with other values: None where they can't be put into it."""
    values = {"a" if name == "A" else name: value for name, value in given.items()}
    if "c" in values or len(values) < len(given) or (state is None and len(values) < 2):
        return None
    return {**(state or {}), **values}


@settings(max_examples=25)
@given(ROWS, ROUNDS, st.booleans())
def test_every_row_is_in_the_dataset_once_or_open(
    rows: list[tuple[str | None, str | None, bool]], rounds: list[dict[int, Values]], in_chains: bool
) -> None:
    """Rows are damaged, and corrected in several jobs with good and bad values; each corrects the first one or, in
    chains, the one before it. What is expected is worked out cell by cell."""
    with new_intake() as intake:
        lines = [f"{a or ''},{b or ''}" + ",more" * is_broken for a, b, is_broken in rows]
        job = ingested(intake, "\n".join(["a,b", *lines, ""]), IN_RANGE, own=("a", "b"))
        states: dict[int, Values | None] = {
            row: None if is_broken else {"a": a, "b": b}
            for row, (a, b, is_broken) in enumerate(rows, start=1)
        }
        taken = [states.pop(row) for row in list(states) if is_good(states[row])]
        assert job.open_rows() == list(states)
        for given in rounds:
            passed = {}
            for row in given.keys() & states.keys():
                after = merged(states[row], given[row])
                if is_good(after):
                    passed[row] = after
                elif in_chains and after is not None:
                    states[row] = after
            outcome, later = job.correct(given)
            counts = outcome.counts
            assert (counts.read, counts.accepted, counts.merged) == (len(given), len(passed), 0)
            assert counts.rejected == len(given) - len(passed)
            taken += [passed[row] for row in given if row in passed]
            states = {row: state for row, state in states.items() if row not in passed}
            assert job.open_rows() == sorted(states)
            if in_chains:
                states = {row: state for row, state in states.items() if row in given}
                job = replace(later, is_taken=job.is_taken)
                assert job.open_rows() == sorted(states)
        assert rows_in(intake) == taken


def rows_in(intake: Intake) -> list[Values]:
    """The rows of the dataset, with their values as texts."""
    folder = intake.dataset()
    version = datasets.latest(folder)
    found = rows_of(folder, version) if version is not None else []
    return [{name: None if value is None else str(value) for name, value in row.items()} for row in found]
