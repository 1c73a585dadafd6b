"""Times put right: what a gate wrote before it knew the time must not stay in 1970."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.clock import ManualClock
from edge.clockwatch import ClockWatch
from feed.record import Clock, Happening, Record
from feed.times import Corrections, corrected

START = datetime(1970, 1, 1, 0, 1, tzinfo=UTC)
RIGHT = datetime(2021, 8, 23, 7, 0, tzinfo=UTC)


class Gate:
    """Writes records with a clock that is wrong, and knows when each was really written."""

    def __init__(self, **options: Any) -> None:
        self.clock = ManualClock(**options)
        self.watch = ClockWatch(self.clock)
        self.records: list[Record] = []
        self.really: list[float] = []  # seconds since RIGHT
        self.passed_s = 0.0

    def wait(self, seconds: float) -> None:
        self.clock.advance(seconds)
        self.passed_s += seconds

    def write(self, kind: str = "gate", event: Happening | None = None) -> None:
        seq = len(self.records) + 1
        self.records.append(
            Record(kind=kind, event=event, stream="s", seq=seq, park="p", site="s", gate="g",
                   at=self.clock.now(), clock=self.clock.stamp())
        )  # fmt: skip
        self.really.append(self.passed_s)

    def look(self) -> None:
        noted = self.watch.look()
        if noted is not None:
            self.write(noted.kind, Happening(name=noted.name, detail=noted.detail))

    def set(self, state: str, off_s: float = 0.0) -> None:
        """The clock is set, right but for `off_s`."""
        self.clock.state = state  # type: ignore[assignment]
        self.clock.set(RIGHT + timedelta(seconds=self.passed_s + off_s))

    def reboot(self, boot: str) -> None:
        self.clock.reboot(boot)
        self.clock.state = "unsynced"
        self.clock.set(START)
        self.watch = ClockWatch(self.clock)

    def errors_s(self) -> list[float | None]:
        """How far each corrected time is off; None where it says itself that it isn't known."""
        return [
            (moment.at - RIGHT).total_seconds() - really if moment.known else None
            for moment, really in zip(corrected(self.records), self.really, strict=True)
        ]


def test_times_before_the_first_synchronisation_are_put_right() -> None:
    gate = Gate(now=START, state="unsynced")
    for _ in range(3):
        gate.wait(100)
        gate.write()
    assert gate.errors_s() == [None] * 3
    gate.set("synced")
    gate.look()
    gate.wait(5)
    gate.write()
    assert gate.errors_s() == pytest.approx([0] * 5, abs=0.01)
    moments = corrected(gate.records)
    assert [moment.corrected for moment in moments] == [True] * 3 + [False] * 2
    assert moments[0].at == RIGHT + timedelta(seconds=100)


def test_a_record_between_the_step_and_its_notice_is_left_alone() -> None:
    gate = Gate(now=START, state="unsynced")
    gate.write()
    gate.set("synced")
    gate.wait(0.5)
    gate.write()
    gate.wait(0.5)
    gate.look()
    assert gate.errors_s() == pytest.approx([0] * 3, abs=0.01)


def test_another_boot_is_another_clock() -> None:
    gate = Gate(now=START, state="unsynced")
    gate.write()
    gate.reboot("00000000-0000-4000-8000-000000000002")
    gate.wait(10)
    gate.write()
    gate.set("synced")
    gate.wait(1)
    gate.look()
    assert gate.errors_s()[0] is None
    assert gate.errors_s()[1:] == pytest.approx([0, 0], abs=0.01)


def test_a_source_that_is_lost_and_found_adds_nothing_to_good_times() -> None:
    gate = Gate(now=RIGHT)
    gate.wait(10)
    gate.write()
    gate.set("unsynced", off_s=9e8)
    gate.wait(1)
    gate.look()
    gate.wait(1)
    gate.write()
    assert [moment.corrected for moment in corrected(gate.records)] == [False] * 3
    assert gate.errors_s()[:1] == pytest.approx([0], abs=0.01)
    assert gate.errors_s()[1:] == [None, None]
    gate.set("synced")
    gate.wait(1)
    gate.look()
    assert gate.errors_s() == pytest.approx([0] * 4, abs=0.01)


def test_a_clock_set_while_the_gate_was_not_running_is_noticed_by_what_came_after() -> None:
    gate = Gate(now=START, state="unsynced")
    gate.wait(5)
    gate.write()
    gate.set("synced")
    gate.watch = ClockWatch(gate.clock)  # a new daemon of the same boot
    gate.wait(60)
    gate.write()
    assert gate.errors_s() == pytest.approx([0, 0], abs=0.01)


@given(
    steps=st.lists(
        st.one_of(
            st.floats(1, 1e5).map(lambda seconds: ("wait", seconds)),
            st.sampled_from([("write", 0.0), ("sync", 0.0)]),
            # a step below edge.clockwatch's threshold is taken for slewing and not noted
            st.integers(-(10**8), 10**8).map(lambda tens: ("lose", 10.0 * tens)),
        ),
        max_size=20,
    ),
    seed=st.integers(0, 99),
)
def test_whatever_a_clock_does_known_times_are_right_and_order_does_not_matter(
    steps: list[tuple[str, float]], seed: int
) -> None:
    gate = Gate(now=START, state="unsynced")
    for step, value in [*steps, ("write", 0.0), ("sync", 0.0)]:
        gate.wait(1)
        match step:
            case "wait":
                gate.wait(value)
            case "write":
                gate.write()
            case "sync":
                gate.set("synced")
            case "lose":
                gate.set("unsynced", off_s=value)
        gate.look()
    assert gate.errors_s() == pytest.approx([0] * len(gate.records), abs=0.05)
    shuffled = random.Random(seed).sample([*gate.records, *gate.records], 2 * len(gate.records))
    corrections = Corrections(shuffled)
    again = [corrections.moment(record.at, record.clock) for record in gate.records]
    assert [one.at.timestamp() for one in again] == pytest.approx(
        [one.at.timestamp() for one in corrected(gate.records)], abs=0.01
    )


def clock_record(at: datetime, offset_s: Any) -> Record:
    event = Happening(name="synced", detail={"offset_s": offset_s})
    stamp = Clock(state="synced", boot="b", uptime_s=9)
    return Record(
        kind="clock", event=event, stream="s", seq=1, park="p", site="s", gate="g", at=at,
        clock=stamp,
    )  # fmt: skip


@pytest.mark.parametrize("offset_s", [float("inf"), 10**400, "an hour", None, 1e13])
def test_an_offset_that_is_no_time_changes_nothing(offset_s: Any) -> None:
    corrections = Corrections([clock_record(RIGHT, offset_s)])
    moment = corrections.moment(RIGHT, Clock(state="synced", boot="b", uptime_s=1))
    assert (moment.at, moment.known, moment.corrected) == (RIGHT, True, False)


def test_a_time_that_no_calendar_holds_is_left_and_not_trusted() -> None:
    last = datetime(9999, 12, 31, tzinfo=UTC)
    corrections = Corrections([clock_record(last + timedelta(hours=23), 1.5 * 86_400)])
    moment = corrections.moment(last, Clock(state="unsynced", boot="b", uptime_s=1))
    assert (moment.at, moment.known) == (last, False)
