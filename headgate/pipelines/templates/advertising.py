"""What the templates of advertising platforms have in common."""

from typing import Any

from headgate.pipelines.templates.columns import column

METRICS = ("CTR", "CPC", "CPM", "CPA", "CVR", "ROAS")
FIGURES = tuple(column(metric.lower(), "STRING") for metric in METRICS)
"""Platforms send some of these too, as fractions, percentages or texts: all are calculated anew."""
CALCULATED: dict[str, Any] = {"adMetrics": {"metrics": list(METRICS)}}
CHECKS: list[dict[str, Any]] = [
    {"range": {"columns": ["impressions", "clicks", "spend", "conversions"], "min": 0}},
    {
        "expression": {
            "sql": "clicks <= impressions",
            "name": "clicksWithinImpressions",
            "severity": "WARNING",
        }
    },
]
