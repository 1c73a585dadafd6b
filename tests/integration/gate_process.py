"""A gate's records in a process of its own, for tests that kill it.

    python -m tests.integration.gate_process FOLDER HOST PORT PAUSE_S

Writes records and prints the seq of each as soon as it is durable; with a line on its input it
writes no more, waits until all is confirmed, and prints "done LAST".
"""

from __future__ import annotations

import select
import sys
import time
from pathlib import Path

from edge.gate.events import Durable, Event
from tests.integration.support import Gate


class TellingGate(Gate):
    """Says on stdout what is durable: what a door would open for."""

    def _emit(self, event: Event) -> None:
        if isinstance(event, Durable):
            print(event.seq, flush=True)


def main(folder: str, host: str, port: str, pause_s: str) -> None:
    gate = TellingGate(Path(folder), int(port), host=host)
    gate.start()
    while not select.select([sys.stdin], [], [], float(pause_s))[0]:
        if len(gate.writes) < 20:
            gate.put()
    while not gate.empty:
        time.sleep(0.02)
    print("done", gate.written(), flush=True)
    gate.stop()


if __name__ == "__main__":
    main(*sys.argv[1:])
