"""Objects in a bucket."""

from headgate.settings import Settings
from headgate.storage.bucket_pieces import BucketPieces
from headgate.storage.bucket_store import BucketStore
from headgate.storage.bucket_uploads import MOST_PARTS
from headgate.storage.locations import BucketLocation


def make_bucket_stores(settings: Settings, bucket: str, prefix: str) -> tuple[BucketStore, BucketPieces]:
    """Make what keeps objects below a prefix, and files of which not all has come; nothing is opened yet."""
    location = BucketLocation(bucket, prefix, settings.s3_region, settings.s3_endpoint_url)
    # So that the largest file fits into as many parts as a bucket takes.
    part_bytes = max(settings.upload_part_bytes, -(-settings.max_upload_bytes // MOST_PARTS))
    scratch = settings.store_path.absolute() / "scratch"
    store = BucketStore(location, scratch, part_bytes=part_bytes)
    return store, BucketPieces(store, part_bytes=settings.upload_part_bytes)
