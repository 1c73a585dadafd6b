"""Tells the gate when its timetable opens and closes it."""

from __future__ import annotations

from collections.abc import Iterator

from edge.clock import Clock, machine_zone
from edge.config.model import HoursTable
from edge.config.rules import to_timetable
from edge.gate.events import Hours, Noted
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
        self._told: tuple[bool, str | None] = (True, None)  # whether open, and when it opens

    def look(self) -> Iterator[Hours | Noted]:
        """What has changed. Called often; works once a minute, when hours begin and end."""
        if self._timetable is None or not self._believe():
            yield from self._doubt()
            return
        now = self._clock.now()
        minute = int(now.timestamp() // 60)
        if minute == self._minute:
            return
        self._minute = minute
        closure = self._timetable.closure(now)
        told = (closure is None, None if closure is None else closure.opens_at)
        if told != self._told:
            self._told = told
            yield Hours(closure=closure)

    def _believe(self) -> bool:
        self._believed = self._believed or self._clock.stamp().state == "synced"
        return self._believed

    def _doubt(self) -> Iterator[Noted]:
        """Once: why people come in at any hour."""
        if self._timetable is not None and not self._told_of_doubt:
            self._told_of_doubt = True
            why = {"why": "the clock is not set"}
            yield Noted(kind=Kind.GATE, name="hours_suspended", detail=why)
