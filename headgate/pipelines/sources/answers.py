"""Answers of databases as files: kept as text while they come, and typed when it is known what all values are.

A column has the type that the database says where each of its values fits that exactly; else it stays text.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from headgate.errors import JobFault
from headgate.pipelines.prepared import Watch
from headgate.pipelines.sources.source import FetchedFile
from headgate.storage.columns import MAX_SAFE_INTEGER
from headgate.storage.formats import FileFormat
from headgate.storage.outside_sql.queries import AnswerColumn, Spelling

MAX_DIGITS = 38
NUMBER = r"^-?(\d+)(?:\.(\d+))?$"
MOMENT = "%Y-%m-%d %H:%M:%S%.f"
OFFSET = r"[+]00(:00)?$"


def _float(text: pl.Expr) -> pl.Expr:
    whole = text.cast(pl.Int64, strict=False)
    changes = ~whole.is_between(-MAX_SAFE_INTEGER, MAX_SAFE_INTEGER)
    return pl.when(~changes.fill_null(False)).then(text.cast(pl.Float64, strict=False))


def _boolean(text: pl.Expr) -> pl.Expr:
    return pl.when(text.is_in(["true", "1"])).then(True).when(text.is_in(["false", "0"])).then(False)


def _local(text: pl.Expr) -> pl.Expr:
    return text.str.to_datetime(MOMENT, strict=False, time_unit="us")


def _moment(text: pl.Expr) -> pl.Expr:
    in_utc = text.str.contains(OFFSET)
    return pl.when(in_utc).then(_local(text.str.replace(OFFSET, "")).dt.replace_time_zone("UTC"))


READ: Mapping[Spelling, Callable[[pl.Expr], pl.Expr]] = {
    Spelling.INTEGER: lambda text: text.cast(pl.Int64, strict=False),
    Spelling.FLOAT: _float,
    Spelling.BOOLEAN: _boolean,
    Spelling.DATE: lambda text: text.str.to_date("%Y-%m-%d", strict=False),
    Spelling.TIME: lambda text: text.str.to_time("%H:%M:%S%.f", strict=False),
    Spelling.LOCAL: _local,
    Spelling.MOMENT: _moment,
    Spelling.HEX: lambda text: text.str.decode("hex", strict=False),
    Spelling.TEXT: lambda text: text,
}
"""The value that a text spells; null where it spells none."""
LATER = {Spelling.INTEGER: (Spelling.FLOAT,), Spelling.BOOLEAN: (Spelling.FLOAT,)}
"""What a column may turn out to hold when more of it has come: SQLite keeps any number anywhere."""


@dataclass(slots=True)
class _Fit:
    """What the values of one column have in common, as far as they have come."""

    is_list: bool = False
    unfit: set[Spelling] = field(default_factory=set)
    digits: int = 0
    scale: int = 0

    def learn(self, texts: pl.Series, column: AnswerColumn) -> None:
        if (items := _items(texts, self.is_list)) is None:
            self.unfit.update(Spelling)
            return
        for spelling in (column.spelling, *LATER.get(column.spelling, ())):
            if spelling is Spelling.NUMERIC:
                self._learn_number(items)
            elif _read(items, spelling).null_count() > items.null_count():
                self.unfit.add(spelling)

    def _learn_number(self, items: pl.Series) -> None:
        parts = items.str.extract_groups(NUMBER).struct.unnest()
        if parts[parts.columns[0]].null_count() > items.null_count():
            self.unfit.add(Spelling.NUMERIC)
        digits, scale = (parts[name].str.len_bytes().max() for name in parts.columns)
        self.digits, self.scale = max(self.digits, int(digits or 0)), max(self.scale, int(scale or 0))  # type: ignore[arg-type]

    def values(self, name: str, spelling: Spelling) -> pl.Expr:
        """The column as it is to be."""
        text = pl.col(name)
        if self.digits + self.scale > MAX_DIGITS:
            self.unfit.add(Spelling.NUMERIC)
        fits = spelling not in self.unfit
        if not self.is_list:
            return self._value(text, spelling) if fits else text
        if self.unfit >= set(Spelling):
            return text
        decoded = text.str.json_decode(pl.List(pl.String))
        return decoded.list.eval(self._value(pl.element(), spelling)) if fits else decoded

    def _value(self, text: pl.Expr, spelling: Spelling) -> pl.Expr:
        if spelling is Spelling.NUMERIC:
            return text.cast(pl.Decimal(MAX_DIGITS, self.scale))
        return READ[spelling](text)


def _read(texts: pl.Series, spelling: Spelling) -> pl.Series:
    return texts.to_frame("text").select(READ[spelling](pl.col("text"))).to_series()


def _items(texts: pl.Series, is_list: bool) -> pl.Series | None:
    """The texts, or those in lists; None where these are lists of lists."""
    if not is_list:
        return texts
    try:
        return texts.str.json_decode(pl.List(pl.String)).explode(empty_as_null=False)
    except pl.exceptions.PolarsError:
        return None


@dataclass(slots=True)
class AnswerFiles:
    """Takes pieces of an answer into a folder, at most so many bytes, and makes files of them."""

    folder: Path
    max_bytes: int
    watch: Watch
    _pieces: list[Path] = field(default_factory=list)
    _fits: dict[str, _Fit] = field(default_factory=dict)
    _rows: int = 0
    _bytes: int = 0

    def take(self, piece: pl.DataFrame, columns: Sequence[AnswerColumn]) -> None:
        """Keep a piece. Raises JobFault QUERY_TOO_LARGE."""
        for column in columns:
            fit = self._fits.setdefault(column.name, _Fit(column.is_list))
            fit.learn(piece[column.name], column)
        path = self.folder / f"text-{len(self._pieces):06}.parquet"
        piece.write_parquet(path)
        self._pieces.append(path)
        self._rows += piece.height
        self._bytes += path.stat().st_size
        if self._bytes > self.max_bytes:
            message = f"The query answers more than the {self.max_bytes:,} bytes that a job may fetch."
            raise JobFault("QUERY_TOO_LARGE", message, "CONFIG")
        self.watch("fetching", rows_read=self._rows, bytes_read=self._bytes)

    def finish(self, columns: Sequence[AnswerColumn]) -> list[FetchedFile]:
        """Give all values the types of their columns, file by file."""
        if not self._pieces:
            self.take(pl.DataFrame(schema={column.name: pl.String() for column in columns}), columns)
        values = [
            self._fits[column.name].values(column.name, column.spelling).alias(column.name)
            for column in columns
        ]
        return [self._typed(number, piece, values) for number, piece in enumerate(self._pieces)]

    def _typed(self, number: int, piece: Path, values: Sequence[pl.Expr]) -> FetchedFile:
        self.watch("fetching")
        name = f"rows-{number:06}.parquet"
        pl.read_parquet(piece).select(values).write_parquet(self.folder / name)
        piece.unlink()
        return FetchedFile(name, FileFormat.PARQUET)
