"""Calls into native libraries that may never return."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

log = logging.getLogger(__name__)


class NativeCall:
    """A native call in a thread of its own, so that one which hangs holds up nobody.

    A thread can't be killed: one that hangs stays until the call returns or the process ends.
    """

    def __init__(self, name: str, call: Callable[[], None]) -> None:
        self._name = name
        self._call = call
        self._thread = threading.Thread(target=self._main, name=name, daemon=True)
        self._thread.start()

    def finished(self, timeout_s: float) -> bool:
        """Whether the call returned, waiting for it that long at most."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _main(self) -> None:
        try:
            self._call()
        except Exception:
            log.exception("%s failed", self._name)
