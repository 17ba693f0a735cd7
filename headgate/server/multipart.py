"""GraphQL multipart requests, streamed: a file goes to the store while it arrives, and nothing is spooled.

https://github.com/jaydenseric/graphql-multipart-request-spec, in its strict order: operations, map, file.
"""

from collections.abc import Callable
from contextlib import suppress
from functools import reduce
from typing import Any, NamedTuple

from starlette.requests import Request

from headgate.domain.incoming import IncomingFile
from headgate.server.body import decode_json
from headgate.server.parts import Parts
from headgate.server.responses import Refusal, malformed
from headgate.storage.ids import new_id
from headgate.storage.object_store import ObjectStore, StoreUnavailable

MEDIA_TYPE = "multipart/form-data"
PREFLIGHT_HEADER = "GraphQL-Require-Preflight"
HEAD_BYTES = 64 * 1024
# What is read of a file that is too large before the answer leaves: a client that is still sending would
# otherwise see a broken connection in place of the reason.
DRAIN_BYTES = 64 * 1024**2


class MultipartRequest(NamedTuple):
    """A received request: its decoded fields, and the file that its variables hold, if there is one."""

    fields: dict[str, Any]
    file: IncomingFile | None


class MultipartReceiver:
    """Reads multipart requests into `store`. Sizes are in bytes; `new_key` names each file's object."""

    def __init__(
        self,
        store: ObjectStore,
        *,
        max_body_bytes: int,
        max_upload_bytes: int,
        new_key: Callable[[], str] = lambda: f"files/{new_id('file')}",
    ) -> None:
        self._store = store
        self._max_body_bytes = max_body_bytes
        self._max_upload_bytes = max_upload_bytes
        self._new_key = new_key

    async def receive(self, request: Request) -> MultipartRequest:
        """Read the whole request.

        The file is in the store when this returns, unless it is too large; when this raises,
        nothing is. Raises Refusal for a malformed request and ClientDisconnect for a lost client.
        """
        if PREFLIGHT_HEADER not in request.headers:
            raise Refusal(
                400, "PREFLIGHT_REQUIRED", f"A multipart request needs the header {PREFLIGHT_HEADER}."
            )
        parts = Parts(request.stream(), request.headers.get("content-type", ""))
        operations = await parts.text("operations", max_bytes=self._max_body_bytes)
        file_map = await parts.text("map", max_bytes=self._max_body_bytes - len(operations))
        fields = _object(operations, "operations")
        target = _target(fields, _object(file_map, "map"))
        if target is None:
            await parts.end()
            return MultipartRequest(fields, None)
        file = await self._receive_file(parts, target.part_name)
        for container, key in target.slots:
            container[key] = file
        return MultipartRequest(fields, file)

    async def discard_unclaimed(self, file: IncomingFile) -> None:
        """Delete a file that nobody kept; where the store can't be reached by then, it is swept away later."""
        if not file.claimed and not file.too_large:
            with suppress(StoreUnavailable):
                await self._store.delete(file.key)

    async def _receive_file(self, parts: Parts, part_name: str) -> IncomingFile:
        part = await parts.begin(part_name)
        file = IncomingFile(part.file_name, self._new_key(), byte_size=0, sha256="", head=b"")
        try:
            await self._store_file(parts, file)
        except _TooLarge:
            file.too_large = True
            await parts.drain(max_bytes=DRAIN_BYTES)
        return file

    async def _store_file(self, parts: Parts, file: IncomingFile) -> None:
        async with self._store.writer(file.key) as writer:
            while (data := await parts.data()) is not None:
                file.head += data[: HEAD_BYTES - len(file.head)]
                file.byte_size += len(data)
                if file.byte_size > self._max_upload_bytes:
                    raise _TooLarge
                await writer.write(data)
            # Inside the writer's block: whatever is wrong after the file leaves nothing of it.
            await parts.end()
        file.sha256 = writer.sha256


class _TooLarge(Exception):
    """A file has passed the limit."""


class _Target(NamedTuple):
    """Where the file of the part `part_name` goes: into each container, at its key."""

    part_name: str
    slots: list[tuple[Any, str | int]]


def _object(text: bytes, name: str) -> dict[str, Any]:
    value = decode_json(text)
    if not isinstance(value, dict):
        raise malformed(f"`{name}` must be a JSON object.")
    return value


def _target(fields: dict[str, Any], file_map: dict[str, Any]) -> _Target | None:
    if not file_map:
        return None
    if len(file_map) > 1:
        raise Refusal(400, "TOO_MANY_FILES", "One request carries at most one file.")
    part_name, paths = next(iter(file_map.items()))
    if not isinstance(paths, list) or not paths:
        raise malformed("`map` must list the paths of the file.")
    return _Target(part_name, [_slot(fields, path) for path in paths])


def _slot(fields: dict[str, Any], path: object) -> tuple[Any, str | int]:
    if not isinstance(path, str) or not path.startswith("variables."):
        raise malformed("A path in `map` must start with `variables.`.")
    *parents, last = path.split(".")
    try:
        container = reduce(lambda value, name: value[_key(value, name)], parents, fields)
        key = _key(container, last)
        is_free = container[key] is None
    except (LookupError, TypeError, ValueError) as error:
        raise malformed("A path in `map` leads to no variable.") from error
    if not is_free:
        raise malformed("A path in `map` must lead to null.")
    return container, key


def _key(container: Any, name: str) -> Any:
    """Read one step of a path; raises TypeError or ValueError where the container has no such step."""
    if isinstance(container, dict):
        return name
    if isinstance(container, list) and name.isdecimal():
        return int(name)
    raise TypeError("neither an object nor a list")
