"""The thread that writes records: in order, and until they are written."""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from edge.clock import Clock
from edge.gate.events import Durable, Event, Faulted, NotDurable, Recovered, Write
from edge.gate.reasons import Alarm, Cause, Device
from edge.records.journal import Journal, JournalError
from edge.worker import Worker
from feed.backoff import Backoff
from feed.record import Clock as Stamp
from feed.record import Draft, Happening, Kind

log = logging.getLogger(__name__)

CAPACITY = 2_000  # requests: hours of a busy gate whose disk is gone, about 4 MB
REMEMBERED = 4_096  # requests whose seq a later `ref_request` may name
NEARLY_FULL = 0.9  # of the room for records: time for someone to look
RETIRE_EVERY_S = 3600.0
IDLE_S = 1.0  # quiet for this long: write confirmations, make the next file

Emit = Callable[[Event], None]


@dataclass(slots=True)
class _Request:
    write: Write
    at: datetime
    clock: Stamp
    told: bool = False  # NotDurable was said


class WriteQueue:
    """Write requests on their way from the gate thread to the recorder. Bounded.

    It outlives a recorder that died: the next one goes on where that one stopped. While records
    can't be written, each request is answered with NotDurable at once, and kept all the same.
    """

    def __init__(self, emit: Emit, *, capacity: int = CAPACITY) -> None:
        """`emit` is called from whichever thread puts or fails, and must not block."""
        self.dropped = 0  # requests that found the queue full, or can never be written
        self.cause: Cause | None = None  # why records can't be written now
        self._emit = emit
        self._capacity = capacity
        self._requests: deque[_Request] = deque()
        self._seqs: OrderedDict[int, int] = OrderedDict()
        self._changed = threading.Condition()

    def __len__(self) -> int:
        return len(self._requests)

    def put(self, write: Write, *, at: datetime, clock: Stamp) -> None:
        """Ask for a record, as of this time. Never blocks.

        Beyond the capacity the request is dropped, counted and answered with NotDurable.
        """
        request = _Request(write, at, clock)
        with self._changed:
            full = len(self._requests) >= self._capacity
            if full:
                self.dropped += 1
            else:
                self._requests.append(request)
                self._changed.notify_all()
            cause = self.cause or (Cause.BUSY if full else None)
            request.told = cause is not None
        if cause is not None:
            self._emit(NotDurable(request=write.request, cause=cause))

    def wait(self, timeout_s: float) -> _Request | None:
        """The oldest request, left in its place; None when there is none after `timeout_s`."""
        with self._changed:
            if not self._requests:
                self._changed.wait(timeout_s)
            return self._requests[0] if self._requests else None

    def pause(self, timeout_s: float, ended: Callable[[], bool]) -> None:
        """Wait before a retry, until `wake` when `ended`."""
        with self._changed:
            self._changed.wait_for(ended, timeout_s)

    def wake(self) -> None:
        """End a wait."""
        with self._changed:
            self._changed.notify_all()

    def ref(self, request: int | None) -> int | None:
        """The seq of an earlier request."""
        if request is None:
            return None
        seq = self._seqs.get(request)
        if seq is None:
            log.error("request %d has no record to refer to", request)
        return seq

    def written(self, request: _Request, seq: int) -> None:
        """The oldest request is on disk."""
        with self._changed:
            self._requests.popleft()
        self._seqs[request.write.request] = seq
        while len(self._seqs) > REMEMBERED:
            self._seqs.popitem(last=False)
        self._emit(Durable(request=request.write.request, seq=seq))

    def impossible(self, request: _Request) -> None:
        """The oldest request can never be written."""
        with self._changed:
            self._requests.popleft()
            self.dropped += 1
        self._emit(NotDurable(request=request.write.request, cause=Cause.BAD_DATA))

    def failed(self, cause: Cause) -> None:
        """Records can't be written now: everyone who waits is told, once."""
        with self._changed:
            self.cause = cause
            untold = [request for request in self._requests if not request.told]
            for request in untold:
                request.told = True
        for request in untold:
            self._emit(NotDurable(request=request.write.request, cause=cause))


