"""When it really was: a record's time, put right by what its gate learned later.

A Pi has no clock battery, so that records before the first synchronisation of a boot may say
1970. A later record of kind `clock` says in `offset_s` what is to be added to the times of the
same boot written before it. Records never change; whoever shows or pairs them puts them right.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from feed.record import Clock, Kind, Record

_LONGEST_S = 400 * 365.25 * 86_400  # no clock is further off than a calendar's whole cycle


@dataclass(frozen=True, slots=True)
class Moment:
    """A record's time as far as it is known: UTC, whether it can be trusted, and whether it is
    another one than the record says.
    """

    at: datetime
    known: bool
    corrected: bool = False


@dataclass(frozen=True, slots=True)
class _Change:
    """A `clock` record: when in its boot, where the time of day stood then, and the step to it."""

    uptime_s: float
    base_s: float  # time of day less uptime
    offset_s: float
    synced: bool


class Corrections:
    """What the `clock` records of one or many gates say; boots tell them apart."""

    def __init__(self, records: Iterable[Record] = ()) -> None:
        """`records` may hold any kinds, in any order, and the same one twice."""
        self._boots: defaultdict[str, list[_Change]] = defaultdict(list)
        self._synced: dict[str, tuple[float, float]] = {}  # newest of a boot: uptime, base
        for record in records:
            self.add(record)

    def add(self, record: Record) -> None:
        """Take note of one more: `clock` records, and that a boot knew the time by then."""
        clock, base_s = record.clock, _base_s(record.at, record.clock)
        if clock.state == "synced":
            newest = self._synced.get(clock.boot, (0.0, 0.0))
            self._synced[clock.boot] = max(newest, (clock.uptime_s, base_s))
        detail = record.event.detail if record.kind == Kind.CLOCK and record.event else None
        offset_s = (detail or {}).get("offset_s")
        if not isinstance(offset_s, int | float) or not abs(offset_s) <= _LONGEST_S:
            return
        change = _Change(clock.uptime_s, base_s, offset_s, clock.state == "synced")
        changes = self._boots[clock.boot]
        changes.append(change)
        changes.sort(key=lambda one: one.uptime_s)

    def moment(self, at: datetime, clock: Clock) -> Moment:
        """The time of a record with this `at` and `clock`.

        Only steps up to the last one after which the clock was synchronised count: what a clock
        does that knows no better puts nothing right. Where the gate was not running when its
        clock was set, no step was noted, and a later record of the same boot tells.
        """
        later = [one for one in self._boots.get(clock.boot, ()) if one.uptime_s > clock.uptime_s]
        while later and not later[-1].synced:
            later.pop()
        base_s, before_s = _base_s(at, clock), _base_s(at, clock)
        for change in later:
            # a record written between a step and the look that noticed it has the new time already
            if abs(base_s + change.offset_s - change.base_s) < abs(base_s - change.base_s):
                base_s += change.offset_s
        known = clock.state == "synced" or bool(later)
        synced_at_s, synced_base_s = self._synced.get(clock.boot, (0.0, 0.0))
        if not known and synced_at_s > clock.uptime_s:
            base_s, known = synced_base_s, True
        try:
            right = at + timedelta(milliseconds=round((base_s - before_s) * 1000))
        except OverflowError:
            return Moment(at, known=False)
        return Moment(right, known=known, corrected=right != at)


def corrected(records: Iterable[Record]) -> list[Moment]:
    """The time of each of these records, as far as the `clock` records among them tell."""
    every = list(records)
    corrections = Corrections(every)
    return [corrections.moment(record.at, record.clock) for record in every]


def _base_s(at: datetime, clock: Clock) -> float:
    return at.timestamp() - clock.uptime_s
