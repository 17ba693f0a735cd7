"""Sealing secrets anew, so that those keys which sealed them before can be dropped."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlmodel import col, select

from headgate.domain import audit
from headgate.domain.audit import Actor
from headgate.domain.keyring import KeyRing
from headgate.domain.vault import Vault
from headgate.errors import JobFault
from headgate.storage.database import Database
from headgate.storage.tables import Endpoint


@dataclass(frozen=True, slots=True)
class Resealed:
    """How many endpoints' secrets were sealed anew, and the names of those whose key is not there any more."""

    count: int
    unreadable: Sequence[str]


async def seal_anew(database: Database, vault: Vault) -> Resealed:
    """Seal the secrets of every endpoint with the current key, unless they are.

    Each endpoint has a transaction of its own: others may change it meanwhile, and this may be done again.
    """
    count, unreadable = 0, []
    for endpoint_id in await _sealed_otherwise(database, vault):
        async with database.transaction() as session:
            statement = select(Endpoint).where(Endpoint.id == endpoint_id).with_for_update(key_share=True)
            found = (await session.scalars(statement)).first()
            if found is None or found.secrets is None or vault.is_current(found.secrets):
                continue
            try:
                found.secrets = vault.seal(vault.open(found.secrets, found.id), found.id)
                count += 1
            except JobFault:
                unreadable.append(found.name)
    return Resealed(count, unreadable)


async def record_rotation(database: Database, actor: Actor, keys: KeyRing) -> None:
    """Note in the audit log that there is a new current key, and which ones are kept."""
    current, *old = [key.id for key in keys.all]
    async with database.transaction() as session:
        audit.record(session, actor, "rotateKey", current, {"oldKeys": old})


async def _sealed_otherwise(database: Database, vault: Vault) -> Sequence[str]:
    """The ids of the endpoints with secrets that another key than the current one has sealed."""
    statement = select(Endpoint.id, Endpoint.secrets).where(col(Endpoint.secrets).is_not(None))
    async with database.read() as session:
        rows = list(await session.execute(statement))
    return [id for id, secrets in rows if not vault.is_current(secrets)]
