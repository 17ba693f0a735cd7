"""Folders for what a task needs only while it runs."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from headgate.storage.objects import LocalStore


@asynccontextmanager
async def scratch_folder(store: LocalStore, owner_id: str, name: str) -> AsyncIterator[Path]:
    """Make an empty folder that is gone when the block ends.

    What earlier tasks of the same owner left, as a killed server does, goes first.
    """
    folder = store.path(f"scratch/{owner_id}/{name}")
    try:
        await asyncio.to_thread(_make, folder)
        yield folder
    finally:
        await asyncio.shield(asyncio.to_thread(_remove, folder))


def _make(folder: Path) -> None:
    shutil.rmtree(folder.parent, ignore_errors=True)
    folder.mkdir(parents=True)


def _remove(folder: Path) -> None:
    """Remove the folder, and its owner's one where no later task has its own in there."""
    shutil.rmtree(folder, ignore_errors=True)
    with suppress(OSError):
        folder.parent.rmdir()
