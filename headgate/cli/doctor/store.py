"""Where objects and datasets are: a folder or a bucket, which has to refuse what must not be put."""

import os
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryFile

from headgate.cli.doctor.findings import Finding, fine, problem
from headgate.errors import JobFault, reason_of
from headgate.settings import Settings


def store(settings: Settings) -> Iterator[Finding]:
    """Write into the store, and remove that again."""
    if settings.store_bucket is None:
        yield _folder(settings.store_path.absolute())
    else:
        yield _bucket(settings, *settings.store_bucket)


def _folder(path: Path) -> Finding:
    nearest = next(each for each in (path, *path.parents) if each.exists())
    try:
        if nearest == path:
            with TemporaryFile(dir=path) as file:
                file.write(b"written")
            return fine("store", f"{path} can be written into.")
        if os.access(nearest, os.W_OK | os.X_OK):
            return fine("store", f"The first start makes {path}.")
    except OSError as error:
        return problem(
            "store", f"{path} can't be written into: {error.strerror}.", "Let this user write into it."
        )
    return problem(
        "store", f"{path} is not there, and can't be made.", "Make it, and let this user write into it."
    )


def _bucket(settings: Settings, bucket: str, prefix: str) -> Finding:
    from botocore.exceptions import BotoCoreError, ClientError

    from headgate.storage.bucketfolders import BucketFolder
    from headgate.storage.locations import BucketLocation

    location = BucketLocation(
        bucket, f"{prefix}/scratch".lstrip("/"), settings.s3_region, settings.s3_endpoint_url
    )
    try:
        BucketFolder(location).require_safe_commits()
    except JobFault as fault:
        return problem("store", fault.message, "See docs/decisions/0031-datasets-in-a-bucket.md.")
    except (BotoCoreError, ClientError, ValueError) as error:
        return problem(
            "store",
            f"The bucket {bucket} can't be used: {reason_of(error)}",
            "Look at HEADGATE_STORE_URL and HEADGATE_S3_ENDPOINT_URL, and at the keys that AWS's own tools would find.",
        )
    return fine("store", f"The bucket {bucket} takes objects, and refuses those that are there already.")
