"""The bucket of an endpoint of kind S3, as far as a job may reach it."""

import socket

from pydantic import SecretStr

from headgate.pipelines.endpoints.outside import Endpoint, Outside
from headgate.pipelines.endpoints.s3 import S3Endpoint
from headgate.pipelines.outgoing import is_allowed, not_allowed, resolve
from headgate.storage.buckets import Bucket
from headgate.storage.places import Dial, Place


def open_bucket(endpoint: Endpoint, outside: Outside) -> Bucket:
    """The bucket of an endpoint, to be used as a context manager. Raises JobFault (INVALID_ENDPOINT)."""
    settings = S3Endpoint.of(endpoint)
    place = Place(
        bucket=settings.bucket,
        region=settings.region,
        endpoint_url=settings.endpoint_url,
        prefix=settings.prefix,
        access_key_id=_shown(settings.access_key_id),
        secret_access_key=_shown(settings.secret_access_key),
        session_token=_shown(settings.session_token),
    )
    return Bucket.dialled(place, _dialling(outside))


def _shown(secret: SecretStr | None) -> str | None:
    return secret.get_secret_value() if secret else None


def _dialling(outside: Outside) -> Dial:
    """Connects to hosts whose every address is allowed; what is dialled is the address that was checked."""

    def dial(host: str, port: int, timeout_s: float) -> socket.socket:
        addresses = resolve(host.strip("[]"), port)
        if not all(is_allowed(address, outside.networks) for address in addresses):
            raise not_allowed(
                "The store's URL leads to an address that is not public. "
                "An operator can allow its network with HEADGATE_ALLOWED_NETWORKS."
            )
        refused = OSError("There is no address.")
        for address in addresses:
            try:
                return socket.create_connection((str(address), port), timeout_s)
            except OSError as error:
                refused = error
        raise refused

    return dial
