"""Answers to tracers' questions, kept in memory for the one who asked: to sort, draw and export.

They are gone with the session, with the process, and when many others came after them.
"""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

_MOST = 200


@dataclass(frozen=True, slots=True)
class Kept:
    """An answer with the question's purpose, for the audit log of what is done with it."""

    owner: str  # the session's key
    purpose: str
    asked: Any
    answer: Any


class Answers:
    """May be used from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, Kept] = OrderedDict()

    def keep(self, kept: Kept) -> str:
        """Its id, which can't be guessed."""
        name = secrets.token_urlsafe(16)
        with self._lock:
            self._kept[name] = kept
            while len(self._kept) > _MOST:
                self._kept.popitem(last=False)
        return name

    def find(self, name: str, owner: str) -> Kept | None:
        """The answer, for its owner alone: to everyone else it isn't there."""
        with self._lock:
            kept = self._kept.get(name)
        return kept if kept is not None and secrets.compare_digest(kept.owner, owner) else None

    def forget(self, owner: str) -> None:
        """All of an owner's, at the log-out."""
        with self._lock:
            for name in [name for name, kept in self._kept.items() if kept.owner == owner]:
                del self._kept[name]
