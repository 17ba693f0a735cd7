"""Files that are there as a whole or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO


@contextmanager
def saving(path: str | os.PathLike[str]) -> Iterator[IO[bytes]]:
    """Open a file to write, which gets its name once all is in it; until then whatever had that name stays."""
    final = Path(path)
    with NamedTemporaryFile(dir=final.parent, prefix=f".{final.name}.", delete=False) as into:
        try:
            yield into
            into.close()
            Path(into.name).replace(final)
        except BaseException:
            Path(into.name).unlink(missing_ok=True)
            raise
