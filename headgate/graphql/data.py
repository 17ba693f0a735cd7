"""What a job reads."""

from typing import Any, TypeVar

import strawberry
from strawberry.scalars import JSON

from headgate.domain.requests import DatasetRef
from headgate.graphql.dialects import DialectInput, read_dialect
from headgate.graphql.enums import FileFormat
from headgate.graphql.rows import RowFilter, storage_filter
from headgate.graphql.scalars import BigInt

T = TypeVar("T")


@strawberry.input(description="A text, as it would stand in a file.")
class TextInput:
    format: FileFormat = strawberry.field(description="What the text is: CSV, TSV, JSON or NDJSON.")
    content: str = strawberry.field(description="The text itself.")
    dialect: DialectInput | None = strawberry.field(
        default=None,
        description="How CSV or TSV is written, as far as that is known; the rest is found in the text.",
    )


@strawberry.input(description="Rows of a dataset.")
class DatasetRefInput:
    name: str = strawberry.field(description="The dataset's name.")
    version: BigInt | None = strawberry.field(
        default=None, description="Which of its versions; by default the newest when the job is accepted."
    )
    filter: RowFilter | None = strawberry.field(
        default=None, description="Which of its rows; all of them by default."
    )


@strawberry.input(one_of=True, description="What to read: exactly one of these.")
class DataInput:
    file: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET, description="The file with this id, which `upload` answered."
    )
    records: list[JSON] | None = strawberry.field(
        default=strawberry.UNSET, description="These records: a list of objects, one per row."
    )
    text: TextInput | None = strawberry.field(default=strawberry.UNSET, description="This text.")
    url: str | None = strawberry.field(
        default=strawberry.UNSET,
        description=(
            "What this URL answers, http or https; it is fetched once, when the job first runs. Its host must be "
            "public, unless the operator allows its network."
        ),
    )
    dataset: DatasetRefInput | None = strawberry.field(
        default=strawberry.UNSET, description="These rows of a dataset."
    )


def read_data(data: DataInput | None) -> dict[str, Any]:
    """Name the data as the domain's requests do; the schema sees to it that there is at most one."""
    if data is None:
        return {}
    if text := _given(data.text):
        return {"text": text.content, "format": text.format, "dialect": read_dialect(text.dialect)}
    if (url := _given(data.url)) is not None:
        return {"url": url}
    if dataset := _given(data.dataset):
        return {"rows_of": _dataset_ref(dataset)}
    return {"records": _given(data.records), "file_id": _given(data.file)}


def _given(value: T | None) -> T | None:
    """What was given; None for what was left out."""
    return None if value is strawberry.UNSET else value


def _dataset_ref(given: DatasetRefInput) -> DatasetRef:
    wanted = None if given.filter is None else storage_filter(given.filter)
    return DatasetRef(given.name, given.version, wanted)
