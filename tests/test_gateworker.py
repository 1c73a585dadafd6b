"""The gate's own thread: it acts on what the machine asks, and dies loudly."""

from __future__ import annotations

import queue
from dataclasses import dataclass, field, replace

from edge.gate import events as ev
from edge.gateworker import GateWorker, Hands, Inbox
from tests.gate.gatebench import RULES

Effects = tuple[ev.Effect, ...]


@dataclass
class Doorman:
    """Notes what the door was asked to do."""

    moves: list[str] = field(default_factory=list)

    def release(self) -> None:
        self.moves.append("release")

    def secure(self) -> None:
        self.moves.append("secure")


class Site:
    """A gate worker with everything it acts with, and a queue of what it did."""

    def __init__(self) -> None:
        self.inbox = Inbox()
        self.door = Doorman()
        self.shown: list[tuple[str, ev.Signal]] = []
        self.steps: queue.Queue[Effects] = queue.Queue()
        self.writes: list[ev.Write] = []
        hands = Hands(
            door=self.door,
            show={
                name: lambda signal, name=name: self.shown.append((name, signal))  # type: ignore[misc]
                for name in ("in", "out")
            },
            write=self.writes.append,
            identify=lambda effect: None,
        )
        self.worker = GateWorker(
            replace(RULES, open_s=0.2),
            self.inbox,
            hands,
            on_step=lambda _, effects: self.steps.put(effects),
            started={"version": "1"},
        )

    def until(self, kind: type[ev.Effect]) -> ev.Effect:
        """Wait for an effect of this kind."""
        while True:
            for effect in self.steps.get(timeout=10):
                if isinstance(effect, kind):
                    return effect


def test_a_gate_secures_its_door_first_and_records_start_and_stop():
    site = Site()
    site.worker.start()
    site.until(ev.Write)
    site.worker.why_stopped = "SIGTERM"
    assert site.worker.stop(10)
    assert site.door.moves == ["secure"]
    told = [write.draft.event for write in site.writes]
    assert [(event.name, event.detail) for event in told if event] == [
        ("started", {"version": "1"}),
        ("stopped", {"why": "SIGTERM"}),
    ]
    assert site.shown[-1] == ("out", ev.Signal.OFF)


def test_a_grant_ends_by_itself_when_nothing_else_happens():
    site = Site()
    site.worker.start()
    site.inbox.put(ev.ExitPressed())
    site.until(ev.Release)
    # `open_s` later the machine's own deadline fires, without any event
    site.until(ev.Secure)
    assert site.door.moves == ["secure", "release", "secure"]
    site.worker.stop(10)


def test_an_event_that_cannot_be_ends_the_thread_loudly():
    site = Site()
    site.worker.start()
    site.inbox.put(ev.Durable(request=99, seq=1))
    site.worker._thread.join(10)
    assert isinstance(site.worker.error, ValueError)
