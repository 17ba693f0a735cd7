"""The Dockerfile is well made, copies what is there, and keeps everything else out of the image."""

import re
import shutil
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCKERFILE = ROOT / "Dockerfile"
IGNORED = ROOT / ".dockerignore"
FINAL = DOCKERFILE.read_text().rpartition("\nFROM ")[2]
MADE_IN_THE_BUILD = "--from="


def copied() -> list[str]:
    """What the context has to bring."""
    lines = re.findall(r"^COPY (.+)$", DOCKERFILE.read_text(), re.MULTILINE)
    return [source for line in lines if MADE_IN_THE_BUILD not in line for source in line.split()[:-1]]


def test_hadolint_finds_nothing() -> None:
    hadolint = shutil.which("hadolint", path=str(Path(sys.executable).parent))
    assert hadolint is not None
    done = subprocess.run([hadolint, str(DOCKERFILE)], capture_output=True, text=True, timeout=60)

    assert (done.stdout, done.returncode) == ("", 0)


@pytest.mark.parametrize("source", copied())
def test_what_is_copied_is_there_and_let_through(source: str) -> None:
    allowed = {line.removeprefix("!") for line in IGNORED.read_text().splitlines() if line.startswith("!")}

    assert (ROOT / source).exists()
    assert any(source == each or fnmatch(source, f"{each}/*") for each in allowed)


def test_all_else_stays_out_of_the_context() -> None:
    lines = [line for line in IGNORED.read_text().splitlines() if line and not line.startswith("#")]
    allowed = {line.removeprefix("!").split("/")[0] for line in lines if line.startswith("!")}

    assert lines[0] == "*"
    assert allowed == {source.split("/")[0] for source in copied()}


def test_it_runs_as_nobody_in_particular_and_ends_when_it_is_told_to() -> None:
    assert re.search(r"^USER 10001:10001$", FINAL, re.MULTILINE)
    assert "STOPSIGNAL SIGTERM" in FINAL
    assert 'ENTRYPOINT ["headgate"]' in FINAL


def test_it_brings_no_secret_and_listens_for_the_container_only() -> None:
    names = set(re.findall(r"\b([A-Z][A-Z_]+)=", DOCKERFILE.read_text()))

    assert not {name for name in names if re.search("SECRET|PASSWORD|TOKEN|KEY", name)}
    assert "HEADGATE_HOST=0.0.0.0" in FINAL


def test_exact_versions_are_installed_in_it() -> None:
    assert "--constraint constraints.txt" in DOCKERFILE.read_text()
    assert re.search(r"^RUN .*npm ci", DOCKERFILE.read_text(), re.MULTILINE)


def test_its_python_is_the_one_that_runs_the_tests() -> None:
    found = re.search(r"^ARG PYTHON=(\d+)\.(\d+)-", DOCKERFILE.read_text(), re.MULTILINE)

    assert found is not None
    assert (int(found[1]), int(found[2])) >= (3, 11)
