"""Signed links, saved to files; what breaks off goes on where it was."""

from contextlib import aclosing
from typing import IO

import httpx

from headgate.client.errors import HeadgateError
from headgate.client.patience import Patience
from headgate.client.wire import Wire

PARTIAL = 206


async def download(wire: Wire, link: str, into: IO[bytes]) -> None:
    """Write what a link leads to. Raises Refused and Unreachable."""
    patience, tag = wire.patience(), ""
    while True:
        at = into.tell()
        resuming = {"range": f"bytes={at}-", "if-range": tag} if at and tag else {}
        request = wire.transport.build("GET", link, headers=resuming)
        try:
            async with wire.opened(request) as response:
                tag = response.headers.get("etag", "")
                await _write(wire, response, into, patience)
            return
        except HeadgateError as trouble:
            await patience.bear(trouble)


async def _write(wire: Wire, response: httpx.Response, into: IO[bytes], patience: Patience) -> None:
    if response.status_code != PARTIAL:
        into.seek(0)
        into.truncate()
    async with aclosing(wire.transport.chunks(response)) as chunks:
        async for chunk in chunks:
            into.write(chunk)
            patience.went_well()
