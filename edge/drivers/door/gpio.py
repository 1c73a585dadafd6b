"""The door on GPIO pins: relay, contact, exit button, fire input."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from edge.config.model import DoorTable
from edge.drivers.base import DeviceError
from edge.drivers.door import Door, OnDoorEvent
from edge.drivers.door.debounce import Debouncer
from edge.drivers.faults import faulted
from edge.drivers.gpio import Input, Output, Pins
from edge.gate.events import Contact, ExitPressed, Faulted, FireInput
from edge.gate.reasons import Cause, Device

log = logging.getLogger(__name__)

CHECK_S = 0.25  # how often pins are read whether an edge came or not
JOIN_S = 2.0


@dataclass(frozen=True, slots=True)
class _Edge:
    """What gpiozero's thread enqueues."""

    name: str
    active: bool
    at_s: float


@dataclass(slots=True)
class _Watched:
    """An input and its settled level."""

    input: Input
    debouncer: Debouncer


class GpioDoor(Door):
    """Any door whose parts hang on pins.

    Inputs are dry contacts to ground (edge.drivers.gpio). Each is debounced here: a level counts
    after `debounce_ms`. Pins are also read every CHECK_S, so that a lost edge is noticed, and so is
    a relay pin that does not follow: that is a Faulted event, after which the owner closes the door
    and opens it again.

    close() drives the relay to the table's `at_stop`. Where that needs the relay off, the pin is
    switched off and let go; where it needs power, the pin is left driven, which the Raspberry Pi's
    kernels keep up after the process has ended.
    """

    def __init__(
        self,
        table: DoorTable,
        on_event: OnDoorEvent,
        *,
        pins: Pins,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(on_event)
        self.table = table
        self._pins = pins
        self._monotonic = monotonic
        self._relay: Output | None = None
        self._energised = False  # what the relay was told last
        self._relay_lock = threading.Lock()
        self._inputs: dict[str, Input] = {}
        self._edges: queue.SimpleQueue[_Edge | None] = queue.SimpleQueue()
        self._watcher: threading.Thread | None = None

    # --- Driver -------------------------------------------------------------------------------

    def open(self) -> None:
        """Secures the door and starts to watch the inputs."""
        if self._relay is not None:
            raise RuntimeError("the door is open already")
        table = self.table
        try:
            self._energised = self._power_for(secured=True)
            self._relay = self._pins.output(
                Device.DOOR,
                "relay",
                table.relay_pin,
                active=table.relay_active,
                on=self._energised,
            )
            for name, pin, level in (
                ("contact", table.contact_pin, table.contact_open_level),
                ("exit", table.exit_pin, table.exit_level),
                ("fire", table.fire_pin, table.fire_level),
            ):
                if pin is not None:
                    self._inputs[name] = self._pins.input(Device.DOOR, name, pin, active=level)
            self._watch()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        self._stop_watching()
        relay, self._relay = self._relay, None
        if relay is not None:
            _quietly(lambda: self._leave(relay))
        inputs, self._inputs = self._inputs, {}
        for opened in inputs.values():
            _quietly(opened.close)

    # --- Door ---------------------------------------------------------------------------------

    @property
    def contact_open(self) -> bool | None:
        """What the pin reads now, bounces included; events tell of settled levels."""
        return self._read("contact")

    @property
    def fire_active(self) -> bool | None:
        return self._read("fire")

    def release(self) -> None:
        self._switch(secured=False)

    def secure(self) -> None:
        self._switch(secured=True)

    # --- the relay ----------------------------------------------------------------------------

    def _power_for(self, *, secured: bool) -> bool:
        """Whether the relay has power: a fail-safe lock holds with it, a fail-secure one lets go
        with it.
        """
        return secured == (self.table.lock == "fail_safe")

    def _switch(self, *, secured: bool) -> None:
        with self._relay_lock:
            if self._relay is None:
                raise RuntimeError("the door is not open")
            self._energised = self._power_for(secured=secured)
            self._relay.set(self._energised)

    def _leave(self, relay: Output) -> None:
        energised = self._power_for(secured=self.table.at_stop == "secured")
        try:
            relay.set(energised)
        finally:
            relay.close(keep_driven=energised)

    def _read(self, name: str) -> bool | None:
        opened = self._inputs.get(name)
        return None if opened is None else opened.active

    # --- the inputs ---------------------------------------------------------------------------

    def _watch(self) -> None:
        edges: queue.SimpleQueue[_Edge | None] = queue.SimpleQueue()
        self._edges = edges
        settle_s = self.table.debounce_ms / 1000
        watched = {}
        for name, opened in self._inputs.items():
            opened.on_edge(self._enqueuer(edges, name))  # before reading: no edge is missed
            watched[name] = _Watched(opened, Debouncer(settle_s, level=opened.active))
        self._watcher = threading.Thread(
            target=self._watch_inputs, args=(edges, watched), name="door-inputs", daemon=True
        )
        self._watcher.start()

    def _enqueuer(
        self, edges: queue.SimpleQueue[_Edge | None], name: str
    ) -> Callable[[bool], None]:
        return lambda active: edges.put(_Edge(name, active, self._monotonic()))

    def _stop_watching(self) -> None:
        watcher, self._watcher = self._watcher, None
        if watcher is not None:
            self._edges.put(None)
            watcher.join(JOIN_S)
            if watcher.is_alive():
                log.error("the door's input thread did not end", extra={"action": "thread_left"})

    def _watch_inputs(
        self, edges: queue.SimpleQueue[_Edge | None], watched: dict[str, _Watched]
    ) -> None:
        try:
            for name in ("contact", "fire"):
                if name in watched:
                    self._report(name, watched[name].debouncer.level)
            while self._watch_once(edges, watched):
                pass
        except DeviceError as error:
            self.on_event(faulted(error))
        except BaseException as error:  # told before the thread dies: nobody watches it
            self.on_event(Faulted(device=Device.DOOR, cause=Cause.CRASHED, detail=repr(error)))
            raise

    def _watch_once(
        self, edges: queue.SimpleQueue[_Edge | None], watched: dict[str, _Watched]
    ) -> bool:
        """Wait for one edge, or for a level to settle, or for the next check. False at the end."""
        try:
            edge = edges.get(timeout=self._wait_s(watched))
        except queue.Empty:
            self._check(watched)
        else:
            if edge is None:
                return False
            self._tell(edge.name, watched[edge.name].debouncer.edge(edge.active, edge.at_s))
        now_s = self._monotonic()
        for name, one in watched.items():
            self._tell(name, one.debouncer.settled(now_s))
        return True

    def _wait_s(self, watched: dict[str, _Watched]) -> float:
        dues_s = [one.debouncer.due_s for one in watched.values()]
        now_s = self._monotonic()
        waits_s = [due_s - now_s for due_s in dues_s if due_s is not None]
        return max(0.0, min([*waits_s, CHECK_S]))

    def _check(self, watched: dict[str, _Watched]) -> None:
        """Read all pins. Raises DeviceError."""
        now_s = self._monotonic()
        for name, one in watched.items():
            self._tell(name, one.debouncer.edge(one.input.active, now_s))
        with self._relay_lock:
            if self._relay is not None and self._relay.on != self._energised:
                self._relay.set(self._energised)  # set once more; raises where it can't follow

    def _tell(self, name: str, settled: bool | None) -> None:  # noqa: FBT001 - a level
        if settled is not None:
            self._report(name, settled)

    def _report(self, name: str, active: bool) -> None:  # noqa: FBT001 - a level
        if name == "contact":
            self.on_event(Contact(is_open=active))
        elif name == "fire":
            self.on_event(FireInput(active=active))
        elif active:  # the press counts, not the letting go
            self.on_event(ExitPressed())


def _quietly(let_go: Callable[[], None]) -> None:
    """close() never raises: what goes wrong then is only logged."""
    try:
        let_go()
    except DeviceError as error:
        log.warning("while closing the door: %s", error, extra={"action": "close_failed"})
