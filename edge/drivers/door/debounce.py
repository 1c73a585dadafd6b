"""From the edges of a bouncing contact to its settled levels. Pure: told the time, keeps none."""

from __future__ import annotations


class Debouncer:
    """A level counts once it has stood for `settle_s`; the last one is never lost.

    Feed every edge with its time, and call `settled` when `due_s` has come.
    """

    def __init__(self, settle_s: float, *, level: bool) -> None:
        self._settle_s = settle_s
        self.level = level  # the settled one
        self._seen = level
        self._since_s = 0.0

    @property
    def due_s(self) -> float | None:
        """When the level seen last will have settled; None when it is the settled one."""
        return None if self._seen == self.level else self._since_s + self._settle_s

    def edge(self, level: bool, at_s: float) -> bool | None:  # noqa: FBT001 - a level
        """A level seen at `at_s`. Returns the level that had settled before it, if one had."""
        settled = self.settled(at_s)
        if level != self._seen:
            self._seen = level
            self._since_s = at_s
        return settled

    def settled(self, now_s: float) -> bool | None:
        """The level that settled since the last call, or None."""
        due_s = self.due_s
        if due_s is None or now_s < due_s:
            return None
        self.level = self._seen
        return self.level
