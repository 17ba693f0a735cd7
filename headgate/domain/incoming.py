"""A file that has arrived in the object store and that nothing refers to yet."""

from dataclasses import dataclass, field


@dataclass(eq=False, slots=True)
class IncomingFile:
    """One file of a request. Whoever keeps it calls `claim()`; otherwise it is deleted after the operation.

    `name` is what the client calls it, which is text to show and never a path. `head` holds the
    first 64 KiB at most. `sha256` is in hexadecimal. Where `too_large` is set, nothing was stored: `key`
    names no object, `sha256` is empty, and `byte_size` counts only what was read.
    """

    name: str
    key: str
    byte_size: int
    sha256: str
    head: bytes = field(repr=False)
    too_large: bool = False
    claimed: bool = False

    def claim(self) -> None:
        """Keep the object: from now on it belongs to the caller."""
        self.claimed = True

    def disclaim(self) -> None:
        """Give the object back: nothing refers to it after all."""
        self.claimed = False
