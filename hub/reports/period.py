"""A period of whole days in the park's time zone, and which day a moment belongs to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import BigInteger, ColumnElement, case, cast, literal

from hub.clock import YEARS

_DAY_MS = 86_400_000
_EPOCH = date(1970, 1, 1)
_LONGEST_DAYS = 1_100  # three years


class PeriodError(ValueError):
    """Days that make no period. One line."""


@dataclass(frozen=True, slots=True)
class Period:
    """From the beginning of `first` to the end of `last`. Raises PeriodError."""

    first: date
    last: date
    zone: ZoneInfo

    def __post_init__(self) -> None:
        for day in (self.first, self.last):
            if day.year not in YEARS:
                raise PeriodError(f"{day}: give days from {YEARS[0]} to {YEARS[-1]}")
        if self.last < self.first:
            raise PeriodError(f"the period ends on {self.last}, before it begins on {self.first}")
        if (self.last - self.first).days > _LONGEST_DAYS:
            raise PeriodError(f"the period is longer than {_LONGEST_DAYS} days: ask in parts")

    @property
    def from_ms(self) -> int:
        return _midnight_ms(self.first, self.zone)

    @property
    def to_ms(self) -> int:
        """The first moment after it."""
        return _midnight_ms(self.last + timedelta(days=1), self.zone)

    @property
    def days(self) -> list[date]:
        return [self.first + timedelta(days=n) for n in range((self.last - self.first).days + 1)]

    def day_number(self, at_ms: ColumnElement[int]) -> ColumnElement[int]:
        """Days since 1970 by the zone's calendar, calculated in the database."""
        steps = self._offsets()
        offset: ColumnElement[int] = literal(steps[-1][1], BigInteger)
        if len(steps) > 1:
            whens = [(at_ms < until, offset_ms) for until, offset_ms in steps[:-1]]
            offset = case(*whens, else_=steps[-1][1])
        return cast((at_ms + offset) // _DAY_MS, BigInteger)

    def _offsets(self) -> list[tuple[int, int]]:
        """(until, offset) in milliseconds, of each stretch with one offset of the clock."""
        steps: list[tuple[int, int]] = []
        low, end = self.from_ms, self.to_ms
        while low < end:
            offset = _offset_ms(low, self.zone)
            high = min(low + _DAY_MS, end)
            while high < end and _offset_ms(high, self.zone) == offset:
                high = min(high + _DAY_MS, end)
            if _offset_ms(high, self.zone) != offset:
                high = self._change(high - _DAY_MS, high, offset)
            steps.append((high, offset))
            low = high
        return steps

    def _change(self, low: int, high: int, offset: int) -> int:
        """The first moment after `low` that has another offset; `high` has."""
        while high - low > 1:
            middle = (low + high) // 2
            if _offset_ms(middle, self.zone) == offset:
                low = middle
            else:
                high = middle
        return high


def day_of(number: int) -> date:
    """The day that `Period.day_number` means."""
    return _EPOCH + timedelta(days=number)


def make_period(
    first: date | None, last: date | None, zone: ZoneInfo, *, now: datetime, days: int = 7
) -> Period:
    """From what a person gave; without it the last `days` days, today included."""
    today = now.astimezone(zone).date()
    end = last or (today if first is None or first <= today else first)
    begin = first or end - timedelta(days=min(days - 1, (end - date.min).days))
    return Period(begin, end, zone)


def moment(at_ms: int, zone: ZoneInfo) -> datetime:
    """A stored time, as the zone's clocks showed it."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(zone)


def _midnight_ms(day: date, zone: ZoneInfo) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=zone).timestamp() * 1000)


def _offset_ms(at_ms: int, zone: ZoneInfo) -> int:
    offset = moment(at_ms, zone).utcoffset()
    assert offset is not None, "a zone has one"
    return int(offset.total_seconds() * 1000)
