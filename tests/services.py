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
from headgate.storage.database import Database
from headgate.storage.object_store import ObjectStore
from headgate.storage.objects import LocalStore
from headgate.storage.pieces import LocalPieces

MAX_UPLOAD_BYTES = 1024
LEASE_S = 30.0
KEYS = KeyRing(["a key of tests, and of nothing else"])


def make_services(
    database: Database, store: Path | ObjectStore, inspector: Engine, **values: Any
) -> Services:
    """Put services together, over a store or one in a folder; `values` replace what stands here."""
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
        "pieces": LocalPieces(LocalStore(store)),
        "tokens": SignedTokens(KEYS, token_hours=1, refresh_days=1),
    }
    kept = LocalStore(store) if isinstance(store, Path) else store
    return Services(database=database, store=kept, inspector=inspector, **(usual | values))
