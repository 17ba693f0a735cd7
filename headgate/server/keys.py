"""The secret key that signs tokens, kept in a file that only its owner can read."""

import os
from pathlib import Path
from secrets import token_urlsafe
from uuid import uuid4

KEY_BYTES = 48


def read_or_make_key(path: Path) -> str:
    """Read the key, or make one where there is none; processes that do this at once get the same one."""
    if not path.exists():
        _make_key(path)
    return path.read_text().strip()


def _make_key(path: Path) -> None:
    """Let a new key appear at `path` whole, unless another process was faster."""
    staged = path.with_name(f"{path.name}.{uuid4().hex}")
    try:
        with os.fdopen(os.open(staged, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(token_urlsafe(KEY_BYTES))
            file.flush()
            os.fsync(file.fileno())
        os.link(staged, path)
    except FileExistsError:
        return
    finally:
        staged.unlink(missing_ok=True)
