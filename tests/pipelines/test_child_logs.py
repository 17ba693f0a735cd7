"""Lines that a process of the engine logs have what those of whoever sent the task have, in the same format."""

import json
import subprocess

from headgate.jobs.children import ENGINE

NOTED = {"job_id": "job_1", "attempt": 2, "request_id": "r1", "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736"}
IMPOSSIBLE = {"task": "nothing that it knows"}


def test_a_task_is_logged_with_the_ids_that_came_with_it_and_the_next_one_without() -> None:
    tasks = [{**IMPOSSIBLE, "noted": NOTED}, IMPOSSIBLE]
    with subprocess.Popen(
        [*ENGINE, "json"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        for task in tasks:
            process.stdin.write(json.dumps(task) + "\n")
            process.stdin.flush()
            assert json.loads(process.stdout.readline())["failure"]["code"] == "INTERNAL"
        process.stdin.close()
        first, second = map(json.loads, process.stderr.read().splitlines())

    assert {name: first[name] for name in NOTED} == NOTED
    assert first["event"] == second["event"] == "task failed"
    assert not second.keys() & NOTED.keys()
