"""The step `mask`."""

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from hashlib import sha256
from typing import Any, ClassVar, Self

import polars as pl
from pydantic import Field, model_validator

from headgate.pipelines.checks.operands import text_of
from headgate.pipelines.steps.columns import ColumnStep
from headgate.pipelines.steps.step import StepTable, Transform

REDACTED = "***"
LAST_CHARACTERS = 4


class MaskMethod(StrEnum):
    """How values are made unreadable."""

    HASH = "HASH"
    REDACT = "REDACT"
    KEEP_LAST = "KEEP_LAST"


OF_METHOD = {"salt": MaskMethod.HASH, "text": MaskMethod.REDACT, "characters": MaskMethod.KEEP_LAST}


class Mask(ColumnStep):
    """Makes personal data unreadable: hashes it, puts a fixed text in its place, or keeps its last characters only.

    HASH gives the SHA-256 of the salt followed by the text, both in UTF-8, as 64 hexadecimal digits: equal values stay
    equal. Without a salt that nobody knows, whoever guesses a value can tell that it was this one. KEEP_LAST puts a *
    in the place of each other character, and of every one where there are no more than it keeps. The columns become
    text, and null stays null.
    """

    kind: ClassVar[str] = "mask"
    example: ClassVar[dict[str, Any]] = {"columns": ["iban"], "method": "KEEP_LAST", "characters": 4}
    records: ClassVar[Sequence[Mapping[str, Any]]] = ({"iban": "DE02120300000000202051"}, {"iban": None})

    method: MaskMethod = Field(description="How values are made unreadable.")
    salt: str | None = Field(
        default=None, min_length=1, max_length=1_000, description="What HASH puts before each text."
    )
    text: str | None = Field(
        default=None,
        max_length=1_000,
        description=f"What REDACT puts in the place of each value; {REDACTED} by default.",
    )
    characters: int | None = Field(
        default=None,
        ge=1,
        le=1_000,
        description=f"How many characters KEEP_LAST keeps; {LAST_CHARACTERS} by default.",
    )

    @model_validator(mode="after")
    def _check_settings(self) -> Self:
        for name, method in OF_METHOD.items():
            if getattr(self, name) is not None and method is not self.method:
                raise ValueError(f"{name} is for {method}, not for {self.method}")
        return self

    def keeps_text(self, texts: frozenset[str]) -> frozenset[str]:
        """What is masked is text for good."""
        return texts.difference(self.columns)

    def prepare(self, table: StepTable) -> Transform:
        """Mask values."""
        table.require(self.columns)
        masked = [self._masked(column, table.schema[column]).alias(column) for column in self.columns]
        return lambda rows: rows.with_columns(masked)

    def _masked(self, column: str, dtype: pl.DataType) -> pl.Expr:
        match self.method:
            case MaskMethod.REDACT:
                text = REDACTED if self.text is None else self.text
                return pl.when(pl.col(column).is_not_null()).then(pl.lit(text))
            case MaskMethod.KEEP_LAST:
                return _last(text_of(column, dtype), self.characters or LAST_CHARACTERS)
        hashes = hashing(self.salt or "")
        return text_of(column, dtype).map_batches(hashes, return_dtype=pl.String, is_elementwise=True)


def _last(text: pl.Expr, kept: int) -> pl.Expr:
    hidden = r"(?s)."
    rest = text.str.head(-kept).str.replace_all(hidden, "*") + text.str.tail(kept)
    return pl.when(text.str.len_chars() > kept).then(rest).otherwise(text.str.replace_all(hidden, "*"))


def hashing(salt: str) -> Callable[[pl.Series], pl.Series]:
    """What makes SHA-256 of texts, as hexadecimal digits. Polars has none; half a second for a million."""
    salted = sha256(salt.encode())

    def digest(text: str) -> str:
        hashed = salted.copy()
        hashed.update(text.encode())
        return hashed.hexdigest()

    def hashes(texts: pl.Series) -> pl.Series:
        digests = [None if text is None else digest(text) for text in texts.to_list()]
        return pl.Series(texts.name, digests, dtype=pl.String)

    return hashes
