"""Text that was packed with gzip or zstd: unpacked in bounded memory, as far as it is whole."""

import sys
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO, Protocol

from headgate.errors import JobFault
from headgate.pipelines.prepared import Source, Watch

if sys.version_info >= (3, 14):
    from compression.zstd import ZstdDecompressor, ZstdError
else:
    from backports.zstd import ZstdDecompressor, ZstdError

PIECE_BYTES = 64 << 10
BLOCK_BYTES = 1 << 20
DOUBTFUL_PIECES = 2
"""What was unpacked from so many pieces before a fault may be wrong already: deflate notices late."""
BASE_BYTES = 1 << 30
MAX_RATIO = 100
"""A packed file may unpack to BASE_BYTES and so many times its own size."""
WRONG_SUM = ("incorrect data check", "incorrect length check", "match checksum")
DAMAGED = "The packed file is damaged, so nothing that it holds can be trusted. Pack and send it again."


class Decompressor(Protocol):
    """Unpacks one member of a file; `eof` once it has ended, `unused_data` is what stands behind it."""

    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Packing:
    """A way to pack a file: the bytes that it begins with, the endings of its name, and what unpacks it."""

    magic: bytes
    endings: tuple[str, ...]
    decompressor: Callable[[], Decompressor]


PACKINGS = (
    Packing(b"\x1f\x8b", (".gz", ".gzip"), lambda: zlib.decompressobj(wbits=31)),
    Packing(b"\x28\xb5\x2f\xfd", (".zst", ".zstd"), ZstdDecompressor),
)


class CutOff(Exception):
    """The packed file ends before what it holds does, or something else follows it."""


def packing_of(path: Path) -> Packing | None:
    """How a file is packed; None where it isn't."""
    with path.open("rb") as file:
        head = file.read(8)
    return next((packing for packing in PACKINGS if head.startswith(packing.magic)), None)


def unpacked_name(name: str) -> str:
    """The name without the ending that says how it is packed."""
    endings = (ending for packing in PACKINGS for ending in packing.endings)
    return next((name[: -len(ending)] for ending in endings if name.endswith(ending)), name)


def read_head(path: Path, size: int) -> tuple[bytes, bool]:
    """So many bytes of a file, unpacked where it is packed, and whether they are all of it and whole."""
    packing = packing_of(path)
    with path.open("rb") as file:
        if packing is None:
            head = file.read(size + 1)
            return head[:size], len(head) <= size
        head = b""
        try:
            for block in _unpacked(file, packing):
                head += block
                if len(head) > size:
                    return head[:size], False
        except (CutOff, zlib.error, ZstdError):
            return head, False
    return head, True


def unpack(source: Source, scratch: Path, watch: Watch) -> Source:
    """The source itself, or its unpacked copy in `scratch`; one that is cut off is copied as far as it is whole.

    Raises JobFault: FILE_TOO_LARGE, and UNREADABLE_FILE where nothing of it can be trusted.
    """
    packing = packing_of(source.path)
    if packing is None:
        return source
    copy = scratch / "unpacked"
    with source.path.open("rb") as packed, copy.open("wb") as target:
        cut_off = _copy(packed, packing, target, watch)
    return replace(source, path=copy, cut_off=cut_off)


def _copy(packed: BinaryIO, packing: Packing, target: BinaryIO, watch: Watch) -> bool:
    """Unpack a file into another; answers whether it is cut off."""
    limit = BASE_BYTES + MAX_RATIO * Path(packed.name).stat().st_size
    trusted = [0] * DOUBTFUL_PIECES
    read = 0
    try:
        for block in _unpacked(packed, packing):
            if packed.tell() > read:
                read, trusted = packed.tell(), [*trusted[1:], target.tell()]
            if target.tell() + len(block) > limit:
                raise JobFault("FILE_TOO_LARGE", f"The file unpacks to more than {limit >> 20} MiB.", "DATA")
            target.write(block)
            watch("reading")
    except CutOff:
        return _some(target.tell())
    except (zlib.error, ZstdError) as error:
        if any(words in str(error) for words in WRONG_SUM):
            raise JobFault("UNREADABLE_FILE", DAMAGED, "DATA") from error
        return _some(target.truncate(target.seek(trusted[0])))
    return False


def _some(size: int) -> bool:
    if not size:
        raise JobFault("UNREADABLE_FILE", DAMAGED, "DATA")
    return True


def _unpacked(file: BinaryIO, packing: Packing) -> Iterator[bytes]:
    """What a packed file holds, member by member. Raises CutOff, and what the decompressor of a damaged one raises."""
    data = file.read(PIECE_BYTES)
    while data:
        if not data.startswith(packing.magic):
            raise CutOff
        member = packing.decompressor()
        while not member.eof:
            block = member.decompress(data, BLOCK_BYTES)
            data = getattr(member, "unconsumed_tail", b"")
            yield block
            if not (member.eof or data) and len(block) < BLOCK_BYTES and getattr(member, "needs_input", True):
                data = file.read(PIECE_BYTES)
                if not data:
                    raise CutOff
        data = (member.unused_data or file.read(PIECE_BYTES)).lstrip(b"\x00")
        if len(data) < len(packing.magic):
            data += file.read(PIECE_BYTES)
