"""What commands need that do not serve."""

import subprocess
import sys

import pytest

HEAVY = {"polars", "deltalake", "strawberry", "starlette", "uvicorn"}
PROTOCOLS = {"httpx", "pydantic", "rich", "asyncio"}
DATABASE = {"sqlalchemy", "alembic", "asyncpg", "structlog"}


@pytest.mark.parametrize(
    ("module", "unneeded"),
    [
        ("headgate.server.app", {"aioboto3"}),
        ("headgate.server.preparation", HEAVY),
        ("headgate.cli.main", HEAVY | DATABASE | PROTOCOLS),
    ],
)
def test_a_short_command_does_not_import_what_only_a_server_needs(module: str, unneeded: set[str]) -> None:
    code = f"import {module}, sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not unneeded & set(done.stdout.split())
