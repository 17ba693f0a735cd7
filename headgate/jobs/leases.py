"""Holds the leases of a worker's jobs: in a thread, so that a busy event loop loses none."""

import asyncio
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic

import structlog

from headgate.domain import runs, workers
from headgate.domain.runs import Claim
from headgate.storage.database import Database
from headgate.storage.tables import CancelMode

RENEWALS_PER_LEASE = 3
CLOSE_S = 5.0

logger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Beat:
    """What one renewal has found: jobs whose lease is lost, with the token it had, and jobs that are to be stopped."""

    lost: Mapping[str, int]
    orders: Mapping[str, CancelMode]


OnBeat = Callable[[Beat], None]


class LeaseKeeper:
    """Renews all leases of one worker three times in a lease, over a connection of its own.

    It tells of the worker's life at the same time. A job counts as held for no longer than its lease was sure to
    last, whether or not the database can be reached.
    """

    def __init__(self, database_url: str, worker: str, *, lease_s: float) -> None:
        self._database_url = database_url
        self.worker = worker
        self._lease_s = lease_s
        self._until: dict[str, tuple[int, float]] = {}
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self, on_beat: OnBeat) -> None:
        """Begin to renew; `on_beat` is called in the running loop."""
        loop = asyncio.get_running_loop()

        def told(beat: Beat) -> None:
            # The loop may have ended by now, and with it whoever wanted to know.
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(on_beat, beat)

        self._thread = threading.Thread(target=self._keep, args=(told,), name="leases", daemon=True)
        self._thread.start()

    async def close(self) -> None:
        """Renew nothing any more, and strike the worker off."""
        self._stop.set()
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join, CLOSE_S)

    def hold(self, claim: Claim, claimed_at: float) -> None:
        """Hold a job's lease from now on; it was claimed at this moment of the monotonic clock, or later."""
        with self._lock:
            self._until[claim.job_id] = (claim.token, claimed_at + self._lease_s)

    def drop(self, claim: Claim) -> None:
        """Let a job's lease go."""
        with self._lock:
            if self._until.get(claim.job_id, (0, 0.0))[0] == claim.token:
                del self._until[claim.job_id]

    def seconds_left(self, claim: Claim) -> float:
        """Tell for how long the lease of a job is sure to last; 0 or less where it may be lost."""
        with self._lock:
            token, until = self._until.get(claim.job_id, (0, 0.0))
        return until - monotonic() if token == claim.token else 0.0

    def _keep(self, told: OnBeat) -> None:
        with asyncio.Runner() as runner:
            database = Database.connect(self._database_url)
            while True:
                runner.run(self._beat(database, told))
                if self._stop.wait(self._lease_s / RENEWALS_PER_LEASE):
                    break
            runner.run(self._strike_off(database))
            runner.run(database.close())

    async def _beat(self, database: Database, told: OnBeat) -> None:
        with self._lock:
            tokens = {job_id: token for job_id, (token, _) in self._until.items()}
        began = monotonic()
        try:
            held = await runs.renew(database, self.worker, tokens, self._lease_s)
        except Exception:
            logger.exception("leases.not_renewed", jobs=len(tokens))
            return
        with self._lock:
            for job_id in held.keys() & self._until.keys():
                if self._until[job_id][0] == tokens[job_id]:
                    self._until[job_id] = (tokens[job_id], began + self._lease_s)
        lost = {job_id: token for job_id, token in tokens.items() if job_id not in held}
        told(Beat(lost, {job_id: mode for job_id, mode in held.items() if mode is not None}))

    async def _strike_off(self, database: Database) -> None:
        try:
            async with database.transaction() as session:
                await workers.forget(session, self.worker)
        except Exception:
            logger.exception("worker.not_struck_off")
