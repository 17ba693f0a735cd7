"""A child that does what its task tells it to, or the task's source, over the protocol of the engine's process."""

import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

for line in sys.stdin:
    task: dict[str, Any] = json.loads(line)
    if "source" in task:
        task |= json.loads(Path(task["source"]["object"]["path"]).read_text())
    held = bytearray(task.get("bytes", 0))
    heard = []
    for message in task.get("say", []):
        print(json.dumps(message | {"pid": os.getpid()}), flush=True)
        if "asks" in message:
            heard.append(json.loads(next(sys.stdin)))
    if "listen" in task.get("then", ""):
        heard.append(json.loads(next(sys.stdin)))
    print(task.get("raw", ""), end="", flush=True)
    if "die" in task.get("then", ""):
        os.kill(os.getpid(), task.get("signal", signal.SIGKILL))
    if "exit" in task:
        sys.exit(task["exit"])
    if task.get("then") == "hang":
        time.sleep(3600)
    result = {"pid": os.getpid(), "heard": heard, "ingested": None}
    print(json.dumps(task.get("answer", {"result": result})), flush=True)
    del held
