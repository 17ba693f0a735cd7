"""What every use case works with, put together by the composition roots."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from headgate.domain.event_reader import EventReader
from headgate.domain.passwords import Passwords
from headgate.domain.ports import Engine, JobQueue, Rates, Signals, Tokens
from headgate.domain.vault import Vault
from headgate.storage.database import Database
from headgate.storage.object_store import ObjectStore


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
    login_attempts: int = 10
    allowed_networks: Sequence[str] = ()
    local_folders: Sequence[str] = ()
