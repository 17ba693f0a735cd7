"""How the pages are built, with programs that stand for Node.js and npm and write down what they are asked."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "tools/build_pages.py"
VITE = """#!/bin/sh
echo vite "$@" >> ../calls
[ ! -e fault ] || exit 3
mkdir -p ../headgate/server/built_pages
cp main.tsx ../headgate/server/built_pages/index.html
"""
NPM = """#!/bin/sh
echo npm "$@" >> ../calls
[ ! -e offline ] || exit 1
mkdir -p node_modules/.bin
cp ../bin/vite node_modules/.bin/vite
"""


@dataclass
class Clone:
    """A clone with a page, and the only folder in which programs are found."""

    root: Path

    @property
    def page(self) -> Path:
        return self.root / "headgate/server/built_pages/index.html"

    @property
    def calls(self) -> list[str]:
        """What was asked since this was last looked up, without options."""
        path = self.root / "calls"
        lines = path.read_text().splitlines() if path.exists() else []
        path.unlink(missing_ok=True)
        return [" ".join(line.split()[:2]) for line in lines]

    def has(self, name: str, text: str) -> None:
        program = self.root / "bin" / name
        program.write_text(text)
        program.chmod(0o755)

    def build(self, *options: str) -> subprocess.CompletedProcess[str]:
        programs = f"{self.root / 'bin'}{os.pathsep}{self.root / 'system'}"
        command = [sys.executable, str(self.root / "tools/build_pages.py"), *options]
        return subprocess.run(command, env={"PATH": programs}, capture_output=True, text=True, timeout=60)


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    """A clone on a machine that has Node.js."""
    for folder in ("bin", "system", "tools", "ui", "headgate/server"):
        (tmp_path / folder).mkdir(parents=True)
    for name in ("cp", "mkdir"):
        (tmp_path / "system" / name).symlink_to(shutil.which(name) or name)
    shutil.copy(SCRIPT, tmp_path / "tools")
    (tmp_path / "schema.graphql").write_text("type Query { it: Int }")
    (tmp_path / "ui/main.tsx").write_text("page 1")
    (tmp_path / "ui/package-lock.json").write_text("{}")
    clone = Clone(tmp_path)
    clone.has("node", "#!/bin/sh\necho v22.12.0\n")
    clone.has("npm", NPM)
    clone.has("vite", VITE)
    return clone


def test_the_pages_are_built_from_what_the_lock_file_names(clone: Clone) -> None:
    assert clone.build().returncode == 0
    assert clone.calls == ["npm ci", "vite build"]
    assert clone.page.read_text() == "page 1"


def test_pages_whose_sources_have_not_changed_are_left_as_they_are(clone: Clone) -> None:
    clone.build()
    assert clone.calls
    (clone.root / "ui/node_modules/other").write_text("what a package has made")
    assert clone.build().returncode == 0
    assert clone.calls == []


@pytest.mark.parametrize("changed", ["ui/main.tsx", "schema.graphql", "ui/added.css"])
def test_a_change_of_a_source_is_built(clone: Clone, changed: str) -> None:
    clone.build()
    assert clone.calls
    (clone.root / changed).write_text("page 2")
    assert clone.build().returncode == 0
    assert clone.calls == ["vite build"]


def test_other_packages_are_installed(clone: Clone) -> None:
    clone.build()
    assert clone.calls
    (clone.root / "ui/package-lock.json").write_text('{"lockfileVersion": 3}')
    clone.build()
    assert clone.calls == ["npm ci", "vite build"]


@pytest.mark.parametrize("option", [(), ("--types",)], ids=["pages", "types"])
def test_without_node_it_says_what_is_missing(clone: Clone, option: tuple[str, ...]) -> None:
    (clone.root / "bin/node").unlink()
    done = clone.build(*option)
    assert done.returncode == 1
    assert "need Node.js 20.19 or newer, with npm; there is no node on the PATH." in done.stderr
    assert clone.build(*option, "--optional").returncode == 0
    assert clone.calls == []


def test_a_node_that_is_too_old_is_told(clone: Clone) -> None:
    clone.has("node", "#!/bin/sh\necho v18.20.4\n")
    done = clone.build()
    assert (done.returncode, clone.calls) == (1, [])
    assert "this is v18.20.4." in done.stderr


def test_pages_that_are_built_need_no_node(clone: Clone) -> None:
    clone.build()
    (clone.root / "bin/node").unlink()
    done = clone.build()
    assert (done.returncode, done.stderr) == (0, "")


def test_packages_that_can_t_be_installed_stop_only_who_needs_the_pages(clone: Clone) -> None:
    (clone.root / "ui/offline").touch()
    done = clone.build()
    assert done.returncode == 1
    assert "npm could not install what package-lock.json names" in done.stderr
    assert clone.build("--optional").returncode == 0


def test_a_mistake_in_the_pages_is_never_passed_over(clone: Clone) -> None:
    (clone.root / "ui/fault").touch()
    assert clone.build("--optional").returncode == 3
    (clone.root / "ui/fault").unlink()
    assert clone.build("--optional").returncode == 0
    assert clone.page.exists()
