"""The thread that reads a thermometer."""

from __future__ import annotations

import time
from collections.abc import Callable

from edge.drivers.base import Backoff, DeviceError
from edge.drivers.faults import FaultTeller, pause
from edge.drivers.thermometer import Thermometer
from edge.gate.events import Event, Sample
from edge.gate.reasons import Device
from edge.worker import Worker


class ThermometerWorker(Worker):
    """Reads one reader's thermometer `rate_hz` times a second and emits a Sample for each read.

    A DeviceError becomes Faulted (once a cause); the driver is closed, and a fresh one from `make`
    opened after a wait that grows; the first good read emits Recovered. `emit` only enqueues.
    `faulted` says that a fault of this thermometer is known already (its worker died), so that the
    first good read is told as its recovery.
    """

    def __init__(
        self,
        reader: str,
        make: Callable[[], Thermometer],
        emit: Callable[[Event], None],
        *,
        rate_hz: float,
        hang_s: float = 10.0,
        faulted: bool = False,
        backoff: Backoff | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(f"thermometer {reader}", hang_s=hang_s, monotonic=monotonic)
        self.reader = reader
        self._make = make
        self._emit = emit
        self._period_s = 1 / rate_hz
        self._teller = FaultTeller(
            Device.THERMOMETER, reader, emit, faulted=faulted, backoff=backoff, monotonic=monotonic
        )

    def run(self) -> None:
        while not self.stopping.is_set():
            try:
                with self._make() as thermometer:
                    self._read(thermometer)
            except DeviceError as error:
                pause(self, self._teller.failed(error))

    def _read(self, thermometer: Thermometer) -> None:
        due_s = self._monotonic()
        while not self.stopping.is_set():
            self.beat()
            measured = thermometer.read()
            self._teller.works()
            self._emit(
                Sample(
                    reader=self.reader,
                    object_c=measured.object_c,
                    ambient_c=measured.ambient_c,
                    settling_s=thermometer.settling_s,
                )
            )
            due_s = max(due_s + self._period_s, self._monotonic())
            self.stopping.wait(due_s - self._monotonic())
