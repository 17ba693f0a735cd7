"""Pipelines are written as YAML for people, and read again as they were."""

import pytest

from headgate.errors import UserFault
from headgate.pipelines.yaml_specs import YamlPipeline, from_yaml, to_yaml

SPEC = {
    "timeoutSeconds": 60,
    "sinks": [{"dataset": {"name": "campaigns", "mode": "UPSERT", "keys": ["campaign_id", "date"]}}],
    "steps": [
        {"trim": {"columns": ["campaign_id"]}},
        {"sql": {"sql": "SELECT *\nFROM input"}},
        {"flatten": {}},
    ],
    "contract": {
        "columns": [{"name": "date", "type": "DATE", "format": "%Y-%m-%d"}],
        "unknownColumns": "EVOLVE",
    },
    "source": {"http": {"endpoint": "meta", "path": "/insights", "incremental": {"start": "2026-01-01"}}},
    "schedule": {"cron": "0 6 * * *", "timezone": "Europe/Berlin"},
}
TEXT = """\
name: campaign-performance
description: What each campaign costs, day by day.
source:
  http:
    endpoint: meta
    path: /insights
    incremental: {start: '2026-01-01'}
contract:
  columns:
  - {name: date, type: DATE, format: '%Y-%m-%d'}
  unknownColumns: EVOLVE
steps:
- trim: {columns: [campaign_id]}
- sql:
    sql: |-
      SELECT *
      FROM input
- flatten: {}
sinks:
- dataset: {name: campaigns, mode: UPSERT, keys: [campaign_id, date]}
schedule: {cron: 0 6 * * *, timezone: Europe/Berlin}
timeoutSeconds: 60
"""


def test_a_pipeline_reads_like_the_ones_that_people_write() -> None:
    assert to_yaml("campaign-performance", "What each campaign costs, day by day.", SPEC) == TEXT


def test_a_pipeline_is_read_as_it_was_written() -> None:
    assert from_yaml(TEXT) == YamlPipeline(
        "campaign-performance", "What each campaign costs, day by day.", SPEC
    )


def test_name_and_description_may_be_left_out() -> None:
    assert from_yaml("sinks: []") == YamlPipeline(None, None, {"sinks": []})


@pytest.mark.parametrize(
    ("text", "path"),
    [("", ()), ("- a", ()), ("a", ()), ("name: 5", ("name",)), ("description: [a]", ("description",))],
)
def test_what_is_no_pipeline_is_refused(text: str, path: tuple[str, ...]) -> None:
    with pytest.raises(UserFault, match="INVALID_YAML") as refused:
        from_yaml(text)
    assert refused.value.path == path
