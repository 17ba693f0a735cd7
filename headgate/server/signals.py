"""Signals of the operating system that end a process in order."""

import asyncio
import signal


def until_told_to_stop() -> asyncio.Event:
    """Make an event that is set by SIGTERM and SIGINT, which from now on do nothing else."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    return stopping
