"""What the engine is told about a job of mappings."""

from typing import Any

from headgate.domain.items import read_items, tally_of
from headgate.domain.runs import Claim
from headgate.domain.services import Services
from headgate.storage.tables import ItemStatus

SAID = {"position", "id", "source", "target", "mapping"}


async def mapping_task(services: Services, claim: Claim, outside: dict[str, Any]) -> dict[str, Any]:
    """Say those items of a job as a task that earlier attempts have not carried out."""
    job = claim.job
    tally = await tally_of(services, job.id)
    pending = await read_items(services, job.id, [ItemStatus.PENDING])
    return {
        "task": "map",
        "job": job.id,
        "outside": outside,
        "at_once": job.spec["batchSize"],
        "tally": {
            "items": sum(tally.values()),
            "succeeded": tally.get(ItemStatus.SUCCEEDED, 0),
            "failed": tally.get(ItemStatus.FAILED, 0),
        },
        "items": [item.model_dump(include=SAID) for item in pending],
    }
