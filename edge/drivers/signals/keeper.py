"""The thread that keeps a reader's signals going."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from edge.drivers.base import DeviceError
from edge.drivers.faults import FaultTeller, pause
from edge.drivers.signals import Signals
from edge.gate.events import Event, Signal
from edge.gate.reasons import Device
from edge.worker import Worker
from feed.backoff import Backoff

CHECK_S = 1.0  # how often the driver is asked whether it still plays


class SignalsKeeper(Worker):
    """Shows what the gate wants shown at one reader, and never holds the gate up.

    `show` may be called from any thread and only notes the signal. A fault becomes Faulted (once a
    cause); the driver is closed, a fresh one from `make` opened after a wait that grows, and the
    signal shown again: then Recovered. Stopping switches everything off.
    """

    def __init__(
        self,
        reader: str,
        make: Callable[[], Signals],
        emit: Callable[[Event], None],
        *,
        hang_s: float = 10.0,
        faulted: bool = False,
        backoff: Backoff | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(f"signals {reader}", hang_s=hang_s, monotonic=monotonic)
        self.reader = reader
        self._make = make
        self._wanted = Signal.OFF
        self._wake = threading.Event()
        self._teller = FaultTeller(
            Device.SIGNALS, reader, emit, faulted=faulted, backoff=backoff, monotonic=monotonic
        )

    def show(self, signal: Signal) -> None:
        """Show a signal until the next one."""
        self._wanted = signal
        self._wake.set()

    def wake(self) -> None:
        self._wake.set()

    def run(self) -> None:
        while not self.stopping.is_set():
            try:
                with self._make() as signals:
                    self._serve(signals)
            except DeviceError as error:
                pause(self, self._teller.failed(error))

    def _serve(self, signals: Signals) -> None:
        while not self.stopping.is_set():
            self.beat()
            self._wake.clear()
            signals.show(self._wanted)
            self._teller.works()
            self._wake.wait(CHECK_S)
