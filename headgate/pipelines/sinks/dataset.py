"""The sink `dataset`."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self

from pydantic import Field, field_validator, model_validator

from headgate.pipelines.sinks.sink import Sink
from headgate.storage.datasets import WriteMode

DATASET_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,127}")
NAME_RULE = "A dataset's name is a letter and then up to 127 letters, digits, dots, - and _ (ASCII)."


class DatasetSink(Sink):
    """Writes the rows to a dataset of Headgate: all of them become its next version at once, or none.

    The dataset is made where it is missing. A pipeline has one such sink at most.
    """

    kind: ClassVar[str] = "dataset"
    example: ClassVar[dict[str, Any]] = {"name": "orders", "mode": "UPSERT", "keys": ["id"]}
    records: ClassVar[Sequence[Mapping[str, Any]]] = [
        {"id": 1, "customer": "Ann Lee", "amount": 120.5},
        {"id": 2, "customer": "Bob", "amount": 70.0},
    ]

    name: str = Field(
        description="The dataset's name: a letter, then letters, digits, dots, hyphens and underscores."
    )
    mode: WriteMode = Field(
        default=WriteMode.APPEND, description="What happens to the rows that the dataset already has."
    )
    keys: list[str] = Field(
        default=[],
        description="The columns that tell rows apart, for UPSERT; of rows with equal keys the last counts.",
    )

    partition_by: list[str] | None = Field(
        default=None,
        description=(
            "The columns whose values tell in which file of the dataset a row is, so that readers open only those they "
            "need: up to 1,000 combinations of texts, whole or exact numbers, booleans, dates and moments. A dataset "
            "stays as it is partitioned where this is left out; only REPLACE changes that, to none at all with []."
        ),
    )

    @field_validator("name")
    @classmethod
    def _check_name(cls, name: str) -> str:
        if not DATASET_NAME.fullmatch(name):
            raise ValueError(NAME_RULE)
        return name

    @model_validator(mode="after")
    def _check_keys(self) -> Self:
        if self.mode is not WriteMode.UPSERT and self.keys:
            raise ValueError(f"{self.mode} takes no keys; UPSERT does")
        if self.mode is WriteMode.UPSERT and not self.keys:
            raise ValueError("UPSERT needs keys, the columns that identify a row")
        if len(set(self.keys)) < len(self.keys) or not all(self.keys):
            raise ValueError("each key column is named once")
        return self

    @field_validator("partition_by")
    @classmethod
    def _check_partition_by(cls, columns: list[str] | None) -> list[str] | None:
        given = columns or ()
        if len({name.lower() for name in given}) < len(given) or not all(given):
            raise ValueError("each column to partition by is named once")
        return columns
