"""Pipelines on a running server: made, applied again, changed by several people at once, run, looked at, deleted."""

import asyncio
from typing import Any

import pytest

from tests.acceptance.processes import Client

CREATE = """
mutation ($input: CreatePipelineInput!) {
  createPipeline(input: $input) { pipeline { name version yaml columns { name } } errors { code path message } }
}
"""
UPDATE = """
mutation ($input: UpdatePipelineInput!) {
  updatePipeline(input: $input) { pipeline { name version spec } errors { code path message } }
}
"""
RUN = """
mutation ($input: RunPipelineInput!) {
  runPipeline(input: $input) {
    job { id status pipelineVersion pipeline { name } counts { read accepted rejected } failure { code message } }
    errors { code path }
    replayed
  }
}
"""
DELETE = "mutation ($name: String!) { deletePipeline(name: $name) { deletedId errors { code path } } }"
LOOK = """
query ($name: String!) {
  pipeline(name: $name) {
    id version status lastJob { status } dataset { rowCount } columns { name type }
    statistics {
      jobs succeeded partial failed successRate rowsRead rowsAccepted rowsRejected rowsPerSecond durationP50Ms
    }
    versions { totalCount edges { node { version comment } } }
    jobs { totalCount }
  }
}
"""
YAML = """\
name: spend
description: What each campaign costs.
source:
  records:
    records:
    - {campaign: spring, spend: 12.5, date: 2026-01-31}
    - {campaign: summer, spend: -1, date: 2026-02-01}
    - {campaign: no, spend: 3, date: 2026-02-02}
checks:
- range: {columns: [spend], min: 0}
sinks:
- dataset: {name: NAME}
"""


def _yaml(name: str) -> str:
    return YAML.replace("NAME", f"{name}_rows")


async def _create(client: Client, **input: Any) -> Any:
    return (await client.data(CREATE, input=input))["createPipeline"]


async def _update(client: Client, **input: Any) -> Any:
    return (await client.data(UPDATE, input=input))["updatePipeline"]


async def _run(client: Client, **input: Any) -> Any:
    return (await client.data(RUN, input={"waitSeconds": 30, **input}))["runPipeline"]


def _faults(payload: Any) -> set[tuple[str, str]]:
    return {(error["code"], ".".join(error["path"])) for error in payload["errors"]}


async def test_every_mistake_is_told_with_its_path_in_either_spelling(client: Client) -> None:
    spec = {
        "steps": [{"trim": {"columns": ["a"]}}, {"fill": {"columns": ["a"], "method": "CONSTANT"}}],
        "checks": [{"range": {"columns": ["a"], "min": 2, "max": 1}}],
        "sinks": [{"dataset": {"name": "a", "mode": "UPSERT"}}],
    }
    typed = await _create(client, name="wrong", spec=spec)
    assert _faults(typed) == {
        ("INVALID_SPEC", "input.spec.steps.1.fill"),
        ("INVALID_SPEC", "input.spec.checks.0.range"),
        ("INVALID_SPEC", "input.spec.sinks.0.dataset"),
    }
    text = "steps:\n- fill: {columns: [a], method: GUESS}\n- trimm: {}\nsinks:\n- dataset: {name: 5}\nsauce: {}\n"
    assert _faults(await _create(client, name="wrong", yaml=text)) == {
        ("INVALID_SPEC", "input.yaml.steps.0.fill.method"),
        ("INVALID_SPEC", "input.yaml.steps.1.trimm"),
        ("INVALID_SPEC", "input.yaml.sinks.0.dataset.name"),
        ("INVALID_SPEC", "input.yaml.sauce"),
    }
    assert (await client.data(LOOK, name="wrong"))["pipeline"] is None


@pytest.mark.parametrize(
    "yaml",
    [
        "a: [",
        "a: 1\na: 2",
        "a: &a [*a]",
        "a: &a [x, x]\nb: &b [" + "*a, " * 50 + "]\nc: &c [" + "*b, " * 50 + "]\nd: [" + "*c, " * 50 + "]",
        "a: !!python/name:os.system",
        "[" * 10_000,
        "- " * 5_000,
        "a: \0",
        "source: {records: {records: " + "[" * 45 + "]" * 45 + "}}",
    ],
    ids=["open", "twice", "itself", "laughs", "tag", "deep flow", "deep block", "nul", "levels"],
)
async def test_what_is_no_pipeline_is_refused_at_once(client: Client, yaml: str) -> None:
    [(code, path)] = _faults(await _create(client, name="wrong", yaml=yaml))
    assert code in ("INVALID_YAML", "INVALID_SPEC")
    assert path.startswith("input.yaml")


