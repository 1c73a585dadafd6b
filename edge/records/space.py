"""How much of the disk records may take, and which file goes when there is no more."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from edge.gate.reasons import Cause
from edge.records.disk import JournalError

if TYPE_CHECKING:
    from edge.records.stream import Stream

log = logging.getLogger(__name__)

WhenFull = Literal["stop", "drop-oldest"]


class Space:
    """The limit of one journal, over all its streams (oldest first)."""

    def __init__(self, root: Path, *, max_bytes: int, when_full: WhenFull) -> None:
        self.streams: Sequence[Stream] = ()
        self.dropped = 0  # unconfirmed records that were given up for newer ones
        self._root = root
        self._max_bytes = max_bytes
        self._when_full = when_full

    @property
    def used_bytes(self) -> int:
        """What the files of all streams take."""
        return sum(stream.used_bytes for stream in self.streams)

    @property
    def filled(self) -> float:
        """The share of the limit, or of what the disk could give if that is less, that holds
        unconfirmed records: 0 to 1. The rest is free or can be freed.
        """
        unconfirmed = sum(stream.unconfirmed_bytes for stream in self.streams)
        status = os.statvfs(self._root)
        possible = self.used_bytes + status.f_bavail * status.f_frsize
        return min(1.0, unconfirmed / max(1, min(self._max_bytes, possible)))

    def check(self, wanted_bytes: int) -> None:
        """Raises JournalError(DISK_FULL) when a file of this size is beyond the limit."""
        if self.used_bytes + wanted_bytes > self._max_bytes:
            limit = self._max_bytes >> 20
            detail = f"records have reached their limit of {limit} MiB ([records] max_mib)"
            raise JournalError(Cause.DISK_FULL, detail)

    def free(self) -> bool:
        """Give up the oldest file that may go: confirmed, or any with "drop-oldest".

        False when there is none. Raises OSError.
        """
        for stream in self.streams:
            if stream.remove_oldest(confirmed_only=True) is not None:
                return True
        if self._when_full == "drop-oldest":
            for stream in self.streams:
                dropped = stream.remove_oldest(confirmed_only=False)
                if dropped is not None:
                    self.dropped += dropped
                    log.error("%d unconfirmed records dropped for newer ones", dropped)
                    return True
        return False
