"""The folder of a table in Headgate's own bucket.

Polars and Delta Lake reach the bucket with clients of their own, this module with botocore's. All three take the keys
that botocore finds, so that whatever Amazon's tools accept works: variables, profiles, roles of machines and of pods.
"""

import base64
import hashlib
import os
from collections.abc import Callable, Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO
from uuid import uuid4

from botocore.exceptions import ClientError

from headgate.errors import JobFault
from headgate.storage.locations import BucketLocation

CONNECT_TIMEOUT_S = 5
ANSWER_TIMEOUT_S = 60
"""How long the store may send nothing to botocore, and how long a whole answer may take for the others."""
RETRIES = 3
RETRY_TIMEOUT_S = 60
REFUSED = (304, 409, 412, 501)
"""The statuses with which a store refuses to put an object in place of another, or doesn't know how to."""
UNFIT = (
    "The store of the bucket can't be told to put an object only where there is none (If-None-Match), without which "
    "commits to a dataset could be lost. Use one that can."
)
AT_ONCE = 4
"""So many files are sent or removed at a time."""
PAGE_OBJECTS = 1_000
CONNECTIONS = 32
PIECE_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class BucketFolder:
    """All objects below a key of a bucket."""

    location: BucketLocation

    @property
    def uri(self) -> str:
        """The bucket and the key, as a URL."""
        return f"s3://{self.location.bucket}/{self.location.key}"

    def delta_options(self) -> dict[str, str]:
        """The `storage_options` for Delta Lake: a commit appears only where none has its number yet."""
        patience = {"max_retries": str(RETRIES), "retry_timeout": f"{RETRY_TIMEOUT_S}s"}
        return {**_options(self.location), **patience, "aws_conditional_put": "etag"}

    def scan_options(self) -> dict[str, Any]:
        """What Polars has to be told to scan files of the folder, as named arguments."""
        patience = {"max_retries": RETRIES, "retry_timeout_ms": RETRY_TIMEOUT_S * 1000}
        return {"storage_options": {**_options(self.location), **patience}, "credential_provider": None}

    def names(self, prefix: str) -> Collection[str]:
        """The files right in the folder, or in the one below it, whose names begin with this, page after page."""
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self.location.bucket,
            Prefix=self._key(prefix),
            Delimiter="/",
            PaginationConfig={"PageSize": PAGE_OBJECTS},
        )
        folder = self._key("")
        return {found["Key"].removeprefix(folder) for page in pages for found in page.get("Contents", ())}

    def has_all(self, names: Collection[str]) -> bool:
        """Whether these files are there, by one listing of what begins as all of them do."""
        # That it compares letters, not parts of paths, is what is wanted of it.
        prefix = os.path.commonprefix(list(names))  # noqa: RUF071
        return not names or set(names) <= set(self.names(prefix))

    def read(self, name: str) -> bytes:
        """Read a small file. Raises FileNotFoundError."""
        try:
            content: bytes = self._client.get_object(**self._named(name))["Body"].read()
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") == "NoSuchKey":
                raise FileNotFoundError(name) from error
            raise
        return content

    def desk(self, scratch: Path) -> Path:
        """A folder of the task's own."""
        return scratch / "parts"

    def take(self, desk: Path, names: Iterable[str], heed: Callable[[], None]) -> None:
        """Send files from the desk, each whole or not at all, and remove them there.

        `heed` is called when one is sent, and may raise what ends it.
        """
        _at_once(lambda name: self._send(desk / name), names, heed)

    def _send(self, path: Path) -> None:
        with path.open("rb") as file:
            # The store refuses content that has another checksum.
            self._client.put_object(**self._named(path.name), Body=file, ContentMD5=_md5(file))
        path.unlink()

    def remove(self, names: Iterable[str]) -> None:
        """Remove files; one that is not there is no error."""
        _at_once(lambda name: self._client.delete_object(**self._named(name)), names)

    def require_safe_commits(self) -> None:
        """Raise JobFault (STORE_UNFIT) where the store doesn't refuse what is put in place of an object all the same.

        It is found out once in each process.
        """
        store = (self.location.bucket, self.location.endpoint_url)
        if store in _fit:
            return
        named = self._named(f"_headgate_{uuid4().hex}")
        try:
            if self._puts_if_absent(named) and not self._puts_if_absent(named):
                _fit.add(store)
                return
        finally:
            with suppress(ClientError):
                self._client.delete_object(**named)
        raise JobFault("STORE_UNFIT", UNFIT, "CONFIG")

    def _puts_if_absent(self, named: Mapping[str, str]) -> bool:
        try:
            self._client.put_object(**named, Body=b"", IfNoneMatch="*")
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] in REFUSED:
                return False
            raise
        return True

    def _key(self, name: str) -> str:
        return f"{self.location.key}/{name}"

    def _named(self, name: str) -> dict[str, str]:
        return {"Bucket": self.location.bucket, "Key": self._key(name)}

    @property
    def _client(self) -> Any:
        return connected(self.location)


