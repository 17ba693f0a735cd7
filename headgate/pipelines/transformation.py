"""How the data of one mapping becomes what its target gets."""

from collections import Counter
from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Annotated, Any, Literal
from urllib.parse import quote

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from headgate.errors import JobFault
from headgate.pipelines.kinds import Settings

MAX_ENTRIES = 1000
MAX_FIELD_CHARACTERS = 500
MAX_PATH_CHARACTERS = 2000
ID = "{id}"
"""What stands for the id of the mapping in a path."""


def _names_something(field: str) -> str:
    if not all(field.split(".")):
        raise ValueError("a field is a name, or names joined by dots for one inside another")
    return field


FieldPath = Annotated[str, Field(max_length=MAX_FIELD_CHARACTERS), AfterValidator(_names_something)]


def _below_endpoint(path: str) -> str:
    if "://" in path or path.startswith("//") or not path.isprintable():
        raise ValueError("a path is below the URL of the endpoint, such as /contacts/{id}")
    if ".." in path.partition("?")[0].split("/"):
        raise ValueError("a path doesn't lead out of the URL of the endpoint")
    return path


UrlPath = Annotated[str, Field(max_length=MAX_PATH_CHARACTERS), AfterValidator(_below_endpoint)]


class Move(Settings):
    """A field that is taken, and the field that it becomes."""

    from_: FieldPath = Field(
        alias="from", description="The field as it comes: `address.city` is inside another."
    )
    to: FieldPath = Field(description="The field that it becomes; `to.city` makes one inside another.")


class Constant(Settings):
    """A field that always has the same value."""

    name: FieldPath = Field(description="The field.")
    value: Any = Field(description="Its value, any JSON.")


def _moves(given: object) -> object:
    """A list of moves; `{"from": "to"}` and plain names of fields that are kept say the same in fewer words."""
    if isinstance(given, Mapping):
        return [{"from": name, "to": to} for name, to in given.items()]
    if isinstance(given, Sequence) and not isinstance(given, str):
        return [{"from": each, "to": each} if isinstance(each, str) else each for each in given]
    return given


def _constants(given: object) -> object:
    if isinstance(given, Mapping):
        return [{"name": name, "value": value} for name, value in given.items()]
    return given


Moves = Annotated[list[Move], BeforeValidator(_moves), Field(max_length=MAX_ENTRIES)]
Constants = Annotated[list[Constant], BeforeValidator(_constants), Field(max_length=MAX_ENTRIES)]


class Transformation(Settings):
    """Where a mapping reads and writes below its endpoints, and how its data is changed on the way.

    In this order: the part at `recordPath` is taken, only the fields of `select` are kept, those of `rename` get other
    names, and those of `set` are added. Where the data is a list, each object in it is changed.
    """

    source_path: UrlPath = Field(
        "", description="What is read, below the URL of the source; `{id}` stands for the id of the mapping."
    )
    target_path: UrlPath = Field(
        "",
        description="Where it is written, below the URL of the target; `{id}` stands for the id of the mapping.",
    )
    method: Literal["POST", "PUT", "PATCH"] = Field("POST", description="How it is written.")
    record_path: FieldPath | None = Field(
        None, description="The part of the data that is taken, such as `data.items`; all of it by default."
    )
    select: Moves | None = Field(
        None, description="The fields that are kept, as {from, to} or by name; all of them by default."
    )
    rename: Moves | None = Field(None, description="The fields that get other names, as {from, to}.")
    set: Constants | None = Field(None, description="The fields that are added, as {name, value}.")

    @model_validator(mode="after")
    def _targets_differ(self) -> "Transformation":
        for moves in (self.select, self.rename):
            ((name, times),) = Counter(move.to for move in moves or ()).most_common(1) or [("", 0)]
            if times > 1:
                raise ValueError(f"two fields become {name}")
        return self

    def source_url(self, id: str) -> str:
        """The path that is read for a mapping."""
        return self.source_path.replace(ID, quote(id, safe=""))

    def target_url(self, id: str) -> str:
        """The path that is written to for a mapping."""
        return self.target_path.replace(ID, quote(id, safe=""))

    def apply(self, data: Any) -> Any:
        """Change the data of a mapping. Raises JobFault (MISSING_FIELD, WRONG_DATA)."""
        taken = data if self.record_path is None else _taken(data, self.record_path)
        if not (self.select or self.rename or self.set):
            return taken
        if isinstance(taken, list):
            return [self._changed(each) for each in taken]
        return self._changed(taken)

    def _changed(self, record: Any) -> dict[str, Any]:
        if not isinstance(record, dict):
            raise JobFault("WRONG_DATA", "The data is no object with fields.", "DATA")
        made: dict[str, Any] = {} if self.select is not None else deepcopy(record)
        for move in self.select or ():
            _put(made, move.to, _taken(record, move.from_))
        values = [(move.to, _taken(made, move.from_, remove=True)) for move in self.rename or ()]
        for name, value in [*values, *((each.name, deepcopy(each.value)) for each in self.set or ())]:
            _put(made, name, value)
        return made


def _taken(data: Any, field: str, *, remove: bool = False) -> Any:
    *parents, name = field.split(".")
    for parent in parents:
        data = data.get(parent) if isinstance(data, dict) else None
    if not isinstance(data, dict) or name not in data:
        raise JobFault("MISSING_FIELD", f"The data has no field {field}.", "DATA", details={"field": field})
    return data.pop(name) if remove else data[name]


def _put(record: dict[str, Any], field: str, value: Any) -> None:
    *parents, name = field.split(".")
    for parent in parents:
        record = record.setdefault(parent, {})
        if not isinstance(record, dict):
            message = f"There can be no field {field}: {parent} is no object."
            raise JobFault("WRONG_DATA", message, "DATA", details={"field": field})
    record[name] = value
