"""Faults are told once each, and a device that keeps failing is tried ever more slowly."""

from __future__ import annotations

import random

from edge.drivers.base import DeviceError
from edge.drivers.faults import STEADY_S, FaultTeller
from edge.gate.events import Event, Faulted, Recovered
from edge.gate.reasons import Cause, Device
from feed.backoff import Backoff

GONE = DeviceError(Device.DOOR, Cause.UNPLUGGED, "gone", hint="plug it in")
BAD = DeviceError(Device.DOOR, Cause.BAD_DATA, "bad")


class _Steps(random.Random):
    """No jitter: always the whole step."""

    def uniform(self, a: float, b: float) -> float:
        return b


class Bench:
    def __init__(self) -> None:
        self.now_s = 0.0
        self.events: list[Event] = []
        self.teller = FaultTeller(
            Device.DOOR,
            None,
            self.events.append,
            backoff=Backoff(first_s=1, longest_s=8, rng=_Steps()),
            monotonic=lambda: self.now_s,
        )


def test_the_same_cause_is_told_once_another_again() -> None:
    bench = Bench()
    for error in (GONE, GONE, BAD, BAD):
        bench.teller.failed(error)
    bench.teller.works()
    bench.teller.works()
    assert bench.events == [
        Faulted(device=Device.DOOR, cause=Cause.UNPLUGGED, detail="gone; plug it in"),
        Faulted(device=Device.DOOR, cause=Cause.BAD_DATA, detail="bad"),
        Recovered(device=Device.DOOR),
    ]


def test_a_device_that_works_from_the_start_says_nothing() -> None:
    bench = Bench()
    bench.teller.works()
    assert bench.events == []


def test_a_loose_contact_does_not_flood_the_records() -> None:
    bench = Bench()
    waits_s = []
    for _ in range(5):
        waits_s.append(bench.teller.failed(GONE))
        bench.teller.works()  # for a moment
    assert waits_s == [1, 2, 4, 8, 8]


def test_after_a_steady_time_the_first_retry_is_soon_again() -> None:
    bench = Bench()
    for _ in range(4):
        bench.teller.failed(GONE)
    bench.teller.works()
    bench.now_s += STEADY_S
    bench.teller.works()
    assert bench.teller.failed(GONE) == 1
