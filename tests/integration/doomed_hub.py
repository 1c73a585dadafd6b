"""edge-hub that kills itself at a point that no test could hit from outside.

    DIE=POINT python -m tests.integration.doomed_hub serve ...

POINT is one of DOOMS; it dies in the third batch.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from typing import Any

from hub.cli import main
from hub.ingest.service import Service
from hub.store.sqlite import SqliteTransaction

BATCH = 3


class Doom:
    """Counts batches."""

    def __init__(self) -> None:
        self.batches = 0

    def strike(self) -> None:
        self.batches += 1
        if self.batches >= BATCH:
            os.kill(os.getpid(), signal.SIGKILL)


def _before_commit(doom: Doom) -> None:
    write = SqliteTransaction.write

    def doomed(self: SqliteTransaction) -> None:
        write(self)
        doom.strike()

    SqliteTransaction.write = doomed  # type: ignore[method-assign]


def _after_commit(doom: Doom) -> None:
    committed = Service._committed

    def doomed(self: Service, batch: Sequence[Any], taken: Any, epoch: str) -> None:
        doom.strike()
        committed(self, batch, taken, epoch)

    Service._committed = doomed  # type: ignore[method-assign]


def _after_acknowledging(doom: Doom) -> None:
    committed = Service._committed

    def doomed(self: Service, batch: Sequence[Any], taken: Any, epoch: str) -> None:
        committed(self, batch, taken, epoch)
        if doom.batches + 1 >= BATCH:
            # what paho's thread had in hand goes out; the receipts are not sent yet
            self._link._paho.disconnect()
            self._link._paho.loop_stop()
        doom.strike()

    Service._committed = doomed  # type: ignore[method-assign]


DOOMS = {
    "before_commit": _before_commit,
    "after_commit": _after_commit,
    "after_acknowledging": _after_acknowledging,
}

if __name__ == "__main__":
    DOOMS[os.environ["DIE"]](Doom())
    main()
