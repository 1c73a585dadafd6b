"""The thread that reads a thermometer."""

from __future__ import annotations

import time
from collections.abc import Callable

from edge.drivers.base import DeviceError
from edge.drivers.faults import FaultTeller, pause
from edge.drivers.thermometer import Measurement, Thermometer
from edge.drivers.thermometer.selfcheck import SelfCheck
from edge.gate.events import Event, Noted, Sample
from edge.gate.reasons import Cause, Device
from edge.worker import Worker
from feed.backoff import Backoff
from feed.record import Kind


class ThermometerWorker(Worker):
    """Reads one reader's thermometer `rate_hz` times a second and emits a Sample for each read.

    A DeviceError becomes Faulted (once a cause); the driver is closed, and a fresh one from `make`
    opened after a wait that grows; the first good read emits Recovered. `emit` only enqueues.
    `faulted` says that a fault of this thermometer is known already (its worker died), so that the
    first good read is told as its recovery. A `check` that fails is a fault too: no sample goes out
    until one passes. `sensor` is the id that the reader's calibration was made for.
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
        check: SelfCheck | None = None,
        sensor: str | None = None,
        backoff: Backoff | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(f"thermometer {reader}", hang_s=hang_s, monotonic=monotonic)
        self.reader = reader
        self._make = make
        self._emit = emit
        self._period_s = 1 / rate_hz
        self._check = check
        self._check_told: bool | None = None
        self._sensor = sensor
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
        self._compare_sensor(thermometer)
        due_s = self._monotonic()
        while not self.stopping.is_set():
            self.beat()
            measured = thermometer.read()
            self._examine(measured)
            if self._check is None or self._check.passed:
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

    def _compare_sensor(self, thermometer: Thermometer) -> None:
        found = thermometer.describe().get("id")
        if self._sensor is not None and found != self._sensor:
            raise DeviceError(
                Device.THERMOMETER,
                Cause.SELF_CHECK,
                f"sensor {found} is not the one that was calibrated, {self._sensor}",
                hint=f"run `edge-gate calibrate {self.reader}`",
            )

    def _examine(self, measured: Measurement) -> None:
        """Feed the self-check; its result is recorded, a failure again only once it passed."""
        report = None if self._check is None else self._check.take(measured)
        if report is None:
            return
        if report.passed or self._check_told is not False:
            detail = {"result": "passed" if report.passed else "failed", **report.detail}
            self._emit(Noted(kind=Kind.CHECK, name="self_check", reader=self.reader, detail=detail))
        self._check_told = report.passed
        if not report.passed:
            raise DeviceError(
                Device.THERMOMETER,
                Cause.SELF_CHECK,
                f"the self-check failed: {report.why}",
                hint="look at the sensor and before it; screening goes on once a check passes",
            )
