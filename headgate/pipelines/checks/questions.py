"""The checks of Pandera schemas, asked about rows block by block."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from pandera.polars import Check as PanderaCheck

from headgate.errors import JobFault
from headgate.pipelines.checks.keys import Indexes
from headgate.pipelines.prepared import ROW_INDEX
from headgate.pipelines.rules import Severity

BLOCK_ROWS = 100_000


@dataclass(frozen=True, slots=True)
class Question:
    """A check of a schema, of one of its columns or of the rows as a whole."""

    column: str | None
    check: PanderaCheck

    @property
    def wanted(self) -> str:
        """What the check asks for, in its own words."""
        return str(self.check.description or self.check.title or self.check.error or self.check.name)

    @property
    def severity(self) -> Severity | None:
        """WARNING where failing it is none of an error in Pandera either."""
        return Severity.WARNING if self.check.raise_warning else None


@dataclass(frozen=True, slots=True)
class Answer:
    """The rows that fail a check, in order, and whether a block failed it as a whole."""

    question: Question
    failing: Indexes
    fails_whole: bool


def ask(questions: Sequence[Question], rows: pl.LazyFrame, schema: str) -> Iterator[Answer]:
    """Hold rows, which are ROW_INDEX and the columns in the types of a schema, against its checks.

    Raises JobFault (INVALID_SCHEMA) where a check raises an exception.
    """
    failing: list[list[Indexes]] = [[] for _ in questions]
    fails_whole = [False for _ in questions]
    for block in rows.collect_batches(chunk_size=BLOCK_ROWS, maintain_order=True, engine="streaming"):
        indexes = block[ROW_INDEX].to_numpy()
        frame = block.drop(ROW_INDEX).lazy()
        for number, question in enumerate(questions):
            holds = _holds(question, frame, schema)
            if len(holds) == len(indexes):
                failing[number].append(indexes[~holds])
            else:
                fails_whole[number] |= not holds.all()
    for question, found, whole in zip(questions, failing, fails_whole, strict=True):
        yield Answer(question, np.sort(np.concatenate([np.empty(0, np.uint32), *found])), whole)


def _holds(
    question: Question, frame: pl.LazyFrame, schema: str
) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """The answer for each row, or one for all of them; null is no failure."""
    try:
        output: pl.LazyFrame = question.check(frame, question.column).check_output
        holds = output.collect().to_series().cast(pl.Boolean)
    except Exception as error:
        # A registered schema is somebody's own code: whatever it raises is told to those who use it.
        message = f"The schema {schema} can't be asked for {question.wanted}: {type(error).__name__}."
        raise JobFault("INVALID_SCHEMA", message, "CONFIG") from error
    return holds.fill_null(True).to_numpy()
