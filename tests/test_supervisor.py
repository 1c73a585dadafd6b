"""What a dead or hung thread means for the gate."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from edge.gate.events import Faulted, Recovered
from edge.gate.reasons import Cause, Device
from edge.supervisor import Post, Supervisor
from edge.worker import Worker
from feed.backoff import Backoff


class Time:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Steady(Worker):
    """Runs until told to stop, or dies, or hangs, when told."""

    def __init__(self, time: Time, *, faulted: bool = False) -> None:
        super().__init__("steady", hang_s=5.0, monotonic=time)
        self.faulted = faulted
        self.blow_up = threading.Event()
        self.let_go = threading.Event()
        self.running = threading.Event()

    def run(self) -> None:
        self.running.set()
        while not self.let_go.wait(0.01):
            if self.blow_up.is_set():
                raise RuntimeError("blown up")
            if self.stopping.is_set():
                return
        # hangs: deaf to `stopping`, until the test ends
        self.blow_up.wait(60)

    def die(self) -> None:
        self.blow_up.set()
        self._thread.join(10)


class Stage:
    """A supervisor over one post, and what it told."""

    def __init__(
        self, *, tells_recovery: bool = False, device: Device | None = Device.DOOR
    ) -> None:
        self.time = Time()
        self.told: list[Faulted | Recovered] = []
        self.made: list[Steady] = []
        self.supervisor = Supervisor(self.told.append, self.time)
        self.supervisor.start(
            Post(
                "steady",
                self.make,
                device,
                tells_recovery=tells_recovery,
                backoff=Backoff(first_s=1.0),
            )
        )

    def make(self, faulted: bool) -> Worker:
        self.made.append(Steady(self.time, faulted=faulted))
        return self.made[-1]


@pytest.fixture
def end(request: pytest.FixtureRequest) -> Callable[[Stage], None]:
    def at_end(stage: Stage) -> None:
        def finish() -> None:
            for worker in stage.made:
                worker.let_go.set()
                worker.blow_up.set()
            stage.supervisor.stop(5)

        request.addfinalizer(finish)

    return at_end


def test_a_worker_that_dies_is_a_fault_of_its_device_and_is_replaced_after_a_pause(end):
    stage = Stage()
    end(stage)
    stage.made[0].die()
    stage.supervisor.check()
    assert [(event.device, event.cause) for event in stage.told if isinstance(event, Faulted)] == [
        (Device.DOOR, Cause.CRASHED)
    ]
    stage.supervisor.check()
    assert len(stage.made) == 1, "not at once"
    stage.time.now += 1.0
    stage.supervisor.check()
    assert len(stage.made) == 2
    assert stage.made[1].faulted, "the new one knows that a fault is open"
    stage.time.now += 4.0
    stage.made[1].beat()
    stage.supervisor.check()
    assert stage.told[-1] == Recovered(device=Device.DOOR)


def test_a_worker_that_tells_its_recovery_itself_is_left_to_do_so(end):
    stage = Stage(tells_recovery=True)
    end(stage)
    stage.made[0].die()
    stage.supervisor.check()
    stage.time.now += 4.0
    stage.supervisor.check()
    stage.time.now += 4.0
    stage.made[1].beat()
    stage.supervisor.check()
    assert not any(isinstance(event, Recovered) for event in stage.told)


def test_a_thread_that_cannot_be_ended_is_named_and_not_doubled(end):
    stage = Stage()
    end(stage)
    stage.made[0].running.wait(10)
    stage.made[0].let_go.set()
    stage.time.now += 6.0
    stage.supervisor.check()
    assert [event.cause for event in stage.told if isinstance(event, Faulted)] == [Cause.HUNG]
    assert stage.supervisor.stuck == ["steady"]
    stage.time.now += 600
    stage.supervisor.check()
    assert len(stage.made) == 1


def test_the_loss_of_a_worker_that_cannot_be_replaced_ends_the_daemon(end):
    stage = Stage(device=None)
    end(stage)
    stage.made[0].die()
    stage.supervisor.check()
    assert stage.supervisor.lost == "steady"
    assert stage.told == []


def test_a_worker_that_dies_again_and_again_is_retried_ever_more_slowly(end):
    stage = Stage()
    end(stage)
    waits = []
    for _ in range(4):
        stage.made[-1].die()
        stage.supervisor.check()
        began = stage.time.now
        count = len(stage.made)
        while len(stage.made) == count:
            stage.time.now += 0.1
            stage.supervisor.check()
        waits.append(stage.time.now - began)
    assert waits[3] > waits[0] * 2
