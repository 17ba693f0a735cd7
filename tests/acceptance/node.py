"""Programs of tests/node, which run with packages of npm."""

import fcntl
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).parent.parent / "node"
INSTALLED = Path(sys.prefix) / "headgate-tests-node"
needs_node = pytest.mark.skipif(
    shutil.which("node") is None or shutil.which("npm") is None, reason="node and npm are not on PATH"
)


def installed() -> Path:
    """Install what the lock file names, once for all processes of tests; no script of a package is run."""
    INSTALLED.mkdir(parents=True, exist_ok=True)
    with (INSTALLED / "installing").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        known = INSTALLED / "installed-package-lock.json"
        if not known.exists() or known.read_bytes() != (SOURCE / "package-lock.json").read_bytes():
            shutil.copytree(SOURCE, INSTALLED, dirs_exist_ok=True)
            subprocess.run(
                ["npm", "ci", "--ignore-scripts"], cwd=INSTALLED, check=True, capture_output=True, timeout=120
            )
            shutil.copy(SOURCE / "package-lock.json", known)
        for program in SOURCE.glob("*.js"):
            shutil.copy(program, INSTALLED)
    return INSTALLED
