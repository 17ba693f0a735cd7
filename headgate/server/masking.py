"""What an error of an operation tells the caller: never more than was meant for them."""

from contextlib import aclosing

import structlog
from graphql import GraphQLError, GraphQLSyntaxError
from strawberry.schema.exceptions import CannotGetOperationTypeError
from strawberry.schema.schema import StreamResult
from strawberry.types.execution import ExecutionResult, PreExecutionError

from headgate.errors import HeadgateError, Unavailable
from headgate.server.responses import encode_json, error_entry

INTERNAL = "INTERNAL"
MASKED_MESSAGE = "Something went wrong on our side. Quote this requestId when you report it."
PARSE_FAILED = "GRAPHQL_PARSE_FAILED"
VALIDATION_FAILED = "GRAPHQL_VALIDATION_FAILED"
BAD_USER_INPUT = "BAD_USER_INPUT"
OPERATION_NOT_FOUND = "OPERATION_NOT_FOUND"

logger = structlog.get_logger(__name__)


def log_unexpected(error: BaseException, *, request_id: str, **details: object) -> None:
    """Record a bug with its traceback, under the id that the caller is given."""
    logger.error("request.failed", request_id=request_id, exc_info=error, **details)


def log_outage(fault: Unavailable, *, request_id: str) -> None:
    """Say in the log why something can't be used now, unless a line of it has done so."""
    if fault.reason is not None:
        logger.warning("request.unavailable", request_id=request_id, code=fault.code, reason=fault.reason)


def internal_entry(request_id: str) -> dict[str, object]:
    """Make the entry of `errors` that stands for any bug."""
    return error_entry(INTERNAL, MASKED_MESSAGE, request_id)


def encode_response(response: object, *, request_id: str) -> bytes:
    """Encode a response; one that JSON cannot carry is a bug, and answered as one."""
    try:
        return encode_json(response)
    except TypeError as error:
        log_unexpected(error, request_id=request_id)
        return encode_json({"data": None, "errors": [internal_entry(request_id)]})


async def presented(results: StreamResult, *, request_id: str) -> StreamResult:
    """Give every error of a stream of results its code and request id; an exception becomes the last result."""
    try:
        async with aclosing(results):
            async for result in results:
                if isinstance(result, ExecutionResult):
                    result.errors = present_all(result, request_id=request_id) or None
                yield result
    except Exception as error:
        shown = present(error, request_id=request_id, default_code=VALIDATION_FAILED)
        yield PreExecutionError(data=None, errors=[shown])


def present_all(result: ExecutionResult, *, request_id: str) -> list[GraphQLError]:
    """Present the errors of a result; those from before its execution are the document's own."""
    code = VALIDATION_FAILED if isinstance(result, PreExecutionError) else BAD_USER_INPUT
    shown = [present(e, request_id=request_id, default_code=code) for e in result.errors or ()]
    # Of bugs there is a line each.
    if codes := {str((error.extensions or {})["code"]) for error in shown} - {INTERNAL}:
        logger.info("operation.failed", request_id=request_id, codes=sorted(codes))
    return shown


def present(error: Exception, *, request_id: str, default_code: str) -> GraphQLError:
    """Turn an error of an operation into the one that leaves the server, with its code and the request's id.

    Ours (HeadgateError) and those made for callers keep their words; anything else is a bug: it is
    logged with its traceback and masked. `default_code` is for errors of GraphQL itself.
    """
    located = error if isinstance(error, GraphQLError) else GraphQLError(str(error), original_error=error)
    origin, cause = _trace(located)
    if isinstance(cause, Unavailable):
        log_outage(cause, request_id=request_id)
    if isinstance(cause, HeadgateError):
        retryable: dict[str, object] = {"retryable": True} if cause.retryable else {}
        return _shown(located, cause.message, cause.code, request_id, retryable)
    if isinstance(cause, CannotGetOperationTypeError):
        return _shown(located, cause.as_http_error_reason(), OPERATION_NOT_FOUND, request_id)
    if _is_meant_for_caller(located, origin, cause):
        code = (origin.extensions or {}).get("code") or _code(origin, default_code)
        return _shown(located, located.message, code, request_id, origin.extensions)
    log_unexpected(cause or located, request_id=request_id, path=located.path)
    return _shown(located, MASKED_MESSAGE, INTERNAL, request_id)


def _trace(error: GraphQLError) -> tuple[GraphQLError, BaseException | None]:
    """Follow an error to where it began: the innermost GraphQLError and what that one wraps."""
    while isinstance(error.original_error, GraphQLError):
        error = error.original_error
    return error, error.original_error


def _is_meant_for_caller(located: GraphQLError, origin: GraphQLError, cause: BaseException | None) -> bool:
    """Tell what GraphQL says of a document or its variables, and what code says on purpose, from bugs."""
    is_about_document = bool(origin.nodes or origin.positions)
    if located.path is None:
        return is_about_document or cause is None
    return cause is None and (is_about_document or "code" in (origin.extensions or {}))


def _code(error: GraphQLError, default: str) -> str:
    return PARSE_FAILED if isinstance(error, GraphQLSyntaxError) else default


def _shown(
    error: GraphQLError,
    message: str,
    code: str,
    request_id: str,
    extensions: dict[str, object] | None = None,
) -> GraphQLError:
    return GraphQLError(
        message,
        nodes=error.nodes,
        source=error.source,
        positions=error.positions,
        path=error.path,
        extensions={**(extensions or {}), "code": code, "requestId": request_id},
    )
