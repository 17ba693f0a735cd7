"""Pipelines are made, changed and deleted: each version is kept, and of those who change one at once one wins."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from headgate.domain import jobs, pipeline_changes, pipeline_runs, pipeline_versions, pipelines
from headgate.domain.ingest import IngestRequest
from headgate.domain.permissions import Principal
from headgate.domain.pipeline_changes import Change, NewPipeline
from headgate.domain.pipeline_specs import Said
from headgate.domain.services import Services
from headgate.errors import UserFault
from headgate.pipelines.yaml_specs import to_yaml
from headgate.storage.tables import JobStatus, OverlapPolicy, Pipeline, PipelineVersion, utc_now
from tests.domain.outcomes import no_bad_rows

RECORDS = {"records": {"records": [{"a": 1}]}}
SINK = {"dataset": {"name": "sales"}}
SPEC: dict[str, Any] = {"source": RECORDS, "checks": [{"required": {"columns": ["a"]}}], "sinks": [SINK]}
OTHER = {**SPEC, "checks": [{"range": {"columns": ["a"], "min": 0, "exclusiveMin": True}}]}


@pytest.fixture
def create(services: Services, operator: Principal) -> Any:
    async def create(name: str = "sales", said: Said | None = None, **values: Any) -> Pipeline:
        wanted = NewPipeline(name=name, said=said or Said(spec=SPEC), **values)
        return await pipeline_changes.create(services, operator, wanted)

    return create


@pytest.fixture
def change(services: Services, operator: Principal) -> Any:
    async def change(name: str = "sales", **values: Any) -> Pipeline:
        said = Said(**{way: values.pop(way) for way in ("spec", "yaml") if way in values})
        return await pipeline_changes.update(services, operator, Change(name=name, said=said, **values))

    return change


@pytest.fixture
def run(services: Services, operator: Principal) -> Any:
    async def run(name: str = "sales", key: str | None = None, **data: Any) -> Any:
        request = IngestRequest(pipeline=name, **data)
        return (await pipeline_runs.run(services, operator, request, key)).job

    return run


async def _versions(services: Services, pipeline: Pipeline) -> list[PipelineVersion]:
    return (await pipeline_versions.page(services, pipeline.id, 20, None)).items


async def _reread(services: Services, name: str = "sales") -> Pipeline:
    found = await pipelines.get(services, name)
    assert found is not None
    return found


async def test_a_pipeline_begins_with_its_first_version(
    services: Services, operator: Principal, create: Any
) -> None:
    made = await create(description="Sales.")
    found = await _reread(services)
    assert found.model_dump() == made.model_dump()
    assert (found.version, found.enabled, found.spec, found.description) == (1, True, SPEC, "Sales.")
    [version] = await _versions(services, found)
    assert (version.version, version.spec, version.created_by_id) == (1, SPEC, operator.user_id)


async def test_what_says_nothing_is_not_kept(services: Services, create: Any) -> None:
    given = {
        **SPEC,
        "steps": [],
        "contract": None,
        "checks": [{"required": {"columns": ["a"], "allow_blank": True, "name": None}}],
        "source": {"records": {"records": [{"a": None}]}},
    }
    kept = (await create(said=Said(spec=given))).spec
    assert kept == {
        "source": {"records": {"records": [{"a": None}]}},
        "checks": [{"required": {"columns": ["a"], "allowBlank": True}}],
        "sinks": [SINK],
    }
    assert list(kept) == ["source", "checks", "sinks"]


async def test_a_pipeline_is_made_of_yaml(create: Any) -> None:
    made = await create(said=Said(yaml=to_yaml("other", "From YAML.", SPEC)))
    assert (made.name, made.description, made.spec) == ("sales", "From YAML.", SPEC)
    said_so = await create("named", said=Said(yaml=to_yaml("other", "From YAML.", SPEC)), description="Mine.")
    assert said_so.description == "Mine."


@pytest.mark.parametrize("name", ["", "1a", "a b", "ä", "a" * 129, "a\0", "a\n", "../a"])
async def test_a_name_that_is_none_is_refused(create: Any, name: str) -> None:
    with pytest.raises(UserFault, match="INVALID_NAME"):
        await create(name)


@pytest.mark.parametrize(
    ("values", "code", "path"),
    [
        ({"said": Said()}, "INVALID_ARGUMENT", ("spec",)),
        ({"said": Said(spec=SPEC, yaml="a: 1")}, "INVALID_ARGUMENT", ("yaml",)),
        ({"said": Said(yaml="a: [")}, "INVALID_YAML", ("yaml",)),
        ({"said": Said(yaml="name: [a]")}, "INVALID_YAML", ("yaml", "name")),
        ({"said": Said(yaml="sinks: [a]")}, "INVALID_SPEC", ("yaml", "sinks", "0")),
        ({"said": Said(yaml="steps: a")}, "INVALID_SPEC", ("yaml", "steps")),
        ({"said": Said(template="none")}, "NOT_FOUND", ("template",)),
        (
            {"said": Said(spec={"source": {"records": {"records": ["x" * 200_000]}}})},
            "INVALID_SPEC",
            ("spec",),
        ),
        ({"said": Said(spec={"contract": "\ud800"})}, "INVALID_SPEC", ("spec",)),
        ({"description": "x" * 2_001}, "INVALID_ARGUMENT", ("description",)),
        ({"description": "\0"}, "INVALID_ARGUMENT", ("description",)),
    ],
    ids=range(11),
)
async def test_what_makes_no_pipeline_is_refused(
    services: Services, create: Any, values: dict[str, Any], code: str, path: tuple[str, ...]
) -> None:
    with pytest.raises(UserFault) as refused:
        await create(**values)
    assert (refused.value.code, refused.value.path) == (code, path)
    assert await pipelines.get(services, "sales") is None


async def test_a_spec_of_a_thousand_levels_is_refused(create: Any) -> None:
    deep: Any = 1
    for _ in range(900):
        deep = [deep]
    with pytest.raises(UserFault, match="at most 40 levels"):
        await create(said=Said(spec={"source": {"records": {"records": deep}}}))


async def test_every_mistake_is_told(create: Any) -> None:
    spec = {
        "sauce": {},
        "checks": [{"range": {"columns": [], "min": "x"}}, {"required": {"columns": ["a"]}}, {"none": {}}],
        "sinks": [{"dataset": {"name": "1"}}],
        "timeoutSeconds": -1,
    }
    with pytest.raises(UserFault) as refused:
        await create(said=Said(spec=spec))
    paths = {".".join(fault.path) for fault in refused.value.all}
    assert {"spec.sauce", "spec.checks.0.range.columns", "spec.checks.2.none", "spec.timeoutSeconds"} < paths
    assert "spec.sinks.0.dataset.name" in paths


@pytest.mark.parametrize("missing", ["source", "sinks"])
async def test_a_schedule_needs_somewhere_to_read_and_to_write(create: Any, missing: str) -> None:
    spec = {**SPEC, "schedule": {"cron": "0 6 * * *"}, missing: None}
    with pytest.raises(UserFault, match=f"needs {missing}") as refused:
        await create(said=Said(spec=spec))
    assert refused.value.path == ("spec", "schedule")


async def test_a_name_is_taken_once_however_many_ask_for_it(create: Any) -> None:
    outcomes = await asyncio.gather(*(create() for _ in range(5)), return_exceptions=True)
    assert _codes(outcomes) == ["", *["NAME_TAKEN"] * 4]


def _codes(outcomes: Sequence[object]) -> list[str]:
    """The codes of faults, sorted; empty for who had no fault."""
    return sorted(outcome.code if isinstance(outcome, UserFault) else "" for outcome in outcomes)


async def test_a_new_spec_makes_a_version_and_the_same_one_makes_none(
    services: Services, create: Any, change: Any
) -> None:
    await create()
    changed = await change(spec=OTHER, comment="Checked anew.")
    assert (changed.version, changed.spec) == (2, OTHER)
    reordered = {key: OTHER[key] for key in reversed(OTHER)}
    settings = reordered["checks"][0]["range"]
    reordered["checks"] = [{"range": {key: settings[key] for key in reversed(settings)}}]
    for said in ({"spec": reordered}, {"yaml": to_yaml("x", None, OTHER)}, {"spec": {**OTHER, "steps": []}}):
        assert (await change(**said, comment="Nothing.")).version == 2
    one = {"range": {"columns": ["a"], "min": 0.0, "exclusiveMin": True}}
    assert (await change(spec={**OTHER, "checks": [one]})).version == 2
    versions = await _versions(services, changed)
    assert [(each.version, each.comment) for each in versions] == [(2, "Checked anew."), (1, None)]
    assert [each.spec for each in versions] == [OTHER, SPEC]


async def test_true_is_not_one(create: Any, change: Any) -> None:
    await create(said=Said(spec={"source": {"records": {"records": [{"a": 1}]}}}))
    assert (await change(spec={"source": {"records": {"records": [{"a": True}]}}})).version == 2


async def test_what_is_left_out_stays(services: Services, create: Any, change: Any) -> None:
    made = await create(description="Sales.")
    renamed = await change(new_name="orders")
    assert (renamed.id, renamed.description, renamed.version) == (made.id, "Sales.", 1)
    assert renamed.updated_at > made.updated_at
    disabled = await change("orders", enabled=False, description="")
    assert (disabled.enabled, disabled.description, disabled.spec) == (False, None, SPEC)
    assert await pipelines.get(services, "sales") is None


async def test_a_change_of_what_is_not_there_or_not_possible_is_refused(create: Any, change: Any) -> None:
    await create()
    await create("taken")
    for values, code, path in (
        ({"name": "none"}, "NOT_FOUND", ("name",)),
        ({"name": "\0"}, "NOT_FOUND", ("name",)),
        ({"new_name": "taken"}, "NAME_TAKEN", ("newName",)),
        ({"new_name": "1"}, "INVALID_NAME", ("newName",)),
        ({"spec": {"a": 1}}, "INVALID_SPEC", ("spec", "a")),
        ({"spec": SPEC, "yaml": "a: 1"}, "INVALID_ARGUMENT", ("yaml",)),
        ({"comment": "\0"}, "INVALID_ARGUMENT", ("comment",)),
        ({"expected_version": 2, "enabled": False}, "CONFLICT", ("expectedVersion",)),
    ):
        with pytest.raises(UserFault) as refused:
            await change(**values)
        assert (refused.value.code, refused.value.path) == (code, path)


async def test_of_those_who_change_a_version_at_once_one_wins(
    services: Services, create: Any, change: Any
) -> None:
    made = await create()
    for version in range(1, 4):
        specs = [{**SPEC, "timeoutSeconds": version * 10 + number} for number in range(6)]
        changes = (change(spec=spec, expected_version=version) for spec in specs)
        outcomes = await asyncio.gather(*changes, return_exceptions=True)
        assert _codes(outcomes) == ["", *["CONFLICT"] * 5]
        [winner] = [outcome for outcome in outcomes if isinstance(outcome, Pipeline)]
        assert (await _reread(services)).spec == winner.spec
    assert [each.version for each in await _versions(services, made)] == [4, 3, 2, 1]


async def test_no_change_is_lost_where_nobody_expects_a_version(
    services: Services, create: Any, change: Any
) -> None:
    made = await create()
    await asyncio.gather(*(change(spec={**SPEC, "timeoutSeconds": number}) for number in range(1, 7)))
    versions = await _versions(services, made)
    assert [each.version for each in versions] == [7, 6, 5, 4, 3, 2, 1]
    assert {each.spec.get("timeoutSeconds") for each in versions} == {None, 1, 2, 3, 4, 5, 6}


async def test_a_schedule_is_shown_beside_the_spec(create: Any, change: Any) -> None:
    schedule = {"cron": "0 6 * * *", "timezone": "Europe/Berlin"}
    made = await create(said=Said(spec={**SPEC, "schedule": schedule}))
    assert (made.cron, made.timezone, made.overlap) == ("0 6 * * *", "Europe/Berlin", OverlapPolicy.SKIP)
    assert made.next_run_at > utc_now()

    kept = await change(spec={**SPEC, "schedule": schedule, "timeoutSeconds": 5})
    assert kept.next_run_at == made.next_run_at
    disabled = await change(enabled=False)
    assert (disabled.cron, disabled.next_run_at) == ("0 6 * * *", None)
    assert (await change(enabled=True)).next_run_at == made.next_run_at
    other = await change(spec={**SPEC, "schedule": {"cron": "30 7 * * *", "overlap": "QUEUE"}})
    assert (other.next_run_at.hour, other.next_run_at.minute, other.overlap) == (7, 30, OverlapPolicy.QUEUE)
    without = await change(spec=SPEC)
    assert (without.cron, without.timezone, without.overlap, without.next_run_at) == (None, None, None, None)


async def test_a_schedule_that_never_comes_is_refused(create: Any) -> None:
    with pytest.raises(UserFault) as refused:
        await create(said=Said(yaml=to_yaml("a", None, {**SPEC, "schedule": {"cron": "0 0 30 2 *"}})))
    assert refused.value.path == ("yaml", "schedule", "cron")


async def test_a_new_version_forgets_what_the_one_before_produced(
    services: Services, create: Any, change: Any
) -> None:
    made = await create()
    async with services.database.transaction() as session:
        row = await session.get_one(Pipeline, made.id)
        row.columns, row.state = [{"name": "a"}], {"after": 1}
    changed = await change(spec=OTHER)
    assert (changed.columns, changed.state) == ([], {"after": 1})
    assert (await change(spec={**OTHER, "source": {"records": {"records": [{"a": 2}]}}})).state is None


async def test_columns_are_those_of_the_contract_before_the_first_job(create: Any) -> None:
    contract = {
        "columns": [{"name": "n", "type": "INTEGER", "nullable": False}, {"name": "d", "type": "DATE"}]
    }
    made = await create(said=Said(spec={**SPEC, "contract": contract}))
    assert pipelines.columns_of(made) == [
        {"name": "n", "type": "INTEGER", "nativeType": "Int64", "nullable": False},
        {"name": "d", "type": "DATE", "nativeType": "Date", "nullable": True},
    ]


async def test_a_pipeline_runs_on_its_own_source_or_on_other_data(
    services: Services, create: Any, change: Any, run: Any
) -> None:
    made = await create()
    await change(spec=OTHER)
    job = await run()
    assert (job.pipeline_id, job.pipeline_version) == (made.id, 2)
    assert job.spec["checks"] == OTHER["checks"]
    assert (await run(records=[{"a": 5}])).id != job.id
    assert await run(key="k") == await run(key="k")


async def test_a_run_of_what_is_not_there_or_disabled_is_refused(create: Any, run: Any) -> None:
    await create("off", enabled=False)
    await create("empty", said=Said(spec={"sinks": [SINK]}))
    for name, code, path in (
        ("none", "NOT_FOUND", ("name",)),
        ("\0", "NOT_FOUND", ("name",)),
        ("off", "PIPELINE_DISABLED", ("name",)),
        ("empty", "INVALID_DATA", ("data",)),
    ):
        with pytest.raises(UserFault) as refused:
            await run(name)
        assert (refused.value.code, refused.value.path) == (code, path)


async def test_a_pipeline_goes_once_its_jobs_have_ended_and_they_stay(
    services: Services, operator: Principal, create: Any, run: Any, claim: Any, end: Any
) -> None:
    made = await create()
    await create("other")
    job, kept = await run(), await run("other")
    with pytest.raises(UserFault, match="PIPELINE_BUSY") as refused:
        await pipeline_changes.delete(services, operator, "sales")
    assert (refused.value.path, refused.value.retryable) == (("name",), True)

    await end(await claim(job), no_bad_rows())
    assert await pipeline_changes.delete(services, operator, "sales") == made.id
    assert await pipelines.get(services, "sales") is None
    assert await _versions(services, made) == []
    left = await jobs.require_job(services, job.id)
    assert (left.pipeline_id, left.pipeline_version, left.status) == (None, 1, JobStatus.SUCCEEDED)
    assert (await jobs.require_job(services, kept.id)).pipeline_id is not None
    with pytest.raises(UserFault, match="NOT_FOUND"):
        await pipeline_changes.delete(services, operator, "sales")
    assert (await create()).version == 1


async def test_a_pipeline_that_is_run_and_deleted_at_once_does_either(
    services: Services, operator: Principal, create: Any, run: Any
) -> None:
    for _ in range(5):
        await create()
        delete = pipeline_changes.delete(services, operator, "sales")
        outcomes: Sequence[Any] = await asyncio.gather(delete, run(), run(), return_exceptions=True)
        deleted, started = outcomes[0], outcomes[1:]
        accepted = [each for each in started if not isinstance(each, BaseException)]
        refused = [each for each in started if isinstance(each, BaseException)]
        assert {getattr(each, "code", each) for each in refused} <= {"NOT_FOUND"}
        if isinstance(deleted, BaseException):
            assert getattr(deleted, "code", deleted) == "PIPELINE_BUSY"
            for job in accepted:
                async with services.database.transaction() as session:
                    (await session.get_one(type(job), job.id)).status = JobStatus.CANCELED
            await pipeline_changes.delete(services, operator, "sales")
        else:
            assert accepted == []
