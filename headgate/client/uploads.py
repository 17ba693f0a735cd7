"""Files by tus: they go on from the server's offset after whatever breaks the connection."""

from collections.abc import Callable

import httpx

from headgate.client.contents import Content
from headgate.client.errors import HeadgateError, Refused
from headgate.client.models import File, FileFormat
from headgate.client.shapes import read, selection
from headgate.client.wire import Wire, check

OnProgress = Callable[[int, int], object]
"""Called with the bytes that the server has, and those of the whole file."""

TUS = {"tus-resumable": "1.0.0"}
BYTES = {"content-type": "application/offset+octet-stream"}
MOVED_ON = ("OFFSET_MISMATCH", "UPLOAD_LOCKED")
"""Whoever asks how far the upload is can go on."""
GONE = (404, 410)
START = f"""
mutation ($input: StartUploadInput!) {{
  startUpload(input: $input) {{ file {{ {selection(File)} }} replayed errors {{ code message path retryable }} }}
}}
"""
FILE = f"query ($id: ID!) {{ file(id: $id) {{ {selection(File)} }} }}"


async def upload(
    wire: Wire,
    content: Content,
    *,
    format: FileFormat | None,
    idempotency_key: str,
    on_progress: OnProgress | None,
) -> File:
    """Send a file; the server compares its SHA-256. Raises Refused for a file that cannot be used."""
    known = {"name": content.name, "byteSize": content.byte_size, "sha256": content.sha256, "format": format}
    variables = {"input": {**known, "idempotencyKey": idempotency_key}}
    payload = await wire.change(START, "startUpload", variables)
    file = read(File, payload["file"])
    if file.status == "RECEIVING":
        sending = _Sending(wire, content, f"/uploads/{file.id}", on_progress)
        await sending.from_offset(await sending.offset() if payload["replayed"] else 0)
        file = read(File, (await wire.ask(FILE, {"id": file.id}))["file"])
    return _usable(file)


class _Sending:
    """One file on its way to its URL."""

    def __init__(self, wire: Wire, content: Content, path: str, on_progress: OnProgress | None) -> None:
        self._wire = wire
        self._content = content
        self._path = path
        self._on_progress = on_progress
        self._patience = wire.patience()

    async def from_offset(self, at: int) -> None:
        """Send all from a place on; what is empty is sent too, or it would never be complete."""
        self._tell(at)
        while True:
            at = await self._advance(at)
            self._tell(at)
            if at >= self._content.byte_size:
                return

    async def offset(self) -> int:
        """Ask how far the upload is; one that is gone needs no more, whatever has become of its file."""
        request = self._wire.transport.build("HEAD", self._path, headers=TUS)
        return await self._wire.send(request, self._left_off)

    async def _advance(self, at: int) -> int:
        """Send a chunk; answers how far the upload is then."""
        try:
            chunk = await self._wire.transport.call(lambda: self._content.read(at))
            headers = {**TUS, **BYTES, "upload-offset": str(at)}
            request = self._wire.transport.build("PATCH", self._path, content=chunk, headers=headers)
            received = _received(await self._wire.once(request))
        except HeadgateError as trouble:
            if isinstance(trouble, Refused) and trouble.code in MOVED_ON:
                trouble.retryable = True
            await self._patience.bear(trouble)
            return await self.offset()
        self._patience.went_well()
        return received

    def _left_off(self, response: httpx.Response) -> int:
        return self._content.byte_size if response.status_code in GONE else _received(response)

    def _tell(self, at: int) -> None:
        if self._on_progress is not None:
            self._on_progress(at, self._content.byte_size)


def _received(response: httpx.Response) -> int:
    return int(check(response).headers["upload-offset"])


def _usable(file: File) -> File:
    if file.status == "READY":
        return file
    if file.failure is not None:
        raise Refused(file.failure.code, file.failure.message)
    raise Refused("UPLOAD_LOST", "The server has lost what had arrived of this file: send it again.")
