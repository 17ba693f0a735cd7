"""Templates: whole specs that take what people have, with nothing set up."""

import json
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from headgate.domain.specs import check_spec, dataset_sink
from headgate.pipelines.checks.check import Table
from headgate.pipelines.checks.registry import checks_from_json
from headgate.pipelines.contract import Contract
from headgate.pipelines.inputs import read_rows
from headgate.pipelines.prepared import ROW_INDEX, Source
from headgate.pipelines.rejections import RejectionLog, Samples
from headgate.pipelines.rules import Rule, Severity
from headgate.pipelines.steps.registry import steps_from_json
from headgate.pipelines.templates.registry import templates
from headgate.storage.formats import FileFormat
from tests.pipelines.steps.harness import run, table_of

NAMES = [
    "ga4.sessions",
    "google_ads.campaign_performance",
    "hubspot.contacts",
    "loans.applications",
    "meta_ads.campaign_performance",
    "sales.orders",
]


def _unheard(stage: str, **figures: Any) -> None:
    pass


class Through:
    """Records that went through a template: the rows that came out, and the codes of their faults by severity."""

    def __init__(self, name: str, records: list[dict[str, Any]], folder: Path) -> None:
        spec = templates()[name].spec
        file = folder / "records.json"
        file.write_text(json.dumps(records))
        contract = Contract.model_validate(spec["contract"])
        log = RejectionLog(folder, "reading", Samples())
        arranged = read_rows(Source(file, FileFormat.JSON), contract, None, folder, log, _unheard)
        self.errors: list[tuple[int, str | None, str]] = []
        self.warnings: list[tuple[int, str | None, str]] = []
        frame = self._passing(arranged.frame, arranged.rules)
        rows = frame.select(arranged.names).collect()
        for step in steps_from_json(spec["steps"]):
            applied = run(step, table_of(rows))
            assert not applied.rejected
            rows = applied.frame
        numbered = rows.with_row_index(ROW_INDEX).lazy()
        table = Table(numbered, rows, rows.height, _unheard)
        rules = [rule for check in checks_from_json(spec["checks"]) for rule in check.rules(table)]
        self.rows: list[dict[str, Any]] = self._passing(numbered, rules).drop(ROW_INDEX).collect().to_dicts()

    def _passing(self, frame: pl.LazyFrame, rules: Sequence[Any]) -> pl.LazyFrame:
        for rule in rules:
            assert isinstance(rule, Rule), rule
            failing = frame.filter(rule.fails).select(ROW_INDEX).collect().to_series()
            found = self.errors if rule.severity is Severity.ERROR else self.warnings
            found += [(row, rule.column, rule.code) for row in failing]
        for rule in rules:
            if rule.severity is Severity.ERROR:
                frame = frame.filter(~rule.fails.fill_null(False))
        return frame


def test_every_template_is_there_by_its_name() -> None:
    assert sorted(templates()) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_each_spec_is_valid_and_upserts_into_a_dataset_of_the_same_name(name: str) -> None:
    template = templates()[name]
    check_spec(template.spec)
    sink = dataset_sink(template.spec)
    assert sink is not None
    assert sink["name"] == name.replace(".", "_")
    assert sink["mode"] == "UPSERT"
    assert template.summary.endswith(".")


@pytest.mark.parametrize("name", NAMES)
def test_the_records_of_each_pass_and_have_all_keys(name: str, tmp_path: Path) -> None:
    template = templates()[name]
    through = Through(name, [dict(record) for record in template.records], tmp_path)
    assert (len(through.rows), through.errors) == (len(template.records), [])
    sink = dataset_sink(template.spec)
    assert sink is not None
    assert all(row[key] is not None for row in through.rows for key in sink["keys"])


def test_figures_are_calculated_from_numbers_that_are_spelled_as_texts(tmp_path: Path) -> None:
    template = templates()["meta_ads.campaign_performance"]
    first, second = Through(template.name, [dict(record) for record in template.records], tmp_path).rows
    assert first["date"] == date(2024, 3, 1)
    assert first["ctr"] == pytest.approx(311 / 10482)
    assert first["cpa"] == pytest.approx(148.32 / 12)
    assert first["roas"] == pytest.approx(996 / 148.32)
    assert (second["ctr"], second["cpc"], second["cpa"], second["roas"]) == (0.0, None, None, None)


def test_few_columns_are_enough_and_what_a_platform_calculates_itself_is_calculated_anew(
    tmp_path: Path,
) -> None:
    record = {"Campaign ID": 7, "Day": "2024-03-01", "Impressions": 200, "Clicks (all)": 10, "CTR": "5.0 %"}
    record |= {"actions": [{"action_type": "purchase", "value": "3"}]}
    (row,) = Through("meta_ads.campaign_performance", [record], tmp_path).rows
    assert (row["campaign_id"], row["ctr"], row["spend"], row["cpc"]) == ("7", 0.05, None, None)
    assert json.loads(row["actions"]) == record["actions"]


