"""How a client of S3 connects: as it is told to, to answers that are bounded."""

import socket
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from botocore.awsrequest import (
    AWSHTTPConnection,
    AWSHTTPConnectionPool,
    AWSHTTPSConnection,
    AWSHTTPSConnectionPool,
)

from headgate.errors import JobFault
from headgate.storage.places import Dial

CONNECT_TIMEOUT_S = 10.0
MAX_ANSWER_BYTES = 16 << 20
"""No answer that is held in memory is larger: a list of 1,000 keys has 3 MB at most. Objects are read past this."""


def dial_by(client: Any, dial: Dial) -> None:
    """Let all connections of a client be made by `dial`, wherever the store redirects it to."""

    class Plain(AWSHTTPConnection):  # type: ignore[misc]
        def _new_conn(self) -> socket.socket:
            return dial(self.host, self.port, CONNECT_TIMEOUT_S)

        def getresponse(self) -> Any:
            return _bounded(super().getresponse())

    class Encrypted(AWSHTTPSConnection):  # type: ignore[misc]
        def _new_conn(self) -> socket.socket:
            return dial(self.host, self.port, CONNECT_TIMEOUT_S)

        def getresponse(self) -> Any:
            return _bounded(super().getresponse())

    class PlainPool(AWSHTTPConnectionPool):  # type: ignore[misc]
        ConnectionCls = Plain

    class EncryptedPool(AWSHTTPSConnectionPool):  # type: ignore[misc]
        ConnectionCls = Encrypted

    pools = {"http": PlainPool, "https": EncryptedPool}
    client._endpoint.http_session._manager.pool_classes_by_scheme = pools


def _bounded(response: Any) -> Any:
    """A response whose whole content, which botocore takes by `stream`, is no more than may be taken."""
    response.stream = partial(_pieces, response.stream)
    return response


def _pieces(stream: Callable[..., Iterator[bytes]], *given: Any, **named: Any) -> Iterator[bytes]:
    taken = 0
    for piece in stream(*given, **named):
        taken += len(piece)
        if taken > MAX_ANSWER_BYTES:
            message = f"The store answers with more than {MAX_ANSWER_BYTES:,} bytes that are no object."
            raise JobFault("BUCKET_REFUSED", message, "DEPENDENCY")
        yield piece
