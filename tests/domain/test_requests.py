"""What a request reads is exactly one thing, which is found before anything is accepted."""

from typing import Any

import pytest

from headgate.domain import batch_ingest, ingest, validation
from headgate.domain.batch_ingest import BatchRequest
from headgate.domain.ingest import IngestRequest
from headgate.domain.permissions import Principal
from headgate.domain.requests import DataRequest, DatasetRef, content_of, source_of
from headgate.domain.services import Services
from headgate.domain.validation import ValidateRequest
from headgate.errors import UserFault
from headgate.pipelines.dialect import GivenDialect
from headgate.storage.filters import RowFilter
from headgate.storage.formats import FileFormat
from headgate.storage.ids import new_id
from headgate.storage.tables import Dataset

TEXT: dict[str, Any] = {"text": "a\n1\n", "format": FileFormat.CSV}
REFERENCE = {"checks": [{"reference": {"columns": ["a"], "dataset": "nowhere"}}]}


@pytest.fixture
def add_dataset(services: Services) -> Any:
    async def add(name: str, version: int | None = None) -> Dataset:
        dataset = Dataset(id=new_id("dataset"), name=name, storage_key=f"datasets/{name}", version=version)
        async with services.database.transaction() as session:
            session.add(dataset)
        return dataset

    return add


def refused(**values: Any) -> UserFault:
    with pytest.raises(UserFault) as fault:
        content_of(DataRequest(**values))
    return fault.value


@pytest.mark.parametrize(
    ("values", "code", "path"),
    [
        ({}, "INVALID_DATA", ()),
        ({**TEXT, "url": "https://example.org/"}, "INVALID_DATA", ()),
        ({"records": [{}], "rows_of": DatasetRef("a")}, "INVALID_DATA", ()),
        ({"url": ""}, "INVALID_URL", ("url",)),
        ({"url": "ftp://example.org/"}, "INVALID_URL", ("url",)),
        ({"url": "https://exa mple.org/"}, "INVALID_URL", ("url",)),
        ({"file_id": "x"}, "INVALID_ID", ("file",)),
        ({"records": []}, "EMPTY_DATA", ("records",)),
        ({"records": [{}, 5]}, "INVALID_RECORDS", ("records", "1")),
        ({"records": [{"a": 2**70}]}, "INVALID_RECORDS", ("records", "0")),
        ({"text": " "}, "UNSUPPORTED_FORMAT", ("text", "format")),
    ],
)
def test_data_that_is_none_is_refused(values: Any, code: str, path: tuple[str, ...]) -> None:
    fault = refused(**values)
    assert (fault.code, fault.path) == (code, ("data", *path))


@pytest.mark.parametrize(
    ("values", "source"),
    [
        ({"url": "https://example.org/a"}, {"url": {"url": "https://example.org/a"}}),
        ({"file_id": "file_1"}, {"file": {"id": "file_1"}}),
        ({"rows_of": DatasetRef("d", 3)}, {"dataset": {"name": "d", "version": 3}}),
        (
            {"rows_of": DatasetRef("d", filter=RowFilter("a", eq=None))},
            {"dataset": {"name": "d", "version": None, "filter": {"column": "a", "eq": None}}},
        ),
    ],
)
def test_what_is_named_is_said_in_the_spec(values: Any, source: Any) -> None:
    assert source_of(DataRequest(**values), None) == source


def test_a_dialect_is_for_delimited_text_alone() -> None:
    request = DataRequest(text="{}", format=FileFormat.NDJSON, dialect=GivenDialect(delimiter=";"))
    with pytest.raises(UserFault) as fault:
        source_of(request, content_of(request))
    assert (fault.value.code, fault.value.path) == ("INVALID_DIALECT", ("data", "text", "dialect"))


async def test_a_filter_that_can_not_be_kept_is_refused(
    services: Services, operator: Principal, add_dataset: Any
) -> None:
    await add_dataset("full", 2)
    for value in ("\ud800", 2**70):
        wanted = DatasetRef("full", filter=RowFilter("a", eq=value))
        with pytest.raises(UserFault) as fault:
            await validation.submit(services, operator, ValidateRequest(rows_of=wanted))
        assert (fault.value.code, fault.value.path) == ("INVALID_FILTER", ("data", "dataset", "filter"))


async def test_a_dataset_or_version_that_is_not_there_is_refused_with_its_place(
    services: Services, operator: Principal, add_dataset: Any
) -> None:
    await add_dataset("empty")
    await add_dataset("full", 2)
    for wanted, path in [
        (DatasetRef("nowhere"), ("name",)),
        (DatasetRef("bad\0name"), ("name",)),
        (DatasetRef("empty"), ()),
        (DatasetRef("full", 3), ("version",)),
        (DatasetRef("full", -1), ("version",)),
    ]:
        with pytest.raises(UserFault) as fault:
            await validation.submit(services, operator, ValidateRequest(rows_of=wanted))
        assert (fault.value.code, fault.value.path) == ("NOT_FOUND", ("data", "dataset", *path))


async def test_the_version_that_is_read_is_settled_when_the_job_is_accepted(
    services: Services, operator: Principal, add_dataset: Any
) -> None:
    dataset = await add_dataset("full", 2)
    request = ValidateRequest(rows_of=DatasetRef("full"))
    job = (await validation.submit(services, operator, request)).job
    assert job.spec["source"] == {"dataset": {"name": "full", "version": 2, "key": dataset.storage_key}}


async def test_a_dataset_that_a_check_names_is_found_or_refused_with_its_place(
    services: Services, operator: Principal, add_dataset: Any
) -> None:
    path = ("checks", "0", "reference", "dataset")
    with pytest.raises(UserFault) as fault:
        await validation.submit(services, operator, ValidateRequest(**TEXT, rules=REFERENCE))
    assert (fault.value.code, fault.value.path) == ("NOT_FOUND", path)
    ingesting = IngestRequest(**TEXT, spec=REFERENCE, dataset="sales")
    with pytest.raises(UserFault) as fault:
        await ingest.submit(services, operator, ingesting)
    assert (fault.value.code, fault.value.path) == ("NOT_FOUND", ("spec", *path))
    batch = await batch_ingest.submit(services, operator, BatchRequest([ingesting]))
    assert [item.fault and item.fault.path for item in batch.items] == [("spec", *path)]

    dataset = await add_dataset("nowhere", 0)
    job = (await ingest.submit(services, operator, ingesting)).job
    assert job.spec["datasets"] == {"nowhere": dataset.storage_key}
