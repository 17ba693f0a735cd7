"""The frames that a client may send over graphql-transport-ws.

https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md
"""

from collections.abc import Callable, Mapping
from typing import Any

from headgate.server.body import decode_json
from headgate.server.responses import Refusal

MAX_FRAME_BYTES = 1024**2
MALFORMED = 4400
TOO_BIG = 1009


class BadFrame(Exception):
    """A frame that ends the connection: the code and the reason to close it with."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(code, reason)
        self.code = code
        self.reason = reason


def read_frame(event: Mapping[str, Any], *, max_bytes: int) -> dict[str, Any]:
    """Read the message of an ASGI `websocket.receive` event; raises BadFrame where its size or shape is wrong."""
    text = event.get("text")
    if text is None:
        raise BadFrame(MALFORMED, "Messages must be text")
    data = text.encode()
    if len(data) > max_bytes:
        raise BadFrame(TOO_BIG, "Message too big")
    try:
        message = decode_json(data)
    except Refusal as refusal:
        raise BadFrame(MALFORMED, refusal.message) from refusal
    return _checked(message)


def _checked(message: object) -> dict[str, Any]:
    if not isinstance(message, dict):
        raise BadFrame(MALFORMED, "Messages must be JSON objects")
    kind = message.get("type")
    is_valid = SHAPES.get(kind) if isinstance(kind, str) else None
    if is_valid is None:
        raise BadFrame(MALFORMED, "Unknown message type")
    if not is_valid(message):
        raise BadFrame(MALFORMED, f"Malformed {kind} message")
    return message


def _has_optional_payload(message: dict[str, Any]) -> bool:
    return _is_optional(message.get("payload"), dict)


def _has_id(message: dict[str, Any]) -> bool:
    return isinstance(message.get("id"), str) and message["id"] != ""


def _is_subscribe(message: dict[str, Any]) -> bool:
    payload = message.get("payload")
    return (
        _has_id(message)
        and isinstance(payload, dict)
        and isinstance(payload.get("query"), str)
        and payload["query"] != ""
        and _is_optional(payload.get("variables"), dict)
        and _is_optional(payload.get("operationName"), str)
        and _is_optional(payload.get("extensions"), dict)
    )


def _is_optional(value: object, expected: type) -> bool:
    return value is None or isinstance(value, expected)


SHAPES: Mapping[str, Callable[[dict[str, Any]], bool]] = {
    "connection_init": _has_optional_payload,
    "ping": _has_optional_payload,
    "pong": _has_optional_payload,
    "subscribe": _is_subscribe,
    "complete": _has_id,
}
