"""Programs of tests/node, which run with packages of npm."""

import fcntl
import filecmp
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).parent.parent / "node"
needs_node = pytest.mark.skipif(
    shutil.which("node") is None or shutil.which("npm") is None, reason="node and npm are not on PATH"
)


def installed(source: Path = SOURCE) -> Path:
    """Copy programs beside what their lock file names, once for all processes of tests; no script of a package is run.

    The folder stays between runs: what is installed is installed again only where the lock file has changed.
    """
    folder = Path(sys.prefix) / f"headgate-{source.parent.name}-{source.name}"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "installing").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        left_out = shutil.ignore_patterns("node_modules", "dist")
        shutil.copytree(source, folder, dirs_exist_ok=True, ignore=left_out, copy_function=_copy_changed)
        known = folder / "installed-package-lock.json"
        wanted = (source / "package-lock.json").read_bytes()
        if not known.exists() or known.read_bytes() != wanted:
            command = ["npm", "ci", "--ignore-scripts"]
            subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=300)
            known.write_bytes(wanted)
    return folder


def _copy_changed(source: str, target: str) -> None:
    """Copy a file unless it is there as it is: another process of tests may be reading it."""
    if not Path(target).exists() or not filecmp.cmp(source, target, shallow=False):
        shutil.copy(source, target)


def run(folder: Path, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a program there to its end, with variables of the environment beside those of this process."""
    environment = {**os.environ, "PATH": f"{folder / 'node_modules/.bin'}:{os.environ['PATH']}", **variables}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120)
