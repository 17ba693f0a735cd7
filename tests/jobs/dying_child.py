"""The engine's process, which is killed once: just before or just after the job's commit, as its argument says."""

import os
import signal
import sys
from typing import Any

from headgate.pipelines import child
from headgate.pipelines.sinks import writing as sink

commit = sink.commit


def die_around_commit(*args: Any, **options: Any) -> None:
    if sys.argv[1] == "after":
        commit(*args, **options)
    os.kill(os.getpid(), signal.SIGKILL)


sink.commit = die_around_commit  # type: ignore[assignment]
child.main()