@pytest.mark.parametrize("name", ["", "\0", "ä", "a" * 1_000])
async def test_a_name_that_is_none_is_an_answer_everywhere(client: Client, name: str) -> None:
    assert _faults(await _create(client, name=name, spec={})) == {("INVALID_NAME", "input.name")}
    assert _faults(await _update(client, name=name)) == {("NOT_FOUND", "input.name")}
    assert _faults(await _run(client, name=name)) == {("NOT_FOUND", "input.name")}
    assert _faults((await client.data(DELETE, name=name))["deletePipeline"]) == {("NOT_FOUND", "name")}
    assert (await client.data(LOOK, name=name))["pipeline"] is None


async def test_a_pipeline_lives_from_yaml_to_its_end(client: Client) -> None:
    name = "spend_of_life"
    made = await _create(client, name=name, yaml=_yaml(name))
    assert (made["errors"], made["pipeline"]["version"]) == ([], 1)
    for text in (_yaml(name), made["pipeline"]["yaml"]):
        assert (await _update(client, name=name, yaml=text))["pipeline"]["version"] == 1

    ran = await _run(client, name=name)
    assert (ran["errors"], ran["job"]["failure"]) == ([], None)
    assert (ran["job"]["status"], ran["job"]["pipelineVersion"], ran["job"]["pipeline"]["name"]) == (
        "PARTIAL",
        1,
        name,
    )
    assert ran["job"]["counts"] == {"read": 3, "accepted": 2, "rejected": 1}

    positive = _yaml(name).replace("min: 0}", "min: -5}")
    changed = await _update(client, name=name, yaml=positive, expectedVersion=1, comment="Refunds count.")
    assert changed["pipeline"]["version"] == 2
    late = await _update(client, name=name, yaml=_yaml(name), expectedVersion=1)
    assert _faults(late) == {("CONFLICT", "input.expectedVersion")}
    assert (await _run(client, name=name))["job"]["status"] == "SUCCEEDED"

    seen = (await client.data(LOOK, name=name))["pipeline"]
    assert (seen["status"], seen["lastJob"]["status"], seen["dataset"]["rowCount"]) == (
        "SUCCEEDED",
        "SUCCEEDED",
        5,
    )
    assert [edge["node"] for edge in seen["versions"]["edges"]] == [
        {"version": 2, "comment": "Refunds count."},
        {"version": 1, "comment": None},
    ]
    figures = seen["statistics"]
    assert (figures["jobs"], figures["succeeded"], figures["partial"], figures["successRate"]) == (
        2,
        1,
        1,
        1.0,
    )
    assert (figures["rowsRead"], figures["rowsAccepted"], figures["rowsRejected"]) == (6, 5, 1)
    assert figures["rowsPerSecond"] > 0
    assert figures["durationP50Ms"] > 0

    assert (await client.data(DELETE, name=name))["deletePipeline"] == {"deletedId": seen["id"], "errors": []}
    assert (await client.data(LOOK, name=name))["pipeline"] is None


async def test_words_of_yaml_stay_what_json_would_say(client: Client) -> None:
    name = "spend_of_words"
    await _create(client, name=name, yaml=_yaml(name))
    await _run(client, name=name)
    rows = await client.data(f'{{ dataset(name: "{name}_rows") {{ rows {{ records }} }} }}')
    assert [row["campaign"] for row in rows["dataset"]["rows"]["records"]] == ["spring", "no"]


async def test_of_several_who_change_a_version_at_once_one_wins(client: Client) -> None:
    name = "spend_of_many"
    await _create(client, name=name, yaml=_yaml(name))
    texts = [_yaml(name).replace("min: 0}", f"min: -{number}}}") for number in range(1, 9)]
    changes = (_update(client, name=name, yaml=text, expectedVersion=1) for text in texts)
    answers = await asyncio.gather(*changes)
    assert sorted(len(answer["errors"]) for answer in answers) == [0, *[1] * 7]
    refused = [_faults(answer) for answer in answers if answer["errors"]]
    assert refused == [{("CONFLICT", "input.expectedVersion")}] * 7
    assert (await client.data(LOOK, name=name))["pipeline"]["version"] == 2


