"""Makes tables, and writes them as the many tools of the world do."""

from collections.abc import Sequence
from dataclasses import dataclass

from hypothesis import strategies as st

WORDS = ("amber", "birch", "Cedar Hill", "dune", "ember", "fjord", "grove", "harbour", "Zoë", "naïve café")
DELIMITERS = (",", ";", "\t", " ", ", ", "|")
QUOTES = ('"', "'")
NEWLINES = ("\n", "\r\n", "\r")
ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "cp1252")
ESCAPES = ("doubled", "backslash", "missing")

Row = tuple[str, ...]


@dataclass(frozen=True)
class Form:
    """How a table is written; `escape` is one of ESCAPES, and where `always`, all texts are quoted."""

    delimiter: str = ","
    quote: str = '"'
    escape: str = "doubled"
    newline: str = "\n"
    encoding: str = "utf-8"
    has_header: bool = True
    always: bool = False

    def cell(self, value: str) -> str:
        """One cell."""
        special = (
            *self.delimiter,
            self.quote,
            "\r",
            "\n",
            "\\" if self.escape == "backslash" else self.quote,
        )
        numeric = value.replace(".", "").replace("-", "").isdigit()
        if not value or not (any(mark in value for mark in special) or (self.always and not numeric)):
            return value
        escaped = {
            "doubled": value.replace(self.quote, self.quote * 2),
            "backslash": value.replace("\\", "\\\\").replace(self.quote, "\\" + self.quote),
            "missing": value,
        }
        return self.quote + escaped[self.escape] + self.quote

    def line(self, row: Sequence[str]) -> str:
        """One record, without its end."""
        return self.delimiter.join(map(self.cell, row))

    def text(self, table: "Table") -> str:
        """The whole table."""
        rows = [table.header, *table.rows] if self.has_header else table.rows
        return "".join(self.line(row) + self.newline for row in rows)

    def content(self, table: "Table") -> bytes:
        """The bytes of a file."""
        return self.text(table).encode(self.encoding)


@dataclass(frozen=True)
class Table:
    """Names, and rows of as many cells: numbers, days and texts."""

    header: Row
    rows: list[Row]


def table(count: int = 6, *, notes: Sequence[str] = ()) -> Table:
    """A table of an id, a name, a price, a day and a note."""
    rows: list[Row] = [
        (str(n), WORDS[n % len(WORDS)], f"{n * 7 % 90}.5", f"2026-01-{n % 28 + 1:02}", "plain")
        for n in range(1, count + 1)
    ]
    for index, note in enumerate(notes):
        rows[index] = (*rows[index][:-1], note)
    return Table(("id", "name", "price", "day", "note"), rows)


@st.composite
def forms(draw: st.DrawFn) -> Form:
    """A way to write a table."""
    return Form(
        draw(st.sampled_from(DELIMITERS)),
        draw(st.sampled_from(QUOTES)),
        draw(st.sampled_from(ESCAPES)),
        draw(st.sampled_from(NEWLINES)),
        draw(st.sampled_from(ENCODINGS)),
        draw(st.booleans()),
        draw(st.booleans()),
    )


@st.composite
def tables_for(draw: st.DrawFn, form: Form) -> Table:
    """A table whose texts hold what the form has to quote and to escape: its first notes show how it does that."""
    shown = [f"left{form.delimiter}right", "caf\xe9", "Zo\xeb"]
    if form.escape == "missing":
        shown.append(f"he-{form.quote}said{form.quote}-so")
    else:
        shown += [
            f"{form.quote}said{form.quote}",
            f"over{form.newline}lines",
            f"{form.quote}{form.delimiter}",
        ]
    more = st.sampled_from([*shown, "", "two words", "don't", "5 % off", "a@b.org"])
    return table(12, notes=[*shown, *draw(st.lists(more, max_size=5))])
