"""What the image brings beside Headgate does what the image, and compose.yaml, use it for."""

import subprocess
import sys
from pathlib import Path

from demo.server import free_port
from tests.acceptance.processes import Headgate
from tests.buckets import Store

FOLDER = Path(__file__).parents[2] / "deploy" / "container"


def run(script: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run a script as the image does, with these settings."""
    environment = {f"HEADGATE_{name.upper()}": value for name, value in settings.items()}
    aws = {"AWS_ACCESS_KEY_ID": "AKIATESTING", "AWS_SECRET_ACCESS_KEY": "not-a-secret-but-a-key"}
    return subprocess.run(
        [sys.executable, FOLDER / script],
        env={"PYTHONPATH": str(FOLDER.parents[1]), **aws, **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_a_server_that_answers_is_alive(shared_headgate: Headgate) -> None:
    done = run("is_alive.py", port=shared_headgate.url.rpartition(":")[2])

    assert (done.returncode, done.stderr) == (0, "")


def test_a_server_that_is_gone_is_not() -> None:
    done = run("is_alive.py", port=str(free_port()))

    assert done.returncode == 1
    assert "can't be reached" in done.stderr


def test_a_bucket_is_made_once(own_bucket: Store) -> None:
    settings = {"store_url": "s3://made-by-compose/store", "s3_endpoint_url": own_bucket.url}

    for _ in range(2):
        done = run("make_bucket.py", **settings)
        assert (done.returncode, done.stdout) == (0, "The bucket made-by-compose is there.\n"), done.stderr
    names = [bucket["Name"] for bucket in own_bucket.client.list_buckets()["Buckets"]]
    assert names.count("made-by-compose") == 1


def test_where_no_bucket_is_named_none_is_made() -> None:
    done = run("make_bucket.py")

    assert (done.returncode, done.stderr) == (1, "HEADGATE_STORE_URL names no bucket.\n")
