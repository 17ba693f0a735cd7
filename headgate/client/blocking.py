"""The client for scripts: the operations of the asynchronous one, run to their end in the thread that asks."""

from collections.abc import AsyncGenerator, Callable, Coroutine, Iterator
from functools import wraps
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

from headgate.client.asynchronous import Operations
from headgate.client.servers import Server
from headgate.client.transport import BlockingTransport

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


def _run(operation: Coroutine[Any, Any, Result]) -> Result:
    """Run an operation to its end: over a BlockingTransport nothing in it ever pauses, so one step is all."""
    try:
        operation.send(None)
    except StopIteration as ended:
        result: Result = ended.value
        return result
    raise RuntimeError("An operation paused: something in it awaits more than its transport.")


def _blocking(
    operation: Callable[Concatenate[Operations, Arguments], Coroutine[Any, Any, Result]],
) -> "Callable[Concatenate[Headgate, Arguments], Result]":
    """Make a method that returns what an operation answers."""

    @wraps(operation)
    def run(headgate: "Headgate", /, *args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
        return _run(operation(headgate._operations, *args, **kwargs))

    return run


def _iterating(
    operation: Callable[Concatenate[Operations, Arguments], AsyncGenerator[Result, None]],
) -> "Callable[Concatenate[Headgate, Arguments], Iterator[Result]]":
    """Make a method that yields what an operation does."""

    @wraps(operation)
    def iterate(
        headgate: "Headgate", /, *args: Arguments.args, **kwargs: Arguments.kwargs
    ) -> Iterator[Result]:
        results = operation(headgate._operations, *args, **kwargs)
        try:
            while True:
                yield _run(results.__anext__())
        except StopAsyncIteration:
            return
        finally:
            _run(results.aclose())

    return iterate


class Headgate:
    """Asks one Headgate server, in the thread that calls; close it, or use it in `with`.

    `url` and `token` come from HEADGATE_URL (http://127.0.0.1:8000 by default) and HEADGATE_TOKEN where they are not
    given. An answer is waited for `timeout_s`; what fails on its way, or comes too often, is asked for again with
    growing delays for up to `retry_for_s`: a minute by default, and five seconds where the server has never answered.
    Every method raises HeadgateError; `headgate.client.errors` draws the tree.
    """

    def __init__(
        self,
        url: str | None = None,
        token: str | None = None,
        *,
        timeout_s: float = 60.0,
        retry_for_s: float | None = None,
    ) -> None:
        server = Server.named(url, token, timeout_s=timeout_s, retry_for_s=retry_for_s)
        self._operations = Operations(BlockingTransport(server), server)

    ask = _blocking(Operations.ask)
    subscribe = _iterating(Operations.subscribe)
    close = _blocking(Operations.close)

    upload = _blocking(Operations.upload)
    ingest = _blocking(Operations.ingest)
    validate = _blocking(Operations.validate)
    append = _blocking(Operations.append)

    job = _blocking(Operations.job)
    jobs = _iterating(Operations.jobs)
    wait = _blocking(Operations.wait)
    watch = _iterating(Operations.watch)
    errors = _iterating(Operations.errors)
    save_errors = _blocking(Operations.save_errors)
    correct = _blocking(Operations.correct)
    retry = _blocking(Operations.retry)
    cancel = _blocking(Operations.cancel)

    dataset = _blocking(Operations.dataset)
    datasets = _iterating(Operations.datasets)
    rows = _iterating(Operations.rows)
    frame = _blocking(Operations.frame)
    save_rows = _blocking(Operations.save_rows)

    pipeline = _blocking(Operations.pipeline)
    pipelines = _iterating(Operations.pipelines)
    apply_pipeline = _blocking(Operations.apply_pipeline)
    run_pipeline = _blocking(Operations.run_pipeline)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
