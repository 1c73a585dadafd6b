"""Making room by hand, while no gate runs: what retention would remove, but sooner.

Only whole files whose records have all arrived, oldest first, never the one that is written to;
and earlier streams that were delivered to the end. Copies in quarantine go once the file they
were found in is gone, dead letters once the loss record that accounts for them has arrived.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

from edge.clock import Clock
from edge.gate.reasons import Cause
from edge.records.deadletters import DeadLetter, keep_dead_letters, read_dead_letters
from edge.records.disk import Disk, JournalError
from edge.records.journal import LOCK, lock, streams_in
from edge.records.quarantine import Piece, read_quarantine
from edge.records.query import progress
from edge.records.segment import load
from edge.records.stream import doing, newest_synced_at, remove_stream, segments_in
from feed.codec import CodecError, decode


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to go: segments, folders of whole streams, pieces of the quarantine, dead letters.

    `before` is None where nobody knows what time it is; then nothing goes.
    """

    before: datetime | None
    files: tuple[Path, ...] = ()
    streams: tuple[Path, ...] = ()
    pieces: tuple[Piece, ...] = ()
    letters: tuple[DeadLetter, ...] = ()


def plan(
    root: Path,
    older_than: timedelta,
    *,
    clock: Clock,
    quarantine: bool = False,
    dead_letters: bool = False,
) -> Plan:
    """What of the journal in folder `root` is older than this. Changes nothing.

    Older than the age before now; by a clock that is not synchronised, before the newest record
    whose time can be trusted, so that a wrong clock removes nothing. Raises JournalError.
    """
    with doing(f"reading the journal in {root}"):
        folders = streams_in(root)
        now = _now(folders, clock)
        if now is None:
            return Plan(None)
        before = now - older_than
        streams = [folder for folder in folders[:-1] if _is_past(folder, before)]
        files = [
            file for folder in folders if folder not in streams for file in _past(folder, before)
        ]
        gone = {*files, *streams}
        pieces = [
            piece
            for piece in (read_quarantine(root) if quarantine else ())
            if piece.found_at < before
            and (gone & {piece.segment, piece.segment.parent} or not piece.segment.exists())
        ]
        letters = [
            letter
            for letter in (read_dead_letters(root) if dead_letters else ())
            if _is_settled(letter, folders, before)
        ]
    return Plan(before, tuple(files), tuple(streams), tuple(pieces), tuple(letters))


def carry_out(root: Path, planned: Plan, disk: Disk | None = None) -> None:
    """Remove it. Raises JournalError; BUSY when a gate runs: what it writes is its own."""
    disk = disk or Disk()
    with doing(f"cleaning up in {root}"):
        for folder in {file.parent for file in planned.files}:
            for _, file in segments_in(folder)[-2:]:  # the word that the others arrived
                _sync(disk, file)
        for file in planned.files:
            disk.remove(file)
            disk.sync_folder(file.parent)
        for folder in planned.streams:
            remove_stream(disk, folder)
        for piece in planned.pieces:
            disk.remove(piece.path)
        if planned.letters:
            left = [one for one in read_dead_letters(root) if one not in planned.letters]
            keep_dead_letters(root, left, disk)


def _sync(disk: Disk, file: Path) -> None:
    fd = disk.open(file)
    try:
        disk.sync(fd)
    finally:
        disk.close(fd)


@contextmanager
def held(root: Path) -> Iterator[None]:
    """Nobody else writes the journal in this folder meanwhile.

    Raises JournalError: BUSY when a gate runs, NOT_FOUND where there is no journal.
    """
    with doing(f"opening the journal in {root}"):
        if not streams_in(root):
            raise JournalError(Cause.NOT_FOUND, f"{root} holds no journal")
        fd = lock(root / LOCK)
    try:
        yield
    finally:
        os.close(fd)


def _now(folders: list[Path], clock: Clock) -> datetime | None:
    if clock.stamp().state == "synced":
        return clock.now()
    found = (
        newest_synced_at(load(first, file.read_bytes()))
        for folder in reversed(folders)
        for first, file in reversed(segments_in(folder))
    )
    return next((at for at in found if at is not None), None)


def _past(folder: Path, before: datetime) -> list[Path]:
    files = segments_in(folder)
    confirmed = progress(files)[1]
    count = 0
    for place, ((first, file), (following, _)) in enumerate(pairwise(files), 1):
        if following - 1 > confirmed:
            break
        newest = newest_synced_at(load(first, file.read_bytes()))
        if newest is not None:
            if newest >= before:
                break
            count = place
    # were the word of their arrival in a file that goes, the gate would look for them
    while count and progress(files[count:])[1] < files[count][0] - 1:
        count -= 1
    return [file for _, file in files[:count]]


def _is_past(folder: Path, before: datetime) -> bool:
    files = segments_in(folder)
    last, confirmed = progress(files)
    if last > confirmed or not files:
        return False
    first, file = files[-1]
    newest = newest_synced_at(load(first, file.read_bytes()))
    return last == 0 or (newest is not None and newest < before)


def _is_settled(letter: DeadLetter, folders: list[Path], before: datetime) -> bool:
    try:
        record = decode(letter.raw)
    except CodecError:
        return False
    its = [folder for folder in folders if folder.name.endswith(letter.stream)]
    arrived = all(letter.seq <= progress(segments_in(folder))[1] for folder in its)
    return arrived and record.clock.state == "synced" and record.at < before
