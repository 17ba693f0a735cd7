"""Folders for what a task needs only while it runs."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from headgate.pipelines.scratch import remove_scratch
from headgate.storage.object_store import ObjectStore


@asynccontextmanager
async def scratch_folder(store: ObjectStore, owner_id: str, number: int) -> AsyncIterator[Path]:
    """Name a folder for the owner's task of this number, which makes it and removes it.

    Where anything of it is left when the block ends, as a killed process leaves it, that goes, and so does what
    earlier tasks of the same owner left.
    """
    owner = store.scratch / owner_id
    try:
        yield owner / str(number)
    finally:
        # One look is cheaper than a thread, and most often there is nothing left.
        if owner.exists():
            await asyncio.shield(asyncio.to_thread(_remove_up_to, owner, number))


def _remove_up_to(owner: Path, number: int) -> None:
    # A later task may be at work in its folder.
    for earlier in range(1, number + 1):
        remove_scratch(owner / str(earlier))
