"""Small files that grow to many times their size, or nest without end, for whoever reads them."""

import gzip
import io
import struct
import sys
import zipfile
from collections.abc import Callable, Mapping

import polars as pl

if sys.version_info >= (3, 14):
    from compression.zstd import compress as zstd
else:
    from backports.zstd import compress as zstd

MIB = 1 << 20
SHEET = "xl/worksheets/sheet1.xml"
NAMESPACE = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
LAUGHS = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 20}">' for n in range(1, 9))


def packed(content: bytes, times: int) -> bytes:
    """Gzip members that hold the same content again and again."""
    return gzip.compress(content, mtime=0) * times


def workbook(rows: str, *, strings: str = "", doctype: str = "", more: int = 0) -> bytes:
    """A workbook of one sheet with these rows, and so many members more."""
    relations = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    types = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    files = {
        "[Content_Types].xml": (
            '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
            f'<Override PartName="/xl/workbook.xml" ContentType="{types}.sheet.main+xml"/>'
            f'<Override PartName="/{SHEET}" ContentType="{types}.worksheet+xml"/>'
            f'<Override PartName="/xl/sharedStrings.xml" ContentType="{types}.sharedStrings+xml"/></Types>'
        ),
        "_rels/.rels": (
            '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
            f'<Relationship Id="r1" Type="{relations}/officeDocument" Target="xl/workbook.xml"/></Relationships>'
        ),
        "xl/workbook.xml": (
            f'{doctype}<workbook {NAMESPACE} xmlns:r="{relations}"><sheets>'
            '<sheet name="a" sheetId="1" r:id="r1"/></sheets></workbook>'
        ),
        "xl/_rels/workbook.xml.rels": (
            '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
            f'<Relationship Id="r1" Type="{relations}/worksheet" Target="worksheets/sheet1.xml"/>'
            f'<Relationship Id="r2" Type="{relations}/sharedStrings" Target="sharedStrings.xml"/></Relationships>'
        ),
        SHEET: f"{doctype}<worksheet {NAMESPACE}><sheetData>{rows}</sheetData></worksheet>",
        "xl/sharedStrings.xml": f"{doctype}<sst {NAMESPACE}>{strings}</sst>",
    }
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, text in files.items():
            archive.writestr(name, text)
        for number in range(more):
            archive.writestr(f"more{number}", b"")
    return target.getvalue()


def said_to_be(size: int, content: bytes) -> bytes:
    """A workbook whose directory says that each of its members has this size."""
    found = bytearray(content)
    at = 0
    while (at := found.find(b"PK\x01\x02", at)) >= 0:
        struct.pack_into("<I", found, at + 24, size)
        at += 4
    return bytes(found)


def cell(value: str, place: str = "A1", kind: str = "inlineStr") -> str:
    inner = f"<is><t>{value}</t></is>" if kind == "inlineStr" else f"<v>{value}</v>"
    return f'<c r="{place}" t="{kind}">{inner}</c>'


def parquet(frame: pl.DataFrame) -> bytes:
    target = io.BytesIO()
    frame.write_parquet(target, compression="zstd", row_group_size=1 << 30)
    return target.getvalue()


def one_text(rows: int, length: int) -> bytes:
    """One long text, so many times."""
    return parquet(pl.DataFrame({"a": pl.repeat("x" * length, rows, eager=True)}))


def nested_type(depth: int) -> bytes:
    kind: pl.DataType = pl.Int64()
    for _ in range(depth):
        kind = pl.List(kind)
    return parquet(pl.DataFrame({"a": [None]}, schema={"a": kind}))


def lying_footer() -> bytes:
    content = parquet(pl.DataFrame({"a": range(100)}))
    return content[:-8] + struct.pack("<I", 0x7FFF_FFF0) + content[-4:]


def arrow(frame: pl.DataFrame) -> bytes:
    target = io.BytesIO()
    frame.write_ipc(target, compression="zstd")
    return target.getvalue()


def nested_json(depth: int, opening: str = "[", closing: str = "]") -> bytes:
    return (opening * depth + closing * depth).encode()


