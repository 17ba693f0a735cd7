"""What clients make of an event stream: by the rules of EventSource, and as urql does."""

import json
import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

LINE_END = re.compile(r"\r\n|\r|\n")


@dataclass(frozen=True)
class Event:
    """One event as EventSource hands it out: `last_id` is what it would send to resume."""

    type: str
    data: str
    last_id: str

    @property
    def result(self) -> Any:
        return json.loads(self.data)


class EventSource:
    """Reads a stream as the HTML standard says (section 9.2.6); `comments` counts the lines that say nothing."""

    def __init__(self) -> None:
        self.comments = 0
        self._rest = ""
        self._last_id = ""
        self._fields: dict[str, str] = {}

    def feed(self, text: str) -> Iterator[Event]:
        """Take what has arrived; yields the events that are complete with it."""
        *lines, self._rest = LINE_END.split(self._rest + text)
        for line in lines:
            if line:
                self._take(line)
            elif event := self._dispatch():
                yield event

    async def read(self, chunks: AsyncIterator[str]) -> AsyncIterator[Event]:
        """Read a stream to its end."""
        async for chunk in chunks:
            for event in self.feed(chunk):
                yield event

    def _take(self, line: str) -> None:
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if not name:
            self.comments += 1
        elif name == "data":
            self._fields["data"] = self._fields.get("data", "") + value + "\n"
        elif name == "event":
            self._fields["event"] = value
        elif name == "id" and "\0" not in value:
            self._last_id = value

    def _dispatch(self) -> Event | None:
        fields, self._fields = self._fields, {}
        if "data" not in fields:
            return None
        return Event(fields.get("event", "message"), fields["data"].removesuffix("\n"), self._last_id)


def results_by_urql(body: str) -> list[Any]:
    """Read a stream as @urql/core 6 does: frames end in LF LF, and only the first line of data counts.

    Raises ValueError where urql would fail: for data that is no JSON before any that is.
    """
    results: list[Any] = []
    *frames, _ = body.split("\n\n")
    for frame in frames:
        if found := re.search(r"data: ?([^\n]+)", frame):
            try:
                results.append(json.loads(found[1]))
            except ValueError:
                if not results:
                    raise
    return results
