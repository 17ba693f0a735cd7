"""Asks Headgate's own bucket, for processes that serve: one client of aioboto3 as long as the process lives.

Its keys are found as AWS's own tools find them. No error and no line of the log holds any.
"""

import asyncio
import functools
from collections.abc import AsyncGenerator, Iterator
from contextlib import AsyncExitStack, contextmanager
from typing import Any, Self

import aioboto3
import aiohttp
import structlog
from aiobotocore.config import AioConfig
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError

from headgate.storage.locations import BucketLocation
from headgate.storage.object_store import LISTED_AT_ONCE, StoreUnavailable

CONNECT_TIMEOUT_S = 10.0
SILENCE_TIMEOUT_S = 30.0
"""How long the store may send nothing."""
TRIES = 3
CALL_TIMEOUT_S = 90.0
"""How long a call may take with all its tries, beside the time for its content."""
SLOWEST_BYTES_PER_S = 256 << 10
"""A content that is sent more slowly is given up."""
CONNECTIONS = 64
MISSING = frozenset({"404", "NoSuchKey", "NoSuchUpload"})

logger = structlog.get_logger(__name__)


class BucketClient:
    """Calls operations of S3 on one bucket; `location` is that of the folder in which all keys are.

    Every method raises FileNotFoundError for an object or an upload that is not there, and StoreUnavailable.
    """

    def __init__(self, location: BucketLocation) -> None:
        self._location = location
        self._stack = AsyncExitStack()
        self._client: Any = None

    async def __aenter__(self) -> Self:
        location = self._location
        client = _session().client(
            "s3",
            region_name=location.region,
            endpoint_url=location.endpoint_url,
            config=_config(location),
        )
        with told("connect"):
            self._client = await self._stack.enter_async_context(client)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    def full_key(self, key: str) -> str:
        """The key as the bucket has it."""
        return f"{self._location.key}/{key}" if self._location.key else key

    def own_key(self, full_key: str) -> str:
        """The key without the folder's own one."""
        return full_key.removeprefix(f"{self._location.key}/") if self._location.key else full_key

    @property
    def bucket(self) -> str:
        """The name of the bucket."""
        return self._location.bucket

    async def call(self, operation: str, key: str, content_bytes: int = 0, **given: Any) -> dict[str, Any]:
        """Call an operation on an object, such as `put_object`, which sends a content of so many bytes."""
        named = {"Bucket": self.bucket, "Key": self.full_key(key)}
        return await self._called(operation, content_bytes, **named, **given)

    async def call_bucket(self, operation: str, **given: Any) -> dict[str, Any]:
        """Call an operation on the bucket, such as `delete_objects`."""
        return await self._called(operation, 0, Bucket=self.bucket, **given)

    async def _called(self, operation: str, content_bytes: int, **given: Any) -> dict[str, Any]:
        with told(operation):
            async with asyncio.timeout(CALL_TIMEOUT_S + content_bytes / SLOWEST_BYTES_PER_S):
                answer: dict[str, Any] = await getattr(self._client, operation)(**given)
                return answer

    async def pages(self, operation: str, **given: Any) -> AsyncGenerator[dict[str, Any], None]:
        """Call an operation that lists, page after page."""
        pages = self._client.get_paginator(operation).paginate(
            Bucket=self.bucket, PaginationConfig={"PageSize": LISTED_AT_ONCE}, **given
        )
        with told(operation):
            async for page in pages:
                yield page

    async def presigned(self, operation: str, key: str, expires_s: int, **given: Any) -> str:
        """Make a URL by which anybody may call an operation on an object until it expires."""
        named = {"Bucket": self.bucket, "Key": self.full_key(key), **given}
        with told(operation):
            url: str = await self._client.generate_presigned_url(operation, Params=named, ExpiresIn=expires_s)
        return url


@contextmanager
def told(operation: str) -> Iterator[None]:
    """Say in our words what goes wrong in a call."""
    try:
        yield
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") in MISSING:
            raise FileNotFoundError(operation) from None
        raise _unavailable(operation, error) from None
    except FileNotFoundError:
        raise
    except (BotoCoreError, HTTPClientError, aiohttp.ClientError, TimeoutError, OSError) as error:
        raise _unavailable(operation, error) from None


def _unavailable(operation: str, error: Exception) -> StoreUnavailable:
    logger.warning("store.failed", operation=operation, kind=type(error).__name__, reason=str(error)[:500])
    return StoreUnavailable()


@functools.cache
def _session() -> aioboto3.Session:
    """Make one session a process: it reads descriptions of S3 from many files, and renews keys that expire."""
    return aioboto3.Session()


def _config(location: BucketLocation) -> AioConfig:
    return AioConfig(
        connect_timeout=CONNECT_TIMEOUT_S,
        read_timeout=SILENCE_TIMEOUT_S,
        retries={"mode": "standard", "total_max_attempts": TRIES},
        max_pool_connections=CONNECTIONS,
        ignore_configured_endpoint_urls=True,
        # What is sent has a checksum of ours, which is cheaper than a signature over it.
        request_checksum_calculation="when_required",
        signature_version="s3v4",
        s3={
            "payload_signing_enabled": False,
            "addressing_style": "path" if location.endpoint_url else "auto",
        },
    )
