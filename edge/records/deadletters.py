"""Records that were refused for good: kept with the reason, for someone to look at.

A file of lines (edge.records.lines): `{"dead":{"stream":..,"seq":..,"reason":..},"record":{..}}`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from edge.records.disk import Disk
from edge.records.lines import scan, to_line

DEAD_LETTERS = "dead-letters"
_RECORD = b',"record":'


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A record that nobody takes, and why."""

    stream: str
    seq: int
    reason: str
    raw: bytes


def read_dead_letters(root: Path) -> list[DeadLetter]:
    """All of them, oldest first. Raises OSError."""
    path = root / DEAD_LETTERS
    data = path.read_bytes() if path.exists() else b""
    letters: dict[tuple[str, int], DeadLetter] = {}  # a crash may have written one twice
    for start, end in scan(data).bodies:
        head, _, record = data[start:end].partition(_RECORD)
        parts = json.loads(head + b"}")["dead"]
        letter = DeadLetter(parts["stream"], parts["seq"], parts["reason"], record[:-1])
        letters[letter.stream, letter.seq] = letter
    return list(letters.values())


def add_dead_letter(root: Path, letter: DeadLetter, disk: Disk) -> None:
    """Keep one more, on the device when this returns. Raises OSError."""
    path = root / DEAD_LETTERS
    line = _line(letter)
    is_new = not path.exists()
    fd = disk.create(path) if is_new else disk.open(path)
    try:
        data = path.read_bytes()
        end = scan(data).end
        disk.write(fd, line + bytes(max(0, len(data) - end - len(line))), end)
        disk.sync(fd)
        if is_new:
            disk.sync_folder(root)
    finally:
        disk.close(fd)


def keep_dead_letters(root: Path, letters: Iterable[DeadLetter], disk: Disk) -> None:
    """Keep these in place of all that are there. Raises OSError."""
    path = root / DEAD_LETTERS
    making = root / f"{DEAD_LETTERS}.new"
    owner = path.stat()
    fd = disk.create(making)
    try:
        os.fchown(fd, owner.st_uid, owner.st_gid)  # the gate's own, whoever cleans up
        disk.write(fd, b"".join(map(_line, letters)), 0)
        disk.sync(fd)
    finally:
        disk.close(fd)
    disk.rename(making, path)
    disk.sync_folder(root)


def _line(letter: DeadLetter) -> bytes:
    parts = {"dead": {"stream": letter.stream, "seq": letter.seq, "reason": letter.reason}}
    head = json.dumps(parts, separators=(",", ":")).encode()
    return to_line(head[:-1] + _RECORD + letter.raw + b"}")