def test_rows_without_keys_or_with_wrong_numbers_are_rejected_and_odd_ones_warned_of(tmp_path: Path) -> None:
    good = {"campaign_id": "1", "date": "2024-03-01", "impressions": 5, "clicks": 9, "spend": 1}
    records = [good, good | {"campaign_id": None}, good | {"spend": -1}, good | {"clicks": "many"}]
    through = Through("meta_ads.campaign_performance", records, tmp_path)
    assert len(through.rows) == 1
    assert {(column, code) for _, column, code in through.errors} == {
        ("campaign_id", "REQUIRED"),
        ("spend", "RANGE"),
        ("clicks", "TYPE"),
    }
    assert {code for _, _, code in through.warnings} == {"EXPRESSION"}


def test_micros_of_google_are_spent_as_units(tmp_path: Path) -> None:
    template = templates()["google_ads.campaign_performance"]
    first, second = Through(template.name, [dict(record) for record in template.records], tmp_path).rows
    assert (first["spend"], second["spend"], second["cpc"]) == (128.45, 0.0, None)
    assert first["cpc"] == pytest.approx(128.45 / 256)
    records: list[dict[str, Any]] = [
        {"Campaign ID": 7, "Day": "2024-03-01", "Impr.": 900, "Clicks": 9, "Cost": "4.5", "Campaign": "X"}
    ]
    (exported,) = Through(template.name, records, tmp_path).rows
    assert (exported["campaign_id"], exported["campaign_name"], exported["cpc"]) == ("7", "X", 0.5)


def test_rows_of_google_may_be_nested_as_its_api_sends_them(tmp_path: Path) -> None:
    record = {
        "campaign": {"resourceName": "customers/1/campaigns/9", "id": "9", "name": "Search"},
        "segments": {"date": "2024-03-01"},
        "metrics": {"clicks": "25", "impressions": "1000", "costMicros": "5000000", "conversions": 5},
    }
    (row,) = Through("google_ads.campaign_performance", [record], tmp_path).rows
    assert (row["campaign_id"], row["campaign_name"], row["date"]) == ("9", "Search", date(2024, 3, 1))
    assert (row["clicks"], row["spend"], row["cpc"], row["cvr"]) == (25, 5.0, 0.2, 0.2)
    assert not {"metrics", "segments"} & row.keys()


def test_contacts_may_have_their_properties_below_them(tmp_path: Path) -> None:
    properties = {"email": "Ann@Example.org", "firstname": "Ann", "phone": "0049 30"}
    record = {"id": "51", "properties": properties, "createdAt": "2024-02-28T09:30:17.883Z"}
    (row,) = Through("hubspot.contacts", [record], tmp_path).rows
    assert (row["email"], row["first_name"], row["phone"]) == ("ann@example.org", "Ann", "0049 30")
    assert "properties" not in row


def test_days_of_google_analytics_are_dates_however_they_are_spelled(tmp_path: Path) -> None:
    records: list[dict[str, Any]] = [
        {"date": 20240301, "sessions": 4, "conversions": 1},
        {"date": "soon", "sessions": 1},
    ]
    through = Through("ga4.sessions", records, tmp_path)
    (row,) = through.rows
    assert (row["date"], row["source"], row["conversion_rate"]) == (date(2024, 3, 1), "(not set)", 0.25)
    assert through.errors == [(1, "date", "REQUIRED")]


def test_contacts_have_clean_addresses_and_moments(tmp_path: Path) -> None:
    template = templates()["hubspot.contacts"]
    first, second = Through(template.name, [dict(record) for record in template.records], tmp_path).rows
    assert (first["email"], second["contact_id"]) == ("ann.lee@example.org", "52")
    assert first["created_at"] == datetime(2024, 2, 28, 9, 30, 17, 883_000, UTC)


def test_loans_are_related_to_incomes(tmp_path: Path) -> None:
    template = templates()["loans.applications"]
    first, second = Through(template.name, [dict(record) for record in template.records], tmp_path).rows
    assert (first["customer_id"], first["loan_to_income"]) == ("00017", 0.2577)
    assert (second["age"], second["loan_to_income"], second["loan_status"]) == (38, None, "pending")


def test_orders_have_totals(tmp_path: Path) -> None:
    template = templates()["sales.orders"]
    first, second = Through(template.name, [dict(record) for record in template.records], tmp_path).rows
    assert (first["total"], first["line"], first["currency"]) == (89.82, 1, "EUR")
    assert (second["total"], second["line"]) == (4.5, 2)
