"""Puts the console and GraphiQL into wheels and source distributions."""

import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class PagesHook(BuildHookInterface):
    """Builds the pages where their sources are at hand and have changed, before they are packed.

    A source distribution has the built pages in it, so that no Node.js is needed to make a wheel of it. Where they
    can't be built, there is a wheel without them: its server says so at / and /graphiql. An editable installation
    builds nothing; `make pages` does that.
    """

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build them. Raises CalledProcessError for a mistake in them."""
        if version == "editable":
            return
        root = Path(self.root)
        if (root / "ui").exists():
            subprocess.run([sys.executable, root / "tools/build_pages.py", "--optional"], check=True)
        if not (root / "headgate/server/built_pages/index.html").exists():
            self.app.display_warning("There are no pages in this build: neither a console nor GraphiQL.")
