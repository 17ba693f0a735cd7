"""Parts of a file go to the bucket past the server, which trusts nothing of them."""

import hashlib
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from moto.s3 import models

from headgate.domain import upload_endings, uploads
from headgate.domain.files import UnusableFile
from headgate.domain.permissions import Principal
from headgate.domain.services import Services
from headgate.domain.uploads import NewUpload
from headgate.errors import UserFault
from headgate.storage.bucket_pieces import BucketPieces
from headgate.storage.pieces import SentPart
from headgate.storage.tables import FileStatus, Upload
from tests.buckets import Store
from tests.domain.people import ONE_DATABASE
from tests.stores import bucket_store

CONTENT = b"a\n1\n2\n3\n4\n5\n6\n"
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
async def direct(
    services: Services, own_bucket: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Services]:
    """Services over a bucket, with parts of 5 bytes."""
    monkeypatch.setattr(models, "S3_UPLOAD_PART_MIN_SIZE", 1)
    async with bucket_store(own_bucket, tmp_path) as store:
        yield replace(services, store=store, pieces=BucketPieces(store, part_bytes=5))


async def put(services: Services, upload: Upload, content: bytes = CONTENT) -> list[SentPart]:
    """Send all parts to their URLs."""
    sent = []
    async with httpx.AsyncClient(trust_env=False) as http:
        for part in await uploads.presigned_parts(services, upload):
            start = (part.number - 1) * 5
            answer = (await http.put(part.url, content=content[start : start + 5])).raise_for_status()
            sent.append(SentPart(part.number, answer.headers["etag"]))
    return sent


@ONE_DATABASE
async def test_a_file_is_made_of_the_parts_that_are_there_as_they_are_told(
    direct: Services, operator: Principal, own_bucket: Store
) -> None:
    started = await uploads.start(
        direct, operator, NewUpload("a.csv", len(CONTENT), sha256=SHA256, direct=True)
    )
    assert started.upload is not None
    sent = await put(direct, started.upload)
    for wrong in ([], sent[1:], [*sent[1:], SentPart(1, "x")], [*sent, SentPart(9, "x")], [*sent, sent[0]]):
        with pytest.raises(UserFault, match=r"UPLOAD_INCOMPLETE|INVALID_ARGUMENT"):
            await upload_endings.finish(direct, operator, started.file.id, wrong)

    for _ in range(2):
        file = await upload_endings.finish(direct, operator, started.file.id, sent)
        assert (file.status, file.sha256, file.byte_size) == (FileStatus.READY, SHA256, len(CONTENT))
    assert own_bucket.get(f"main/files/{file.id}") == CONTENT
    assert own_bucket.unfinished() == []


@ONE_DATABASE
async def test_another_content_than_was_told_fails_and_is_not_kept(
    direct: Services, operator: Principal, own_bucket: Store
) -> None:
    started = await uploads.start(
        direct, operator, NewUpload("a.csv", len(CONTENT), sha256=SHA256, direct=True)
    )
    assert started.upload is not None
    sent = await put(direct, started.upload, CONTENT[::-1])
    with pytest.raises(UnusableFile, match="CHECKSUM_MISMATCH"):
        await upload_endings.finish(direct, operator, started.file.id, sent)
    assert own_bucket.keys() == []
