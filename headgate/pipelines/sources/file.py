"""The source `file`."""

from typing import Any, ClassVar

from pydantic import Field

from headgate.pipelines.sources.dialect_settings import DialectSettings
from headgate.pipelines.sources.source import SourceKind
from headgate.storage.formats import FileFormat


class FileSource(SourceKind):
    """An uploaded file: this one, or one that each run names as its data.

    What the file is and how it is written is found, as far as it isn't given.
    """

    kind: ClassVar[str] = "file"
    example: ClassVar[dict[str, Any]] = {"dialect": {"delimiter": ";"}}
    needs: ClassVar[tuple[str, ...]] = ("a file, given as `data` with each run",)

    id: str | None = Field(
        default=None,
        description="The id of the file, which `upload` answered; without one each run names its data.",
    )
    format: FileFormat | None = Field(
        default=None, description="What the file is; told from its content by default."
    )
    dialect: DialectSettings | None = Field(default=None, description="How CSV or TSV is written.")