MANY = 100_000
BOMBS: Mapping[str, tuple[str, Callable[[], bytes]]] = {
    "zeros in gzip": ("a.csv.gz", lambda: packed(b"a,b\n" + b"0" * (64 * MIB), 18)),
    "gzip in gzip": ("a.csv.gz.gz", lambda: gzip.compress(packed(b"\0" * (64 * MIB), 20))),
    "zstd": ("a.csv.zst", lambda: zstd(b"0" * (64 * MIB)) * 17),
    "a workbook that owns up": (
        "a.xlsx",
        lambda: said_to_be(0xFFFF_FFF0, workbook(f"<row>{cell('a')}</row>")),
    ),
    "a cell of zeros": ("a.xlsx", lambda: workbook(f"<row>{cell('0' * (60 * MIB))}</row>")),
    "a workbook that lies": (
        "a.xlsx",
        lambda: said_to_be(10, workbook(f"<row>{cell('0' * (60 * MIB))}</row>")),
    ),
    "a workbook of many members": (
        "a.xlsx",
        lambda: workbook(f"<row>{cell('a')}</row>", more=20_000),
    ),
    "a billion laughs": (
        "a.xlsx",
        lambda: workbook(f"<row>{cell('&a8;')}</row>", doctype=f'<!DOCTYPE a [<!ENTITY a0 "ha">{LAUGHS}]>'),
    ),
    "an outside entity": (
        "a.xlsx",
        lambda: workbook(
            f"<row>{cell('&a;')}</row>", doctype='<!DOCTYPE a [<!ENTITY a SYSTEM "file:///etc/passwd">]>'
        ),
    ),
    "one string, shared": (
        "a.xlsx",
        lambda: workbook(
            "".join(f"<row>{cell('0', f'A{n}', 's') * 50}</row>" for n in range(1, 20)),
            strings=f"<si><t>{'x' * MIB}</t></si>",
        ),
    ),
    "a row far down": ("a.xlsx", lambda: workbook(f'<row r="2000000000">{cell("a", "A2000000000")}</row>')),
    "a column far right": ("a.xlsx", lambda: workbook(f"<row>{cell('a', 'ZZZZZZ1')}</row>")),
    "one text in Parquet": ("a.parquet", lambda: one_text(2_000_000, 300)),
    "a long text in Parquet": ("a.parquet", lambda: one_text(20, 30_000_000)),
    "a footer that lies": ("a.parquet", lying_footer),
    "deep types in Parquet": ("a.parquet", lambda: nested_type(150)),
    "zeros in Arrow": ("a.arrow", lambda: arrow(pl.DataFrame({"a": pl.zeros(10_000_000, eager=True)}))),
    "deep arrays": ("a.json", lambda: nested_json(100_000)),
    "deep objects": ("a.json", lambda: nested_json(100_000, '{"a":', "}")),
    "a deep record": ("a.json", lambda: b'[{"a":' + nested_json(100_000) + b"}]"),
    "a deep line": ("a.ndjson", lambda: b'{"a":' + nested_json(100_000) + b"}\n"),
    "a document that only opens": ("a.json", lambda: b"[" * 5_000_000),
    "one long line": ("a.csv", lambda: b"a,b\n1," + b"x" * (60 * MIB)),
    "one long quoted cell": ("a.csv", lambda: b'a,b\n1,"' + b"x\n" * (10 * MIB)),
    "one long line of JSON": ("a.ndjson", lambda: b'{"a": "' + b"x" * (70 * MIB)),
    "a million headers": ("a.csv", lambda: ",".join(f"c{n}" for n in range(1_000_000)).encode() + b"\n"),
    "half a million columns": ("a.csv", lambda: b"," * 500_000 + b"\n" + b"1," * 500_000 + b"\n"),
    "a million keys": (
        "a.ndjson",
        lambda: ("{" + ",".join(f'"k{n}":1' for n in range(1_000_000)) + "}\n").encode(),
    ),
    "new keys in every record": (
        "a.ndjson",
        lambda: "".join(f'{{"k{n}":1}}\n' for n in range(MANY)).encode(),
    ),
}
