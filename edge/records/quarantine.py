"""Damaged pieces of the journal, as edge.records.stream copied them out of the way.

A piece's name says where it stands: stream folder, seq in the segment's name, first byte.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from edge.records.journal import QUARANTINE
from edge.records.segment import segment_name
from edge.records.stream import doing

_NAME = re.compile(r"(\d{4}-([0-9a-f]{16}))-(\d{12})-(\d+)")


@dataclass(frozen=True, slots=True)
class Piece:
    """Bytes that are no line any more: where they were found, when, and the file they stand in."""

    path: Path
    stream: str
    segment: Path
    offset: int
    found_at: datetime
    raw: bytes


def read_quarantine(root: Path) -> list[Piece]:
    """All pieces, by name. Raises JournalError."""
    folder = root / QUARANTINE
    pieces = []
    with doing(f"reading {folder}"):
        for path in sorted(folder.iterdir()) if folder.is_dir() else ():
            match = _NAME.fullmatch(path.name)
            if match is None:
                continue
            place, stream, first, offset = match.groups()
            found_at = datetime.fromtimestamp(path.stat().st_mtime, UTC)
            segment = root / place / segment_name(int(first))
            piece = Piece(path, stream, segment, int(offset), found_at, path.read_bytes())
            pieces.append(piece)
    return pieces
