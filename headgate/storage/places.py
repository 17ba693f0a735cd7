"""Places outside where objects are, and what is known of these."""

import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

PIECE_BYTES = 1 << 20
"""So much of an object is read or written at a time."""
Dial = Callable[[str, int, float], socket.socket]
"""Connects to a host and a port within so many seconds. Raises OSError, or a HeadgateError where it must not."""
Heed = Callable[[int], None]
"""Hears how many bytes came or went, and may raise what ends it."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a bucket is, and who asks there. `prefix` begins every key, and is never part of those that are told.

    Without keys nothing is signed; without a URL it is Amazon's.
    """

    bucket: str
    region: str
    endpoint_url: str | None = None
    prefix: str = ""
    access_key_id: str | None = field(default=None, repr=False)
    secret_access_key: str | None = field(default=None, repr=False)
    session_token: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class StoredObject:
    """What is known of an object without reading it; `etag` is another one when its content changes."""

    key: str
    byte_size: int
    modified_at: datetime
    etag: str
