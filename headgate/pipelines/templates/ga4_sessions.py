"""The template `ga4.sessions`."""

from headgate.pipelines.templates.columns import column, key, lenient, upsert
from headgate.pipelines.templates.template import Template

SPELLED_OUT = "SUBSTRING(date, 1, 4) || '-' || SUBSTRING(date, 5, 2) || '-' || SUBSTRING(date, 7, 2)"

TEMPLATE = Template(
    name="ga4.sessions",
    summary="Sessions of Google Analytics 4 by day, source and medium, from the Data API or an export.",
    spec={
        "contract": lenient(
            key("date", "STRING", "event_date"),
            column("source", "STRING", "sessionSource", "Session source"),
            column("medium", "STRING", "sessionMedium", "Session medium"),
            column("campaign", "STRING", "sessionCampaignName", "Session campaign"),
            column("channel_group", "STRING", "sessionDefaultChannelGroup", "sessionDefaultChannelGrouping"),
            column("country", "STRING"),
            column("device_category", "STRING", "deviceCategory"),
            column("sessions", "INTEGER"),
            column("engaged_sessions", "INTEGER", "engagedSessions", "Engaged sessions"),
            column("users", "INTEGER", "totalUsers", "Total users", "activeUsers", "Active users"),
            column("new_users", "INTEGER", "newUsers", "New users"),
            column("page_views", "INTEGER", "screenPageViews", "Views"),
            column("conversions", "FLOAT", "keyEvents", "Key events"),
            column("revenue", "FLOAT", "totalRevenue", "Total revenue", "purchaseRevenue"),
        ),
        "steps": [
            {
                "derive": {
                    "columns": [
                        {
                            "name": "date",
                            "sql": f"CASE WHEN LENGTH(date) = 8 THEN {SPELLED_OUT} ELSE date END",
                        },
                        {"name": "source", "sql": "COALESCE(source, '(not set)')"},
                        {"name": "medium", "sql": "COALESCE(medium, '(not set)')"},
                        {"name": "campaign", "sql": "COALESCE(campaign, '(not set)')"},
                    ]
                }
            },
            {
                "derive": {
                    "columns": [
                        {"name": "date", "sql": "CAST(date AS DATE)"},
                        {"name": "engagement_rate", "sql": "engaged_sessions / sessions"},
                        {"name": "conversion_rate", "sql": "conversions / sessions"},
                    ]
                }
            },
        ],
        "checks": [
            {"required": {"columns": ["date"]}},
            {"range": {"columns": ["sessions", "users"], "min": 0}},
            {"expression": {"sql": "engaged_sessions <= sessions", "severity": "WARNING"}},
        ],
        "sinks": upsert("ga4_sessions", "date", "source", "medium", "campaign"),
    },
    records=[
        {
            "date": "20240301",
            "sessionSource": "google",
            "sessionMedium": "organic",
            "sessions": "420",
            "engagedSessions": "310",
            "totalUsers": "388",
            "conversions": "21",
        },
        {"date": "20240301", "sessionSource": "newsletter", "sessionMedium": "email", "sessions": "0"},
    ],
)
