"""Signed links: what may be downloaded, or uploaded to, without a header, for a while."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from headgate.domain.keyring import KeyRing
from headgate.errors import Unauthenticated, UserFault
from headgate.server.tokens import TokenKind, expiry_of, moment_of_issue, sign, verify

DOWNLOAD = TokenKind(b"headgate: download links", "headgate-download", "download")
UPLOAD = TokenKind(b"headgate: upload links", "headgate-upload", "upload")
VALID_FOR = timedelta(minutes=15)
MAX_CHARACTERS = 4000
"""Servers on the way refuse requests whose first line is much longer."""
INVALID = "This link is not valid, or not any more. Ask for a new one."


@dataclass(frozen=True, slots=True)
class LinkClaims:
    """What a valid link says: whose it is, from when until when (UTC), and what it leads to."""

    user_id: str
    issued_at: datetime
    expires_at: datetime
    said: Mapping[str, Any]


class SignedLinks:
    """Makes and reads links whose token is good for one path."""

    def __init__(self, keys: KeyRing) -> None:
        self._keys = keys

    def make(self, user_id: str, path: str, said: Mapping[str, Any]) -> str:
        """Make a link, valid for 15 minutes; raises UserFault (INVALID_ARGUMENT) where it would be too long."""
        token, _ = sign(self._keys, DOWNLOAD, user_id, VALID_FOR, path=path, said=said)
        link = f"{path}?{urlencode({'token': token})}"
        if len(link) > MAX_CHARACTERS:
            raise UserFault("INVALID_ARGUMENT", "This filter is too long to be put into a link.", ("filter",))
        return link

    def upload(self, user_id: str, path: str, until: datetime) -> str:
        """Make a link that takes the bytes of one upload until a moment."""
        token, _ = sign(self._keys, UPLOAD, user_id, until - datetime.now(UTC), path=path, said={})
        return f"{path}?{urlencode({'token': token})}"

    def read(self, token: str, path: str) -> LinkClaims:
        """Read the token of a link to this path; raises Unauthenticated for any other, and one that has expired."""
        return self._read(DOWNLOAD, token, path)

    def read_upload(self, token: str, path: str) -> LinkClaims:
        """Read the token of an upload's link; raises Unauthenticated as `read` does."""
        return self._read(UPLOAD, token, path)

    def _read(self, kind: TokenKind, token: str, path: str) -> LinkClaims:
        try:
            claims = verify(self._keys, kind, token)
        except Unauthenticated as error:
            raise Unauthenticated(message=INVALID) from error
        if claims.get("path") != path:
            raise Unauthenticated(message=INVALID)
        return LinkClaims(claims["sub"], moment_of_issue(claims), expiry_of(claims), claims["said"])
