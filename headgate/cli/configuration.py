"""The settings of a command that works on this machine's own Headgate."""

from typing import TYPE_CHECKING, Any

from headgate.cli.exits import Exit, fail

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

    from headgate.settings import Settings


def read_settings(**options: Any) -> "Settings":
    """Read the settings; options that are given come before the environment. Ends the command where they are wrong."""
    from pydantic import ValidationError

    from headgate.settings import Settings

    try:
        return Settings(**{name: value for name, value in options.items() if value is not None})
    except ValidationError as error:
        fail("; ".join(map(in_words, error.errors())), Exit.USAGE)


def in_words(fault: "ErrorDetails") -> str:
    """Say what is wrong with one setting, by the name of its variable."""
    from headgate.settings import ENV_PREFIX

    name = "_".join(map(str, fault["loc"]))
    return f"{ENV_PREFIX}{name.upper()}: {fault['msg']}"
