"""The worker of one reader: keeps its scan process going and turns what it tells into events."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

from edge.gate.events import Event, Faulted, Recovered
from edge.gate.reasons import Cause, Device
from edge.scan.pictures import Pictures
from edge.scan.presentation import Presentations
from edge.scan.process import ScanProcess, ended_by
from edge.scan.wire import Failed, Looked, Message, Orders, Pictured, Taken
from edge.worker import Worker
from feed.backoff import Backoff

log = logging.getLogger(__name__)

HEAR_S = 0.2  # the longest wait before looking whether to stop
START_S = 30.0  # until the first word: imports from a slow card, at boot
OVER_TIMEOUT_S = 1.0  # a camera that is about to report its own time-out is not hung
STEADY_S = 10.0  # of frames, before the next restart is a quick one again
RESTART_FIRST_S = 0.25
RESTART_LONGEST_S = 30.0


@dataclass(slots=True)
class _Life:
    """One run of the process: when it was last heard, and what it said then."""

    heard_s: float
    last: Message | None = None
    first_look_s: float | None = None

    @property
    def device(self) -> Device:
        """What it is at: whose fault an end or a silence is now."""
        if isinstance(self.last, Failed):
            return self.last.device
        return (
            Device.DECODER if self.last is None or isinstance(self.last, Taken) else Device.CAMERA
        )


class ReaderWorker(Worker):
    """Scans one reader: emits CodeSeen, CodeRefused, and Faulted and Recovered of CAMERA, DECODER.

    `emit` is called from this worker's thread and must not block. `presentations` is the caller's,
    who hands the same one to the worker that replaces this one. A process that tells nothing for
    `silence_s`, or for longer than its camera's own time-out, is hung: it is killed and replaced.
    `faulted` says that a fault of DECODER is known already, so that the first frame ends it.
    `pictures` is where the screen asks for what the camera sees, where there is a screen.
    """

    def __init__(
        self,
        orders: Orders,
        presentations: Presentations,
        emit: Callable[[Event], None],
        *,
        silence_s: float,
        pictures: Pictures | None = None,
        faulted: bool = False,
        backoff: Backoff | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(f"scan-{orders.reader}", monotonic=monotonic)
        self.frames = 0
        self.decodes = 0
        self.restarts = 0
        self._orders = orders
        self._presentations = presentations
        self._emit = emit
        self._silence_s = max(silence_s, orders.camera.timeout_s + OVER_TIMEOUT_S)
        self._backoff = backoff or Backoff(first_s=RESTART_FIRST_S, longest_s=RESTART_LONGEST_S)
        self._pictures = pictures
        self._process: ScanProcess | None = None
        self._faulted = {Device.DECODER: Cause.CRASHED} if faulted else {}

    @property
    def pid(self) -> int | None:
        """The scan process, or None while there is none."""
        process = self._process
        return None if process is None else process.pid

    def run(self) -> None:
        """Start the process, listen to it, and start another when it ends."""
        while not self.stopping.is_set():
            self.beat()
            try:
                self._process = ScanProcess(self._orders)
            except OSError as error:
                self._fault(Device.DECODER, Cause.OTHER, f"no scan process: {error}")
            else:
                self._live(self._process)
            self._rest(self._backoff.next_s())

    def _live(self, process: ScanProcess) -> None:
        """One life of the process, and what its end means."""
        life = _Life(self._monotonic())
        try:
            self._listen(process, life)
        except EOFError:
            how = ended_by(process.end())
            if not isinstance(life.last, Failed):  # it has said why
                self._fault(life.device, Cause.CRASHED, f"the scan process ended: {how}")
        except TimeoutError as silence:
            process.end(grace_s=0)
            self._fault(life.device, Cause.HUNG, str(silence))
        except ValueError as nonsense:
            self._fault(Device.DECODER, Cause.BAD_DATA, str(nonsense))
        finally:
            process.end()
            self._process = None

    def _listen(self, process: ScanProcess, life: _Life) -> None:
        """Until this worker is to stop. Raises EOFError, ValueError, TimeoutError on silence."""
        while not self.stopping.is_set():
            self.beat()
            if self._pictures is not None and self._pictures.take_wish():
                process.wish()
            messages = process.hear(HEAR_S)
            now_s = self._monotonic()
            silent_s = now_s - life.heard_s
            if messages:
                life.heard_s = now_s
            elif silent_s > (START_S if life.last is None else self._silence_s):
                raise TimeoutError(f"the scan process has told nothing for {silent_s:.1f} s")
            for message in messages:
                life.last = message
                self._take(message, life)

    def _take(self, message: Message, life: _Life) -> None:
        if isinstance(message, Failed):
            self._fault(message.device, message.cause, message.detail)
        elif isinstance(message, Pictured):
            if self._pictures is not None:
                self._pictures.put(message.jpeg)
        elif isinstance(message, Looked):
            self._steady(life)
            self.frames += 1
            self.decodes += message.decoded
            sighting = self._presentations.frame(message.taken_s, message.payloads)
            if sighting is not None:
                self._emit(sighting)

    def _steady(self, life: _Life) -> None:
        """A frame came through: camera and decoder work."""
        if life.first_look_s is None:
            life.first_look_s = life.heard_s
        elif life.heard_s - life.first_look_s > STEADY_S:
            self._backoff.reset()
        for device in self._faulted:
            log.info("%s of reader %s works again", device, self._orders.reader)
            self._emit(Recovered(device=device, reader=self._orders.reader))
        self._faulted.clear()

    def _fault(self, device: Device, cause: Cause, detail: str) -> None:
        """Report a fault once, until it changes or is over."""
        log.warning("%s of reader %s: %s (%s)", device, self._orders.reader, detail, cause)
        if self._faulted.get(device) != cause:
            self._faulted[device] = cause
            self._emit(
                Faulted(device=device, cause=cause, reader=self._orders.reader, detail=detail)
            )

    def _rest(self, wait_s: float) -> None:
        """Wait before the next start, or until this worker is to stop."""
        until_s = self._monotonic() + wait_s
        self.restarts += 1
        while not self.stopping.wait(min(HEAR_S, wait_s)) and self._monotonic() < until_s:
            self.beat()