async def test_a_run_takes_other_data_and_a_key(client: Client) -> None:
    name = "spend_of_others"
    await _create(client, name=name, yaml=_yaml(name))
    data = {"text": {"format": "CSV", "content": "campaign,spend\nx,1\ny,-1\n"}}
    first = await _run(client, name=name, data=data, idempotencyKey="spend-1")
    again = await _run(client, name=name, data=data, idempotencyKey="spend-1")
    assert first["job"]["counts"] == {"read": 2, "accepted": 1, "rejected": 1}
    assert (again["job"]["id"], again["replayed"]) == (first["job"]["id"], True)
    other = await _run(client, name=name, idempotencyKey="spend-1")
    assert _faults(other) == {("IDEMPOTENCY_MISMATCH", "input.idempotencyKey")}


async def test_a_disabled_pipeline_is_not_run(client: Client) -> None:
    await _create(client, name="spend_of_none", yaml=_yaml("spend_of_none"), enabled=False)
    assert _faults(await _run(client, name="spend_of_none")) == {("PIPELINE_DISABLED", "input.name")}


CATALOG = "{ catalog { sources { ...E } steps { ...E } checks { ...E } sinks { ...E } templates { ...E } } } "
ENTRY = "fragment E on CatalogEntry { name summary needs settings example }"


async def test_a_pipeline_can_be_made_of_each_example_of_the_catalog(client: Client) -> None:
    catalog = (await client.data(CATALOG + ENTRY))["catalog"]
    assert all(catalog[noun] for noun in ("sources", "steps", "checks", "sinks", "templates"))
    for noun, entries in catalog.items():
        for entry in entries:
            made = await _create(client, name=f"{noun}.{entry['name']}", spec=entry["example"])
            assert made["errors"] == [], entry["name"]
            again = await _update(client, name=f"{noun}.{entry['name']}", yaml=made["pipeline"]["yaml"])
            assert again["pipeline"]["version"] == 1, entry["name"]


UNKNOWN_FILE = "file_01h455vb4pex5vsknk084sn02q"
INGEST = """
mutation ($spec: PipelineSpecInput!) {
  ingest(input: {spec: $spec, waitSeconds: 30}) {
    job { status counts { read accepted } failure { code message } } errors { code path message }
  }
}
"""


async def test_each_example_of_the_catalog_that_needs_nothing_runs_as_it_stands(client: Client) -> None:
    catalog = (await client.data(CATALOG + ENTRY))["catalog"]
    examples = {
        f"{noun}.{entry['name']}": entry["example"]
        for noun, entries in catalog.items()
        for entry in entries
        if entry["needs"] is None
    }
    failed = {}
    for name, example in examples.items():
        answer = (await client.data(INGEST, spec=example))["ingest"]
        job = answer["job"] or {"status": "REFUSED", "failure": answer["errors"], "counts": {"accepted": 0}}
        if job["status"] not in ("SUCCEEDED", "PARTIAL") or not job["counts"]["accepted"]:
            failed[name] = job
    assert failed == {}


@pytest.mark.parametrize(
    ("source", "place"),
    [({"dataset": {"name": "nowhere"}}, "dataset.name"), ({"file": {"id": UNKNOWN_FILE}}, "file")],
    ids=["dataset", "file"],
)
async def test_a_source_that_is_not_there_is_told_where_it_was_named(
    client: Client, source: dict[str, Any], place: str
) -> None:
    asked = {"source": source, "sinks": [{"dataset": {"name": "unread"}}]}
    refused = (await client.data(INGEST, spec=asked))["ingest"]
    assert _faults(refused) == {("NOT_FOUND", f"input.spec.source.{place}")}
    made = await _create(client, name=f"unread_{place}", spec=asked)
    assert made["errors"] == []
    assert _faults(await _run(client, name=f"unread_{place}")) == {
        ("NOT_FOUND", f"input.name.source.{place}")
    }


async def test_a_pipeline_is_made_of_a_template(client: Client) -> None:
    made = await _create(client, name="ads", template="meta_ads.campaign_performance")
    assert made["errors"] == []
    assert "campaign_id" in [column["name"] for column in made["pipeline"]["columns"]]
    unknown = await _create(client, name="none", template="none")
    assert _faults(unknown) == {("NOT_FOUND", "input.template")}
