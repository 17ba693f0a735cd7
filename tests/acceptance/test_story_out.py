"""The story of what is taken out of a dataset: rows, figures, versions, errors."""

import csv
import io
from typing import Any

import httpx
import pytest

from tests.acceptance.people import Person, counts
from tests.acceptance.processes import MakeClient, MakeHeadgate

REGIONS = ("north", "south", "east")
SALES = "day,region,units,revenue\n" + "".join(
    f"2026-02-{number % 28 + 1:02},{REGIONS[number % 3]},{number},{number * 2.5}\n" for number in range(60)
)
CHECKS = {"checks": [{"range": {"columns": ["units"], "min": 0}}]}
PROFILE = """
query ($version: BigInt) {
  dataset(name: "sales", version: $version) {
    version rowCount columns { name type }
    statistics { column { name } count nulls distinct min max mean topValues { value count } }
    correlations { x y pearson }
    druidSpec(input: {timestampColumn: "day", metrics: [{function: SUM, column: "revenue", as: "revenue"}]})
  }
}
"""
STATISTICS = "{ jobStatistics(groupBy: STATUS) { key jobs rowsRead rowsRejected } }"


async def all_pages(person: Person, dataset: str, **wanted: Any) -> list[list[dict[str, Any]]]:
    """Every page of rows, read on from cursor to cursor."""
    page = await person.sees_page(dataset, **wanted)
    pages = [page["records"]]
    while page["hasNextPage"]:
        page = await person.sees_page(dataset, after=page["endCursor"], **wanted)
        pages.append(page["records"])
    return pages


async def download(person: Person, link: str) -> list[list[str]]:
    """Follow a link as a browser does, which sends no token."""
    async with httpx.AsyncClient(base_url=person.client.url, trust_env=False) as http:
        answer = await http.get(link)
    assert answer.status_code == 200
    return list(csv.reader(io.StringIO(answer.text)))


async def test_an_analyst_gets_rows_figures_versions_and_errors_out_of_what_went_in(
    make_headgate: MakeHeadgate, make_client: MakeClient
) -> None:
    headgate = make_headgate().start()
    ada = Person(await make_client(headgate))
    await ada.ingests(await ada.uploads(SALES, "sales.csv"), dataset="sales", spec=CHECKS)

    # A viewer looks for what sold best in the north, page by page.
    bob = Person(await make_client(headgate, "VIEWER"))
    wanted = {
        "filter": {"and": [{"column": "region", "eq": "north"}, {"column": "units", "gte": 30}]},
        "orderBy": [{"column": "revenue", "direction": "DESC"}],
        "columns": ["units", "revenue"],
    }
    pages = await all_pages(bob, "sales", first=4, **wanted)
    assert [len(page) for page in pages] == [4, 4, 2]
    assert [row["units"] for page in pages for row in page] == list(range(57, 29, -3))
    (march,) = await all_pages(bob, "sales", filter={"column": "day", "gt": "2026-02-28"})
    assert march == []

    # What the columns are like, and how they go together.
    seen = (await bob.client.data(PROFILE))["dataset"]
    figures = {each["column"]["name"]: each for each in seen["statistics"]}
    assert (figures["units"]["min"], figures["units"]["max"], figures["units"]["mean"]) == (0, 59, 29.5)
    assert figures["region"]["topValues"][0]["count"] == 20
    assert (figures["day"]["distinct"], figures["day"]["nulls"]) == (28, 0)
    assert seen["correlations"] == [{"x": "units", "y": "revenue", "pearson": pytest.approx(1)}]

    # What Druid would have to be told to hold them.
    schema = seen["druidSpec"]["spec"]["dataSchema"]
    assert (schema["dataSource"], schema["timestampSpec"]["column"]) == ("sales", "day")
    assert [metric["type"] for metric in schema["metricsSpec"]] == ["doubleSum"]

    # More comes, of which some is wrong; the version before is still what it was.
    more = "day,region,units,revenue\n2026-03-01,west,5,9.5\n2026-03-02,west,-1,0\n2026-03-03,west,=2+3,0\n"
    job = await ada.ingests({"text": {"format": "CSV", "content": more}}, dataset="sales", spec=CHECKS)
    assert (job["status"], counts(job)) == ("PARTIAL", {"read": 3, "accepted": 1, "rejected": 2})
    newest, before = [
        (await bob.client.data(PROFILE, version=version))["dataset"] for version in (None, seen["version"])
    ]
    assert (newest["rowCount"], before["rowCount"]) == (61, 60)
    assert (newest["version"], before["statistics"]) == (seen["version"] + 1, seen["statistics"])
    (west,) = await bob.sees_rows("sales", filter={"column": "region", "eq": "west"})
    assert west == {"day": "2026-03-01", "region": "west", "units": 5, "revenue": 9.5}
    assert (
        await bob.sees_rows("sales", version=before["version"], filter={"column": "region", "eq": "west"})
        == []
    )

    # What was wrong is taken home as a file that no spreadsheet takes for formulas.
    head, *lines = await download(bob, (await bob.sees_job(job))["errorsDownloadUrl"])
    told = [dict(zip(head, line, strict=True)) for line in lines]
    assert [(each["row"], each["column"], each["code"], each["value"]) for each in told] == [
        ("2", "units", "RANGE", "-1"),
        ("3", "units", "TYPE", "'=2+3"),
    ]
    groups = (await bob.client.data(STATISTICS))["jobStatistics"]
    assert {each["key"]: (each["jobs"], each["rowsRead"], each["rowsRejected"]) for each in groups} == {
        "SUCCEEDED": (1, 60, 0),
        "PARTIAL": (1, 3, 2),
    }
