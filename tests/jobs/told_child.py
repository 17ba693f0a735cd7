"""A child that does what its task tells it to, over the protocol of the engine's process."""

import json
import os
import signal
import sys
import time
from typing import Any

for line in sys.stdin:
    task: dict[str, Any] = json.loads(line)
    held = bytearray(task.get("bytes", 0))
    for message in task.get("say", []):
        print(json.dumps(message | {"pid": os.getpid()}), flush=True)
    if task.get("then") == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    if task.get("then") == "hang":
        time.sleep(3600)
    print(json.dumps(task.get("answer", {"result": {"pid": os.getpid()}})), flush=True)
    del held
