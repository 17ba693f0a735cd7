"""The template `google_ads.campaign_performance`."""

from headgate.pipelines.templates.advertising import CALCULATED, CHECKS, FIGURES
from headgate.pipelines.templates.columns import column, lenient, upsert
from headgate.pipelines.templates.template import Template

FROM_NESTED = [
    {"name": "campaign_id", "sql": "COALESCE(CAST(campaign_id AS TEXT), CAST(campaign.id AS TEXT))"},
    {"name": "campaign_name", "sql": 'COALESCE(campaign_name, campaign.name, "Campaign")'},
    {"name": "campaign_status", "sql": "COALESCE(campaign_status, campaign.status)"},
    {"name": "date", "sql": "COALESCE(date, CAST(segments.date AS DATE))"},
    {"name": "device", "sql": "COALESCE(device, segments.device)"},
    {"name": "impressions", "sql": "CAST(COALESCE(impressions, metrics.impressions) AS INT)"},
    {"name": "clicks", "sql": "CAST(COALESCE(clicks, metrics.clicks) AS INT)"},
    {
        "name": "cost_micros",
        "sql": "CAST(COALESCE(cost_micros, metrics.costMicros, metrics.cost_micros) AS INT)",
    },
    {"name": "conversions", "sql": "CAST(COALESCE(conversions, metrics.conversions) AS FLOAT)"},
    {
        "name": "revenue",
        "sql": "CAST(COALESCE(revenue, metrics.conversionsValue, metrics.conversions_value) AS FLOAT)",
    },
]
"""Where a row of the API is nested, as it is in JSON, the columns are fields of others."""

TEMPLATE = Template(
    name="google_ads.campaign_performance",
    summary="Campaigns of Google Ads by day, from rows of the Google Ads API or an export, with their figures.",
    spec={
        "contract": lenient(
            column("campaign_id", "STRING", "campaign.id", "Campaign ID"),
            column("date", "DATE", "segments.date", "Day"),
            column("campaign_name", "STRING", "campaign.name"),
            column("campaign_status", "STRING", "campaign.status", "Campaign status"),
            column("customer_id", "STRING", "customer.id"),
            column(
                "currency_code", "STRING", "customer.currency_code", "customer.currencyCode", "Currency code"
            ),
            column("device", "STRING", "segments.device"),
            column("impressions", "INTEGER", "metrics.impressions", "Impr."),
            column("clicks", "INTEGER", "metrics.clicks"),
            column("cost_micros", "INTEGER", "metrics.cost_micros", "metrics.costMicros", "costMicros"),
            column("spend", "FLOAT", "cost"),
            column("conversions", "FLOAT", "metrics.conversions"),
            column(
                "revenue",
                "FLOAT",
                *(
                    "metrics.conversions_value",
                    "metrics.conversionsValue",
                    "conversions_value",
                    "Conv. value",
                ),
            ),
            column("metrics", "STRUCT"),
            column("segments", "STRUCT"),
            *FIGURES,
        ),
        "steps": [
            {"derive": {"columns": FROM_NESTED, "missingAsNull": True}},
            {"derive": {"columns": [{"name": "spend", "sql": "COALESCE(spend, cost_micros / 1000000.0)"}]}},
            {"drop": {"columns": ["metrics", "segments"]}},
            CALCULATED,
        ],
        "checks": [{"required": {"columns": ["campaign_id", "date"]}}, *CHECKS],
        "sinks": upsert("google_ads_campaign_performance", "campaign_id", "date"),
    },
    records=[
        {
            "campaign.id": "20000000001",
            "campaign.name": "Search: shoes",
            "segments.date": "2024-03-01",
            "metrics.impressions": "5120",
            "metrics.clicks": "256",
            "metrics.cost_micros": "128450000",
            "metrics.conversions": 16.0,
            "metrics.conversions_value": 1180.5,
        },
        {
            "campaign.id": "20000000002",
            "campaign.name": "Display",
            "segments.date": "2024-03-01",
            "metrics.impressions": "900",
            "metrics.clicks": "0",
            "metrics.cost_micros": "0",
        },
    ],
)
