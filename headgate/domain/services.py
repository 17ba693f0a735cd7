"""What every use case works with, put together by the composition roots."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from headgate.domain.event_reader import EventReader
from headgate.domain.passwords import Passwords
from headgate.domain.ports import Engine, JobQueue, Rates, Signals, Tokens
from headgate.domain.upload_digests import Digests
from headgate.domain.vault import Vault
from headgate.storage.database import Database
from headgate.storage.object_store import ObjectStore
from headgate.storage.pieces import Pieces


class AccessServices(Protocol):
    """As much of the services as it takes to change who may enter."""

    @property
    def database(self) -> Database:
        """Where users, sessions and keys are."""
        ...

    @property
    def signals(self) -> Signals:
        """Tells all processes of a change."""
        ...

    @property
    def passwords(self) -> Passwords:
        """Hashes passwords."""
        ...


@dataclass(frozen=True, slots=True)
class Services:
    """The parts of one running Headgate; `inspector` looks into files, `vault` keeps secrets.

    `pieces` are those of files that come in pieces, each within `upload_s` seconds; `digests` are of what has come.
    `allowed_networks` are those, beside public ones, from which URLs may be fetched; `local_folders` are those of this
    machine, as absolute paths, that pipelines may read and write. `login_attempts` is how often signing in to one
    account may fail in 15 minutes.
    """

    database: Database
    store: ObjectStore
    queue: JobQueue
    signals: Signals
    events: EventReader
    inspector: Engine
    max_upload_bytes: int
    lease_s: float
    job_timeout_s: float
    version: str
    vault: Vault
    rates: Rates
    passwords: Passwords
    tokens: Tokens
    pieces: Pieces
    upload_s: float = 86_400.0
    digests: Digests = field(default_factory=Digests)
    login_attempts: int = 10
    allowed_networks: Sequence[str] = ()
    local_folders: Sequence[str] = ()
