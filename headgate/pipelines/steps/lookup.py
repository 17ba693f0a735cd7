"""The step `lookup`."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from enum import StrEnum
from typing import Any, ClassVar, Self
from urllib.parse import quote

import polars as pl
from pydantic import Field, PrivateAttr, model_validator

from headgate.errors import JobFault
from headgate.pipelines.checks.operands import text_of
from headgate.pipelines.endpoints.client import Client, open_client
from headgate.pipelines.endpoints.namedvalues import NamedValues, pairs
from headgate.pipelines.jsonpaths import NOWHERE, found_at
from headgate.pipelines.kinds import Settings
from headgate.pipelines.rules import Rule
from headgate.pipelines.steps.columns import Columns, NewName, require_flat
from headgate.pipelines.steps.naming import checked_names, require_free
from headgate.pipelines.steps.step import HIDDEN, Step, StepTable, Transform
from headgate.storage.columns import plain_text

KEY = f"{HIDDEN}lookup_key"
BETWEEN = "\x1f"
"""Stands between the values of a key, in which no one writes it."""
PLACEHOLDER = re.compile(r"\{([^{}]+)\}")
GONE = (404, 410)
MAX_KEYS = 100_000
MAX_CALLS_AT_ONCE = 16
Found = tuple[Any, ...]
"""The values of the fields, in their order."""


class LookupMissing(StrEnum):
    """What happens to a row whose key the endpoint doesn't know."""

    NULL = "NULL"
    REJECT = "REJECT"
    FAIL = "FAIL"


class LookupField(Settings):
    """A new column, and where its values lie in an answer."""

    path: str = Field(
        max_length=500,
        description="Names of fields and numbers of items, with dots between them, such as data.0.name.",
    )
    name: NewName = Field(description="The name of the column.")


