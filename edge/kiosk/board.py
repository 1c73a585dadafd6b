"""Where the views are pinned: the gate puts its state in, the pages' threads wait for what is new.

The gate's thread only leaves its newest state here; if nobody has taken the one before, that one
is dropped. Nothing that a page or a browser does can hold a gate up.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable

from edge.gate.state import GateState
from edge.kiosk.view import Screen, View


class Mailbox:
    """The newest state of the gate; `put` never blocks."""

    def __init__(self) -> None:
        self._newest: GateState | None = None
        self._fresh = threading.Event()

    def put(self, state: GateState) -> None:
        """From the gate's thread."""
        self._newest = state
        self._fresh.set()

    def wake(self) -> None:
        """End a wait without a state."""
        self._fresh.set()

    def look(self, timeout_s: float) -> GateState | None:
        """The newest state, once there is another or the time is up; None before the first."""
        self._fresh.wait(timeout_s)
        self._fresh.clear()
        return self._newest


class Board:
    """The view of each reader, with the number of its change."""

    def __init__(self, readers: Iterable[str]) -> None:
        self._pinned = {reader: (1, View(screen=Screen.STARTING)) for reader in readers}
        self._changed = threading.Condition()
        self._closed = False

    @property
    def readers(self) -> tuple[str, ...]:
        """The readers' names, in the order of the configuration."""
        return tuple(self._pinned)

    @property
    def closed(self) -> bool:
        """Whether all who wait are to go."""
        return self._closed

    def pin(self, reader: str, view: View) -> None:
        """Show a view; nothing changes where it is shown already."""
        with self._changed:
            number, before = self._pinned[reader]
            if view != before:
                self._pinned[reader] = number + 1, view
                self._changed.notify_all()

    def wait(self, reader: str, seen: int, timeout_s: float) -> tuple[int, View]:
        """The view and its number; waits for one of another number than `seen`."""
        with self._changed:
            self._changed.wait_for(
                lambda: self._closed or self._pinned[reader][0] != seen, timeout_s
            )
            return self._pinned[reader]

    def close(self) -> None:
        """Let everybody go who waits."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
