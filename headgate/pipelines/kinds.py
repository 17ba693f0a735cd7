"""Kinds: what a pipeline is built from. Each is one model, with a docstring and an example, in a file of its own."""

from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel


class Kind(BaseModel):
    """The settings of one kind; in specs their names are in camelCase. What a kind doesn't know is refused.

    `kind` is the name that specs use for it, and `example` are settings that work.
    """

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, extra="forbid", frozen=True, allow_inf_nan=False
    )

    kind: ClassVar[str]
    example: ClassVar[dict[str, Any]]

    def to_json(self) -> dict[str, Any]:
        """The settings that were given, as a spec says them."""
        return self.model_dump(mode="json", by_alias=True, exclude_unset=True)

    @classmethod
    def from_example(cls) -> Self:
        """This kind, set as its example says."""
        return cls.model_validate(cls.example)
