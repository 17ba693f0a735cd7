"""Data on its way in: uploaded, ingested, validated, appended."""

import os
from collections.abc import Mapping, Sequence
from typing import Any, Unpack
from uuid import NAMESPACE_OID, uuid4, uuid5

from headgate.client.arguments import Given, Records, id_of
from headgate.client.contents import Content, Source
from headgate.client.core import ERRORS, Core
from headgate.client.models import Appended, File, FileFormat, Job, WriteMode
from headgate.client.shapes import read, selection
from headgate.client.uploads import OnProgress, upload

Path = str | os.PathLike[str]
Spec = Mapping[str, Any]
"""Parts of a pipeline, with the keys that its YAML has."""

WAYS = ("path", "file", "records", "text", "url", "dataset")
APPEND = f"""
mutation ($input: AppendRecordsInput!) {{
  appendRecords(input: $input) {{ {selection(Appended)} {ERRORS} }}
}}
"""


class Intake(Core):
    """What takes data in."""

    async def upload(
        self,
        source: Source,
        *,
        name: str | None = None,
        format: FileFormat | None = None,
        on_progress: OnProgress | None = None,
        idempotency_key: str | None = None,
    ) -> File:
        """Send a file, and answer what was found in it; nothing is ingested yet.

        `source` is a path, bytes, or a binary file that is open for reading, which is sent from its beginning; a pipe
        is copied to a temporary file first. After a lost connection, or a restart of the server, it goes on from what
        the server has. `on_progress` is called with the bytes that have arrived, and those of the whole file. The
        format is found in the content where none is given. With an `idempotency_key` of one's own the same file is
        sent once, however often this is called.

        Raises OSError for what can't be read, and Refused for a file that can't be used, such as one that is too large.
        """
        content = await self._wire.transport.call(lambda: Content.of(source, name))
        try:
            key = idempotency_key or uuid4().hex
            return await upload(
                self._wire, content, format=format, idempotency_key=key, on_progress=on_progress
            )
        finally:
            content.close()

    async def ingest(
        self,
        path: Path | None = None,
        *,
        dataset: str | None = None,
        mode: WriteMode | None = None,
        keys: Sequence[str] | None = None,
        spec: Spec | None = None,
        template: str | None = None,
        pipeline: str | None = None,
        on_progress: OnProgress | None = None,
        **given: Unpack[Given],
    ) -> Job:
        """Start a job that ingests a file, records, a text or what a URL answers; answers the job as it starts.

        A file at `path` is uploaded first. Where the rows go is said by `dataset`, with `mode` and the `keys` that
        UPSERT goes by, or by the sinks of a `pipeline`, a `template` or a `spec`, which say what happens to the rows on
        their way too. Raises OSError, and Refused for what the server does not take.
        """
        named = {"dataset": dataset, "mode": mode, "keys": keys, "pipeline": pipeline, "template": template}
        data = await self._data(path, given, on_progress)
        return await self._start("ingest", "IngestInput", {**named, "spec": spec, **data})

    async def validate(
        self,
        path: Path | None = None,
        *,
        dataset: str | None = None,
        checks: Sequence[Spec] | None = None,
        contract: Spec | None = None,
        template: str | None = None,
        pipeline: str | None = None,
        on_progress: OnProgress | None = None,
        **given: Unpack[Given],
    ) -> Job:
        """Start a job that holds data against rules and ingests nothing; `errors` lists what broke them.

        The data is given as to `ingest`, or is that of a `dataset` as it is now. The rules are `checks` such as
        `{"range": {"columns": ["age"], "min": 0}}` and a `contract`, or those of a pipeline or a template. Raises as
        `ingest` does.
        """
        named = {"checks": checks, "contract": contract, "pipeline": pipeline, "template": template}
        data = await self._data(path, given, on_progress, dataset=dataset)
        return await self._start("validate", "ValidateInput", {**named, **data})

    async def append(
        self,
        dataset: str,
        records: Records,
        *,
        pipeline: str | None = None,
        idempotency_key: str | None = None,
    ) -> Appended:
        """Append records to a dataset; those that are accepted are durable when this returns.

        The job that is answered commits them soon, together with those of other calls. Where too much waits already,
        the call is made again for as long as the client is patient. Raises Refused.
        """
        key = idempotency_key or uuid4().hex
        known = {"dataset": dataset, "records": list(records), "pipeline": pipeline, "idempotencyKey": key}
        return read(Appended, await self._wire.change(APPEND, "appendRecords", {"input": known}))

    async def _data(
        self,
        path: Path | None,
        given: Given,
        on_progress: OnProgress | None,
        *,
        dataset: str | None = None,
    ) -> dict[str, Any]:
        """Make the input's `data` of what was given, beside what else was; a path is uploaded.

        Raises TypeError where it was given in more than one way.
        """
        known: dict[str, Any] = {"path": path, "dataset": dataset, **given}
        format = known.pop("format", None)
        ways = [(way, value) for way in WAYS if (value := known.pop(way, None)) is not None]
        if len(ways) > 1:
            raise TypeError(f"Give the data in one way, and not by {' and '.join(way for way, _ in ways)}.")
        if path is not None:
            key = known.get("idempotency_key")
            file_key = key and uuid5(NAMESPACE_OID, key).hex
            file = await self.upload(path, format=format, on_progress=on_progress, idempotency_key=file_key)
            ways = [("file", file)]
        return {**known, "data": _data_input(*ways[0], format) if ways else None}


def _data_input(way: str, value: Any, format: FileFormat | None) -> dict[str, Any]:
    match way:
        case "file":
            return {way: id_of(value)}
        case "records":
            return {way: list(value)}
        case "text":
            return {way: {"format": format or "CSV", "content": value}}
        case "dataset":
            return {way: {"name": value}}
    return {way: value}
