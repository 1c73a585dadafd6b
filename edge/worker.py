"""Workers: the daemon's supervised threads. edge.supervisor starts, watches and replaces them."""

from __future__ import annotations

import logging
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable

log = logging.getLogger(__name__)


class Worker(ABC):
    """One thread with a loop of its own.

    A subclass must override `run`: loop until `self.stopping` is set, call `self.beat()` at least
    every `hang_s` seconds, and wait only with a timeout or on something that `wake` ends. An
    exception that leaves `run` is kept in `error`; the supervisor reports it and makes a new
    worker, so a worker is started once only.
    """

    def __init__(
        self, name: str, *, hang_s: float = 10.0, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self.name = name
        self.hang_s = hang_s
        self.stopping = threading.Event()
        self.error: BaseException | None = None
        self._monotonic = monotonic
        self._beat_s = monotonic()
        self._thread = threading.Thread(target=self._main, name=name, daemon=True)

    @abstractmethod
    def run(self) -> None:
        """The loop."""

    def wake(self) -> None:  # noqa: B027 - only needed where run() waits on something else
        """End a wait inside `run`; called by `stop` after `stopping` is set."""

    def start(self) -> None:
        """Start the thread."""
        self.beat()
        self._thread.start()

    def stop(self, timeout_s: float = 5.0) -> bool:
        """Ask the loop to end and wait for it. False when it is still there after `timeout_s`."""
        self.stopping.set()
        self.wake()
        if self._thread.ident is not None and self._thread is not threading.current_thread():
            self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def beat(self) -> None:
        """The loop is alive."""
        self._beat_s = self._monotonic()

    @property
    def alive(self) -> bool:
        """Whether the thread runs."""
        return self._thread.is_alive()

    @property
    def silent_s(self) -> float:
        """Seconds since the last beat."""
        return self._monotonic() - self._beat_s

    @property
    def hung(self) -> bool:
        """Alive, but silent for longer than it may be."""
        return self.alive and self.silent_s > self.hang_s

    def _main(self) -> None:
        try:
            self.run()
        except BaseException as error:  # kept for the supervisor, which reports it
            self.error = error
            log.exception("worker %s died", self.name)
