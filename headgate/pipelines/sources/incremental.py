"""Going on from where the last job came to."""

import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from pydantic import Field

from headgate.errors import JobFault
from headgate.pipelines.kinds import Settings

NUMBER = re.compile(r"-?[0-9]{1,40}(\.[0-9]{1,40})?([eE][+-]?[0-9]{1,3})?")

Value = str | int | float


class IncrementalSettings(Settings):
    """What is new since the last job of the pipeline that was committed.

    The greatest value of a column is sent along next time. Values compare as numbers where all of them are, else as
    text, as dates and moments of ISO 8601 do. Most services take the value as the first one to answer with: then the
    rows that have it come again, and a dataset with keys takes them as updates.
    """

    column: str = Field(min_length=1, max_length=500, description="The column whose greatest value is kept.")
    param: str = Field(
        min_length=1, max_length=200, description="The parameter that says from which value on."
    )
    start: str | None = Field(
        default=None,
        max_length=500,
        description="The value for the first time; everything is fetched without one.",
    )

    def params(self, state: Mapping[str, Any] | None) -> list[tuple[str, str]]:
        """What to ask with."""
        since = (state or {}).get(self.column, self.start)
        return [] if since is None else [(self.param, str(since))]


class Greatest:
    """Finds the greatest value of a column, over those of an earlier state too."""

    def __init__(self, column: str, state: Mapping[str, Any] | None) -> None:
        self._column = column
        self._state = state
        self._number: Value | None = None
        self._text: Value | None = None
        self._has_rows = self._has_column = False
        self._are_numbers = True
        if state and column in state:
            self._see(state[column])

    def add(self, records: Iterable[Mapping[str, Any]]) -> None:
        """Take the records of one page."""
        for record in records:
            self._has_rows = True
            if self._column in record:
                self._has_column = True
                if record[self._column] is not None:
                    self._see(record[self._column])

    def state(self) -> Mapping[str, Any] | None:
        """The state to go on from; as it was where no rows came.

        Raises JobFault (UNKNOWN_COLUMN) where rows came and none has the column.
        """
        if not self._has_rows:
            return self._state
        if not self._has_column:
            message = f"No record has the column {self._column}, from which to go on next time."
            raise JobFault("UNKNOWN_COLUMN", message, "CONFIG", details={"column": self._column})
        greatest = self._number if self._are_numbers else self._text
        return self._state if greatest is None else {self._column: greatest}

    def _see(self, value: Any) -> None:
        if isinstance(value, bool) or not isinstance(value, Value):
            message = f"The column {self._column} holds what is neither a number nor a text."
            raise JobFault("INVALID_CURSOR_COLUMN", message, "CONFIG", details={"column": self._column})
        if self._text is None or str(value) > str(self._text):
            self._text = value
        if not NUMBER.fullmatch(str(value)):
            self._are_numbers = False
        elif self._number is None or Decimal(str(value)) > Decimal(str(self._number)):
            self._number = value
