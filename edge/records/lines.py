"""The journal's lines: `crc32 body` and a line feed, then zeros up to the end of the file.

The checksum is zlib's CRC-32 of the body as eight hex digits. A body is JSON on one line that
begins with `{"`, so that the start of a line can be found again after damage: eight hex digits, a
space and `{"` can't stand inside compact JSON, where a quote in a text is escaped.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

SECTOR_BYTES = 512  # the least that a block device writes at once
PREFIX_BYTES = 9  # eight hex digits and a space

_START = re.compile(rb'[0-9a-f]{8} \{"')
_ZERO_RUN = re.compile(rb"\0+")

Span = tuple[int, int]  # first byte, byte after the last


@dataclass(frozen=True, slots=True)
class Scan:
    """What was found in a file's bytes.

    `bodies` are the spans of intact bodies, `damaged` those of lines that were complete once.
    The next line goes to `end`; after it stand zeros, or what is left of a write that was torn
    (`torn`), which has to be overwritten with zeros first.
    """

    bodies: list[Span]
    damaged: list[Span]
    end: int
    torn: bool


def to_line(body: bytes) -> bytes:
    """A body as a line."""
    return b"%08x %s\n" % (zlib.crc32(body), body)


def scan(data: bytes) -> Scan:
    """Every intact line, whatever stands between them.

    A torn write can only be the last one, as each line is synced before the next is written. It
    leaves a beginning without an end, or whole sectors of zeros. A line that has its end and all
    its sectors but not its checksum was complete, and may have been acknowledged: it is damaged.
    """
    bodies: list[Span] = []
    damaged: list[Span] = []
    position = 0
    while position < len(data):
        end = _body_end(data, position)
        if end is not None:
            bodies.append((position + PREFIX_BYTES, end))
            position = end + 1
            continue
        following = _next_line(data, position)
        if following is None:
            break
        damaged.append((position, following))
        position = following
    position = min(position, len(data))
    tail = data[position:].rstrip(b"\0")
    lost = list(_complete(tail, position))
    damaged += lost
    end = lost[-1][1] if lost else position
    return Scan(bodies, damaged, end, torn=end < position + len(tail))


def _body_end(data: bytes, start: int) -> int | None:
    if not _START.match(data, start):
        return None
    checksum = int(data[start : start + 8], 16)
    begin = start + PREFIX_BYTES
    for end in _possible_ends(data, begin):
        if end > begin and zlib.crc32(data[begin:end]) == checksum:
            return end
    return None


def _possible_ends(data: bytes, begin: int) -> Iterator[int]:
    """The line feed; should that itself be damaged, whatever stands where it was."""
    end = data.find(b"\n", begin)
    if end >= 0:
        yield end
    following = _START.search(data, begin)
    if following:
        yield following.start() - 1
    zero = data.find(b"\0", begin)
    if zero >= 0:
        yield zero - 1
        yield zero
    else:
        yield len(data) - 1
        yield len(data)


def _next_line(data: bytes, position: int) -> int | None:
    for match in _START.finditer(data, position + 1):
        if _body_end(data, match.start()) is not None:
            return match.start()
    return None


def _complete(tail: bytes, offset: int) -> Iterator[Span]:
    """Damaged lines at the end of a file, up to the first that a torn write explains."""
    start = 0
    while (end := tail.find(b"\n", start)) >= 0:
        if _lacks_sectors(tail[start:end], offset + start):
            return
        yield offset + start, offset + end + 1
        start = end + 1


def _lacks_sectors(piece: bytes, offset: int) -> bool:
    for run in _ZERO_RUN.finditer(piece):
        first, after = offset + run.start(), offset + run.end()
        begins = run.start() == 0 or first % SECTOR_BYTES == 0
        if begins and after % SECTOR_BYTES == 0:
            return True
    return False
