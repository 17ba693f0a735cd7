"""The source `text`."""

from typing import Any, ClassVar

from pydantic import Field

from headgate.pipelines.sources.dialect_settings import DialectSettings
from headgate.pipelines.sources.source import SourceKind
from headgate.storage.formats import FileFormat


class TextSource(SourceKind):
    """A text that stands in the spec itself, as it would stand in a file."""

    kind: ClassVar[str] = "text"
    example: ClassVar[dict[str, Any]] = {"format": "CSV", "content": "id,city\n1,Oslo\n2,Lima\n"}

    format: FileFormat = Field(description="What the text is: CSV, TSV, JSON or NDJSON.")
    content: str = Field(description="The text itself.")
    dialect: DialectSettings | None = Field(default=None, description="How CSV or TSV is written.")
