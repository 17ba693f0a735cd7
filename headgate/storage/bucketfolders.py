"""The folder of a table in Headgate's own bucket.

Polars and Delta Lake reach the bucket with clients of their own, this module with botocore's. All three take the keys
that botocore finds, so that whatever Amazon's tools accept works: variables, profiles, roles of machines and of pods.
"""

import base64
import hashlib
import os
from collections.abc import Collection, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO

import botocore.session
from botocore.config import Config
from botocore.exceptions import ClientError

from headgate.storage.locations import BucketLocation

CONNECT_TIMEOUT_S = 10
SILENCE_TIMEOUT_S = 30
"""How long the store may send nothing, or take to send a whole answer."""
RETRIES = 4
RETRY_TIMEOUT_S = 60
AT_ONCE = 4
"""So many files are sent or removed at a time."""
PAGE_OBJECTS = 1_000
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
        """The files right in the folder whose names begin with this, page after page of a listing."""
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
            if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
                raise FileNotFoundError(name) from error
            raise
        return content

    def desk(self, scratch: Path) -> Path:
        """A folder of the task's own."""
        return scratch / "parts"

    def take(self, desk: Path, names: Iterable[str]) -> None:
        """Send files from the desk, each whole or not at all, and remove them there."""
        with ThreadPoolExecutor(AT_ONCE) as threads:
            for _ in threads.map(lambda name: self._send(desk / name), names):
                pass

    def _send(self, path: Path) -> None:
        with path.open("rb") as file:
            # The store refuses content that has another checksum.
            self._client.put_object(**self._named(path.name), Body=file, ContentMD5=_md5(file))
        path.unlink()

    def remove(self, names: Iterable[str]) -> None:
        """Remove files; one that is not there is no error."""
        with ThreadPoolExecutor(AT_ONCE) as threads:
            for _ in threads.map(lambda name: self._client.delete_object(**self._named(name)), names):
                pass

    def _key(self, name: str) -> str:
        return f"{self.location.key}/{name}"

    def _named(self, name: str) -> dict[str, str]:
        return {"Bucket": self.location.bucket, "Key": self._key(name)}

    @property
    def _client(self) -> Any:
        return _client(self.location.region, self.location.endpoint_url)


def _md5(file: BinaryIO) -> str:
    digest = hashlib.md5(usedforsecurity=False)
    while piece := file.read(PIECE_BYTES):
        digest.update(piece)
    file.seek(0)
    return base64.b64encode(digest.digest()).decode()


def _options(location: BucketLocation) -> dict[str, str]:
    """What Polars and Delta Lake are told alike; keys that have an end are new ones each time."""
    options = {
        "aws_region": location.region,
        "aws_virtual_hosted_style_request": str(location.endpoint_url is None).lower(),
        "connect_timeout": f"{CONNECT_TIMEOUT_S}s",
        "timeout": f"{SILENCE_TIMEOUT_S}s",
        **_keys(),
    }
    if location.endpoint_url is not None:
        options["aws_endpoint_url"] = location.endpoint_url
        options["aws_allow_http"] = str(location.endpoint_url.startswith("http://")).lower()
    return options


def _keys() -> dict[str, str]:
    found = _session().get_credentials()
    if found is None:
        return {}
    keys = found.get_frozen_credentials()
    named = {"aws_access_key_id": keys.access_key, "aws_secret_access_key": keys.secret_key}
    return {**named, "aws_session_token": keys.token} if keys.token else named


@lru_cache(maxsize=1)
def _session() -> Any:
    return botocore.session.Session()


@lru_cache
def _client(region: str, endpoint_url: str | None) -> Any:
    config = Config(
        connect_timeout=CONNECT_TIMEOUT_S,
        read_timeout=SILENCE_TIMEOUT_S,
        retries={"mode": "standard", "total_max_attempts": RETRIES + 1},
        request_checksum_calculation="when_required",
        s3={"addressing_style": "path" if endpoint_url else "auto"},
    )
    return _session().create_client("s3", region_name=region, endpoint_url=endpoint_url, config=config)
