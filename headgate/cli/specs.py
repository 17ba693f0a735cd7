"""Files that say what happens to rows: a pipeline's YAML, or the same as JSON."""

from pathlib import Path
from typing import Annotated, Any

import typer

from headgate.cli.exits import Exit, fail

SpecFile = Annotated[
    Path | None,
    typer.Option(
        "--spec",
        help="What happens to the rows: a YAML or JSON file with a pipeline's parts.",
        exists=True,
        dir_okay=False,
        metavar="FILE",
    ),
]
VALIDATED = ("checks", "contract")


def read_spec(path: Path | None) -> dict[str, Any] | None:
    """Read a spec, without the name and the description that it may have. Ends the command for what is none."""
    if path is None:
        return None
    said = _read(path)
    if not isinstance(said, dict):
        fail(f"{path}: not an object with keys such as steps and checks.", Exit.USAGE)
    return {part: value for part, value in said.items() if part not in ("name", "description")}


def read_checks(path: Path | None) -> dict[str, Any]:
    """Read what `validate` takes: a list of checks, or `checks` and `contract` of a spec."""
    if path is None:
        return {}
    said = _read(path)
    found = {"checks": said} if isinstance(said, list) else read_spec(path) or {}
    return {part: found[part] for part in VALIDATED if part in found}


def _read(path: Path) -> Any:
    from headgate.errors import UserFault
    from headgate.pipelines import yaml_text

    try:
        return yaml_text.read(path.read_text())
    except UserFault as fault:
        fail(f"{path}: {fault.message}", Exit.USAGE)
    except (OSError, UnicodeDecodeError) as error:
        fail(f"{path}: {error}", Exit.USAGE)
