"""The template `google_ads.campaign_performance`."""

from headgate.pipelines.templates.advertising import CALCULATED, CHECKS, FIGURES
from headgate.pipelines.templates.columns import column, key, lenient, upsert
from headgate.pipelines.templates.template import Template

TEMPLATE = Template(
    name="google_ads.campaign_performance",
    summary="Campaigns of Google Ads by day, from flat rows of the Google Ads API or an export, with their figures.",
    spec={
        "contract": lenient(
            key("campaign_id", "STRING", "campaign.id", "Campaign ID"),
            key("date", "DATE", "segments.date", "Day"),
            column("campaign_name", "STRING", "campaign.name", "Campaign"),
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
            *FIGURES,
        ),
        "steps": [
            {"derive": {"columns": [{"name": "spend", "sql": "COALESCE(spend, cost_micros / 1000000.0)"}]}},
            CALCULATED,
        ],
        "checks": CHECKS,
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
