"""Watches the daemon's threads: what dies or hangs is a fault of its device, and is replaced.

The supervisor runs in the main thread and never waits long: `check` is called a few times a
second. A thread that can't be ended makes it ask for a restart of the whole daemon.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from edge.gate.events import Faulted, Recovered
from edge.gate.reasons import Cause, Device
from edge.worker import Worker
from feed.backoff import Backoff

log = logging.getLogger(__name__)

# how long a hung thread is given to end by itself before it counts as one that can't be ended
_END_S = 1.0
# a worker that lived this long counts as well again: its next fault is retried at once
_STEADY_S = 60.0
# a replaced worker that can't tell by itself that it works again is believed after this
_WORKS_S = 3.0


@dataclass(slots=True)
class Post:
    """A worker's place. `make` gives a fresh one, told whether its device is known to be at fault;
    a post without a device can't be replaced: its loss ends the daemon. `device` and `reader` say
    whose fault it is. A worker with `tells_recovery` emits Recovered itself when it works again.
    """

    name: str
    make: Callable[[bool], Worker]
    device: Device | None = None
    reader: str | None = None
    tells_recovery: bool = False
    faulted: bool = False
    worker: Worker | None = None
    restarts: int = 0
    retry_s: float | None = None
    since_s: float = 0.0
    backoff: Backoff = field(default_factory=Backoff)


class Supervisor:
    """Starts workers in order, replaces those that fail, stops them in reverse order."""

    def __init__(
        self,
        emit: Callable[[Faulted | Recovered], None],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._emit = emit
        self._monotonic = monotonic
        self._posts: list[Post] = []
        self.lost: str | None = None
        self.stuck: list[str] = []

    def start(self, post: Post) -> None:
        """Start a worker, after all those it depends on."""
        self._posts.append(post)
        self._begin(post)

    def check(self) -> None:
        """Look at every worker once. Sets `lost` when one that can't be replaced is gone, and
        adds to `stuck` the threads that can't be ended.
        """
        for post in self._posts:
            if post.worker is None:
                if post.retry_s is not None and self._monotonic() >= post.retry_s:
                    post.restarts += 1
                    self._begin(post)
            elif not post.worker.alive:
                self._fail(post, Cause.CRASHED, repr(post.worker.error))
            elif post.worker.hung:
                self._fail(post, Cause.HUNG, f"silent for {post.worker.silent_s:.0f} s")
            else:
                self._praise(post)

    def stop(self, timeout_s: float) -> bool:
        """Stop all in reverse order. False when a thread is left behind."""
        ended = True
        for post in reversed(self._posts):
            if post.worker is not None and not post.worker.stop(timeout_s):
                log.error("action=stop worker=%s: still there after %.0f s", post.name, timeout_s)
                ended = False
        return ended

    def _praise(self, post: Post) -> None:
        lived_s = self._monotonic() - post.since_s
        if post.faulted and lived_s > _WORKS_S:
            post.faulted = False
            if post.device is not None and not post.tells_recovery:
                self._emit(Recovered(device=post.device, reader=post.reader))
        if lived_s > _STEADY_S:
            post.backoff.reset()

    def _begin(self, post: Post) -> None:
        post.worker = post.make(post.faulted)
        post.since_s = self._monotonic()
        post.retry_s = None
        post.worker.start()

    def _fail(self, post: Post, cause: Cause, detail: str) -> None:
        worker = post.worker
        assert worker is not None
        log.error("action=worker_failed worker=%s cause=%s detail=%s", post.name, cause, detail)
        if post.device is None:
            self.lost = post.name
            return
        post.worker = None
        post.faulted = True
        self._emit(Faulted(device=post.device, cause=cause, reader=post.reader, detail=detail))
        if cause is Cause.HUNG and not worker.stop(_END_S):
            # its place stays empty: two threads on one device would be worse
            self.stuck.append(post.name)
            return
        post.retry_s = self._monotonic() + post.backoff.next_s()
