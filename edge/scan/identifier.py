"""The worker that turns credentials into persons: a memory-hard hash takes its time, and the gate
goes on measuring meanwhile.
"""

from __future__ import annotations

import logging
import queue
import time
from collections.abc import Callable

from edge.gate.events import Event, Identified, Identify, NotIdentified
from edge.worker import Worker
from feed.record import Person
from identity.credential import Credential

log = logging.getLogger(__name__)

WAITING_MOST = 8  # requests: two readers have one person each
GET_S = 0.5


class IdentifierWorker(Worker):
    """Answers each Identify with Identified, or NotIdentified where `identify` raises.

    `emit` is called from this worker's thread, and from the thread of `submit` when too many
    requests wait; it must not block.
    """

    def __init__(
        self,
        identify: Callable[[Credential], Person],
        emit: Callable[[Event], None],
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__("identifier", monotonic=monotonic)
        self._identify = identify
        self._emit = emit
        self._requests: queue.Queue[Identify] = queue.Queue(WAITING_MOST)

    def submit(self, request: Identify) -> None:
        """Take a request; never blocks. Answers NotIdentified at once when too many wait."""
        try:
            self._requests.put_nowait(request)
        except queue.Full:
            log.warning("%d requests wait: %s not identified", WAITING_MOST, request.presentation)
            self._refuse(request)

    def run(self) -> None:
        """Answer one request after the other."""
        while not self.stopping.is_set():
            self.beat()
            try:
                request = self._requests.get(timeout=GET_S)
            except queue.Empty:
                continue
            self._answer(request)

    def _answer(self, request: Identify) -> None:
        try:
            person = self._identify(request.credential)
        except Exception:  # whatever went wrong, the person at the gate gets an answer
            log.exception("presentation %s can't be identified", request.presentation)
            self._refuse(request)
        else:
            self._emit(
                Identified(reader=request.reader, presentation=request.presentation, person=person)
            )

    def _refuse(self, request: Identify) -> None:
        self._emit(
            NotIdentified(
                reader=request.reader,
                presentation=request.presentation,
                person=Person(scheme=request.credential.scheme),
            )
        )
