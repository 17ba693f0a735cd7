"""Pages of the documentation that are written from the code."""

from pathlib import Path

import pytest

from headgate.settings import Settings, describe
from tools.reference.pages import pages, write, written

DOCS = Path(__file__).parent.parent.parent / "docs"


def test_the_pages_are_those_that_the_code_makes() -> None:
    assert written(DOCS) == pages(), "run make schema"


def test_a_page_of_what_is_gone_goes_too(tmp_path: Path) -> None:
    old = tmp_path / "kinds" / "checks" / "old.md"
    old.parent.mkdir(parents=True)
    old.write_text("gone")
    by_hand = tmp_path / "index.md"
    by_hand.write_text("stays")
    write(tmp_path)
    assert written(tmp_path) == pages()
    assert by_hand.read_text() == "stays"


def test_the_page_about_settings_names_each_with_its_default_whatever_is_set(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HEADGATE_PORT", "9000")
    page = pages()["reference/settings.md"]
    assert "| `HEADGATE_PORT` | Port to listen on; 0 takes any free one. | `8000` |" in page
    assert "`33554432` (32 MiB)" in page
    assert [row.variable for row in describe(Settings()) if f"| `{row.variable}` |" not in page] == []


def test_the_page_about_the_command_line_names_commands_below_others_and_hides_what_is_hidden() -> None:
    page = pages()["reference/cli.md"]
    assert "## headgate users create {#headgate-users-create}" in page
    assert (
        "| `--processes <int range>` | How many processes; one that ends is started again. | 1; 1<=x<=64 |"
        in page
    )
    assert "| `EMAIL <str>` | The user's address. | needed |" in page
    assert "--tied" not in page
    assert "| `3` | The data has rows that are not valid. |" in page
