"""The headers of tus 1.0, https://tus.io/protocols/resumable-upload: read strictly, and said back."""

import base64
import binascii
import hashlib
import re
from collections.abc import Mapping
from email.utils import format_datetime

from starlette.datastructures import Headers

from headgate.domain.upload_intake import Checksum
from headgate.domain.upload_state import Progress
from headgate.server.responses import Refusal, malformed

VERSION = "1.0.0"
MEDIA_TYPE = "application/offset+octet-stream"
EXTENSIONS = "creation,creation-with-upload,creation-defer-length,checksum,expiration,termination"
ALGORITHMS = ("md5", "sha1", "sha256", "sha512")
MAX_SAID_CHARS = 8_192
NUMBER = re.compile(r"[0-9]{1,15}", re.ASCII)
METADATA_KEY = re.compile(r"[!-+\--~]+")
"""What is printable in ASCII, without spaces and commas."""
VERSIONED = {"tus-resumable": VERSION}


def check_version(headers: Headers) -> None:
    """Refuse a client of another version of the protocol, or of none."""
    if headers.get("tus-resumable") != VERSION:
        text = f"Send the header `Tus-Resumable: {VERSION}`: this is for clients of tus {VERSION}."
        raise Refusal(412, "TUS_VERSION_UNSUPPORTED", text, {"tus-version": VERSION})


def method_of(method: str, headers: Headers) -> str:
    """Tell the method that is meant: clients behind old proxies name it in a header of a POST."""
    override = headers.get("x-http-method-override", "")
    return override.strip().upper() if method == "POST" and override else method


def options_headers(max_bytes: int) -> Mapping[str, str]:
    """Tell what this server can do."""
    return {
        "tus-version": VERSION,
        "tus-extension": EXTENSIONS,
        "tus-max-size": str(max_bytes),
        "tus-checksum-algorithm": ",".join(ALGORITHMS),
    }


def progress_headers(progress: Progress) -> dict[str, str]:
    """Tell how far an upload has come, and until when it can be gone on with."""
    headers = {"upload-offset": str(progress.received)}
    if progress.expires_at is not None:
        headers["upload-expires"] = format_datetime(progress.expires_at, usegmt=True)
    return headers


def state_headers(progress: Progress) -> dict[str, str]:
    """Tell all that a client asks for that comes back."""
    known = progress.byte_size
    length = {"upload-defer-length": "1"} if known is None else {"upload-length": str(known)}
    said = {"upload-metadata": progress.said} if progress.said else {}
    return {**progress_headers(progress), **length, **said}


def number(headers: Headers, name: str) -> int | None:
    """Read a header that is a whole number of at most 15 digits; None where it is not there."""
    value = headers.get(name)
    if value is None:
        return None
    if not NUMBER.fullmatch(value):
        raise malformed(f"{name} takes a whole number of bytes.")
    return int(value)


def offset(headers: Headers) -> int:
    """Read where a body begins."""
    if (value := number(headers, "Upload-Offset")) is None:
        raise malformed("A PATCH needs the header Upload-Offset.")
    return value


def length(headers: Headers) -> int | None:
    """Read how long a new upload is; None where the client does not know yet, and says so."""
    value, deferred = number(headers, "Upload-Length"), headers.get("upload-defer-length")
    if deferred is not None and (deferred != "1" or value is not None):
        raise malformed("Upload-Defer-Length takes the value 1, and no Upload-Length beside it.")
    if value is None and deferred is None:
        raise malformed("Send the header Upload-Length, or Upload-Defer-Length: 1.")
    return value


def body_bytes(headers: Headers) -> int | None:
    """Tell how long the body is; None where that is not known before."""
    value = headers.get("content-length", "")
    return int(value) if NUMBER.fullmatch(value) else None


def has_body(headers: Headers) -> bool:
    """Tell whether a body follows; many a client names a type where none does."""
    return "transfer-encoding" in headers or body_bytes(headers) not in (None, 0)


def require_bytes(headers: Headers) -> None:
    """Refuse a body of another type."""
    if headers.get("content-type", "").strip().lower() != MEDIA_TYPE:
        raise Refusal(415, "UNSUPPORTED_MEDIA_TYPE", f"Send the bytes as {MEDIA_TYPE}.")


def checksum(headers: Headers) -> Checksum | None:
    """Read what the body is said to have; None where nothing is said."""
    value = headers.get("upload-checksum")
    if value is None:
        return None
    algorithm, _, encoded = value.strip().partition(" ")
    if algorithm not in ALGORITHMS:
        raise malformed(f"Upload-Checksum takes one of these algorithms: {', '.join(ALGORITHMS)}.")
    running = hashlib.new(algorithm, usedforsecurity=False)
    expected = _decoded(encoded.strip(), "Upload-Checksum")
    if len(expected) != running.digest_size:
        raise malformed(f"Upload-Checksum: {algorithm} has {running.digest_size} bytes, encoded as Base64.")
    return Checksum(running, expected)


def metadata(headers: Headers) -> Mapping[str, str]:
    """Read what is said of a file: keys with texts, as `key Base64,key Base64`."""
    said = headers.get("upload-metadata", "")
    if len(said) > MAX_SAID_CHARS:
        raise malformed(f"Upload-Metadata has at most {MAX_SAID_CHARS} characters.")
    found: dict[str, str] = {}
    for pair in said.split(",") if said.strip() else ():
        key, _, encoded = pair.strip(" ").partition(" ")
        if not METADATA_KEY.fullmatch(key) or key in found:
            raise malformed(
                "Upload-Metadata takes keys, each once and without spaces, and a Base64 text for each."
            )
        found[key] = _decoded(encoded.strip(), "Upload-Metadata").decode(errors="replace")
    return found


def _decoded(text: str, name: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise malformed(f"{name} takes values that are encoded as Base64.") from error
