"""Records that are to be appended, held against their rules in a process of the engine, many calls at a time."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headgate.domain.ports import Engine, TaskFault
from headgate.domain.scratch import scratch_folder
from headgate.domain.services import Services
from headgate.errors import UserFault
from headgate.storage.ids import new_id

TIMEOUT_S = 60.0


@dataclass(frozen=True, slots=True)
class Unvetted:
    """Records as NDJSON, the rules of a spec, and how rows go into the dataset of which a version is known."""

    body: bytes
    rules: Mapping[str, Any]
    dataset: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class Vetted:
    """How many records were accepted and rejected; the former as compressed NDJSON, which has so many bytes."""

    records: bytes | None
    accepted: int
    rejected: int
    byte_size: int
    errors: list[dict[str, Any]]


async def vet(services: Services, engine: Engine, calls: Sequence[Unvetted]) -> list[Vetted | UserFault]:
    """Hold the records of each call against its rules; answers a fault for one whose records are taken as a whole.

    Those are NOT_CHECKED, where the process ended over them, and whatever codes the rules have.
    """
    try:
        return await _vet(services, engine, calls)
    except TaskFault as fault:
        if len(calls) == 1:
            return [_unchecked(fault)]
    # What ended the process are the records of one of them.
    return [each for call in calls for each in await vet(services, engine, [call])]


async def _vet(services: Services, engine: Engine, calls: Sequence[Unvetted]) -> list[Vetted | UserFault]:
    async with scratch_folder(services.store, new_id("append"), 2) as folder:
        files = await asyncio.to_thread(_write, folder, calls)
        task = {"task": "vet", "scratch": str(folder.with_name("1")), "calls": files}
        answer = await engine.run(task, timeout_s=TIMEOUT_S)
        return await asyncio.to_thread(_read, files, answer["calls"])


def _write(folder: Path, calls: Sequence[Unvetted]) -> list[dict[str, Any]]:
    folder.mkdir(parents=True)
    said = []
    for number, call in enumerate(calls):
        path = folder / f"{number}.ndjson"
        path.write_bytes(call.body)
        kept = str(folder / f"{number}.zst")
        said.append({"path": str(path), "kept": kept, "rules": call.rules, "dataset": call.dataset})
    return said


def _read(
    files: Sequence[Mapping[str, Any]], answers: Sequence[Mapping[str, Any]]
) -> list[Vetted | UserFault]:
    return [_vetted(Path(file["kept"]), answer) for file, answer in zip(files, answers, strict=True)]


def _vetted(kept: Path, answer: Mapping[str, Any]) -> Vetted | UserFault:
    if (refusal := answer.get("refusal")) is not None:
        return UserFault(refusal["code"], refusal["message"], ("records",))
    accepted = answer["accepted"]
    records = kept.read_bytes() if accepted else None
    return Vetted(records, accepted, answer["rejected"], answer["bytes"], answer["errors"])


def _unchecked(fault: TaskFault) -> UserFault:
    """Refuse records over which the engine's process ended, or failed."""
    message = f"These records could not be checked. {fault.message}"
    return UserFault("NOT_CHECKED", message, ("records",), retryable=fault.retryable)
