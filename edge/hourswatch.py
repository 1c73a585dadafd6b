"""Tells the gate when its timetable opens and closes it, and whether the clock may do so."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from edge.clock import Clock, machine_zone
from edge.config.model import HoursTable
from edge.config.rules import to_timetable
from edge.gate.events import Hours, Noted
from edge.gate.hours import Closure
from edge.hours import opening
from feed.record import Kind


class HoursWatch:
    """Looks at the clock on the wall.

    A clock that was never set since the start closes nothing, unless the table says so: a
    Raspberry Pi without a battery clock would lock people out by a time it made up. Once set, the
    clock is believed for good: what it drifts without network is seconds (docs/adr/0017).
    """

    def __init__(self, table: HoursTable | None, clock: Clock) -> None:
        self._clock = clock
        self._timetable = None if table is None else to_timetable(table, machine_zone())
        self._believed = table is not None and table.clock_unsure == "follow"
        self._told_of_doubt = False
        self._minute: int | None = None
        self.closure: Closure | None = None  # as it was told last

    def look(self) -> Iterator[Hours | Noted]:
        """What has changed. Called often; works once a minute, when hours begin and end."""
        if self._timetable is None or not self.believes_clock():
            yield from self._doubt()
            return
        now = self._clock.now()
        minute = int(now.timestamp() // 60)
        if minute == self._minute:
            return
        self._minute = minute
        closure = self._timetable.closure(now)
        if _told(closure) != _told(self.closure):
            self.closure = closure
            yield Hours(closure=closure)

    def opening_from(self, at: datetime) -> Closure:
        """Nobody comes in before `at`: until when that is, with the hours on top."""
        if self._timetable is None:
            return opening(at.astimezone(machine_zone()), self._clock.now())
        opens_at = self._timetable.opening_from(at)
        return Closure() if opens_at is None else opening(opens_at, self._clock.now())

    def believes_clock(self) -> bool:
        """Whether the clock may close and open the gate. From any thread."""
        self._believed = self._believed or self._clock.stamp().state == "synced"
        return self._believed

    def _doubt(self) -> Iterator[Noted]:
        """Once: why people come in at any hour."""
        if self._timetable is not None and not self._told_of_doubt:
            self._told_of_doubt = True
            why = {"why": "the clock is not set"}
            yield Noted(kind=Kind.GATE, name="hours_suspended", detail=why)


def _told(closure: Closure | None) -> tuple[bool, str | None]:
    """Whether it is open, and when it opens."""
    return closure is None, None if closure is None else closure.opens_at
