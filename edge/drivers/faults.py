"""What every keeper of a device does about faults: tell once, wait, tell when it works again."""

from __future__ import annotations

import time
from collections.abc import Callable

from edge.drivers.base import DeviceError
from edge.gate.events import Event, Faulted, Recovered
from edge.gate.reasons import Cause, Device
from edge.worker import Worker
from feed.backoff import Backoff

STEADY_S = 10.0  # a device that worked this long is retried fast again at its next fault


def faulted(error: DeviceError, reader: str | None = None) -> Faulted:
    """The event that tells of a device's error."""
    detail = f"{error.detail}; {error.hint}" if error.hint else error.detail
    return Faulted(device=error.device, cause=error.cause, reader=reader, detail=detail)


class FaultTeller:
    """Turns a device's errors into Faulted and Recovered events, and into waits before retries.

    Faulted is sent once, and again only when the cause changes; Recovered when the device works
    after a fault. `faulted` says that someone else has reported a fault of it already (a worker
    that died), so that the first success is told. A device that fails again and again right after
    it recovered is retried more and more slowly.
    """

    def __init__(
        self,
        device: Device,
        reader: str | None,
        emit: Callable[[Event], None],
        *,
        faulted: bool = False,
        backoff: Backoff | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.device = device
        self.reader = reader
        self._emit = emit
        self._faulted = faulted
        self._cause: Cause | None = None
        self._backoff = backoff or Backoff()
        self._monotonic = monotonic
        self._works_since_s: float | None = None

    def works(self) -> None:
        """The device did its work just now."""
        now_s = self._monotonic()
        if self._works_since_s is None:
            self._works_since_s = now_s
        elif now_s - self._works_since_s >= STEADY_S:
            self._backoff.reset()
        if self._faulted:
            self._faulted, self._cause = False, None
            self._emit(Recovered(device=self.device, reader=self.reader))

    def failed(self, error: DeviceError) -> float:
        """The device failed; returns the seconds to wait before the next try."""
        self._works_since_s = None
        if not self._faulted or error.cause != self._cause:
            self._faulted, self._cause = True, error.cause
            self._emit(faulted(error, self.reader))
        return self._backoff.next_s()


def pause(worker: Worker, wait_s: float) -> None:
    """Wait inside a worker's loop, beating meanwhile; ends early when the worker is to stop."""
    end_s = time.monotonic() + wait_s
    while (left_s := end_s - time.monotonic()) > 0:
        worker.beat()
        if worker.stopping.wait(min(left_s, worker.hang_s / 4)):
            return
