"""The template `meta_ads.campaign_performance`."""

from headgate.pipelines.templates.advertising import CALCULATED, CHECKS, FIGURES
from headgate.pipelines.templates.columns import column, key, lenient, upsert
from headgate.pipelines.templates.template import Template

TEMPLATE = Template(
    name="meta_ads.campaign_performance",
    summary="Campaigns of Meta Ads by day, from the Insights API or an export of Ads Manager, with their figures.",
    spec={
        "contract": lenient(
            key("campaign_id", "STRING", "Campaign ID"),
            key("date", "DATE", "date_start", "Day", "Reporting starts"),
            column("date_stop", "DATE", "Reporting ends"),
            column("account_id", "STRING", "Account ID"),
            column("campaign_name", "STRING", "Campaign name", "campaign"),
            column("objective", "STRING"),
            column("account_currency", "STRING", "Currency"),
            column("impressions", "INTEGER"),
            column("reach", "INTEGER"),
            column("clicks", "INTEGER", "Clicks (all)", "Link clicks", "inline_link_clicks"),
            column(
                "spend",
                "FLOAT",
                "Amount spent",
                "Amount spent (USD)",
                "Amount spent (EUR)",
                "Amount spent (GBP)",
            ),
            column("conversions", "FLOAT", "Results", "Purchases"),
            column("revenue", "FLOAT", "Purchases conversion value", "conversion_value"),
            column("actions", "STRING"),
            column("action_values", "STRING"),
            *FIGURES,
        ),
        "steps": [CALCULATED],
        "checks": CHECKS,
        "sinks": upsert("meta_ads_campaign_performance", "campaign_id", "date"),
    },
    records=[
        {
            "campaign_id": "120210000000000001",
            "campaign_name": "Spring sale",
            "date_start": "2024-03-01",
            "date_stop": "2024-03-01",
            "impressions": "10482",
            "clicks": "311",
            "spend": "148.32",
            "conversions": 12,
            "revenue": 996.0,
        },
        {
            "campaign_id": "120210000000000002",
            "campaign_name": "Brand",
            "date_start": "2024-03-01",
            "date_stop": "2024-03-01",
            "impressions": "2310",
            "clicks": "0",
            "spend": "0",
        },
    ],
)