class Recorder(Worker):
    """Writes what the queue holds, tells the gate thread, and wakes the publisher.

    Emits Durable and NotDurable for requests, Faulted and Recovered for Device.RECORDER. A write
    that fails is repeated with back-off, in order, until it is written; its Durable comes late.
    """

    def __init__(
        self,
        journal: Journal,
        queue: WriteQueue,
        emit: Emit,
        *,
        clock: Clock,
        on_written: Callable[[], None] = lambda: None,
        backoff: Backoff | None = None,
        drain_s: float = 3.0,
    ) -> None:
        super().__init__("recorder", hang_s=30.0, monotonic=clock.monotonic)
        self._journal = journal
        self._queue = queue
        self._emit = emit
        self._clock = clock
        self._on_written = on_written
        self._backoff = backoff or Backoff(first_s=0.2, longest_s=2.0)
        self._drain_s = drain_s
        self._dropped_told = queue.dropped
        self._set_aside_told = 0
        self._nearly_full = False
        self._retires_s = 0.0

    def run(self) -> None:
        """Write until told to stop, then what is left, for `drain_s` at most."""
        while not self.stopping.is_set():
            self.beat()
            self._turn(IDLE_S)
        ends_s = self._clock.monotonic() + self._drain_s
        while len(self._queue) and self._clock.monotonic() < ends_s:
            self.beat()
            self._turn(0)
        if len(self._queue):
            log.error("stopped with %d records not written", len(self._queue))

    def wake(self) -> None:
        """End a wait."""
        self._queue.wake()

    def _turn(self, timeout_s: float) -> None:
        request = self._queue.wait(timeout_s)
        try:
            self._report()
            if request is None:
                self._journal.settle()
            else:
                self._write(request)
        except JournalError as error:
            self._failed(error)
        else:
            self._works()
        if request is None:
            self._tidy()

    def _write(self, request: _Request) -> None:
        write = request.write
        try:
            record = self._journal.append(
                write.draft,
                at=request.at,
                clock=request.clock,
                ref=self._queue.ref(write.ref_request),
            )
        except JournalError:
            raise
        except ValueError:  # no repetition would help, and it must not hold up what follows
            log.exception("request %d can't be written as a record", write.request)
            self._queue.impossible(request)
            return
        self._queue.written(request, record.seq)
        self._on_written()

    def _failed(self, error: JournalError) -> None:
        if self._queue.cause is None:
            log.error("records can't be written: %s", error)
            self._emit(Faulted(device=Device.RECORDER, cause=error.cause, detail=error.detail))
        self._queue.failed(error.cause)
        draining = self.stopping.is_set()
        wait_s = min(self._backoff.next_s(), self._drain_s / 10 if draining else IDLE_S * 10)
        self.beat()
        self._queue.pause(wait_s, lambda: self.stopping.is_set() and not draining)

    def _works(self) -> None:
        self._backoff.reset()
        if self._queue.cause is not None:
            self._queue.cause = None
            self._emit(Recovered(device=Device.RECORDER))

    def _tidy(self) -> None:
        try:
            if self._clock.monotonic() >= self._retires_s:
                self._retires_s = self._clock.monotonic() + RETIRE_EVERY_S
                self._journal.retire()
            self._journal.prepare()
        except JournalError as error:  # the next append needs it, and will say so if it must
            log.warning("the journal can't be tidied now: %s", error)

    def _report(self) -> None:
        """Records of the recorder's own: what was lost, and alarms about it."""
        lost = self._journal.unreported
        if lost:
            dropped = sum(last - first + 1 for first, last, why in lost if why == "dropped")
            count = self._journal.report_losses(at=self._clock.now(), clock=self._clock.stamp())
            if dropped:
                self._alarm(Alarm.RECORDS_DROPPED, dropped=dropped)
            if count > dropped:
                self._alarm(Alarm.RECORDS_DAMAGED, lost=count - dropped)
        set_aside = self._journal.set_aside
        if set_aside > self._set_aside_told:
            self._alarm(Alarm.RECORDS_DAMAGED, set_aside=set_aside - self._set_aside_told)
            self._set_aside_told = set_aside
        if self._queue.dropped > self._dropped_told:
            dropped = self._queue.dropped - self._dropped_told
            self._alarm(Alarm.RECORD_NOT_DURABLE, dropped=dropped)
            self._dropped_told += dropped
        self._report_room()

    def _report_room(self) -> None:
        filled = self._journal.filled
        if filled >= NEARLY_FULL and not self._nearly_full:
            self._nearly_full = True
            self._alarm(Alarm.RECORDS_NEARLY_FULL, percent=int(filled * 100))
        elif filled < NEARLY_FULL - 0.1:
            self._nearly_full = False

    def _alarm(self, alarm: Alarm, **detail: int) -> None:
        log.error("alarm %s %s", alarm, detail)
        self._own(Draft(kind=Kind.ALARM, event=Happening(name=alarm, detail=detail)))

    def _own(self, draft: Draft) -> None:
        self._journal.append(draft, at=self._clock.now(), clock=self._clock.stamp())
        self._on_written()
