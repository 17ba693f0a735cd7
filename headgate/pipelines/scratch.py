"""A task's folder for what it needs only while it runs."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def scratch_made(folder: Path) -> Iterator[Path]:
    """Make a folder that goes with all in it, whatever ends the block."""
    folder.mkdir(parents=True, exist_ok=True)
    try:
        yield folder
    finally:
        remove_scratch(folder)


def remove_scratch(folder: Path) -> None:
    """Remove a task's folder, and its owner's one, which is above, where no other task has its own in there."""
    shutil.rmtree(folder, ignore_errors=True)
    with suppress(OSError):
        folder.parent.rmdir()
