"""The template `hubspot.contacts`."""

from headgate.pipelines.templates.columns import column, key, lenient, upsert
from headgate.pipelines.templates.template import Template

FROM_PROPERTIES = [
    {"name": name, "sql": f"COALESCE(CAST({name} AS TEXT), CAST(properties.{called} AS TEXT))"}
    for name, called in (
        ("email", "email"),
        ("first_name", "firstname"),
        ("last_name", "lastname"),
        ("phone", "phone"),
        ("company", "company"),
        ("job_title", "jobtitle"),
        ("lifecycle_stage", "lifecyclestage"),
        ("lead_status", "hs_lead_status"),
        ("owner_id", "hubspot_owner_id"),
    )
]
"""The API answers with most of what it knows of a contact among its properties."""

TEMPLATE = Template(
    name="hubspot.contacts",
    summary="Contacts of HubSpot, from records of its CRM API, with their properties, or from an export.",
    spec={
        "contract": {
            **lenient(
                key("contact_id", "STRING", "id", "hs_object_id", "vid", "Record ID", "Contact ID"),
                column("email", "STRING", "Email address"),
                column("first_name", "STRING", "firstname", "First name"),
                column("last_name", "STRING", "lastname", "Last name"),
                column("phone", "STRING", "Phone number"),
                column("company", "STRING", "Company name"),
                column("job_title", "STRING", "jobtitle", "Job title"),
                column("lifecycle_stage", "STRING", "lifecyclestage", "Lifecycle stage"),
                column("lead_status", "STRING", "hs_lead_status", "Lead status"),
                column("owner_id", "STRING", "hubspot_owner_id", "Contact owner"),
                column("created_at", "DATETIME", "createdate", "createdAt", "Create date"),
                column("properties", "STRUCT"),
                column("updated_at", "DATETIME", "lastmodifieddate", "updatedAt", "Last modified date"),
            ),
            "typeMismatch": "DISCARD_VALUE",
        },
        "steps": [
            {"derive": {"columns": FROM_PROPERTIES, "missingAsNull": True}},
            {
                "derive": {
                    "columns": [
                        {"name": "email", "sql": "LOWER(TRIM(email))"},
                        {"name": "lifecycle_stage", "sql": "LOWER(TRIM(lifecycle_stage))"},
                    ]
                }
            },
            {"drop": {"columns": ["properties"]}},
        ],
        "checks": [
            {"email": {"columns": ["email"], "severity": "WARNING"}},
            {"unique": {"columns": ["email"], "severity": "WARNING"}},
        ],
        "sinks": upsert("hubspot_contacts", "contact_id"),
    },
    records=[
        {
            "id": "51",
            "email": "Ann.Lee@example.org",
            "firstname": "Ann",
            "lastname": "Lee",
            "lifecyclestage": "customer",
            "createdate": "2024-02-28T09:30:17.883Z",
        },
        {"id": "52", "email": "ben@example.org", "firstname": "Ben", "createdate": "2024-03-01T08:00:00Z"},
    ],
)
