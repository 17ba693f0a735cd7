"""Why a child process gave no answer to its task, in the words that whoever waits for it gets."""

import signal

from headgate.domain.ports import ProcessDied, TaskFault, TimedOut

MIB = 1024**2


def ended(exit_code: int) -> ProcessDied:
    """It ended by itself or was killed: a negative code is the number of the signal that did it."""
    details: dict[str, int | str]
    if exit_code >= 0:
        how, details = f"ended with exit status {exit_code}", {"exitStatus": exit_code}
    elif exit_code == -signal.SIGABRT:
        how, details = "aborted (SIGABRT)", {"signal": "SIGABRT"}
    else:
        name = _signal_name(-exit_code)
        how, details = f"was killed by signal {-exit_code} ({name})", {"signal": name}
    message = (
        f"The process that worked on this {how} before it was done. Try again; the server's log says more."
    )
    return ProcessDied("CHILD_DIED", message, "SYSTEM", retryable=True, details=details)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"SIG{number}"


def out_of_memory(limit_bytes: int) -> ProcessDied:
    """It was killed because it used more memory than it may; it would again."""
    limit = limit_bytes // MIB
    return ProcessDied(
        "OUT_OF_MEMORY", f"This needs more than the {limit} MiB of memory it may use.", "SYSTEM"
    )


def timed_out(limit_s: float) -> TimedOut:
    """It was killed because its task took longer than it may."""
    message = (
        f"This took longer than the {limit_s:g} seconds it may take and was ended. "
        "Send less at once, or allow more time."
    )
    return TimedOut("TIMED_OUT", message, "SYSTEM", retryable=True)


def too_long(limit_bytes: int) -> TaskFault:
    """It was killed because it said more at once than anybody would read."""
    return TaskFault("ANSWER_TOO_LARGE", f"The answer has more than {limit_bytes // MIB} MiB.", "SYSTEM")


def garbled() -> ProcessDied:
    """It was killed because it said what nobody understands."""
    message = "The process that worked on this gave an answer that makes no sense. Try again."
    return ProcessDied("INTERNAL", message, "SYSTEM", retryable=True)


def closed() -> TaskFault:
    """There is no process any more: the task was not begun."""
    message = "The engine was shut down before it began with this. Try again."
    return TaskFault("CHILD_DIED", message, "SYSTEM", retryable=True)
