"""Alerts and the dashboard ask for figures that a server has, in words that Prometheus understands."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from headgate.storage.tables import JobStatus
from tests.acceptance.processes import INGEST, Client

DEPLOY = Path(__file__).parents[2] / "deploy"
RULES = yaml.safe_load((DEPLOY / "prometheus" / "headgate.rules.yaml").read_text())["groups"][0]["rules"]
DASHBOARD = json.loads((DEPLOY / "grafana" / "headgate.json").read_text())
GRAFANAS = {"$__rate_interval": "5m", "$__range": "6h", "$job": "headgate"}
"""What Grafana puts into expressions."""
PROMETHEUS_OWN = {"up"}


def expressions() -> Iterator[tuple[str, str]]:
    for rule in RULES:
        yield rule["alert"], rule["expr"]
    for panel in DASHBOARD["panels"]:
        for target in panel["targets"]:
            yield f"{panel['title']} {target['refId']}", _filled_in(target["expr"])


def _filled_in(expression: str) -> str:
    for name, value in GRAFANAS.items():
        expression = expression.replace(name, value)
    return expression


EXPRESSIONS = dict(expressions())


def selectors_of(node: Any) -> Iterator[promql_parser.VectorSelector]:
    """Find every series that an expression asks for."""
    if isinstance(node, promql_parser.VectorSelector):
        yield node
    elif isinstance(node, promql_parser.MatrixSelector):
        yield node.vector_selector
    elif isinstance(node, promql_parser.Call):
        for argument in node.args:
            yield from selectors_of(argument)
    elif isinstance(node, promql_parser.BinaryExpr):
        yield from selectors_of(node.lhs)
        yield from selectors_of(node.rhs)
    elif isinstance(node, promql_parser.AggregateExpr | promql_parser.ParenExpr | promql_parser.UnaryExpr):
        yield from selectors_of(node.expr)


@pytest.mark.parametrize("name", EXPRESSIONS)
async def test_an_expression_asks_for_what_a_server_tells(name: str, client: Client) -> None:
    asked = list(selectors_of(promql_parser.parse(EXPRESSIONS[name])))
    await ended_job(client)
    told = await series_of(client)

    assert asked
    for each in asked:
        if each.name in PROMETHEUS_OWN:
            continue
        assert each.name in told
        own = {matcher.name: matcher.value for matcher in each.matchers.matchers if matcher.name != "job"}
        assert own.keys() <= told[each.name]
        assert own.get("status", "FAILED") in set(JobStatus)


async def ended_job(client: Client) -> None:
    """There are no figures of jobs that ended before one has."""
    data = {"records": [{"id": 1}]}
    await client.data(
        INGEST, input={"data": data, "dataset": "monitored", "waitSeconds": 30, "idempotencyKey": "m"}
    )


async def series_of(client: Client) -> dict[str, set[str]]:
    """Which figures a server tells, and their labels."""
    families = text_string_to_metric_families((await client.http.get("/metrics")).text)
    return {sample.name: set(sample.labels) for family in families for sample in family.samples}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: str(rule["alert"]))
def test_an_alert_says_what_is_wrong_and_what_to_do(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in ("critical", "warning")
    assert rule["annotations"].keys() == {"summary", "description"}
    assert not re.search(r"\b(TODO|runbook)\b", rule["annotations"]["description"])


def test_the_dashboard_asks_one_source_that_is_chosen_in_it() -> None:
    sources = {panel["datasource"]["uid"] for panel in DASHBOARD["panels"]}
    variables = [variable["name"] for variable in DASHBOARD["templating"]["list"]]

    assert (sources, variables) == ({"${datasource}"}, ["datasource", "job"])
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
    assert all(panel["title"] and panel["description"] for panel in DASHBOARD["panels"])
