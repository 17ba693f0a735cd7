"""The encoding of a text, told from its first bytes."""

import codecs
import re

BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
WIDE = ("utf-32-le", "utf-32-be", "utf-16-le", "utf-16-be")
CONTROLS = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f\ufdd0-\ufdef\ufffd-\uffff]")


def detect_encoding(head: bytes) -> str:
    """UTF-8, or what a byte order mark, zero bytes or invalid UTF-8 say instead."""
    for mark, encoding in BOMS:
        if head.startswith(mark):
            return encoding
    if 0 in head and (wide := _wide_encoding(head)):
        return wide
    return "utf-8" if _mostly_utf8(head) else "cp1252"


def _wide_encoding(head: bytes) -> str | None:
    """Of UTF-16 and UTF-32 the one in which nearly all is text, in lines where there is enough of it."""
    for encoding in WIDE:
        text = head.decode(encoding, errors="replace")[:-1] or "\x00"
        odd = len(CONTROLS.findall(text))
        if odd <= len(text) // 20 and _zeros_fit(head, encoding):
            return encoding
    return None


def _zeros_fit(head: bytes, encoding: str) -> bool:
    """Whether the zero bytes stand where those of ASCII characters stand in the encoding."""
    width = 4 if "32" in encoding else 2
    high = [head[index::width].count(0) for index in range(width)]
    low = high.pop(0 if encoding.endswith("le") else -1)
    return low * 10 <= max(high) and max(high) > 0


def _mostly_utf8(head: bytes) -> bool:
    """Whether most of the non-ASCII text is valid UTF-8: a few bad rows don't make it another encoding."""
    text = head.decode("utf-8", errors="replace")
    broken = text.count("\ufffd")
    if broken <= 1:
        return True
    return sum(1 for character in text if ord(character) > 127) > 2 * broken


def decode_sample(head: bytes, encoding: str) -> str:
    """The sample as text, byte order mark and a character cut off at its end left out."""
    return head.decode(encoding, errors="replace").removeprefix("\ufeff").rstrip("\ufffd")
