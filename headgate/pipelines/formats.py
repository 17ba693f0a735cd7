"""What a file is: its format, told from its first bytes and held against its name."""

import re
import zipfile
from pathlib import Path, PurePosixPath

import orjson

from headgate.errors import JobFault
from headgate.pipelines import compression
from headgate.pipelines import dialect as dialects
from headgate.pipelines.damage import readable
from headgate.pipelines.dialect import NOTHING_GIVEN, Dialect, GivenDialect
from headgate.pipelines.encodings import decode_sample, detect_encoding
from headgate.pipelines.prepared import Prepared, Reader, Source, Watch
from headgate.pipelines.readers import columnar, delimited, excel, json
from headgate.pipelines.rejections import RejectionLog
from headgate.storage.formats import DELIMITED, TEXT_FORMATS, FileFormat

SNIFF_BYTES = 64 << 10
LINE_BYTES = 16 << 20
"""So much is read to see the end of a first line that is longer than the head."""
READERS: dict[FileFormat, Reader] = {
    FileFormat.CSV: delimited.read,
    FileFormat.TSV: delimited.read,
    FileFormat.JSON: json.read_json,
    FileFormat.NDJSON: json.read_ndjson,
    FileFormat.PARQUET: columnar.read_parquet,
    FileFormat.ARROW: columnar.read_arrow,
    FileFormat.EXCEL: excel.read,
}
ENDINGS = {
    ".csv": FileFormat.CSV,
    ".tsv": FileFormat.TSV,
    ".tab": FileFormat.TSV,
    ".json": FileFormat.JSON,
    ".geojson": FileFormat.JSON,
    ".ndjson": FileFormat.NDJSON,
    ".jsonl": FileFormat.NDJSON,
    ".parquet": FileFormat.PARQUET,
    ".pq": FileFormat.PARQUET,
    ".arrow": FileFormat.ARROW,
    ".feather": FileFormat.ARROW,
    ".ipc": FileFormat.ARROW,
    ".xlsx": FileFormat.EXCEL,
    ".xlsm": FileFormat.EXCEL,
}
TEXT_ENDINGS = {".txt", ".dat", ".log", ""}
MIN_CONFIDENCE = 0.5
JSON_START = re.compile(r'\{\s*["}]|\[\s*[\[{"\]]')
FOREIGN_MAGIC = (
    b"\x89PNG",
    b"\xff\xd8\xff",
    b"GIF8",
    b"%PDF",
    b"\x7fELF",
    b"Rar!",
    b"7z\xbc\xaf",
    b"\xd0\xcf\x11\xe0",
)
SUPPORTED = "CSV, TSV, JSON, NDJSON (these also packed with gzip or zstd), Parquet, Arrow or Excel (.xlsx)"


def read(source: Source, scratch: Path, log: RejectionLog, watch: Watch) -> Prepared:
    """Read a file with the reader of its format, unpacked where it is packed.

    Raises JobFault: UNREADABLE_FILE, FILE_TOO_LARGE, or what the reader raises.
    """
    if source.format in TEXT_FORMATS:
        source = compression.unpack(source, scratch, watch)
    with readable(source.format):
        return READERS[source.format](source, scratch, log, watch)


