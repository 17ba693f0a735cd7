"""Tables in which known cells are damaged, and the faults that checks and a contract are to find there."""

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import polars as pl
from hypothesis import strategies as st

from headgate.pipelines.checks.check import Check
from headgate.pipelines.checks.registry import check_kinds
from headgate.pipelines.contract import Contract, SchemaPolicy
from headgate.pipelines.counts import Counts
from headgate.pipelines.dialect import Dialect
from headgate.pipelines.rules import Severity
from headgate.pipelines.runner import Ingest
from headgate.pipelines.screening import Screening
from headgate.storage.formats import FileFormat
from tests.pipelines.intake import Intake

ERROR, WARNING = Severity.ERROR, Severity.WARNING
Row = dict[str, Any]
Fault = tuple[int, str, Any, str, str]
"""Row, column, value, code and severity of an error."""


@dataclass(frozen=True)
class Kind:
    """A column: its checks, values that pass them, and damaged ones with the code that each check, by number, says."""

    checks: Sequence[Check]
    good: st.SearchStrategy[Any]
    damages: Mapping[Any, Mapping[int, str]]


def checks(column: str, **kinds: Row) -> list[Check]:
    """Checks of a column, by kind and settings."""
    return [
        check_kinds()[kind].model_validate({"columns": [column], **given}) for kind, given in kinds.items()
    ]


AWKWARD = st.text("aé \",\n'\\;😀", min_size=1, max_size=8).filter(lambda text: text.strip() != "")
WORDS = ("amber", "birch", "cedar")
DAYS = st.dates(date(2000, 1, 1), date(2030, 12, 31))
FIRST_ID = "1000"
TEXTS = {
    "id": Kind(checks("id", unique={}), st.nothing(), {FIRST_ID: {0: "UNIQUE"}}),
    "amount": Kind(
        checks("amount", numeric={}, range={"min": 0, "max": 1000}),
        st.sampled_from(["0", "5", "007", "+5", "1e3", "999.50", "1000.0", None]),
        {text: {0: "TYPE", 1: "TYPE"} for text in ("abc", " 5", "1,5", "NaN", "-", " ")}
        | {text: {1: "RANGE"} for text in ("-0.01", "1000.5", "1e4")},
    ),
    "word": Kind(
        checks("word", oneOf={"values": list(WORDS)}),
        st.sampled_from([*WORDS, None]),
        {text: {0: "ENUM"} for text in ("Amber", " amber", "0", "null")},
    ),
    "code": Kind(
        checks("code", pattern={"regex": "[A-Z]{2}[0-9]{2}"}, length={"min": 4, "max": 4}),
        st.from_regex("[A-Z]{2}[0-9]{2}", fullmatch=True) | st.none(),
        {text: {0: "PATTERN"} for text in ("ab12", "ÄB12", "1234")}
        | {text: {0: "PATTERN", 1: "LENGTH"} for text in ("AB123", "A", "AB12\n", " ")},
    ),
    "day": Kind(
        checks("day", type={"type": "DATE"}, range={"min": "2000-01-01", "max": "2030-12-31"}),
        DAYS.map(date.isoformat) | st.none(),
        {text: {0: "TYPE", 1: "TYPE"} for text in ("2024-02-30", "31.12.2024", "soon")}
        | {"1999-12-31": {1: "RANGE"}, "2031-01-01": {1: "RANGE"}, "2024-06-01T10:00:00": {0: "TYPE"}},
    ),
    "name": Kind(
        checks("name", required={}, length={"max": 8}),
        AWKWARD,
        {
            None: {0: "REQUIRED"},
            "  ": {0: "REQUIRED"},
            " " * 9: {0: "REQUIRED", 1: "LENGTH"},
            "😀" * 9: {1: "LENGTH"},
        },
    ),
    "flag": Kind(
        checks("flag", type={"type": "BOOLEAN"}),
        st.sampled_from(["true", "false", None]),
        {text: {0: "TYPE"} for text in ("yes", "1", "tru")},
    ),
    "note": Kind([], AWKWARD | st.none(), {}),
}
TYPES: Mapping[str, Callable[[str], Any]] = {
    "id": int,
    "amount": float,
    "day": date.fromisoformat,
    "flag": {"true": True, "false": False}.__getitem__,
}


