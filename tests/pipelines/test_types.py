"""A column's type gives every text back exactly, or the column stays text."""

from collections.abc import Sequence
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headgate.pipelines import goodrecords
from headgate.pipelines.counts import Counts
from headgate.pipelines.types import TypePlan
from headgate.storage.columns import WHOLE, Column, json_records
from headgate.storage.formats import FileFormat
from tests.pipelines.intake import Intake, spelled

INTEGERS = st.integers().map(str) | st.from_regex(r"[+-]?0*[0-9]{1,20}", fullmatch=True)
FLOATS = (
    st.floats().map(str)
    | st.floats().map(lambda value: str(pl.Series([value]).cast(pl.String)[0]))
    | st.from_regex(r"[+-]?[0-9]{0,17}\.?[0-9]{0,17}([eE][+-]?[0-9]{1,3})?", fullmatch=True)
    | st.sampled_from(
        ["NaN", "nan", "inf", "-inf", "Infinity", "-0", "-0.0", "1e5", "1.50", "1.5", ".5", "5."]
    )
)
DECIMALS = st.decimals(allow_nan=False, allow_infinity=False, places=2).map(str)
BOOLEANS = st.sampled_from(["true", "false", "True", "False", "TRUE", "FALSE", "0", "1", "yes", "t"])
DATES = st.dates().map(str) | st.from_regex(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", fullmatch=True)
MOMENTS = st.datetimes().map(str) | st.datetimes().map(lambda moment: moment.isoformat())
SECONDS = st.datetimes().map(lambda moment: moment.replace(microsecond=0).isoformat(" "))
INSTANTS = SECONDS.map(lambda text: text.replace(" ", "T") + "Z")
ODDITIES = st.text(max_size=10) | st.sampled_from(
    [
        "",
        " ",
        "0000-01-01",
        "0000-00-00",
        "2016-12-31T23:59:60Z",
        "0000-01-01 00:00:00",
        "24:00",
        "\uff12020-01-01",
    ]
)
KINDS = [INTEGERS, FLOATS, DECIMALS, BOOLEANS, DATES, MOMENTS, SECONDS, INSTANTS, ODDITIES]
TEXTS = st.sampled_from(KINDS).flatmap(
    lambda kind: st.lists(st.none() | kind, max_size=8).flatmap(
        lambda texts: st.one_of(st.just(texts), st.tuples(ODDITIES).map(lambda odd: [*texts, *odd]))
    )
)


def typed(
    texts: Sequence[str | None], sample: Sequence[str | None] | None = None
) -> tuple[Column, list[Any]]:
    """The column that the texts become, and its values as clients get them."""
    frame = pl.DataFrame({"x": texts}, schema={"x": pl.String})
    plan = TypePlan.guess(frame.schema, ["x"], pl.DataFrame({"x": sample or texts}, schema={"x": pl.String}))
    while True:
        chosen = plan.chosen["x"]
        values = frame.lazy().select(chosen.exact(pl.col("x")).alias("x")).collect()
        if values["x"].null_count() == frame["x"].null_count():
            break
        plan.demote(["x"])
    column = Column("x", chosen.dtype, chosen.form)
    return column, [record["x"] for record in json_records(values, {"x": column.form})]


@settings(max_examples=800)
@given(TEXTS)
def test_the_typed_values_give_every_text_back(texts: list[str | None]) -> None:
    column, values = typed(texts)
    assert [spelled(column, value) for value in values] == texts


@settings(max_examples=400)
@given(TEXTS, TEXTS)
def test_a_sample_that_misleads_loses_nothing(sample: list[str | None], rest: list[str | None]) -> None:
    column, values = typed([*sample, *rest], sample)
    assert [spelled(column, value) for value in values] == [*sample, *rest]


@pytest.mark.parametrize(
    ("texts", "native", "form"),
    [
        (["1", "-5", "0"], pl.Int64(), None),
        (["9007199254740991", "-9007199254740991"], pl.Int64(), None),
        (["9007199254740993"], pl.String(), None),
        (["1", "18446744073709551616"], pl.String(), None),
        (["00501", "10001"], pl.String(), None),
        (["+5"], pl.String(), None),
        (["-0"], pl.Float64(), WHOLE),
        (["1", "-0", "1.5"], pl.Float64(), WHOLE),
        (["1.5", "2.0"], pl.Float64(), None),
        (["1.5", "2"], pl.Float64(), WHOLE),
        (["1.50", "2.05"], pl.Decimal(38, 2), None),
        (["1.50", "1.5"], pl.String(), None),
        (["-0.00", "1.50"], pl.String(), None),
        (["1e5"], pl.String(), None),
        (["NaN", "1.5"], pl.String(), None),
        (["inf"], pl.String(), None),
        ([" 1"], pl.String(), None),
        (["1_000"], pl.String(), None),
        (["true", "false"], pl.Boolean(), None),
        (["True", "False"], pl.Boolean(), "True"),
        (["TRUE", "FALSE"], pl.Boolean(), "TRUE"),
        (["true", "False"], pl.String(), None),
        (["2024-02-29"], pl.Date(), None),
        (["2023-02-29"], pl.String(), None),
        (["01/02/2024", "13/02/2024"], pl.String(), None),
        (["2024-02-29 10:00:00"], pl.Datetime("us"), "%Y-%m-%d %H:%M:%S"),
        (["2024-02-29T10:00:00.123"], pl.Datetime("us"), "%Y-%m-%dT%H:%M:%S%.3f"),
        (["2024-02-29T10:00:00Z"], pl.Datetime("us", "UTC"), "%Y-%m-%dT%H:%M:%SZ"),
        (["2024-02-29T10:00:00+02:00"], pl.String(), None),
        (["2024-02-29T10:00:00.1234567"], pl.String(), None),
        (["10:30"], pl.String(), None),
        (["", "1"], pl.String(), None),
        ([None, None], pl.String(), None),
        ([None, "1"], pl.Int64(), None),
    ],
)
def test_a_column_has_the_first_type_that_gives_its_texts_back(
    texts: list[str | None], native: pl.DataType, form: str | None
) -> None:
    column, values = typed(texts)
    assert (column.dtype, column.form) == (native, form)
    assert [spelled(column, value) for value in values] == texts


@pytest.mark.parametrize(
    ("early", "late", "kind"),
    [("1", "x", "STRING"), ("1", "2.5", "FLOAT"), ("2024-01-01", "soon", "STRING"), ("true", "", "STRING")],
)
def test_a_value_late_in_the_file_that_breaks_the_type_demotes_the_column(
    intake: Intake, early: str, late: str, kind: str
) -> None:
    texts = [early] * 200_000 + [late] + [early] * 200_000
    content = "number,x\n" + "".join(f'{number},"{text}"\n' for number, text in enumerate(texts))
    outcome = intake.ingest(intake.file(content), FileFormat.CSV)
    assert outcome.counts == Counts(read=400_001, accepted=400_001, rejected=0)
    assert outcome.types == {"number": "INTEGER", "x": kind}
    column = outcome.version.columns[1]
    assert [spelled(column, row["x"]) for row in outcome.rows[199_999:200_002]] == [early, late, early]


def test_a_column_may_be_demoted_more_than_once(intake: Intake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(goodrecords, "SAMPLES", 1)
    monkeypatch.setattr(goodrecords, "SAMPLE_BYTES", 1000)
    texts = ["1"] * 100_000 + ["2.5"] * 100_000 + ["x"]
    outcome = intake.ingest(intake.file("x\n" + "".join(f"{text}\n" for text in texts)), FileFormat.CSV)
    assert [row["x"] for row in outcome.rows] == texts
    assert outcome.counts == Counts(read=200_001, accepted=200_001, rejected=0)
    assert len(intake.parquet_files()) == len(outcome.version.parts)
