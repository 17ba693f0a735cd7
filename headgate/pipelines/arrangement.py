"""The rows of a source as a contract says them: columns renamed, added, left out and typed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

from headgate.errors import JobFault
from headgate.pipelines import suggestions
from headgate.pipelines.contract import Contract, ContractColumn, SchemaPolicy
from headgate.pipelines.parsing import INSTANT, PARSERS, has_zone
from headgate.pipelines.prepared import ROW_INDEX, Prepared
from headgate.pipelines.rules import Finding, Rule, Severity, Suggest
from headgate.pipelines.types import (
    DECIMAL_PRECISION,
    MAX_SCALE,
    Candidate,
    conforming,
    is_text,
    wide_decimals,
)
from headgate.storage.columns import MAX_SAFE_INTEGER, ColumnType, column_type

CONTRACT = "contract"
"""What errors call the contract, where others have the name of a check."""
ORIGINAL = "__headgate_original__:"
"""What begins the names of columns that hold the values as they came, beside those that were changed."""
MISFIT = {
    SchemaPolicy.DISCARD_ROW: Severity.ERROR,
    SchemaPolicy.FREEZE: Severity.ERROR,
    SchemaPolicy.DISCARD_VALUE: Severity.WARNING,
}


@dataclass(frozen=True, slots=True)
class Arranged:
    """The rows that are checked and written.

    `frame` and `sample` hold the columns `names` and, under ORIGINAL and the name, the source's values of those
    columns that were changed or left out. `originals` says for each column of the source, under the name that it has
    by now, which of these columns holds its values as they came. Columns in `texts` are still the source's own text.
    A row that breaks one of `rules` is rejected or warned of; where `is_frozen` none may break the contract's types.
    `wanted` are the types that a text column is to be stored as, where that is said.
    """

    prepared: Prepared
    frame: pl.LazyFrame
    sample: pl.DataFrame
    names: Sequence[str]
    originals: Mapping[str, str]
    texts: frozenset[str]
    rules: Sequence[Rule] = ()
    findings: Sequence[Finding] = ()
    is_frozen: bool = False
    wanted: Mapping[str, Sequence[Candidate]] = field(default_factory=dict)


def arrange(prepared: Prepared, contract: Contract | None) -> Arranged:
    """Arrange the rows of a source as a contract says, or leave them as they are."""
    if contract is not None:
        return _Arranging(prepared, contract).arranged()
    return Arranged(
        prepared,
        prepared.frame,
        prepared.sample,
        prepared.names,
        {name: name for name in prepared.names},
        prepared.texts,
    )


class _Arranging:
    """Goes through the columns of the source and then through those that only the contract has."""

    def __init__(self, prepared: Prepared, contract: Contract) -> None:
        self._contract = contract
        self._prepared = prepared
        renamed = contract.names_for(list(prepared.names))
        self._names = {name: renamed.get(name, name) for name in prepared.names}
        self._frame = prepared.frame.rename(self._names)
        self._sample = prepared.sample.rename(self._names)
        self._schema = self._frame.collect_schema()
        self._texts = {self._names[name] for name in prepared.texts}
        self._columns = {column.name: column for column in contract.columns}
        self._out: list[str] = []
        self._exprs: list[pl.Expr] = []
        self._originals: dict[str, str] = {}
        self._rules: list[Rule] = []
        self._findings: list[Finding] = []
        self._wanted: dict[str, Sequence[Candidate]] = {}

    def arranged(self) -> Arranged:
        self._check_clashes()
        for name in self._names.values():
            if name in self._columns:
                self._take(self._columns[name])
            else:
                self._take_unknown(name)
        for name, column in self._columns.items():
            if name not in self._schema:
                self._miss(column)
        return Arranged(
            self._prepared,
            self._frame.select(ROW_INDEX, *self._exprs),
            self._sample.select(self._exprs),
            self._out,
            self._originals,
            frozenset(self._texts.intersection(self._out)),
            self._rules,
            self._findings,
            self._contract.type_mismatch is SchemaPolicy.FREEZE,
            self._wanted,
        )

    def _check_clashes(self) -> None:
        taken = [name.lower() for name in self._names.values()]
        if len(set(taken)) < len(taken):
            twice = next(name for name in self._names.values() if taken.count(name.lower()) > 1)
            message = f"Two columns of the input would both be {twice} by the contract's names and aliases."
            raise JobFault("AMBIGUOUS_COLUMN", message, "DATA", details={"column": twice})

    def _keep(self, name: str) -> str:
        """Take a column along as it came; answers where."""
        self._out.append(name)
        self._exprs.append(pl.col(name))
        self._originals[name] = name
        return name

    def _change(self, name: str, value: pl.Expr | None) -> str:
        """Take a column along with other values, or only its original ones; answers where these are."""
        original = ORIGINAL + name
        self._exprs.append(pl.col(name).alias(original))
        self._originals[name] = original
        if value is not None:
            self._out.append(name)
            self._exprs.append(value.alias(name))
        return original

    def _take(self, column: ContractColumn) -> None:
        dtype = self._schema[column.name]
        if column_type(dtype) is column.type:
            original = self._keep(column.name)
            self._texts.discard(column.name)
        elif column.type is ColumnType.DECIMAL and dtype == pl.String:
            original = self._keep_for_decimals(column)
        elif column.type is ColumnType.DECIMAL and dtype.is_numeric():
            original = self._spell_for_decimals(column, dtype)
        else:
            original = self._convert(column, dtype)
        if not column.nullable:
            self._rules.append(_required(column, pl.col(original).is_null()))

    def _keep_for_decimals(self, column: ContractColumn) -> str:
        """Texts whose places are counted before their type is chosen."""
        cell = pl.col(column.name)
        self._texts.add(column.name)
        self._wanted[column.name] = wide_decimals()
        if self._contract.type_mismatch is SchemaPolicy.EVOLVE:
            return self._keep(column.name)
        widest = self._wanted[column.name][-1].exact(cell)
        if self._contract.type_mismatch is SchemaPolicy.DISCARD_VALUE:
            original = self._change(column.name, pl.when(widest.is_not_null()).then(cell))
            return self._misfit(column, original, pl.col(column.name))
        return self._misfit(column, self._keep(column.name), widest)

    def _spell_for_decimals(self, column: ContractColumn, dtype: pl.DataType) -> str:
        """Numbers as texts, so that their places are counted like those of other texts."""
        if self._contract.type_mismatch is SchemaPolicy.EVOLVE:
            self._wanted[column.name] = [conforming(dtype, wide.dtype) for wide in wide_decimals()]
            return self._keep(column.name)
        cell = pl.col(column.name)
        # Larger floats stand for more than one number; larger integers are an error and not null.
        bounded = pl.when(cell.abs() <= (MAX_SAFE_INTEGER if dtype.is_float() else WHOLE_DECIMALS)).then(cell)
        # With more places than it needs, a float would show digits that nobody wrote.
        texts = (conforming(dtype, wide.dtype).exact(bounded).cast(pl.String) for wide in wide_decimals())
        original = self._change(column.name, pl.coalesce(*texts))
        self._texts.add(column.name)
        self._wanted[column.name] = wide_decimals()
        return self._misfit(column, original, pl.col(column.name))

    def _convert(self, column: ContractColumn, dtype: pl.DataType) -> str:
        candidate = _candidate(column, dtype, self._sample)
        if self._contract.type_mismatch is SchemaPolicy.EVOLVE:
            self._wanted[column.name] = [candidate]
            if dtype == pl.String:
                self._texts.add(column.name)
            return self._keep(column.name)
        self._texts.discard(column.name)
        original = self._change(column.name, candidate.exact(pl.col(column.name)))
        return self._misfit(column, original, pl.col(column.name))

    def _misfit(self, column: ContractColumn, original: str, value: pl.Expr) -> str:
        fails = value.is_null() & pl.col(original).is_not_null()
        # Where there must be a value, none can be given up.
        severity = MISFIT[self._contract.type_mismatch] if column.nullable else Severity.ERROR
        becomes = "; it became null" if severity is Severity.WARNING else ""
        spelled = f" written as {column.format}" if column.format else ""
        message = f"The contract says {column.type}{spelled}, and this value is none{becomes}."
        suggest = suggest_fitting(_text_candidate(column), column.type, column.format)
        self._rules.append(Rule("TYPE", column.name, fails, message, CONTRACT, severity, suggest))
        return original

    def _take_unknown(self, name: str) -> None:
        message = f"The contract names no column {name}."
        match self._contract.unknown_columns:
            case SchemaPolicy.EVOLVE:
                self._keep(name)
            case SchemaPolicy.FREEZE:
                self._keep(name)
                self._findings.append(Finding("UNKNOWN_COLUMN", name, message, CONTRACT))
            case SchemaPolicy.DISCARD_VALUE:
                self._change(name, None)
            case SchemaPolicy.DISCARD_ROW:
                filled = pl.col(self._change(name, None)).is_not_null()
                told = f"{message} Only rows without a value there are accepted."
                self._rules.append(Rule("UNKNOWN_COLUMN", name, filled, told, CONTRACT))

    def _miss(self, column: ContractColumn) -> None:
        message = f"The input has no column {column.name}."
        policy = self._contract.missing_columns
        if policy is SchemaPolicy.FREEZE:
            self._findings.append(Finding("MISSING_COLUMN", column.name, message, CONTRACT))
        elif policy is SchemaPolicy.DISCARD_ROW:
            self._rules.append(Rule("MISSING_COLUMN", column.name, pl.lit(True), message, CONTRACT))
        elif not column.nullable:
            self._rules.append(_required(column, pl.lit(True)))
        self._out.append(column.name)
        self._exprs.append(pl.lit(None, _dtype_of(column)).alias(column.name))


def _required(column: ContractColumn, missing: pl.Expr) -> Rule:
    message = "The contract wants a value here, and there is none."
    return Rule("REQUIRED", column.name, missing, message, CONTRACT)


def _dtype_of(column: ContractColumn) -> pl.DataType:
    """The type to keep values as that are all null; text for those that only values tell in full."""
    known = PARSERS.get(column.type)
    return known[0] if known else UNWRITTEN.get(column.type, pl.String())


def suggest_fitting(candidate: Candidate, type: ColumnType, form: str | None = None) -> Suggest | None:
    """Propose values of a type for texts that are none, as far as the column can take them."""
    propose = suggestions.value_of(type, form)
    if propose is None:
        return None
    fits = candidate.exact(pl.col(suggestions.MEANT)).is_not_null()
    return suggestions.only_where(fits, suggestions.suggesting(propose))


def _text_candidate(column: ContractColumn) -> Candidate:
    if column.type is ColumnType.DECIMAL:
        return wide_decimals()[-1]
    return _candidate(column, pl.String(), pl.DataFrame({column.name: []}, schema={column.name: pl.String}))


def _candidate(column: ContractColumn, dtype: pl.DataType, sample: pl.DataFrame) -> Candidate:
    """How values of one type become those of the contract's; null where they can't."""
    if is_text(dtype):
        return _parsing(column, sample)
    is_known = column.type in PARSERS or column.type in UNWRITTEN
    return conforming(dtype, _dtype_of(column)) if is_known else NOTHING


def _parsing(column: ContractColumn, sample: pl.DataFrame) -> Candidate:
    """How texts become values of the contract's type."""
    if column.type is ColumnType.DECIMAL:
        return conforming(pl.Categorical(), WIDEST_DECIMAL)
    if column.type not in PARSERS:
        return NOTHING
    wanted, parse = PARSERS[column.type]
    if column.type is ColumnType.DATETIME and has_zone(sample[column.name].cast(pl.String), column.format):
        wanted, parse = INSTANT
    return Candidate(wanted, None, lambda text: parse(text.cast(pl.String), column.format))


WIDEST_DECIMAL = wide_decimals()[-1].dtype
WHOLE_DECIMALS = 10.0 ** (DECIMAL_PRECISION - MAX_SCALE - 1)
UNWRITTEN: Mapping[ColumnType, pl.DataType] = {
    ColumnType.DECIMAL: WIDEST_DECIMAL,
    ColumnType.BINARY: pl.Binary(),
}
"""Types that have no parser."""
NOTHING = Candidate(pl.String(), None, lambda value: pl.lit(None, pl.String))
