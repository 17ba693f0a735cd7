"""The story of files and records that come in."""

from typing import Any

from tests.acceptance.people import Person, counts, faults
from tests.acceptance.processes import MakeClient, MakeHeadgate

HEAD = "Customer ID,Full name,age,income,loan_amount,credit_score,employment,loan_status\n"
MARCH = HEAD + "".join(
    f"{number:05},Customer {number},{20 + number},{40_000 + 250 * number},{10_000 + number},{600 + number},"
    f"{number} years,{'approved' if number % 3 else 'Pending'}\n"
    for number in range(1, 41)
)
APRIL = HEAD + (
    "00101,Amara Okafor,34,58200,15000,712,6 years,approved\n"
    "00102,Liam Chen,17,31000,4000,655,none,pending\n"
    "00103,Sofia Rossi,45,61000,lots,690,20 years,Approved\n"
    "00104,Noah Weiss,29,44000,8000,912,3 years,rejected\n"
    "00105,Ines Costa,51,72000,20000,801,25 years,approved\n"
)
CAMPAIGN = {
    "campaign_id": "1202",
    "campaign_name": "Spring",
    "date_start": "2026-03-01",
    **{"impressions": "1000", "clicks": "50", "spend": "25.00", "conversions": 5, "revenue": 100},
}


def mapping(id: str, target: str) -> dict[str, Any]:
    """Take a contact from one system to another, under another name."""
    return {
        **{"id": id, "source": "crm", "target": target, "data": {"mail": f"{id}@example.org"}},
        "transformation": {"rename": [{"from": "mail", "to": "email"}], "targetPath": "/contacts/{id}"},
    }


async def test_an_analyst_takes_in_loans_from_files_and_campaigns_from_records(
    make_headgate: MakeHeadgate, make_client: MakeClient
) -> None:
    ada = Person(await make_client(make_headgate().start()))

    # March was a good month: what it looks like says what April should.
    march = await ada.uploads(MARCH, "loans-march.csv")
    checks = await ada.is_suggested_for(march)
    assert {"unique", "range"} <= {kind for check in checks for kind in check}
    assert (await ada.validates(march, checks=checks))["result"]["data"]["passed"] is True
    april = await ada.uploads(APRIL, "loans-april.csv")
    judged = await ada.validates(april, checks=checks)
    assert judged["result"]["data"]["passed"] is False
    assert (3, "loan_amount", "TYPE", "lots") in faults(judged)

    # Both go in by the template for loans, and what is wrong with April is told row by row.
    assert counts(await ada.ingests(march, template="loans.applications")) == {"read": 40, "accepted": 40}
    job = await ada.ingests(april, template="loans.applications")
    assert (job["status"], counts(job)) == ("PARTIAL", {"read": 5, "accepted": 2, "rejected": 3})
    assert faults(job) == [
        (2, "age", "RANGE", "17"),
        (3, "loan_amount", "TYPE", "lots"),
        (4, "credit_score", "RANGE", "912"),
    ]

    # Two of the rows were typing errors; they are corrected, and the third one stays out.
    corrected = await ada.corrects(job, {3: {"loan_amount": 12_500}, 4: {"credit_score": 712}})
    assert (corrected["status"], counts(corrected)) == ("SUCCEEDED", {"read": 2, "accepted": 2})
    assert faults(await ada.sees_job(job)) == [(2, "age", "RANGE", "17")]
    rows = await ada.sees_rows(
        "loans_applications",
        filter={"column": "customer_id", "startsWith": "001"},
        orderBy=[{"column": "customer_id"}],
        columns=["customer_id", "loan_status", "loan_to_income"],
    )
    assert rows == [
        {"customer_id": "00101", "loan_status": "approved", "loan_to_income": 0.2577},
        {"customer_id": "00103", "loan_status": "approved", "loan_to_income": 0.2049},
        {"customer_id": "00104", "loan_status": "rejected", "loan_to_income": 0.1818},
        {"customer_id": "00105", "loan_status": "approved", "loan_to_income": 0.2778},
    ]

    # A campaign is pushed as it stands in the morning, and again with what came until the evening.
    template = "meta_ads.campaign_performance"
    await ada.ingests({"records": [CAMPAIGN]}, template=template)
    await ada.ingests({"records": [CAMPAIGN | {"clicks": "100", "revenue": 200}]}, template=template)
    (spring,) = await ada.sees_rows(
        "meta_ads_campaign_performance", filter={"column": "campaign_id", "eq": "1202"}
    )
    assert (spring["clicks"], spring["ctr"], spring["cpc"], spring["cpm"]) == (100, 0.1, 0.25, 25.0)
    assert (spring["cvr"], spring["cpa"], spring["roas"]) == (0.05, 5.0, 8.0)

    # What three shops have sold comes as one batch, of which one file is half broken.
    batch = await ada.ingests_batch(
        {"data": await ada.uploads("day,sold\n2026-03-01,3\n2026-03-02,5\n", "a.csv"), "dataset": "sold"},
        {"data": await ada.uploads('[{"day": "2026-03-01", "sold": 2}]', "b.json"), "dataset": "sold"},
        {
            "data": {"records": [{"day": "2026-03-01", "sold": 4}, {"day": "?", "sold": "many"}]},
            "dataset": "sold",
        },
    )
    assert (batch["kind"], batch["status"]) == ("BATCH", "PARTIAL")
    assert counts(batch) == {"read": 5, "accepted": 4, "rejected": 1}
    assert sum(row["sold"] for row in await ada.sees_rows("sold")) == 14

    # Contacts are handed on from system to system; one of these is down, and the others go on.
    await ada.has_endpoint("crm", "SIMULATED", successRate=1.0)
    await ada.has_endpoint("mailing", "SIMULATED", successRate=1.0)
    await ada.has_endpoint("fax", "SIMULATED", successRate=0.0, maxAttempts=2)
    handed = await ada.maps(*(mapping(f"c{number}", "mailing") for number in range(6)), mapping("old", "fax"))
    assert (handed["status"], counts(handed)) == ("PARTIAL", {"read": 7, "accepted": 6, "rejected": 1})
    items = await ada.items_of(handed)
    assert items["old"]["status"] == "FAILED"
    assert items["c1"]["response"]["received"] == {"email": "c1@example.org"}
