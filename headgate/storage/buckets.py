"""A bucket of S3, or of a store that speaks its language, for processes that wait: the engine's.

Nothing of the process's surroundings counts: no proxy, no profile and no key of the environment or of a file.
"""

import base64
import hashlib
import os
import re
import ssl
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, Self

from botocore import UNSIGNED
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
from urllib3.exceptions import HTTPError

from headgate.errors import HeadgateError, JobFault
from headgate.storage.bucket_connections import CONNECT_TIMEOUT_S, dial_by
from headgate.storage.places import PIECE_BYTES, Dial, Heed, Place, StoredObject

SILENCE_TIMEOUT_S = 30.0
"""How long a store may send nothing."""
TRIES = 3
PAGE_OBJECTS = 1_000
PART_BYTES = 16 << 20
"""A larger object is sent in parts of at least this size."""
MOST_PARTS = 9_000
"""A store takes 10,000."""
SPOKEN_CODE = re.compile(r"[A-Za-z]{1,60}")
NO_SURROUNDINGS = {
    "profile": (None, None, None, None),
    "config_file": (None, None, os.devnull, None),
    "credentials_file": (None, None, os.devnull, None),
}
"""Replaces what botocore would take from the environment."""


class Bucket:
    """The objects of one bucket.

    Every method raises JobFault: BUCKET_NOT_FOUND, BUCKET_DENIED, BUCKET_REFUSED, BUCKET_UNREACHABLE, or what `dial`
    says of a host. No message holds anything but the names of the bucket and of the object.
    """

    def __init__(self, place: Place, client: Any) -> None:
        self._place = place
        self._client = client

    @classmethod
    def dialled(cls, place: Place, dial: Dial) -> Self:
        """Make a bucket with a client of its own, whose connections `dial` makes; it is closed by its `with`."""
        return cls(place, _client(place, dial))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def objects(self, prefix: str = "") -> Iterator[StoredObject]:
        """The objects whose keys begin with this, in the order of their keys, page after page."""
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self._place.bucket,
            Prefix=self._place.prefix + prefix,
            PaginationConfig={"PageSize": PAGE_OBJECTS},
        )
        with self._told(prefix):
            for page in pages:
                yield from map(self._stored, page.get("Contents", ()))

    def head(self, key: str) -> StoredObject | None:
        """What is known of an object; None where there is none."""
        try:
            with self._told(key):
                found = self._client.head_object(**self._named(key))
                return StoredObject(key, found["ContentLength"], found["LastModified"], found["ETag"])
        except JobFault as fault:
            if fault.code == "BUCKET_NOT_FOUND":
                return None
            raise

    def download(self, found: StoredObject, target: Path, *, max_bytes: int, heed: Heed) -> None:
        """Read an object as it was when it was found into a new file. It must not be larger than `max_bytes`.

        Raises JobFault also: OBJECT_TOO_LARGE, and OBJECT_CHANGED where it is another one by now.
        """
        for left in reversed(range(TRIES)):
            try:
                with self._told(found.key), target.open("xb") as file:
                    return self._copy(found, file, max_bytes, heed)
            except BaseException as error:
                target.unlink(missing_ok=True)
                if not left or not isinstance(error, JobFault) or error.code != "BUCKET_UNREACHABLE":
                    raise

    def _copy(self, found: StoredObject, file: BinaryIO, max_bytes: int, heed: Heed) -> None:
        answer = self._client.get_object(**self._named(found.key), IfMatch=found.etag)
        # Not by its own `with`, which leads past all that it checks.
        with closing(answer["Body"]) as body:
            taken = 0
            self._check_size(found, answer["ContentLength"], max_bytes)
            # It holds the length against what was said, and the checksum where the store has kept one.
            while piece := body.read(PIECE_BYTES):
                taken += len(piece)
                self._check_size(found, taken, max_bytes)
                file.write(piece)
                heed(len(piece))

    def _check_size(self, found: StoredObject, size: int, max_bytes: int) -> None:
        """Refuse too much; a length that a store has said may be wrong, or none."""
        if size < 0:
            raise self._senseless()
        if size > max_bytes:
            message = f"The object {found.key} has more than the {max_bytes:,} bytes that are taken."
            raise JobFault("OBJECT_TOO_LARGE", message, "DATA", details={"maxBytes": max_bytes})

    def head_of(self, found: StoredObject, size: int) -> bytes:
        """Read the first bytes of an object as it was when it was found, at most so many."""
        with self._told(found.key):
            answer = self._client.get_object(
                **self._named(found.key), IfMatch=found.etag, Range=f"bytes=0-{size - 1}"
            )
            with closing(answer["Body"]) as body:
                content: bytes = body.read(size)
                return content

    def put_new(self, key: str, content: bytes) -> bool:
        """Write an object unless there is one; tells whether it did."""
        try:
            with self._told(key):
                self._client.put_object(
                    **self._named(key), Body=content, ContentMD5=_md5(content), IfNoneMatch="*"
                )
        except JobFault as fault:
            # A store answers so to the slower one of two that write at the same moment, too.
            if fault.code == "OBJECT_CHANGED" or (fault.details or {}).get("status") == 409:
                return False
            raise
        return True

    def upload(self, path: Path, key: str, *, heed: Heed) -> StoredObject:
        """Write a file as an object, whole or not at all, in the place of any that is there."""
        size = path.stat().st_size
        with self._told(key), path.open("rb") as file:
            if size <= PART_BYTES:
                self._put(key, file.read(), heed)
            else:
                self._put_parts(key, file, max(PART_BYTES, -(-size // MOST_PARTS)), heed)
        stored = self.head(key)
        if stored is None or stored.byte_size != size:
            message = f"The object {key} is not there as it was written."
            raise JobFault("BUCKET_REFUSED", message, "DEPENDENCY", retryable=True)
        return stored

    def _put(self, key: str, content: bytes, heed: Heed) -> None:
        self._client.put_object(**self._named(key), Body=content, ContentMD5=_md5(content))
        heed(len(content))

    def _put_parts(self, key: str, file: BinaryIO, part_bytes: int, heed: Heed) -> None:
        """Send parts one by one; where that fails nothing is left of them, nor of an earlier try that was killed."""
        self._sweep(key)
        upload = {**self._named(key), "UploadId": self._begin(key)}
        try:
            parts: list[dict[str, Any]] = []
            while content := file.read(part_bytes):
                number = len(parts) + 1
                sent = self._client.upload_part(
                    **upload, PartNumber=number, Body=content, ContentMD5=_md5(content)
                )
                parts.append({"PartNumber": number, "ETag": sent["ETag"]})
                heed(len(content))
            self._client.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
        except BaseException:
            with suppress(BotoCoreError, ClientError):
                self._client.abort_multipart_upload(**upload)
            raise

    def _begin(self, key: str) -> str:
        return str(self._client.create_multipart_upload(**self._named(key))["UploadId"])

    def _sweep(self, key: str) -> None:
        """Abort the uploads of a key that nobody goes on with. Not everybody may list them, who may write."""
        with suppress(ClientError):
            listed = self._client.list_multipart_uploads(
                Bucket=self._place.bucket, Prefix=self._place.prefix + key
            )
            for upload in listed.get("Uploads", ()):
                if upload["Key"] == self._place.prefix + key:
                    self._client.abort_multipart_upload(**self._named(key), UploadId=upload["UploadId"])

    def delete(self, key: str) -> None:
        """Remove an object, where it is there."""
        with self._told(key):
            self._client.delete_object(**self._named(key))

    def _named(self, key: str) -> dict[str, str]:
        return {"Bucket": self._place.bucket, "Key": self._place.prefix + key}

    def _stored(self, said: Mapping[str, Any]) -> StoredObject:
        key = said["Key"].removeprefix(self._place.prefix)
        return StoredObject(key, said["Size"], said["LastModified"], said["ETag"])

    @contextmanager
    def _told(self, key: str) -> Iterator[None]:
        """Say in our words what goes wrong with an object."""
        try:
            yield
        except ClientError as error:
            raise self._refusal(error.response, key) from error
        except HTTPClientError as error:
            # What `dial` raised comes wrapped.
            cause = error.kwargs.get("error")
            raise (cause if isinstance(cause, HeadgateError) else self._unreachable()) from error
        except (BotoCoreError, HTTPError) as error:
            raise self._unreachable() from error
        except (LookupError, ValueError) as error:
            # What has to be in an answer is not there, or is no number or moment.
            raise self._senseless() from error

    def _refusal(self, said: Mapping[str, Any], key: str) -> JobFault:
        status = said.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        code = str(said.get("Error", {}).get("Code", ""))
        bucket = self._place.bucket
        if status == 404:
            missing = f"object {key}" if key and code != "NoSuchBucket" else "such bucket"
            return JobFault("BUCKET_NOT_FOUND", f"There is no {missing} at {bucket}.", "CONFIG")
        if status in (401, 403):
            message = f"The store of the bucket {bucket} denies this with the endpoint's keys."
            return JobFault("BUCKET_DENIED", message, "CONFIG")
        if status == 412:
            message = f"The object {key} was changed while it was read."
            return JobFault("OBJECT_CHANGED", message, "DEPENDENCY", retryable=True)
        told = f": {code}" if SPOKEN_CODE.fullmatch(code) else ""
        message = f"The store of the bucket {bucket} answers with status {status}{told}."
        passing = status in (0, 408, 429) or status >= 500
        return JobFault("BUCKET_REFUSED", message, "DEPENDENCY", passing, {"status": status})

    def _senseless(self) -> JobFault:
        message = f"The store of the bucket {self._place.bucket} gives answers that are not those of S3."
        return JobFault("BUCKET_REFUSED", message, "DEPENDENCY")

    def _unreachable(self) -> JobFault:
        message = f"The store of the bucket {self._place.bucket} can't be reached, or broke off."
        return JobFault("BUCKET_UNREACHABLE", message, "DEPENDENCY", retryable=True)


def _md5(content: bytes) -> str:
    return base64.b64encode(hashlib.md5(content, usedforsecurity=False).digest()).decode()


def _client(place: Place, dial: Dial) -> Any:
    from botocore.config import Config
    from botocore.session import Session

    is_signed = place.access_key_id is not None
    config = Config(
        connect_timeout=CONNECT_TIMEOUT_S,
        read_timeout=SILENCE_TIMEOUT_S,
        retries={"mode": "standard", "total_max_attempts": TRIES},
        proxies={},
        ignore_configured_endpoint_urls=True,
        request_checksum_calculation="when_required",
        s3={"addressing_style": "path" if place.endpoint_url else "auto"},
        **({} if is_signed else {"signature_version": UNSIGNED}),
    )
    client = Session(session_vars=NO_SURROUNDINGS).create_client(
        "s3",
        region_name=place.region,
        endpoint_url=place.endpoint_url,
        aws_access_key_id=place.access_key_id,
        aws_secret_access_key=place.secret_access_key,
        aws_session_token=place.session_token,
        # Certificates that the operator names with SSL_CERT_FILE count.
        verify=ssl.get_default_verify_paths().cafile or True,
        config=config,
    )
    dial_by(client, dial)
    return client
