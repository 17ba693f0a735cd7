"""Builds the pages of `ui` into the package, where what they are made of has changed since they were.

It runs before anything is installed: it needs Node.js with npm, and of Python nothing but its standard library.
"""

import argparse
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
UI = ROOT / "ui"
SCHEMA = ROOT / "schema.graphql"
BUILT = ROOT / "headgate/server/built_pages"
STAMP = BUILT / "sources.sha256"
"""What the pages in that folder were built from."""
LOCK = UI / "package-lock.json"
PACKAGES = UI / "node_modules"
PACKAGES_STAMP = PACKAGES / "installed-package-lock.json"
OLDEST_NODE = (20, 19)
NOT_SOURCES = ("node_modules", "schema.d.ts")
WANTED = f"Node.js {OLDEST_NODE[0]}.{OLDEST_NODE[1]} or newer, with npm"


class Missing(Exception):
    """What the pages are built with can't be had; the message says what, and what to do."""


def main() -> int:
    """Build the pages, or check their types; answers the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--types", action="store_true", help="check the types of ui, and build nothing")
    parser.add_argument(
        "--optional", action="store_true", help="go on where Node.js or its packages can't be had"
    )
    wanted = parser.parse_args()
    try:
        check_types() if wanted.types else build()
    except Missing as missing:
        what = "The types of ui are not checked" if wanted.types else "The pages are not built"
        print(f"{what}. {missing}", file=sys.stderr)
        return 0 if wanted.optional else 1
    except subprocess.CalledProcessError as error:
        return error.returncode
    return 0


def build() -> None:
    """Build the pages unless they are as new as their sources.

    Raises Missing, and CalledProcessError for a mistake in ui.
    """
    digest = digest_of(sources())
    if STAMP.exists() and STAMP.read_text() == digest:
        return
    install()
    print("Building the pages", file=sys.stderr)
    run(PACKAGES / ".bin/vite", "build", "--logLevel", "warn")
    STAMP.write_text(digest)


def check_types() -> None:
    """Hold the sources against TypeScript and schema.graphql.

    Raises Missing, and CalledProcessError for a mistake in ui.
    """
    install()
    run("npm", "run", "--silent", "types")


def install() -> None:
    """Install the packages that the lock file names; no script of theirs is run. Raises Missing."""
    check_node()
    if PACKAGES_STAMP.exists() and PACKAGES_STAMP.read_bytes() == LOCK.read_bytes():
        return
    print("Installing the packages of ui", file=sys.stderr)
    try:
        run("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel", "error")
    except subprocess.CalledProcessError as error:
        raise Missing("npm could not install what package-lock.json names; it says why above.") from error
    shutil.copy(LOCK, PACKAGES_STAMP)


def check_node() -> None:
    """Raises Missing where there is no Node.js, npm, or too old a one."""
    absent = [name for name in ("node", "npm") if shutil.which(name) is None]
    if absent:
        raise Missing(f"They need {WANTED}; there is no {' and no '.join(absent)} on the PATH.")
    version = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout.strip()
    numbers = tuple(map(int, re.findall(r"\d+", version)[:2]))
    if numbers < OLDEST_NODE:
        raise Missing(f"They need {WANTED}; this is {version}.")


def sources() -> Iterator[Path]:
    """What the pages are made of, in an order that is the same everywhere."""
    yield SCHEMA
    yield from sorted(
        path for path in UI.rglob("*") if path.is_file() and not set(path.parts) & {*NOT_SOURCES}
    )


def digest_of(paths: Iterator[Path]) -> str:
    """A digest of the files' names and contents."""
    digest = sha256()
    for path in paths:
        digest.update(
            f"{path.relative_to(ROOT).as_posix()} {sha256(path.read_bytes()).hexdigest()}\n".encode()
        )
    return digest.hexdigest()


def run(*command: str | Path) -> None:
    """Run a command in ui; what it prints goes to standard error. Raises CalledProcessError."""
    subprocess.run(command, cwd=UI, check=True, stdout=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
