"""`headgate serve` and `headgate worker`: processes that go on until a signal stops them."""

import sys
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from headgate.cli.configuration import read_settings
from headgate.cli.exits import Exit, carry_out, fail, failing_in_one_line
from headgate.cli.filelimit import raise_limit
from headgate.cli.links import print_links
from headgate.cli.output import say
from headgate.cli.telling import telling

if TYPE_CHECKING:
    from headgate.settings import Settings

MODULE = "headgate.cli"
SAMPLE_S = 20.0
"""How long the start may take longer for the sample: without a worker nobody would ever load it."""


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on, in place of HEADGATE_HOST.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; 0 takes any free one.")] = None,
    with_link: Annotated[
        bool | None,
        typer.Option(
            "--link/--no-link",
            help="Whether links are printed that sign an administrator in: by default at a terminal and with --sample; "
            "never where HEADGATE_PRODUCTION is set.",
        ),
    ] = None,
    with_sample: Annotated[
        bool, typer.Option("--sample", help="Load sample data first: loans, sales, campaigns and a pipeline.")
    ] = False,
) -> None:
    """Serve until SIGTERM or Ctrl-C. Prints links, and "ready" once a request to itself has succeeded."""
    settings = read_settings(host=host, port=port)
    is_for_people = (with_sample or sys.stdout.isatty()) if with_link is None else with_link
    with telling("server", settings):  # before kinds of other packages are loaded, which is logged
        _serve(settings, with_sample=with_sample, with_link=is_for_people)


def _serve(settings: "Settings", *, with_sample: bool, with_link: bool) -> None:
    from headgate.garbage import keeping_all

    with keeping_all():
        from headgate.server import serving
        from headgate.server.app import create_app
    from headgate.server.connections import ConnectionLimits

    with failing_in_one_line():
        application = create_app(settings)
        listener = serving.listen(settings.host, settings.port)
    url = serving.url_of(listener)
    say(f"Headgate serves {url}/graphql")
    welcome = partial(_welcome, settings, url, with_sample=with_sample, with_link=with_link)
    raise_limit(settings.max_connections)
    limits = ConnectionLimits(settings.read_seconds, settings.max_connections, settings.max_frame_bytes)
    if not serving.run(application, listener, limits=limits, on_ready=welcome):
        raise typer.Exit(Exit.UNREACHABLE)


async def _welcome(settings: "Settings", url: str, *, with_sample: bool, with_link: bool) -> None:
    """Load the sample where it is wanted, and say where people find what there is."""
    import asyncio

    from headgate.server.preparation import token_for_link

    shows_token = with_link and not settings.production
    token = await token_for_link(settings) if with_sample or shows_token else ""
    with suppress(typer.Exit):  # a server goes on when nobody reads what it prints
        if with_sample:
            await asyncio.to_thread(_load_sample, url, token)
        print_links(url, token if shows_token else None)
        say("ready")


def _load_sample(url: str, token: str) -> None:
    """Load the sample, and say what has come of it."""
    from headgate.client import HeadgateError
    from headgate.sample.loading import load

    try:
        jobs = load(url, token, timeout_s=SAMPLE_S)
    except HeadgateError as error:
        print(f"headgate: The sample is not complete. {error}", file=sys.stderr)
        return
    names = ", ".join(job.dataset.name for job in jobs if job.dataset is not None)
    say(f"Sample datasets: {names}")


def worker(
    processes: Annotated[
        int, typer.Option(help="How many processes; one that ends is started again.", min=1, max=64)
    ] = 1,
    tied: Annotated[bool, typer.Option(help="Stop when standard input ends.", hidden=True)] = False,
) -> None:
    """Run the jobs that wait in Redis, until SIGTERM or Ctrl-C; prints "ready" once it takes some.

    A process runs HEADGATE_WORKERS jobs at once. Jobs that are running when it is told to stop may go on for
    HEADGATE_GRACE_SECONDS, and are then handed back.
    """
    from headgate.garbage import keeping_all

    with keeping_all():
        from headgate.server import processes as several
        from headgate.server.assembly import make_pool
        from headgate.server.worker_process import work

    settings = read_settings()
    if settings.redis_url is None:
        fail("Set HEADGATE_REDIS_URL: without Redis the server runs the jobs itself.", Exit.USAGE)
    with telling("worker", settings):
        if processes > 1:
            carry_out(several.keep_running([sys.executable, "-m", MODULE, "worker", "--tied"], processes))
        else:
            pool = make_pool(settings, settings.workers)
            carry_out(work(settings, pool, tied=tied, on_ready=lambda: print("ready", flush=True)))
