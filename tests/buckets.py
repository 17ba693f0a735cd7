"""An S3 server over HTTP: moto's, on a free port of this machine."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from ipaddress import ip_network
from itertools import count
from typing import Any

import botocore.session
import pytest
from botocore.config import Config
from moto.server import ThreadedMotoServer

from headgate.pipelines.endpoints.outside import Endpoint, Outside
from headgate.storage.locations import BucketLocation

LOOPBACK = (ip_network("127.0.0.0/8"),)
KEY, SECRET = "AKIATESTING", "not-a-secret-but-a-key"


@dataclass(frozen=True)
class Store:
    """A bucket of the server, looked at past Headgate."""

    url: str
    bucket: str
    client: Any

    def settings(self, prefix: str = "main") -> dict[str, str]:
        """The settings of a Headgate whose store this is, below a prefix."""
        return {"store_url": f"s3://{self.bucket}/{prefix}", "s3_endpoint_url": self.url}

    def put(self, key: str, content: bytes | str) -> None:
        body = content if isinstance(content, bytes) else content.encode()
        self.client.put_object(Bucket=self.bucket, Key=key, Body=body)

    def get(self, key: str) -> bytes:
        content: bytes = self.client.get_object(Bucket=self.bucket, Key=key)["Body"].read()
        return content

    def keys(self) -> list[str]:
        return [each["Key"] for each in self.client.list_objects_v2(Bucket=self.bucket).get("Contents", ())]

    def contents(self) -> dict[str, bytes]:
        return {key: self.get(key) for key in self.keys()}

    def unfinished(self) -> list[str]:
        """The keys of uploads that were begun and neither completed nor aborted."""
        listed = self.client.list_multipart_uploads(Bucket=self.bucket).get("Uploads", ())
        return [each["Key"] for each in listed]

    def endpoint(self, name: str = "store", **settings: Any) -> Endpoint:
        known = {"bucket": self.bucket, "endpointUrl": self.url, "accessKeyId": KEY}
        return Endpoint(name, "S3", {**known, **settings}, {"secretAccessKey": SECRET})

    def location(self, key: str) -> BucketLocation:
        """Where an object of Headgate's own, or a folder of them, is in the bucket."""
        return BucketLocation(self.bucket, key, "us-east-1", self.url)

    def outside(self, **settings: Any) -> Outside:
        """A job's outside, with the bucket as its one endpoint."""
        return Outside({"store": self.endpoint(**settings)}, LOOPBACK)


def set_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this process, and those that it starts, find keys of the server as they find those of Headgate's bucket."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)


@contextmanager
def s3_server() -> Iterator[str]:
    """Start a server; answers its URL."""
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield f"http://{host}:{port}"
    finally:
        server.stop()


_numbers = count(1)


@cache
def _session() -> botocore.session.Session:
    """Reading what describes S3 takes a part of a second."""
    return botocore.session.Session()


@contextmanager
def new_bucket(url: str) -> Iterator[Store]:
    """Make a bucket of its own on a server."""
    bucket = f"bucket-{next(_numbers)}"
    client = _session().create_client(
        "s3",
        region_name="us-east-1",
        endpoint_url=url,
        aws_access_key_id=KEY,
        aws_secret_access_key=SECRET,
        # The server tells of a copy of parts what it doesn't have.
        config=Config(response_checksum_validation="when_required"),
    )
    client.create_bucket(Bucket=bucket)
    try:
        yield Store(url, bucket, client)
    finally:
        client.close()
