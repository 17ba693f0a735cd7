"""Bindings: what the specs of new jobs name is looked up, and bound to them as it is now."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from sqlmodel import select

from headgate.domain.acceptance import NewJob
from headgate.domain.datasets import by_names
from headgate.domain.datasets import require_version as require_dataset_version
from headgate.domain.files import get_many as get_files
from headgate.domain.files import require_ready
from headgate.domain.parts import Path
from headgate.domain.queries import is_one_of
from headgate.domain.services import Services
from headgate.domain.specs import EndpointMention, datasets_named, endpoints_named
from headgate.errors import UserFault
from headgate.storage.tables import Dataset, Endpoint, EndpointKind, File


@dataclass(frozen=True, slots=True)
class Named:
    """What was found of that which jobs name: files by id, datasets and kinds of endpoints by name."""

    files: Mapping[str, File]
    datasets: Mapping[str, Dataset]
    endpoints: Mapping[str, EndpointKind]

    @classmethod
    async def by(cls, services: Services, new: Collection[NewJob]) -> "Named":
        """Look up all that these jobs name, in a query for each kind at most."""
        files = [each.job.file_id for each in new if each.job.file_id is not None]
        datasets = {name for each in new for name in _dataset_names(each.job.spec)}
        endpoints = {mention.name for each in new for mention in _endpoints(each.job.spec)}
        return cls(
            await get_files(services, files) if files else {},
            await by_names(services, datasets) if datasets else {},
            await _kinds_of(services, endpoints) if endpoints else {},
        )

    def bind(self, new: NewJob) -> None:
        """Let a job read what its spec names.

        Raises UserFault: NOT_FOUND, FILE_NOT_READY, WRONG_ENDPOINT.
        """
        if new.job.file_id is not None:
            self._check_file(new.job.file_id, (*new.read_at, "file"))
        source = new.job.spec["source"].get("dataset")
        if source is not None:
            at = (*new.read_at, "dataset")
            dataset = self._dataset(source["name"], (*at, "name"))
            source |= {"version": _version(dataset, source["version"], at), "key": dataset.storage_key}
        if mentions := datasets_named(new.job.spec):
            keys = {
                name: self._dataset(name, (*new.at, *path)).storage_key for name, path in mentions.items()
            }
            new.job.spec = {**new.job.spec, "datasets": keys}
        if endpoints := _endpoints(new.job.spec):
            for mention in endpoints:
                self._check_endpoint(mention, new.at)
            names = list(dict.fromkeys(mention.name for mention in endpoints))
            new.job.spec = {**new.job.spec, "endpoints": names}

    def _check_file(self, file_id: str, path: Path) -> None:
        if file_id not in self.files:
            raise UserFault("NOT_FOUND", f"There is no file {file_id}.", path)
        require_ready(self.files[file_id], path)

    def _dataset(self, name: str, path: Path) -> Dataset:
        if name not in self.datasets:
            raise UserFault("NOT_FOUND", f"There is no dataset {name}.", path)
        return self.datasets[name]

    def _check_endpoint(self, mention: EndpointMention, at: Path) -> None:
        path = (*at, *mention.path)
        if mention.name not in self.endpoints:
            raise UserFault("NOT_FOUND", f"There is no endpoint {mention.name}.", path)
        kind = self.endpoints[mention.name]
        if kind not in mention.kinds:
            message = (
                f"The endpoint {mention.name} is of kind {kind}; this takes {' or '.join(mention.kinds)}."
            )
            raise UserFault("WRONG_ENDPOINT", message, path)


def _endpoints(spec: Mapping[str, Any]) -> list[EndpointMention]:
    """What a job names: its source may be one of a spec, kept under `outside`."""
    outside = spec["source"].get("outside")
    return endpoints_named({**spec, "source": outside["source"] if outside is not None else None})


async def _kinds_of(services: Services, names: Collection[str]) -> dict[str, EndpointKind]:
    statement = select(Endpoint.name, Endpoint.kind).where(is_one_of(Endpoint.name, names))
    async with services.database.read() as session:
        return {name: EndpointKind(kind) for name, kind in await session.execute(statement)}


def _dataset_names(spec: Mapping[str, Any]) -> set[str]:
    source = spec["source"].get("dataset")
    return {*datasets_named(spec), *([source["name"]] if source is not None else [])}


def _version(dataset: Dataset, wanted: int | None, at: Path) -> int:
    """The version that is read: from now on no other, whatever becomes of the dataset."""
    if dataset.version is None:
        raise UserFault("NOT_FOUND", f"The dataset {dataset.name} has no version yet.", at)
    if wanted is None:
        return dataset.version
    try:
        require_dataset_version(dataset, wanted)
    except UserFault as fault:
        raise UserFault(fault.code, fault.message, (*at, "version")) from fault
    return wanted
