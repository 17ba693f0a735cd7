"""The reference of an upload: a bare ASGI application that hashes a body and writes it, to a file or to a bucket.

`python -m benchmarks.bare_upload PORT FOLDER` writes files there; `… PORT S3_URL BUCKET` objects of parts of 8 MiB.
"""

import hashlib
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aioboto3
import uvicorn
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

PART_BYTES = 8 << 20
KEY = "bare"


def to_folder(folder: Path) -> ASGIApp:
    """Make the application that writes a file, and syncs it at the end."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] == "GET":
            return await PlainTextResponse("ready")(scope, receive, send)
        digest = hashlib.sha256()
        with (folder / KEY).open("wb") as file:
            async for chunk in Request(scope, receive).stream():
                digest.update(chunk)
                file.write(chunk)
            file.flush()
            os.fsync(file.fileno())
        await PlainTextResponse(digest.hexdigest())(scope, receive, send)

    return app


def to_bucket(url: str, bucket: str) -> ASGIApp:
    """Make the application that sends one part after the other."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] == "GET":
            return await PlainTextResponse("ready")(scope, receive, send)
        digest = hashlib.sha256()
        parts: list[dict[str, Any]] = []
        async with aioboto3.Session().client("s3", endpoint_url=url, region_name="us-east-1") as client:
            named = {"Bucket": bucket, "Key": KEY}
            named["UploadId"] = (await client.create_multipart_upload(**named))["UploadId"]
            async for part in _parts(Request(scope, receive)):
                digest.update(part)
                number = len(parts) + 1
                sent = await client.upload_part(**named, PartNumber=number, Body=part)
                parts.append({"PartNumber": number, "ETag": sent["ETag"]})
            await client.complete_multipart_upload(**named, MultipartUpload={"Parts": parts})
        await PlainTextResponse(digest.hexdigest())(scope, receive, send)

    return app


async def _parts(request: Request) -> AsyncIterator[bytes]:
    part = bytearray()
    async for chunk in request.stream():
        part += chunk
        if len(part) >= PART_BYTES:
            yield bytes(part)
            part.clear()
    if part:
        yield bytes(part)


def main() -> None:
    """Serve with the settings that Headgate gives uvicorn."""
    port, *target = sys.argv[1:]
    app = to_folder(Path(target[0])) if len(target) == 1 else to_bucket(*target)
    uvicorn.run(
        app,
        port=int(port),
        http="httptools",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
    )


if __name__ == "__main__":
    main()
