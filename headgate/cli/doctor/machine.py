"""This machine: Python, what is installed, memory, open files, disks."""

import platform
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from headgate import __version__
from headgate.cli.doctor.findings import Finding, fine, problem, warning
from headgate.cli.filelimit import NEEDED_BESIDE, highest_limit
from headgate.cli.memory import usable_bytes
from headgate.cli.words import in_bytes
from headgate.settings import Settings

OLDEST = (3, 11)
LEAST_DISK_BYTES = 256 << 20
PAGES = Path("server/built_pages/index.html")


def python() -> Iterator[Finding]:
    """Look at what runs this."""
    running = f"Headgate {__version__} on Python {platform.python_version()}, {platform.system()}"
    if sys.version_info < OLDEST:
        yield problem("python", f"{running}.", "Install Python 3.11 or newer.")
    else:
        yield fine("python", f"{running}.")
    if sys.platform != "linux":
        yield warning(
            "python",
            "The memory of a job is limited on Linux alone.",
            "Use Linux in production.",
        )


def pages() -> Iterator[Finding]:
    """Find out whether the console is part of this installation."""
    if (Path(__file__).parents[2] / PAGES).exists():
        yield fine("pages", "The console and GraphiQL are there.")
    else:
        yield warning(
            "pages",
            "The console and GraphiQL were not built into this installation.",
            "Install a wheel or, in a clone, Node.js 20 or newer, and run: make pages",
        )


def memory(settings: Settings) -> Iterator[Finding]:
    """Compare what jobs may use at once with what there is."""
    total, wanted = usable_bytes(), settings.workers * settings.child_memory_bytes
    said = f"{settings.workers} jobs at once may use {in_bytes(wanted)}; there are {in_bytes(total)}."
    if wanted > total:
        yield warning("memory", said, "Set HEADGATE_WORKERS or HEADGATE_CHILD_MEMORY_BYTES lower.")
    else:
        yield fine("memory", said)


def open_files(settings: Settings) -> Iterator[Finding]:
    """Compare how many connections may be open with how many files may."""
    limit, wanted = highest_limit(), settings.max_connections + NEEDED_BESIDE
    said = f"A process may open {limit:,} files; with {settings.max_connections:,} connections it needs {wanted:,}."
    if limit < wanted:
        yield warning(
            "open files", said, "Raise the limit (ulimit -Hn), or set HEADGATE_MAX_CONNECTIONS lower."
        )
    else:
        yield fine("open files", said)


def disks(settings: Settings) -> Iterator[Finding]:
    """Look at the space that is left where files are kept."""
    folders = {
        folder.stat().st_dev: folder for folder in map(_existing, (settings.store_path, settings.home))
    }
    for folder in folders.values():
        free = shutil.disk_usage(folder).free
        said = f"{in_bytes(free)} are free in {folder}."
        if free < LEAST_DISK_BYTES:
            yield problem("disk", said, "Make room: uploads and commits fail when there is none.")
        elif free < settings.max_upload_bytes:
            yield warning(
                "disk",
                f"{said} A file of HEADGATE_MAX_UPLOAD_BYTES would not fit.",
                "Make room, or set HEADGATE_MAX_UPLOAD_BYTES lower.",
            )
        else:
            yield fine("disk", said)


def _existing(folder: Path) -> Path:
    """The folder, or the first one above it that is there."""
    absolute = folder.absolute()
    return next(each for each in (absolute, *absolute.parents) if each.exists())
