"""compose.yaml as Compose reads it: with what an .env file says put in."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
COMPOSE = ROOT / "compose.yaml"
EXAMPLE = ROOT / ".env.example"
VARIABLE = re.compile(r"\$\{([A-Z_]+)(?::([-?])([^}]*))?\}")
SECRETS = ("SECRET_KEY", "POSTGRES_PASSWORD", "STORE_SECRET_KEY")
FILLED_IN = {name: f"{number}" * 64 for number, name in enumerate(SECRETS, 1)}


class Missing(Exception):
    """A variable without which Compose starts nothing."""


def example() -> dict[str, str]:
    """What .env.example says."""
    lines = EXAMPLE.read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def composed(variables: Mapping[str, str]) -> dict[str, Any]:
    """Read compose.yaml with these variables. Raises Missing."""
    tree: dict[str, Any] = yaml.safe_load(COMPOSE.read_text())
    return {key: _filled(value, variables) for key, value in tree.items()}


def _filled(value: Any, variables: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: _filled(each, variables) for key, each in value.items()}
    if isinstance(value, list):
        return [_filled(each, variables) for each in value]
    return VARIABLE.sub(lambda found: _value(found, variables), value) if isinstance(value, str) else value


def _value(found: re.Match[str], variables: Mapping[str, str]) -> str:
    name, how, other = found.groups()
    if value := variables.get(name):
        return value
    if how == "?":
        raise Missing(name)
    return other or ""
