"""Downloads of datasets: sent while they are made, resumed by ranges once they are.

A file that cannot be made to its end is never sent as if it were whole: the connection is broken off.
"""

import asyncio
from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from headgate.domain.dataset_downloads import DatasetDownload, Rendering, path_of, rendering_of
from headgate.domain.services import Services
from headgate.domain.shelf import Shelf
from headgate.domain.volumes import Volume
from headgate.errors import JobFault, Unauthenticated, UserFault
from headgate.server.admission import Admission
from headgate.server.leaving import first_of, leave
from headgate.server.ranges import ByteRange, Unsatisfiable, WantedRange, wanted_range
from headgate.server.responses import Refusal, refusal_response
from headgate.storage.formats import FileFormat

MEDIA_TYPES: Mapping[FileFormat, str] = {
    FileFormat.CSV: "text/csv; charset=utf-8",
    FileFormat.TSV: "text/tab-separated-values; charset=utf-8",
    FileFormat.NDJSON: "application/x-ndjson",
    FileFormat.PARQUET: "application/vnd.apache.parquet",
    FileFormat.ARROW: "application/vnd.apache.arrow.file",
    FileFormat.EXCEL: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
CHUNK_BYTES = 512 * 1024
STALLED_S = 120.0
"""A client that takes nothing for so long is gone."""
RETRY_AFTER = {"retry-after": "5"}
STATUSES = {"NOT_FOUND": 404, "VERSION_EXPIRED": 410, "DOWNLOADS_BUSY": 429}


class DatasetDownloads:
    """Answers /downloads/datasets/<dataset id>.<format>, for whoever has a signed link to it."""

    def __init__(self, services: Services, shelf: Shelf, admission: Admission) -> None:
        self._services = services
        self._shelf = shelf
        self._admission = admission

    def route(self) -> Route:
        """Where these are."""
        return Route(path_of("{dataset_id}", "{ending}"), self, methods=["GET", "HEAD"])

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer until all is sent, or the client is gone."""
        await first_of(answer=self._answer(Request(scope), send), client=leave(receive))

    async def _answer(self, request: Request, send: Send) -> None:
        try:
            await self._send(request, send)
        except Unauthenticated as error:
            await _say(await self._admission.refuse(request, error), request, send)
        except (UserFault, _Refused) as fault:
            await _say(refusal_response(_refusal(fault), request.scope), request, send)

    async def _send(self, request: Request, send: Send) -> None:
        dataset_id, ending = request.path_params["dataset_id"], request.path_params["ending"]
        claims = await self._admission.claims(request, path_of(dataset_id, ending))
        download = DatasetDownload.from_json(dataset_id, ending, claims.said)
        rendering = await rendering_of(self._services, download)
        sending = _Sending(request, send, _headers(download, rendering))
        if request.method == "HEAD":
            await sending.head(self._shelf.find(rendering.task))
            return
        try:
            async with self._shelf.taken(rendering.task) as volume:
                await sending.body(volume)
        except JobFault as fault:
            if sending.has_begun:
                raise
            raise _Refused(fault) from fault


class _Refused(Exception):
    """The file could not be made, and nothing of it was sent."""

    def __init__(self, fault: JobFault) -> None:
        super().__init__(fault)
        self.code, self.message, self.retryable = fault.code, fault.message, fault.retryable


def _refusal(fault: UserFault | _Refused) -> Refusal:
    status = STATUSES.get(fault.code) or (503 if fault.retryable else 422)
    headers = RETRY_AFTER if fault.retryable else {}
    return Refusal(status, fault.code, fault.message, headers, retryable=fault.retryable)


def _headers(download: DatasetDownload, rendering: Rendering) -> dict[str, str]:
    """Say that this is a file to be saved; its name is one that the server made."""
    return {
        "content-type": MEDIA_TYPES[download.format],
        "content-disposition": f'attachment; filename="{rendering.file_name}"',
        "accept-ranges": "bytes",
    }


class _Sending:
    """One answer: all of a file, or a part of it."""

    def __init__(self, request: Request, send: Send, headers: Mapping[str, str]) -> None:
        self._request = request
        self._send = send
        self._headers = dict(headers)
        self.has_begun = False

    async def head(self, volume: Volume | None) -> None:
        """Tell what is known of a file; nothing is made for that."""
        if volume is not None and volume.is_complete:
            self._tell(volume)
        await self._begin(200)
        await self._send({"type": "http.response.body", "body": b""})

    async def body(self, volume: Volume) -> None:
        """Send a file as far as it is asked for; what is asked for by a range waits until the file is whole."""
        wanted = wanted_range(self._request.headers.get("range"))
        condition = self._request.headers.get("if-range")
        if wanted is not None and condition in (None, _quoted(volume)):
            await volume.end()
            await self._part(volume, wanted)
            return
        if self._request.scope["http_version"] == "1.0":
            # It knows no other end of an answer than that of the connection, whatever the reason.
            await volume.end()
        self._tell(volume)
        await self._begin(200)
        await self._bytes(volume, ByteRange(0, 2**63))

    async def _part(self, volume: Volume, wanted: WantedRange) -> None:
        try:
            part = wanted.of(volume.byte_size)
        except Unsatisfiable:
            headers = {"content-range": f"bytes */{volume.byte_size}"}
            message = f"The file has {volume.byte_size} bytes, and none of these."
            refusal = Refusal(416, "RANGE_NOT_SATISFIABLE", message, headers)
            await _say(refusal_response(refusal, self._request.scope), self._request, self._send)
            return
        self._headers["etag"] = _quoted(volume)
        self._headers["content-length"] = str(part.end - part.start)
        self._headers["content-range"] = f"bytes {part.start}-{part.end - 1}/{volume.byte_size}"
        await self._begin(206)
        await self._bytes(volume, part)

    def _tell(self, volume: Volume) -> None:
        self._headers["etag"] = _quoted(volume)
        if volume.is_complete:
            self._headers["content-length"] = str(volume.byte_size)

    async def _begin(self, status: int) -> None:
        self.has_begun = True
        headers = [(name.encode(), value.encode()) for name, value in self._headers.items()]
        await self._send({"type": "http.response.start", "status": status, "headers": headers})

    async def _bytes(self, volume: Volume, part: ByteRange) -> None:
        at = part.start
        async with volume.reading() as reading:
            while at < part.end and (chunk := await reading.chunk(at, min(CHUNK_BYTES, part.end - at))):
                async with asyncio.timeout(STALLED_S):
                    await self._send({"type": "http.response.body", "body": chunk, "more_body": True})
                at += len(chunk)
        await self._send({"type": "http.response.body", "body": b""})


def _quoted(volume: Volume) -> str:
    return f'"{volume.tag}"'


async def _say(response: Response, request: Request, send: Send) -> None:
    await response(request.scope, request.receive, send)