def identify(
    path: Path, name: str, given: FileFormat | None = None, dialect: GivenDialect = NOTHING_GIVEN
) -> FileFormat:
    """The format of a file, of which the format or something of its dialect may be given.

    Raises JobFault: EMPTY_FILE, UNREADABLE_FILE, UNSUPPORTED_FORMAT, or FORMAT_MISMATCH where its name or sender says
    otherwise.
    """
    is_packed = compression.packing_of(path) is not None
    head, whole = compression.read_head(path, SNIFF_BYTES)
    if is_packed and not head and not whole:
        raise JobFault("UNREADABLE_FILE", compression.DAMAGED, "DATA")
    if not _decoded(head, dialect).strip():
        raise JobFault("EMPTY_FILE", "The file is empty. Send one that holds data.", "DATA")
    ending = PurePosixPath(compression.unpacked_name(name.lower())).suffix
    named = given or ENDINGS.get(ending)
    found = _sniff(path, head, named, dialect)
    if found is None or (is_packed and found not in TEXT_FORMATS):
        message = f"The content is none of {SUPPORTED}. Convert the file first."
        raise JobFault("UNSUPPORTED_FORMAT", message, "DATA")
    if named is None and found in DELIMITED and ending not in TEXT_ENDINGS and not _is_table(head, dialect):
        message = f"Nothing tells what a *{ending} file is. Send {SUPPORTED}, or say its format."
        raise JobFault("UNSUPPORTED_FORMAT", message, "DATA")
    if named is not None and _family(found) != _family(named):
        claim = "The format given is" if given else "The name says"
        message = (
            f"{claim} {named.value}, but the content is {found.value}. Send the file under its true format."
        )
        raise JobFault("FORMAT_MISMATCH", message, "DATA")
    return named if named is not None and found in DELIMITED else found


def _family(format: FileFormat) -> FileFormat:
    """CSV and TSV differ in the delimiter alone, which is found anyway; many a .json file holds NDJSON."""
    return {FileFormat.TSV: FileFormat.CSV, FileFormat.NDJSON: FileFormat.JSON}.get(format, format)


def _sniff(path: Path, head: bytes, named: FileFormat | None, dialect: GivenDialect) -> FileFormat | None:
    """The format of the content; text that is no JSON counts as delimited."""
    if head.startswith(b"PAR1"):
        return FileFormat.PARQUET
    if head.startswith(b"ARROW1"):
        return FileFormat.ARROW
    if head.startswith(b"PK\x03\x04"):
        return FileFormat.EXCEL if _is_workbook(path) else None
    if head.startswith(FOREIGN_MAGIC) or not _is_text(head, dialect):
        return None
    text = _decoded(head, dialect).lstrip()
    if JSON_START.match(text) or (text[:1] in ("{", "[") and named not in DELIMITED):
        return FileFormat.NDJSON if _is_ndjson(path, text, named) else FileFormat.JSON
    return FileFormat.TSV if _detected(head, dialect).delimiter == "\t" else FileFormat.CSV


def _decoded(head: bytes, dialect: GivenDialect = NOTHING_GIVEN) -> str:
    return decode_sample(head, dialect.encoding or detect_encoding(head))


def _is_text(head: bytes, dialect: GivenDialect) -> bool:
    """Text has no control characters but white space, and what is given as delimiter; UTF-16 is text too."""
    text = _decoded(head, dialect)
    marks = "\t\r\n\f\x1b" + (dialect.delimiter or "")
    controls = sum(1 for character in text if character < " " and character not in marks)
    return controls <= len(text) // 1000


def _is_table(head: bytes, dialect: GivenDialect) -> bool:
    return dialect.delimiter is not None or _detected(head, dialect).confidence > MIN_CONFIDENCE


def _detected(head: bytes, dialect: GivenDialect) -> Dialect:
    return dialects.detect(head, complete=len(head) < SNIFF_BYTES, given=dialect)


def _is_ndjson(path: Path, text: str, named: FileFormat | None) -> bool:
    """Whether each line is an object of its own, as the name says or the first lines show."""
    if named is FileFormat.NDJSON or not text.startswith("{"):
        return text.startswith("{")
    if "\n" not in text:
        text = _decoded(compression.read_head(path, LINE_BYTES)[0]).lstrip()
    first, _, rest = text.partition("\n")
    return rest.lstrip()[:1] == "{" and _parses(first)


def _parses(line: str) -> bool:
    try:
        return isinstance(orjson.loads(line), dict)
    except orjson.JSONDecodeError:
        return False


def _is_workbook(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            return "xl/workbook.xml" in archive.namelist()
    except (zipfile.BadZipFile, OSError):
        return False
