"""Helpers of the journal's tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hypothesis import settings

from edge.clock import ManualClock
from edge.config.model import GateTable
from edge.gate.reasons import Cause
from edge.records.disk import Disk
from edge.records.journal import Journal, JournalError
from feed.record import Draft, Happening

quick = settings(max_examples=25, stateful_step_count=30, deadline=None)

PLACE = GateTable(park="park-1", site="site-1", gate="gate-1")


def small(text: str, kind: str = "gate") -> Draft:
    """A record that says `text`."""
    return Draft(kind=kind, event=Happening(name="note", detail={"text": text}))


class CopiedDisk(Disk):
    """Files that are changed and copied by a test are still the same journal."""

    def identity(self, path: Path) -> tuple[int, int]:
        path.stat()
        return 1, 0


class Bench:
    """Opens journals in one folder, with one clock, and closes them after the test."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.clock = ManualClock()
        self.opened: list[Journal] = []

    def open(self, **options: Any) -> Journal:
        """The journal; small files, so that several are needed."""
        chosen: dict[str, Any] = {
            "clock": self.clock,
            "segment_bytes": 4096,
            "disk": CopiedDisk(),
            "max_mib": 1,
            "device": "device-1",
        } | options
        journal = Journal(self.path, PLACE, **chosen)
        self.opened.append(journal)
        return journal

    def add(self, journal: Journal, text: str, ref: int | None = None) -> int:
        """Append a small record; its seq."""
        self.clock.advance(1)
        record = journal.append(small(text), at=self.clock.now(), clock=self.clock.stamp(), ref=ref)
        return record.seq

    def add_until_refused(self, journal: Journal, most: int = 1000) -> tuple[int, Cause | None]:
        """Append until the journal can't; how many were written, and why no more."""
        for written in range(most):
            try:
                self.add(journal, str(written))
            except JournalError as error:
                return written, error.cause
        return most, None

    def segments(self) -> list[Path]:
        """The journal's files, oldest first."""
        return sorted(self.path.glob("0*/0*.log"))

    def kill(self, journal: Journal) -> None:
        """The process is gone: nothing is written any more, the lock is free."""
        journal._let_go()
