"""Rules: the contract, the checks and the acceptance that a request gives for its rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from headgate.domain.checks import parse_checks, parse_settings
from headgate.errors import UserFault
from headgate.pipelines.acceptance import Acceptance
from headgate.pipelines.contract import Contract

PARTS = ("contract", "checks", "acceptance")


@dataclass(frozen=True, slots=True)
class Rules:
    """What was given, in the words of a spec; None where it wasn't."""

    contract: Mapping[str, Any] | None = None
    checks: Sequence[Mapping[str, Any]] | None = None
    acceptance: Mapping[str, Any] | None = None

    def to_json(self) -> dict[str, Any]:
        """The parts that were given, for a job's spec."""
        return {name: value for name in PARTS if (value := getattr(self, name)) is not None}

    def check(self, at: tuple[str, ...] = ()) -> None:
        """Raise UserFault (INVALID_SPEC) for what makes no sense; its path begins with `at`."""
        for name, value in self.to_json().items():
            check_storable(value, (*at, name), "INVALID_SPEC")
        if self.contract is not None:
            parse_settings(Contract, self.contract, (*at, "contract"), "The contract")
        if self.acceptance is not None:
            parse_settings(Acceptance, self.acceptance, (*at, "acceptance"), "The acceptance")
        if self.checks is not None:
            parse_checks(self.checks, (*at, "checks"))


def check_storable(value: Any, path: tuple[str, ...], code: str) -> None:
    """Raise UserFault with this code for what JSON can't hold, such as half a character."""
    try:
        orjson.dumps(value)
    except TypeError as error:
        raise UserFault(code, f"This can't be kept: {error}.", path) from error


def referenced_datasets(spec: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """Name the datasets in which the checks of a spec look values up, each with the path to its first mention."""
    mentions = {
        settings["dataset"]: ("checks", str(number), kind, "dataset")
        for number, check in reversed(list(enumerate(spec.get("checks") or ())))
        for kind, settings in check.items()
        if kind == "reference"
    }
    return dict(reversed(mentions.items()))