def typed(column: str, text: str | None) -> Any:
    return None if text is None else TYPES.get(column, str)(text)


def typed_kind(column: str, kind: Kind) -> Kind:
    """The same column where its values have types, which leaves no damage that breaks the type."""
    kept = {
        typed(column, text): codes for text, codes in kind.damages.items() if "TYPE" not in codes.values()
    }
    return replace(kind, good=kind.good.map(lambda text: typed(column, text)), damages=kept)


TYPED = {column: typed_kind(column, kind) for column, kind in TEXTS.items()}

UNTYPED, MISSING = -1, -2
"""Stand for the contract where others have the number of a check: it wants a type, or a value."""
CONTRACTED = {
    "id": Kind(
        checks("id", unique={}),
        st.nothing(),
        {FIRST_ID: {0: "UNIQUE"}, "0" + FIRST_ID: {0: "UNIQUE"}, None: {MISSING: "REQUIRED"}}
        | {text: {UNTYPED: "TYPE"} for text in ("x", "1.5", "9223372036854775808")},
    ),
    "amount": Kind(
        checks("amount", numeric={}, range={"min": 0, "max": 1000}),
        st.sampled_from(["0", "5", "007", "+5", "1e3", ".5", None]),
        {text: {UNTYPED: "TYPE"} for text in ("abc", "NaN", "1e999", "1,5", " 5")}
        | {text: {1: "RANGE"} for text in ("-0.01", "1e4")},
    ),
    "word": Kind(
        checks("word", oneOf={"values": list(WORDS)}),
        st.sampled_from(WORDS),
        {None: {MISSING: "REQUIRED"}, "Amber": {0: "ENUM"}},
    ),
    "day": Kind(
        checks("day", range={"min": "2000-01-01", "max": "2030-12-31"}),
        DAYS.map(lambda day: f"{day:%d.%m.%Y}") | st.none(),
        {text: {UNTYPED: "TYPE"} for text in ("30.02.2024", "2024-12-31", "soon")}
        | {"31.12.1999": {0: "RANGE"}},
    ),
    "flag": Kind(
        [],
        st.sampled_from(["true", "FALSE", None]),
        {text: {UNTYPED: "TYPE"} for text in ("yes", "1", "tru")},
    ),
    "note": TEXTS["note"],
}
MEANT: Mapping[str, Callable[[str], Any]] = {
    "id": int,
    "amount": float,
    "day": lambda text: f"{datetime.strptime(text, '%d.%m.%Y'):%Y-%m-%d}",
    "flag": lambda text: text.lower() == "true",
}


def contract(type_mismatch: SchemaPolicy) -> Contract:
    """What CONTRACTED is held against; it doesn't name the column `note`."""
    columns = [
        {"name": "id", "type": "INTEGER", "nullable": False},
        {"name": "amount", "type": "FLOAT"},
        {"name": "word", "type": "STRING", "nullable": False},
        {"name": "day", "type": "DATE", "format": "%d.%m.%Y"},
        {"name": "flag", "type": "BOOLEAN"},
    ]
    return Contract.model_validate({"columns": columns, "typeMismatch": type_mismatch})


@dataclass(frozen=True)
class Table:
    """Rows as they are written, the checks, and the faults that they are to find."""

    rows: list[Row]
    checks: list[Check]
    faults: set[Fault]

    @property
    def rejected(self) -> set[int]:
        return {row for row, _, _, _, severity in self.faults if severity == ERROR}

    @property
    def accepted(self) -> list[Row]:
        return [row for number, row in enumerate(self.rows, start=1) if number not in self.rejected]

    @property
    def counts(self) -> Counts:
        warnings = sum(severity == WARNING for _, _, _, _, severity in self.faults)
        return Counts(len(self.rows), len(self.accepted), len(self.rejected), warnings=warnings)


