"""A Headgate without processes: real database and store, a line and signals in this process."""

from pathlib import Path
from typing import Any

from headgate.domain.event_reader import EventReader
from headgate.domain.keyring import KeyRing
from headgate.domain.passwords import Passwords
from headgate.domain.ports import Engine
from headgate.domain.services import Services
from headgate.domain.vault import Vault
from headgate.jobs.memory import InProcessQueue, InProcessSignals
from headgate.jobs.memory_rates import InProcessRates
from headgate.server.auth import SignedTokens
from headgate.storage.bucket_pieces import BucketPieces
from headgate.storage.bucket_store import PART_BYTES, BucketStore
from headgate.storage.database import Database
from headgate.storage.object_store import ObjectStore
from headgate.storage.objects import LocalStore
from headgate.storage.pieces import LocalPieces, Pieces

MAX_UPLOAD_BYTES = 1024
LEASE_S = 30.0
KEYS = KeyRing(["a key of tests, and of nothing else"])


def path_of(services: Services, key: str) -> Path:
    """The file of an object of a store in a folder."""
    assert isinstance(services.store, LocalStore)
    return services.store.path(key)


def make_services(
    database: Database, store: Path | ObjectStore, inspector: Engine, **values: Any
) -> Services:
    """Put services together, over a store or one in a folder; `values` replace what stands here."""
    kept = LocalStore(store) if isinstance(store, Path) else store
    usual: dict[str, Any] = {
        "queue": InProcessQueue(),
        "signals": InProcessSignals(),
        "events": EventReader(database),
        "max_upload_bytes": MAX_UPLOAD_BYTES,
        "lease_s": LEASE_S,
        "job_timeout_s": 60.0,
        "version": "1.2.3",
        "vault": Vault(KEYS),
        "rates": InProcessRates(),
        "passwords": Passwords(1),
        "pieces": _pieces(kept),
        "tokens": SignedTokens(KEYS, token_hours=1, refresh_days=1),
    }
    return Services(database=database, store=kept, inspector=inspector, **(usual | values))


def _pieces(store: ObjectStore) -> Pieces:
    if isinstance(store, BucketStore):
        return BucketPieces(store, part_bytes=PART_BYTES)
    assert isinstance(store, LocalStore)
    return LocalPieces(store)
