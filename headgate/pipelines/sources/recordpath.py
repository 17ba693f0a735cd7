"""Where in a JSON document the records are."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from pydantic import StringConstraints

from headgate.errors import JobFault
from headgate.pipelines.jsonpaths import NOWHERE, found_at

DottedPath = Annotated[str, StringConstraints(min_length=1, max_length=500)]
"""Names of keys with dots between them, and numbers of items in lists, from 0."""


def value_at(document: Any, path: str) -> Any:
    """What a dotted path leads to; NOWHERE where it leads nowhere. A key that has dots itself comes first."""
    if isinstance(document, Mapping) and path in document:
        return document[path]
    return found_at(document, path)


class RecordFinder:
    """Finds the records in the pages of one answer, at a path or where they were in the first page that had some."""

    def __init__(self, path: str | None, *, may_be_single: bool) -> None:
        self._path = path
        self._may_be_single = may_be_single

    def records(self, document: Any, page: int) -> Sequence[Mapping[str, Any]]:
        """The records of a page, which is counted from 1.

        Raises JobFault: RECORDS_NOT_FOUND, AMBIGUOUS_RECORDS, INVALID_RECORDS.
        """
        found = self._found(document, page)
        for number, record in enumerate(found, start=1):
            if not isinstance(record, Mapping):
                raise JobFault("INVALID_RECORDS", f"Record {number} of page {page} is not an object.", "DATA")
        return found

    def _found(self, document: Any, page: int) -> Sequence[Any]:
        if self._path is not None:
            return self._at(self._path, document, page)
        if document is None or isinstance(document, list):
            return document or []
        return self._in_object(document, page) if isinstance(document, Mapping) else [document]

    def _at(self, path: str, document: Any, page: int) -> Sequence[Any]:
        found = value_at(document, path)
        if found is NOWHERE:
            message = f"Page {page} has nothing at {path}, where its records should be."
            raise JobFault("RECORDS_NOT_FOUND", message, "DATA")
        if found is None:
            return []
        return found if isinstance(found, list) else [found]

    def _in_object(self, document: Mapping[str, Any], page: int) -> Sequence[Any]:
        """What is in the one array of objects that an object has; the object itself where it has no array."""
        lists = {name: value for name, value in document.items() if isinstance(value, list)}
        filled = [
            name
            for name, value in lists.items()
            if value and all(isinstance(each, Mapping) for each in value)
        ]
        if len(filled) > 1:
            names = ", ".join(filled)
            message = (
                f"Page {page} has several lists of objects: {names}. Say with recordPath which is meant."
            )
            raise JobFault("AMBIGUOUS_RECORDS", message, "CONFIG")
        if filled:
            self._path = filled[0]
            return lists[filled[0]]
        if [] in lists.values():
            return []
        if not self._may_be_single:
            message = f"Page {page} has no list of objects. Say with recordPath where its records are."
            raise JobFault("RECORDS_NOT_FOUND", message, "CONFIG")
        return [document]
