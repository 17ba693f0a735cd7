"""The page about the codes of errors."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path

import yaml

from tools.reference.error_codes import Place, Sighting, sightings
from tools.reference.markdown import GENERATED, page, table

MEANINGS = Path(__file__).parent / "error_codes.yaml"
INTRODUCTION = """
Every error has a code, which never changes its meaning, and a message for people, which may. Programs look at
the code alone. Errors are told in four places: a request that is refused, the answer to an operation, a row
that is rejected, and a job that fails. A code can be found in more than one of them.
""".strip()
CATEGORIES = """
The category of a failure says who can mend it: DATA whoever sends the data, CONFIG whoever wrote the spec or
the endpoint, DEPENDENCY whoever runs what Headgate called, SYSTEM whoever runs Headgate. Failures of the last
two are tried again by themselves where that can help, as the job's `retry` says.
""".strip()
SECTIONS = {
    Place.REQUEST: (
        "Requests",
        "In `errors[].extensions.code` of a GraphQL response, with `requestId`; beside GraphQL in the same form, with "
        "the status of HTTP.",
    ),
    Place.ANSWER: (
        "Answers",
        "In `errors[].code` of a mutation's payload, with `path` and `retryable`; of queries in `errors[].extensions`.",
    ),
    Place.ROW: ("Rows", "In `code` of a row's error, with row, line, column and the original value."),
    Place.JOB: ("Jobs", f"In `failure.code` of a job, of an attempt or of a file. {CATEGORIES}"),
}


@cache
def meanings() -> Mapping[str, str]:
    """What each code means, and what to do."""
    found: dict[str, str] = yaml.safe_load(MEANINGS.read_text())
    return found


def errors_page() -> str:
    """Every code, at each place where it shows."""
    seen = sightings()
    parts = [part for place in Place for part in _section(place, seen)]
    return page(GENERATED, "# Errors", INTRODUCTION, *parts)


def _section(place: Place, seen: Mapping[str, Sighting]) -> list[str | list[str]]:
    title, where = SECTIONS[place]
    known = {code: sighting for code, sighting in seen.items() if place in sighting.places}
    rows = [
        [f"`{code}`", *_more(place, sighting), meanings()[code]]
        for code, sighting in known.items()
        if code in meanings()
    ]
    column = {Place.REQUEST: ["status"], Place.JOB: ["category"]}.get(place, [])
    return [f"## {title}", where, table(["code", *column, "meaning"], rows)]


def _more(place: Place, sighting: Sighting) -> list[str]:
    if place is Place.REQUEST:
        return [", ".join(map(str, sorted(sighting.statuses)))]
    return [", ".join(sorted(sighting.categories))] if place is Place.JOB else []
