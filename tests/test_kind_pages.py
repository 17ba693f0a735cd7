"""The pages about kinds are those that the kinds make."""

from pathlib import Path

from headgate.pipelines.kind_pages import pages

ROOT = Path(__file__).parent.parent / "docs" / "kinds"


def test_the_pages_about_kinds_are_current() -> None:
    written = {str(path.relative_to(ROOT)): path.read_text() for path in ROOT.rglob("*.md")}
    assert written == {str(name): text for name, text in pages().items()}, "run make schema"
