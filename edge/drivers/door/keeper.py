"""The thread that keeps the door driver open and does what the gate wants of it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from edge.drivers.base import DeviceError
from edge.drivers.door import Door, DoorEvent, OnDoorEvent
from edge.drivers.faults import FaultTeller, pause
from edge.gate.events import Event, Faulted
from edge.gate.reasons import Device
from edge.worker import Worker
from feed.backoff import Backoff

CHECK_S = 1.0  # the longest wait between beats
LONGEST_RETRY_S = 5.0  # a door is retried often: people stand before it, or behind it


class DoorKeeper(Worker):
    """Opens the driver that `make` gives for the keeper's event receiver, and passes its events on.

    `release` and `secure` may be called from any thread; they only note what is wanted, and the
    keeper's thread does it. The last wish stands: it is done again whenever the driver was opened
    anew. A fault becomes Faulted (once a cause), then the driver is closed and a fresh one opened
    after a wait that grows; Recovered follows when the door does again what is wanted.

    Stopping the keeper closes the driver, which leaves the door in its `at_stop` state.
    """

    def __init__(
        self,
        make: Callable[[OnDoorEvent], Door],
        emit: Callable[[Event], None],
        *,
        hang_s: float = 10.0,
        faulted: bool = False,
        backoff: Backoff | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__("door", hang_s=hang_s, monotonic=monotonic)
        self._make = make
        self._emit = emit
        self._wake = threading.Event()
        self._released = False  # what is wanted
        self._fault: DeviceError | None = None
        self._teller = FaultTeller(
            Device.DOOR,
            None,
            emit,
            faulted=faulted,
            backoff=backoff or Backoff(longest_s=LONGEST_RETRY_S),
            monotonic=monotonic,
        )

    def release(self) -> None:
        """Let the door be opened, until `secure`."""
        self._released = True
        self._wake.set()

    def secure(self) -> None:
        """Lock the door."""
        self._released = False
        self._wake.set()

    def wake(self) -> None:
        self._wake.set()

    def run(self) -> None:
        while not self.stopping.is_set():
            try:
                self._fault = None
                with self._make(self._received) as door:
                    self._serve(door)
            except DeviceError as error:
                pause(self, self._teller.failed(error))

    def _serve(self, door: Door) -> None:
        done: bool | None = None
        while not self.stopping.is_set():
            self.beat()
            self._wake.clear()
            if self._fault is not None:
                raise self._fault
            wanted = self._released
            if wanted != done:
                (door.release if wanted else door.secure)()
                done = wanted
            self._teller.works()
            self._wake.wait(CHECK_S)

    def _received(self, event: DoorEvent) -> None:
        """The driver's receiver, on the driver's thread."""
        if isinstance(event, Faulted):
            self._fault = DeviceError(event.device, event.cause, event.detail)
            self._wake.set()
        else:
            self._emit(event)
