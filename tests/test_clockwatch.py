"""A Raspberry Pi starts with a wrong time: what is noted, so that it can be put right."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from edge.clock import ManualClock
from edge.clockwatch import ClockWatch


def test_the_first_synchronisation_tells_what_to_add_to_the_times_before_it():
    clock = ManualClock(datetime(1970, 1, 1, 0, 1, tzinfo=UTC), state="unsynced")
    watch = ClockWatch(clock)
    clock.advance(3600)
    assert watch.look() is None
    right = datetime(2021, 8, 23, 7, 0, tzinfo=UTC)
    wrong = clock.now()
    clock.set(right)
    clock.state = "synced"
    noted = watch.look()
    assert noted is not None
    assert (noted.kind, noted.name) == ("clock", "synced")
    assert noted.detail == {"offset_s": (right - wrong).total_seconds()}
    assert watch.look() is None, "once"


def test_a_clock_set_back_is_noted_and_one_that_is_slewed_is_not():
    clock = ManualClock()
    watch = ClockWatch(clock)
    for _ in range(100):
        clock.advance(10)
        clock.set(clock.now() + timedelta(seconds=0.5))
        assert watch.look() is None
    clock.set(clock.now() - timedelta(days=1))
    noted = watch.look()
    assert noted is not None
    assert noted.name == "jumped"
    assert noted.detail == {"offset_s": -86400.0}


def test_a_lost_time_source_is_noted():
    clock = ManualClock()
    watch = ClockWatch(clock)
    clock.state = "unsynced"
    noted = watch.look()
    assert noted is not None
    assert (noted.name, noted.detail) == ("unsynced", {"offset_s": 0.0})
