"""Pipelines: listed, applied, run."""

from collections.abc import AsyncGenerator
from typing import Unpack

import yaml as yaml_parser

from headgate.client.arguments import Given
from headgate.client.core import ERRORS
from headgate.client.errors import Refused
from headgate.client.intake import Intake, Path
from headgate.client.models import Job, Pipeline
from headgate.client.shapes import read, selection
from headgate.client.uploads import OnProgress

ANSWER = f"{{ pipeline {{ {selection(Pipeline)} }} {ERRORS} }}"
CREATE = f"mutation ($input: CreatePipelineInput!) {{ createPipeline(input: $input) {ANSWER} }}"
UPDATE = f"mutation ($input: UpdatePipelineInput!) {{ updatePipeline(input: $input) {ANSWER} }}"


class Pipelines(Intake):
    """What is done with pipelines."""

    async def pipeline(self, name: str) -> Pipeline:
        """Read a pipeline in its newest version. Raises NotFound."""
        return await self._one(Pipeline, "pipeline", "name", name)

    def pipelines(
        self, *, name_contains: str | None = None, enabled: bool | None = None
    ) -> AsyncGenerator[Pipeline, None]:
        """Yield pipelines in the order of their names."""
        filter = {"name_contains": name_contains, "enabled": enabled}
        return self._all(Pipeline, "pipelines", "PipelineFilter", filter)

    async def apply_pipeline(self, yaml: str, *, name: str | None = None) -> Pipeline:
        """Make a pipeline of a YAML document, or let the one of that name be as the document says.

        Its name is the document's, unless one is given. Applied again unchanged it makes no new version. Raises
        ValueError for a document without a name, and Refused with the path to each mistake in it.
        """
        name = name or _name_in(yaml)
        given = {"input": {"name": name, "yaml": yaml}}
        try:
            payload = await self._wire.change(UPDATE, "updatePipeline", given)
        except Refused as refused:
            if refused.code != "NOT_FOUND":
                raise
            payload = await self._wire.change(CREATE, "createPipeline", given)
        return read(Pipeline, payload["pipeline"])

    async def run_pipeline(
        self,
        name: str,
        path: Path | None = None,
        *,
        on_progress: OnProgress | None = None,
        **given: Unpack[Given],
    ) -> Job:
        """Start a run of a pipeline, over its own source or over what is given, as to `ingest`. Raises Refused."""
        data = await self._data(path, given, on_progress)
        return await self._start("runPipeline", "RunPipelineInput", {"name": name, **data})


def _name_in(yaml: str) -> str:
    """Find the name at the top of a document; this loader makes texts, lists and dicts alone."""
    try:
        document = yaml_parser.load(yaml, yaml_parser.BaseLoader)  # noqa: S506
    except yaml_parser.YAMLError:
        document = None
    name = document.get("name") if isinstance(document, dict) else None
    if not isinstance(name, str) or not name:
        raise ValueError("The YAML document has no name at its top: give `name`.")
    return name
