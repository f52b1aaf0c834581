"""How the bytes of a text file are to be read."""

import codecs
import re
from collections.abc import Iterator

from workflow_scripts.lib.readers.byte_stream import ByteStream

_CHUNK = 1 << 18  # bytes
_ENOUGH = 20  # two-byte characters, to be certain
_WIDE = re.compile(rb"[\x81-\xfe][\x40-\x7e\x80-\xfe]")
# Rows 1-3 (punctuation, full-width letters) and the 3,755 common characters of GB 2312: nearly all of modern Chinese,
# more than half of classical Chinese; a fifth of the pairs of bytes in UTF-8 that is misread as GB18030.
_COMMON = re.compile(rb"[\xa1-\xa3\xb0-\xd7][\xa1-\xfe]")
_COMMON_SHARE = 0.5


def encoding_of(sample: bytes) -> str:
    """Return what a text is written in: UTF-8, or GB18030 if that is certain."""
    return "gb18030" if _is_gb18030(sample) else "utf-8"


def with_mark(encoding: str, sample: bytes) -> str:
    """Return the encoding that leaves out the BOM, if the text has one."""
    return "utf-8-sig" if encoding == "utf-8" and sample.startswith(codecs.BOM_UTF8) else encoding


def decoded(stream: ByteStream, encoding: str) -> Iterator[str]:
    """Yield the text in pieces; bytes that are none become lone surrogates, so that only their row is lost."""
    decoder = codecs.getincrementaldecoder(encoding)("surrogateescape")
    while chunk := stream.read(_CHUNK):
        if text := decoder.decode(chunk):
            yield text
    if text := decoder.decode(b"", True):
        yield text


def _is_gb18030(sample: bytes) -> bool:
    lines = [line for line in sample.split(b"\n")[:-1] or [sample] if not line.isascii()]
    if not lines or any(_is(line, "utf-8") for line in lines):
        return False
    text = b"".join(line for line in lines if _is(line, "gb18030"))
    wide = _WIDE.findall(text)
    common = sum(map(bool, map(_COMMON.fullmatch, wide)))
    return len(wide) >= _ENOUGH and common >= _COMMON_SHARE * len(wide)


def _is(line: bytes, encoding: str) -> bool:
    try:
        line.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True
