"""From the bytes of a request to one GraphQL operation; whatever is wrong with them is a 400."""

from collections.abc import Mapping
from typing import Any

import orjson
from starlette.requests import Request
from strawberry.http import GraphQLRequestData

from headgate.graphql.scalars import MAX_JSON_DEPTH, is_plain_json
from headgate.server.refusals import unauthenticated
from headgate.server.responses import Refusal, malformed

UNSUPPORTED = "UNSUPPORTED_MEDIA_TYPE"
UTF_8 = ("charset=utf-8", "charset=utf8", 'charset="utf-8"')

MAX_STRANGER_BYTES = 16 * 1024


async def body_of(request: Request, *, is_known: bool) -> bytes:
    """Read a body; raises Refusal (401) for one of a stranger that is larger than what strangers have to say."""
    if is_known:
        return await request.body()
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_STRANGER_BYTES:
            raise unauthenticated()
    return body


def media_type_of(headers: Mapping[str, str]) -> str:
    """Tell the media type of a body; raises Refusal where it is not sent as it is, or its text is not UTF-8."""
    name, *parameters = (part.strip().lower() for part in headers.get("content-type", "").split(";"))
    if headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise Refusal(415, UNSUPPORTED, "Send the body as it is: compressed ones are not taken.")
    if any(text.startswith("charset=") and text not in UTF_8 for text in parameters):
        raise Refusal(415, UNSUPPORTED, "Send text as UTF-8.")
    return name


def decode_json(data: bytes | str) -> object:
    """Decode JSON that nests at most 64 levels deep; raises Refusal for anything else."""
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise malformed(f"This is not valid JSON: {error}.") from error
    if _may_be_deep(data) and not is_plain_json(value):
        raise malformed(f"The JSON nests more than {MAX_JSON_DEPTH} levels deep.")
    return value


def _may_be_deep(data: bytes | str) -> bool:
    """Whether there are brackets enough to nest too deep: most requests have so few that this need not be looked at."""
    raw = data.encode() if isinstance(data, str) else data
    return raw.count(b"{") + raw.count(b"[") > MAX_JSON_DEPTH


def operation_from_body(data: bytes | str) -> GraphQLRequestData:
    """Read the operation of a POST; raises Refusal where the body is not one GraphQL request."""
    return operation_from(decode_json(data))


def operation_from_query(parameters: Mapping[str, str | None]) -> GraphQLRequestData:
    """Read the operation of a GET: `variables` and `extensions` are JSON inside the query string."""
    fields: dict[str, Any] = dict(parameters)
    for name in ("variables", "extensions"):
        if text := fields.pop(name, None):
            fields[name] = decode_json(text)
    return operation_from(fields)


def operation_from(fields: object) -> GraphQLRequestData:
    """Check the shape of a decoded request; raises Refusal where a part is missing or of the wrong type."""
    if isinstance(fields, list):
        raise malformed("Batches are not supported: send one operation a request.")
    if not isinstance(fields, dict):
        raise malformed("The request must be a JSON object.")
    if not isinstance(fields.get("query"), str) or not fields["query"]:
        raise malformed("`query` must be a GraphQL document.")
    return GraphQLRequestData(
        query=fields["query"],
        variables=_optional(fields, "variables", dict),
        operation_name=_optional(fields, "operationName", str) or None,
        extensions=_optional(fields, "extensions", dict),
    )


def _optional(fields: Mapping[str, Any], name: str, expected: type) -> Any:
    value = fields.get(name)
    if value is not None and not isinstance(value, expected):
        raise malformed(f"`{name}` must be {'an object' if expected is dict else 'a string'} or null.")
    return value
