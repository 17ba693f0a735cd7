"""Every setting that a file about deployment names is one."""

import re
from pathlib import Path

import pytest

from headgate.settings import ENV_PREFIX, Settings

ROOT = Path(__file__).parents[2]
FILES = sorted(
    path.relative_to(ROOT).as_posix()
    for path in [
        ROOT / "Dockerfile",
        ROOT / "compose.yaml",
        ROOT / ".env.example",
        *(ROOT / "deploy").rglob("*"),
    ]
    if path.is_file() and "__pycache__" not in path.parts
)
KNOWN = {f"{ENV_PREFIX}{name.upper()}" for name in Settings.model_fields}


@pytest.mark.parametrize("file", FILES)
def test_settings_that_are_named_exist(file: str) -> None:
    named = set(re.findall(rf"\b{ENV_PREFIX}[A-Z0-9_]+", (ROOT / file).read_text()))

    assert named <= KNOWN
