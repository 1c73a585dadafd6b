"""The process that derives beside ingest: a child, because it needs the processor as ingest does.

Ends with its parent, is started again when it ends by itself, with growing waits.
"""

from __future__ import annotations

import logging
import subprocess
import threading
from collections.abc import Sequence

from feed.backoff import Backoff

log = logging.getLogger(__name__)

_STOP_S = 10.0  # a turn takes a second at most


class Companion:
    """Keeps one child with this command line running until `stop`."""

    def __init__(self, command: Sequence[str]) -> None:
        self._command = list(command)
        self._stopping = threading.Event()
        self._child: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._keep, name="derive", daemon=True)

    def start(self) -> None:
        """Begin; a child that can't be started is tried again as well."""
        self._thread.start()

    def stop(self) -> None:
        """End the child and wait for it."""
        with self._lock:
            self._stopping.set()
            if self._child is not None:
                self._child.terminate()
        self._thread.join(_STOP_S)
        if self._thread.is_alive() and self._child is not None:
            self._child.kill()
            self._thread.join(_STOP_S)

    def _keep(self) -> None:
        retry = Backoff(first_s=1.0, longest_s=60.0)
        while not self._stopping.is_set():
            try:
                with self._lock:
                    if self._stopping.is_set():
                        return
                    # its standard input closes when this process dies, however it dies
                    self._child = subprocess.Popen(self._command, stdin=subprocess.PIPE)
                with self._child:
                    code = self._child.wait()
            except OSError as error:
                log.error("the process that derives can't be started: %s", error)  # noqa: TRY400
            else:
                # 0: it was told to stop, as a service manager tells all processes of a service
                if code and not self._stopping.is_set():
                    log.error("the process that derives ended with %d", code)
            self._stopping.wait(retry.next_s())
