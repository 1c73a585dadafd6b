"""The gate is told when its hours begin and end, by a clock that can be believed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from edge.clock import ManualClock
from edge.config.model import WEEKDAYS, HoursTable
from edge.gate.events import Hours, Noted
from edge.hourswatch import HoursWatch

# 17:59 and 05:59 in Saigon
EVENING = datetime(2026, 11, 25, 10, 59, tzinfo=UTC)
DAY = dict.fromkeys(WEEKDAYS, ("06:00-18:00",))


def table(**parts: Any) -> HoursTable:
    return HoursTable(zone="Asia/Ho_Chi_Minh", **{**DAY, **parts})


def told(watch: HoursWatch) -> list[Any]:
    """Whether it closed, with when it opens; or what was noted."""
    return [
        (event.closure and event.closure.opens_at) if isinstance(event, Hours) else event.name
        for event in watch.look()
    ]


def test_a_gate_closes_and_opens_at_the_minute() -> None:
    clock = ManualClock(EVENING)
    watch = HoursWatch(table(), clock)
    assert told(watch) == []
    clock.advance(59.9)
    assert told(watch) == []
    clock.advance(0.1)
    assert told(watch) == ["2026-11-26T06:00+07:00"]
    for _ in range(11):
        clock.advance(3600)
        assert told(watch) == []
    clock.advance(3600)
    assert told(watch) == [None]


def test_without_a_timetable_it_never_closes() -> None:
    clock = ManualClock(EVENING)
    watch = HoursWatch(None, clock)
    clock.advance(86_400)
    assert told(watch) == []


def test_a_clock_that_was_never_set_locks_nobody_out() -> None:
    """A Pi without a battery clock begins where it was switched off, at night."""
    clock = ManualClock(EVENING + timedelta(hours=3), state="unsynced")
    watch = HoursWatch(table(), clock)
    assert told(watch) == ["hours_suspended"]
    clock.advance(3600)
    assert told(watch) == [], "said once"
    clock.state = "synced"
    assert told(watch) == ["2026-11-26T06:00+07:00"]


def test_a_clock_that_was_set_once_is_believed_without_network() -> None:
    clock = ManualClock(EVENING)
    watch = HoursWatch(table(), clock)
    assert told(watch) == []
    clock.state = "unsynced"
    clock.advance(60)
    assert told(watch) == ["2026-11-26T06:00+07:00"]


def test_a_gate_with_a_battery_clock_can_follow_it_from_the_start() -> None:
    clock = ManualClock(EVENING + timedelta(hours=3), state="unsynced")
    assert told(HoursWatch(table(clock_unsure="follow"), clock)) == ["2026-11-26T06:00+07:00"]


def test_a_clock_that_jumps_is_followed() -> None:
    clock = ManualClock(EVENING)
    watch = HoursWatch(table(monday=()), clock)
    assert told(watch) == []
    clock.set(datetime(2026, 11, 29, 20, 0, tzinfo=UTC))  # Monday, 03:00
    assert told(watch) == ["2026-12-01T06:00+07:00"]
    clock.set(datetime(2026, 11, 28, 20, 0, tzinfo=UTC))
    assert told(watch) == ["2026-11-29T06:00+07:00"]
    clock.set(EVENING)
    assert told(watch) == [None]


def test_the_machine_s_own_zone_counts_where_none_is_named() -> None:
    clock = ManualClock(EVENING)
    days = dict.fromkeys(WEEKDAYS, ())
    (event,) = HoursWatch(HoursTable(**days), clock).look()
    assert not isinstance(event, Noted)
    assert event.closure is not None
    assert event.closure.opens_at is None
