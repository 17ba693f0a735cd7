"""What every command says of itself."""

import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from headgate import __version__
from headgate.cli.main import app

EXAMPLE = "Example: headgate "


def commands(group: Any, *names: str) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, *names, name)
        else:
            yield (*names, name), command


ALL = dict(commands(typer.main.get_command(app)))


@pytest.mark.parametrize("names", ALL, ids=" ".join)
def test_each_command_says_what_it_does_with_an_example_that_it_takes(
    names: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = ALL[names]
    assert command.help.partition("\n")[0].endswith(".")
    words = shlex.split(command.epilog.removeprefix(EXAMPLE).partition(" > ")[0])
    assert tuple(words[: len(names)]) == names
    monkeypatch.chdir(tmp_path)
    for word in words:
        if "." in word and "/" not in word:
            (tmp_path / word).touch()
    command.make_context("headgate", words[len(names) :])


def test_the_version_is_printed() -> None:
    assert CliRunner().invoke(app, ["--version"]).stdout == f"{__version__}\n"


def test_completion_for_a_shell_is_printed() -> None:
    result = CliRunner().invoke(app, ["jobs", "--help"])
    assert "watch" in result.stdout
    command = shlex.quote(str(Path(sys.executable).with_name("headgate")))
    # The shell that is found is the nearest one above; this one has something to do afterwards, and stays.
    shown = subprocess.run(
        ["bash", "-c", f"{command} --show-completion; true"], capture_output=True, text=True, check=True
    )
    assert "_HEADGATE_COMPLETE=complete_bash" in shown.stdout
