"""Chooses where objects are kept: in a folder or in a bucket, whose client is imported where there is one alone."""

from headgate.settings import Settings
from headgate.storage.object_store import ObjectStore
from headgate.storage.objects import LocalStore
from headgate.storage.pieces import LocalPieces, Pieces


def make_stores(settings: Settings) -> tuple[ObjectStore, Pieces]:
    """Choose where objects are kept and, beside them, files of which not all has come; nothing is opened yet."""
    if settings.store_bucket is not None:
        # It takes a tenth of the time that a server needs to start, and most have no bucket.
        from headgate.server.bucket_stores import make_bucket_stores

        return make_bucket_stores(settings, *settings.store_bucket)
    store = LocalStore(settings.store_path.absolute())
    return store, LocalPieces(store)
