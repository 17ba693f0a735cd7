"""Kinds: what a pipeline is built from. Each is one model, with a docstring and an example, in a file of its own."""

from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel


class Settings(BaseModel):
    """A part of a spec; its names are in camelCase there. What it doesn't know is refused."""

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, extra="forbid", frozen=True, allow_inf_nan=False
    )

    def to_json(self) -> dict[str, Any]:
        """The settings that were given, as a spec says them."""
        return self.model_dump(mode="json", by_alias=True, exclude_unset=True)


class Kind(Settings):
    """The settings of one kind: `kind` is the name that specs use for it, and `example` are settings that work."""

    kind: ClassVar[str]
    example: ClassVar[dict[str, Any]]

    @classmethod
    def from_example(cls) -> Self:
        """This kind, set as its example says."""
        return cls.model_validate(cls.example)
