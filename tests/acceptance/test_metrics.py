"""A server tells Prometheus what became of its jobs."""

import httpx
from prometheus_client.parser import text_string_to_metric_families

from tests.acceptance.processes import INGEST, MakeClient, MakeHeadgate


async def test_an_ingested_file_is_seen_in_the_figures_without_a_token(
    make_headgate: MakeHeadgate, make_client: MakeClient
) -> None:
    headgate = make_headgate().start()
    client = await make_client(headgate)
    data = {"records": [{"id": 1}]}
    await client.data(INGEST, input={"data": data, "dataset": "a", "waitSeconds": 30})
    async with httpx.AsyncClient(base_url=headgate.url, trust_env=False) as http:
        families = text_string_to_metric_families((await http.get("/metrics")).text)
    found = {(each.name, *each.labels.values()): each.value for family in families for each in family.samples}

    assert found["headgate_jobs_finished_total", "INGEST", "SUCCEEDED"] == 1
    assert found["headgate_job_duration_seconds_count", "INGEST", "SUCCEEDED"] == 1
    assert found["headgate_jobs", "SUCCEEDED"] == 1
    assert headgate.stop() == 0