@st.composite
def tables(
    draw: st.DrawFn, kinds: Mapping[str, Kind], *, only_warns: bool = False, untyped: Severity = ERROR
) -> Table:
    """Rows of which any but the first are damaged, in any number of cells; each check has a severity."""
    severities = {
        (column, number): draw(st.sampled_from(Severity))
        for column, kind in kinds.items()
        for number in range(len(kind.checks))
    }
    checks = [
        check.model_copy(update={"severity": severities[column, number]})
        for column, kind in kinds.items()
        for number, check in enumerate(kind.checks)
    ]
    severities |= {(column, MISSING): ERROR for column in kinds}
    if only_warns:
        severities = dict.fromkeys(severities, WARNING)
    severities |= {(column, UNTYPED): ERROR if is_needed(kind) else untyped for column, kind in kinds.items()}
    rows: list[Row] = []
    faults: set[Fault] = set()
    for number in range(1, draw(st.integers(1, 9)) + 1):
        row, found = draw(_rows(kinds, number))
        rows.append(row)
        for column, codes in found.items():
            faults |= _faults(number, column, row[column], codes, severities)
    return Table(rows, checks, faults)


def is_needed(kind: Kind) -> bool:
    """Whether the contract wants a value in each row: then none can be given up for not being of its type."""
    return any(MISSING in codes for codes in kind.damages.values())


@st.composite
def _rows(
    draw: st.DrawFn, kinds: Mapping[str, Kind], number: int
) -> tuple[Row, dict[str, Mapping[int, str]]]:
    """A row, and by the columns that are damaged what each check says there."""
    damageable = [column for column, kind in kinds.items() if kind.damages]
    chosen = draw(st.sets(st.sampled_from(damageable), max_size=4)) if number > 1 else set()
    first = next(iter(kinds["id"].damages))
    row, found = {}, {}
    for column, kind in kinds.items():
        if column in chosen:
            row[column], found[column] = draw(st.sampled_from(list(kind.damages.items())))
        elif column == "id":
            row[column] = type(first)(int(first) + number - 1)
        else:
            row[column] = draw(kind.good)
    return row, found


def _faults(
    row: int,
    column: str,
    value: Any,
    codes: Mapping[int, str],
    severities: Mapping[tuple[str, int], Severity],
) -> set[Fault]:
    """One fault a code: where several checks say TYPE it is told once, as an ERROR where one of them says so."""
    by_code: dict[str, list[Severity]] = {}
    for number, code in codes.items():
        by_code.setdefault(code, []).append(severities[column, number])
    return {(row, column, shown(value), code, min(found).value) for code, found in by_code.items()}


def shown(value: Any) -> str | None:
    """A value as errors show it."""
    return value if value is None or isinstance(value, str) else json.dumps(value, default=str).strip('"')


def written(path: Path, rows: Sequence[Row], format: FileFormat) -> list[int | None]:
    """Write the rows; answers the physical lines on which they begin."""
    match format:
        case FileFormat.CSV:
            return _write_csv(path, rows)
        case FileFormat.NDJSON:
            path.write_text("".join(json.dumps(row, default=str) + "\n" for row in rows))
            return list(range(1, len(rows) + 1))
    pl.DataFrame(rows, infer_schema_length=None).write_parquet(path)
    return [None] * len(rows)


def _write_csv(path: Path, rows: Sequence[Row]) -> list[int | None]:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    lines: list[int | None] = []
    for row in rows:
        lines.append(text.getvalue().count("\n") + 1)
        writer.writerow(row)
    path.write_text(text.getvalue(), newline="")
    return lines


def job_over(intake: Intake, format: FileFormat, screening: Screening) -> Ingest:
    dialect = Dialect() if format is FileFormat.CSV else None
    return replace(intake.job(intake.folder / "data", format, dialect=dialect), screening=screening)
