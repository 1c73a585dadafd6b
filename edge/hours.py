"""Opening hours. Pure: the time of day is handed in, as UTC; the clock on the wall decides.

The gate is open exactly while the clock on the wall of its zone reads a time within its hours. So
on the night the clocks go forward, hours that begin in the missing hour begin after it, and on the
night they go back, hours within the doubled hour come twice.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from edge.gate.hours import Closure

_DAY_MIN = 24 * 60
_DAY = timedelta(days=1)
# whoever is told a day further away than this would not come back for it
_LONGEST_LOOK_DAYS = 400
_TIMES = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]|24):([0-5]\d)")


@dataclass(frozen=True, slots=True)
class Span:
    """Minutes of the day from `begins_min` up to `ends_min`, which may lie in the next day."""

    begins_min: int
    ends_min: int

    @classmethod
    def parse(cls, text: str) -> Span:
        """From "06:00-18:00", or "22:00-06:00" over midnight. Raises ValueError."""
        match = _TIMES.fullmatch(text)
        if match is None:
            raise ValueError(f"'{text}' is no span of hours")
        hour, minute, end_hour, end_minute = map(int, match.groups())
        begins_min, ends_min = 60 * hour + minute, 60 * end_hour + end_minute
        if ends_min > _DAY_MIN or begins_min == ends_min:
            raise ValueError(f"'{text}' is no span of hours")
        return cls(begins_min, ends_min if begins_min < ends_min else ends_min + _DAY_MIN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Timetable:
    """The hours of each weekday, Monday first. On days of `closed_on` no hours begin; those that
    began the evening before run to their end.
    """

    zone: tzinfo
    week: tuple[tuple[Span, ...], ...]
    closed_on: frozenset[date] = frozenset()

    def is_open(self, at: datetime) -> bool:
        """Whether people are let in at a time, which knows its zone."""
        local = at.astimezone(self.zone)
        minute, today = 60 * local.hour + local.minute, local.date()
        return _within(self._spans(today), minute) or _within(
            self._spans(today - _DAY), minute + _DAY_MIN
        )

    def closure(self, at: datetime) -> Closure | None:
        """None while it is open."""
        if self.is_open(at):
            return None
        opens_at = self.opens_at(at)
        return Closure() if opens_at is None else opening(opens_at, at)

    def opening_from(self, at: datetime) -> datetime | None:
        """From when on it is open, not before `at`; in its zone."""
        return at.astimezone(self.zone) if self.is_open(at) else self.opens_at(at)

    def opens_at(self, at: datetime) -> datetime | None:
        """The next moment at which it opens, in its zone; None where none comes for a year."""
        at = at.astimezone(UTC)
        today = at.astimezone(self.zone).date()
        for days in range(_LONGEST_LOOK_DAYS):
            day = today + timedelta(days=days)
            opening = min(
                (one for one in self._candidates(day) if one > at and self._opens(one)),
                default=None,
            )
            if opening is not None:
                return opening.astimezone(self.zone)
        return None

    def _opens(self, at: datetime) -> bool:
        return self.is_open(at) and not self.is_open(at - timedelta(seconds=1))

    def _spans(self, day: date) -> Sequence[Span]:
        return () if day in self.closed_on else self.week[day.weekday()]

    def _candidates(self, day: date) -> Iterator[datetime]:
        """Every moment of a day, UTC, at which closed can turn into open."""
        for span in self._spans(day):
            yield from self._moments(day, span.begins_min)
        begins, ends = (next(self._moments(one, 0)) for one in (day, day + _DAY))
        if begins.astimezone(self.zone).utcoffset() != ends.astimezone(self.zone).utcoffset():
            yield self._change(begins, ends)

    def _moments(self, day: date, minute: int) -> Iterator[datetime]:
        """When the wall's clock reads a minute of the day: mostly one moment, told twice."""
        wall = datetime.combine(day, time(), self.zone) + timedelta(minutes=minute)
        for fold in (0, 1):
            yield wall.replace(fold=fold).astimezone(UTC)

    def _change(self, before: datetime, after: datetime) -> datetime:
        """When the clocks were set in between, to the second."""
        old = before.astimezone(self.zone).utcoffset()
        while after - before > timedelta(seconds=1):
            middle = before + timedelta(seconds=(after - before) // timedelta(seconds=2))
            if middle.astimezone(self.zone).utcoffset() == old:
                before = middle
            else:
                after = middle
        return after


def opening(opens_at: datetime, now: datetime) -> Closure:
    """Closed until then, as somebody is told it now who lives in the zone of `opens_at`."""
    days = (opens_at.date() - now.astimezone(opens_at.tzinfo).date()).days
    return Closure(opens_at=opens_at.isoformat(timespec="minutes"), days=days)


def _within(spans: Sequence[Span], minute: int) -> bool:
    return any(span.begins_min <= minute < span.ends_min for span in spans)