class Lookup(Step):
    """Asks an endpoint about the values of columns, once for each key that comes, and adds what it answers.

    Key columns that stand in the path, as {column}, are put in there; the others are sent as parameters under their own
    names. Where a key has no value in one of its columns, nobody is asked, and the new columns are null. The endpoint
    doesn't know a key where it answers with status 404 or 410, or with nothing at any of the paths.
    """

    kind: ClassVar[str] = "lookup"
    endpoints: ClassVar[Mapping[str, tuple[str, ...]]] = {"endpoint": ("HTTP", "SIMULATED")}
    example: ClassVar[dict[str, Any]] = {
        "endpoint": "crm",
        "path": "/customers/{customer_id}",
        "columns": ["customer_id"],
        "fields": [{"path": "path", "name": "customer_path"}],
    }
    records: ClassVar[Sequence[Mapping[str, Any]]] = [
        {"customer_id": "7", "total": 12.5},
        {"customer_id": "9", "total": 3.0},
        {"customer_id": "7", "total": 7.5},
    ]

    endpoint: str = Field(
        min_length=1, description="The name of the endpoint, of the kind HTTP or SIMULATED."
    )
    path: str = Field(
        default="",
        max_length=2_000,
        description="The path below the endpoint's URL, in which {column} is replaced.",
    )
    params: NamedValues = Field(default_factory=list, description="Parameters to send with each call.")
    columns: Columns = Field(description="The columns whose values make a key.")
    fields: list[LookupField] = Field(min_length=1, description="What to take from an answer.")
    on_missing: LookupMissing = Field(
        default=LookupMissing.NULL,
        description="What happens to a row whose key the endpoint doesn't know: its new columns are null (NULL), it is "
        "rejected (REJECT), or the job fails (FAIL).",
    )
    max_keys: int = Field(
        default=10_000, ge=1, le=MAX_KEYS, description="With more different keys than this, the job fails."
    )
    concurrency: int = Field(
        default=4, ge=1, le=MAX_CALLS_AT_ONCE, description="How many calls may be under way at a time."
    )
    _found: dict[str, Found | None] = PrivateAttr(default_factory=dict)
    """What was answered by now: a job has a step of its own, and asks once."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if "://" in self.path or self.path.startswith("//"):
            raise ValueError("path lies below the endpoint's URL, and is none itself")
        for name in PLACEHOLDER.findall(self.path):
            if name not in self.columns:
                raise ValueError(f"path names {{{name}}}, which is none of columns")
        checked_names(field.name for field in self.fields)
        return self

    def rules(self, table: StepTable) -> Iterable[Rule]:
        """With REJECT, a key is known to the endpoint."""
        if self.on_missing is not LookupMissing.REJECT:
            return
        self._ask(table)
        unknown = [key for key, found in self._found.items() if found is None]
        message = f"The endpoint {self.endpoint} doesn't know {' and '.join(self.columns)} of the row."
        yield self.rule("LOOKUP", self.columns[0], self._key(table.schema).is_in(unknown), message)

    def prepare(self, table: StepTable) -> Transform:
        """Asks about all keys.

        Raises JobFault: UNKNOWN_COLUMN, NESTED_COLUMN, COLUMN_EXISTS, TOO_MANY_KEYS, LOOKUP_MISSING, UNKNOWN_ENDPOINT,
        and what calls raise.
        """
        require_free(table.schema, (field.name for field in self.fields))
        self._ask(table)
        key, found = self._key(table.schema), self._answers().lazy()
        return lambda rows: (
            rows.with_columns(key.alias(KEY)).join(found, on=KEY, how="left", maintain_order="left").drop(KEY)
        )

    def _key(self, schema: pl.Schema) -> pl.Expr:
        """The texts of a row's key; null where one is missing."""
        texts = (_spelled(column, schema[column]) for column in self.columns)
        return pl.concat_str(texts, separator=BETWEEN)

    def _ask(self, table: StepTable) -> None:
        require_flat(table, self.columns)
        asked = table.scan(
            table.frame.select(self._key(table.schema).alias(KEY)).unique().head(self.max_keys + 2)
        )
        keys = sorted(key for key in asked[KEY].drop_nulls() if key not in self._found)
        if len(keys) + len(self._found) > self.max_keys:
            message = f"There are more than {self.max_keys} different keys to look up."
            raise JobFault("TOO_MANY_KEYS", message, "CONFIG", details={"maxKeys": self.max_keys})
        if keys:
            self._found.update(zip(keys, self._called(table, keys), strict=True))

    def _called(self, table: StepTable, keys: Sequence[str]) -> Iterator[Found | None]:
        endpoint = table.outside.endpoint(self.endpoint, *self.endpoints["endpoint"])
        with (
            open_client(endpoint, table.outside, table.watch, stage="preparing") as client,
            ThreadPoolExecutor(self.concurrency) as pool,
        ):
            try:
                yield from pool.map(lambda key: self._answer(client, key), keys)
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise

    def _answer(self, client: Client, key: str) -> Found | None:
        values = dict(zip(self.columns, key.split(BETWEEN), strict=True))
        in_path = PLACEHOLDER.findall(self.path)
        found = None
        if not any(values[name] in ("", ".", "..") for name in in_path):
            path = PLACEHOLDER.sub(lambda name: quote(values[name[1]], safe=""), self.path)
            others = [(name, value) for name, value in values.items() if name not in in_path]
            found = self._fields(_answered(client, path, [*pairs(self.params), *others]))
        if found is None and self.on_missing is LookupMissing.FAIL:
            message = f"The endpoint {self.endpoint} doesn't know {', '.join(values.values())}."
            raise JobFault("LOOKUP_MISSING", message, "DATA", details=values)
        return found

    def _fields(self, document: Any) -> Found | None:
        values = (found_at(document, field.path) for field in self.fields)
        found = tuple(None if value is NOWHERE else value for value in values)
        return None if all(value is None for value in found) else found

    def _answers(self) -> pl.DataFrame:
        """The keys that the endpoint knows, and the values of their fields."""
        known = {key: found for key, found in self._found.items() if found is not None}
        columns = [
            _column(field.name, [found[number] for found in known.values()])
            for number, field in enumerate(self.fields)
        ]
        return pl.DataFrame([pl.Series(KEY, list(known), dtype=pl.String), *columns])


def _spelled(column: str, dtype: pl.DataType) -> pl.Expr:
    """A value as text; a whole number without a point, as others write it."""
    text = text_of(column, dtype)
    return text.str.strip_suffix(".0") if dtype.is_float() else text


def _answered(client: Client, path: str, params: Sequence[tuple[str, str]]) -> Any:
    """The document that an endpoint answers with; NOWHERE where it knows none."""
    try:
        answer = client.call("GET", path, params=params)
    except JobFault as fault:
        if fault.code == "HTTP_STATUS" and (fault.details or {}).get("status") in GONE:
            return NOWHERE
        raise
    return answer.json() if answer.content.strip() else NOWHERE


def _column(name: str, values: Sequence[Any]) -> pl.Series:
    """Values of JSON as a column: numbers, booleans or text; text for all where they are of several kinds."""
    kinds = {type(value) for value in values if value is not None}
    if kinds <= {int, float} or kinds in ({str}, {bool}):
        wide = any(isinstance(value, int) and not -(2**63) <= value < 2**63 for value in values)
        if not wide:
            return pl.Series(name, values, dtype=_TYPES.get(frozenset(kinds), pl.Float64()))
    texts = [None if value is None else plain_text(value) for value in values]
    return pl.Series(name, texts, dtype=pl.String)


_TYPES: Mapping[frozenset[type], pl.DataType] = {
    frozenset(): pl.String(),
    frozenset({int}): pl.Int64(),
    frozenset({str}): pl.String(),
    frozenset({bool}): pl.Boolean(),
}