def connected(location: BucketLocation) -> Any:
    """The client of botocore for a bucket: one as long as the process lives, for all its threads."""
    return _client(location.region, location.endpoint_url)


_fit: set[tuple[str, str | None]] = set()
"""The stores that are known to refuse what must not be put."""


def _at_once(
    work: Callable[[str], object], names: Iterable[str], heed: Callable[[], None] = lambda: None
) -> None:
    """Do work for some names at a time; where it fails, nothing goes on when this ends."""
    with ThreadPoolExecutor(AT_ONCE) as threads:
        running = [threads.submit(work, name) for name in names]
        try:
            for each in running:
                each.result()
                heed()
        except BaseException:
            threads.shutdown(cancel_futures=True)
            raise


def _md5(file: BinaryIO) -> str:
    digest = hashlib.md5(usedforsecurity=False)
    while piece := file.read(PIECE_BYTES):
        digest.update(piece)
    file.seek(0)
    return base64.b64encode(digest.digest()).decode()


def _options(location: BucketLocation) -> dict[str, str]:
    """What Polars and Delta Lake are told alike; keys that have an end are new ones each time."""
    endpoint_url = location.endpoint_url or _client(location.region, None).meta.endpoint_url
    return {
        "aws_region": location.region,
        # Said in any case, as these two would take another one from the environment.
        "aws_endpoint_url": endpoint_url,
        "aws_allow_http": str(endpoint_url.startswith("http://")).lower(),
        "aws_virtual_hosted_style_request": "false",
        "connect_timeout": f"{CONNECT_TIMEOUT_S}s",
        "timeout": f"{ANSWER_TIMEOUT_S}s",
        **_keys(),
    }


def _keys() -> dict[str, str]:
    found = _session().get_credentials()
    if found is None:
        return {}
    keys = found.get_frozen_credentials()
    named = {"aws_access_key_id": keys.access_key, "aws_secret_access_key": keys.secret_key}
    return {**named, "aws_session_token": keys.token} if keys.token else named


@lru_cache(maxsize=1)
def _session() -> Any:
    from botocore.session import Session

    return Session()


@lru_cache
def _client(region: str, endpoint_url: str | None) -> Any:
    from botocore.config import Config

    config = Config(
        connect_timeout=CONNECT_TIMEOUT_S,
        read_timeout=ANSWER_TIMEOUT_S,
        max_pool_connections=CONNECTIONS,
        retries={"mode": "standard", "total_max_attempts": RETRIES + 1},
        ignore_configured_endpoint_urls=True,
        request_checksum_calculation="when_required",
        s3={"addressing_style": "path" if endpoint_url else "auto"},
    )
    return _session().create_client("s3", region_name=region, endpoint_url=endpoint_url, config=config)
