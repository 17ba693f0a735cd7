"""The page about settings, written from them."""

from headgate.settings import Settings, describe
from tools.reference.markdown import GENERATED, page, table

INTRODUCTION = """
Settings are environment variables, which servers, workers and the commands of the same machine read when they
start. `headgate settings` prints each of them with the value that it has at present; a wrong value is refused
by name. All processes of one Headgate need the same database, Redis, store and secret keys.
[Operate](../operate.md) says which of them to turn when.
""".strip()
GIB = 1024**3
MIB = 1024**2


def settings_page() -> str:
    """Every setting with its meaning and its default, in the order in which they are declared."""
    # Nothing is read from the environment: a page doesn't depend on whoever writes it.
    rows = [
        [f"`{row.variable}`", row.meaning, _default(row.variable, row.default)]
        for row in describe(Settings.model_construct())
    ]
    return page(GENERATED, "# Settings", INTRODUCTION, table(["variable", "meaning", "default"], rows))


def _default(variable: str, default: str) -> str:
    if not default:
        return ""
    return f"`{default}`{_in_words(int(default)) if variable.endswith('_BYTES') else ''}"


def _in_words(byte_size: int) -> str:
    size, unit = (byte_size // GIB, "GiB") if byte_size >= GIB else (byte_size // MIB, "MiB")
    return f" ({size} {unit})"
