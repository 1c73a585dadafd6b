"""The `gate` thread: reads the inbox, steps the machine, drives door and signals. Never blocks.

It alone holds the machine's state. What is slow is done elsewhere and comes back as an event:
records by the recorder, tokens by the identifier.
"""

from __future__ import annotations

import logging
import queue
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from edge.gate import events as ev
from edge.gate import machine
from edge.gate.rules import Rules
from edge.gate.state import GateState
from edge.worker import Worker
from feed.record import Detail

log = logging.getLogger(__name__)

# waits never last longer than this, so that the thread is seen to be alive
_LONGEST_WAIT_S = 0.5
# events that may wait: far more than all sources send while the gate works off one
_INBOX_SIZE = 4096
_FULL_S = 5.0


class DoorLike(Protocol):
    """What the gate asks of a door; both return at once and never raise."""

    def release(self) -> None: ...

    def secure(self) -> None: ...


class Inbox:
    """Events for the gate, from any thread."""

    def __init__(self) -> None:
        self._queue: queue.Queue[ev.Event] = queue.Queue(_INBOX_SIZE)

    def put(self, event: ev.Event) -> None:
        """Hand an event over. Raises queue.Full when the gate has not read for seconds: whoever
        sends dies then, and the supervisor sees it.
        """
        self._queue.put(event, timeout=_FULL_S)

    def get(self, timeout_s: float) -> ev.Event | None:
        """The next event, or None when none comes in time."""
        try:
            return self._queue.get(timeout=max(timeout_s, 0.0))
        except queue.Empty:
            return None


@dataclass(frozen=True, slots=True)
class Hands:
    """What the gate acts with. `write` and `identify` hand over and return at once."""

    door: DoorLike
    show: Mapping[str, Callable[[ev.Signal], None]]
    write: Callable[[ev.Write], None]
    identify: Callable[[ev.Identify], None]


class GateWorker(Worker):
    """Runs the machine. `on_step` is told the new state and the effects after every step that had
    any, in this thread: it must return at once.
    """

    def __init__(
        self,
        rules: Rules,
        inbox: Inbox,
        hands: Hands,
        *,
        on_step: Callable[[GateState, tuple[ev.Effect, ...]], None],
        started: Mapping[str, Detail],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__("gate", hang_s=5.0, monotonic=monotonic)
        self.state = machine.initial(rules)
        self.why_stopped = "stopped"
        self._rules = rules
        self._inbox = inbox
        self._hands = hands
        self._on_step = on_step
        self._started = started

    def run(self) -> None:
        now = self._monotonic()
        self._apply(machine.start(self._rules, self.state, now, **self._started))
        while not self.stopping.is_set():
            self.beat()
            event = self._inbox.get(self._wait_s())
            self._take(ev.Tick() if event is None else event)
        now = self._monotonic()
        self._apply(machine.stop(self._rules, self.state, now, self.why_stopped))

    def wake(self) -> None:
        self._inbox.put(ev.Tick())

    def _wait_s(self) -> float:
        deadline_s = self.state.deadline_s
        if deadline_s is None:
            return _LONGEST_WAIT_S
        return min(deadline_s - self._monotonic(), _LONGEST_WAIT_S)

    def _take(self, event: ev.Event) -> None:
        self._apply(machine.step(self._rules, self.state, event, self._monotonic()))

    def _apply(self, result: tuple[GateState, tuple[ev.Effect, ...]]) -> None:
        before, (self.state, effects) = self.state, result
        for effect in effects:
            self._do(effect)
        after = self.state
        told = [(one.faults, one.closure, one.order) for one in (before, after)]
        if effects or told[0] != told[1]:
            self._on_step(self.state, effects)

    def _do(self, effect: ev.Effect) -> None:
        match effect:
            case ev.Release():
                self._hands.door.release()
            case ev.Secure():
                self._hands.door.secure()
            case ev.Show():
                self._hands.show[effect.reader](effect.signal)
            case ev.Write():
                self._hands.write(effect)
            case ev.Identify():
                self._hands.identify(effect)
