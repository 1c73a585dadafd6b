"""From the gate's decision to the changed screen, in a real Chromium.

    python -m bench.bench_kiosk [--people N] [--load]

A machine is stepped as a gate's thread does it, and its state handed to the kiosk; the page notes
when it has drawn the screen (the frame after the change). Two times are taken: until the page's
content changed, and until the frame with it was given to the display. `--load` keeps one core busy
meanwhile. Goal: p95 of the change below 100 ms.
"""

from __future__ import annotations

import argparse
import json
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from rich.console import Console
from rich.table import Table

from edge.config.model import KioskTable
from edge.demo.broker import free_port
from edge.gate import events as ev
from edge.gate.rules import Rules
from edge.kiosk.worker import Kiosk, KioskWorker
from tests.browser.chromium import Chromium, launched
from tests.gate.gatebench import RULES, Bench

GOAL_MS = 100.0
NOTE = """
window.changes = [];
new MutationObserver(() => {
    const screen = document.body.dataset.screen;
    const at = performance.timeOrigin + performance.now();
    requestAnimationFrame(() => setTimeout(() => {
        window.changes.push([screen, at, performance.timeOrigin + performance.now()]);
    }));
}).observe(document.body, { attributes: true, attributeFilter: ["data-screen"] });
"""


class Watched(Bench):
    """A bench whose every state goes to the screen, as edge.app does it."""

    def __init__(self, rules: Rules, kiosk: Kiosk) -> None:
        self.kiosk = kiosk
        super().__init__(rules)

    def send(self, event: ev.Event) -> None:
        super().send(event)
        self.kiosk.stepped(self.state)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--people", type=int, default=100, help="decisions")
    parser.add_argument("--load", action="store_true", help="keep a core busy meanwhile")
    arguments = parser.parse_args()
    table = Table("until", "decisions", "p50 ms", "p95 ms", "worst ms", "goal ms")
    with busy() if arguments.load else idle():
        changed, drawn = measure(arguments.people)
    for name, times in (("the page has changed", changed), ("its frame is drawn", drawn)):
        p50, p95 = np.percentile(times, [50, 95])
        cells = (f"{value:.1f}" for value in (p50, p95, max(times)))
        table.add_row(name, str(len(times)), *cells, f"{GOAL_MS:.0f}")
    Console().print("decision to screen" + (", a core busy" if arguments.load else ""), table)


def measure(people: int) -> tuple[list[float], list[float]]:
    """Milliseconds from each decision to the page's change, and to its drawn frame."""
    kiosk = Kiosk(
        KioskTable(listen=f"127.0.0.1:{free_port()}", tones=False), RULES, silent_s=lambda: 0.0
    )
    worker = KioskWorker(kiosk, lambda _: None)
    worker.start()
    changed, drawn = [], []
    with launched() as program, Chromium(program) as browser:
        browser.size(1280, 720)
        time.sleep(1.0)
        browser.open(kiosk.address("in"))
        browser.run(NOTE)
        gate = Watched(RULES, kiosk)
        for number in range(people):
            gate.code(str(number))
            browser.wait("document.body.dataset.screen === 'come_closer'")
            time.sleep(0.02)
            gate.nobody()
            gate.samples(36.5, 3)
            browser.run("window.changes.length = 0")
            decided_ms = 0.0
            while gate.state.lane("in").session.decision is None:
                decided_ms = time.time() * 1000
                gate.samples(36.5, 1)
            browser.wait("window.changes.some(c => c[0] === 'welcome')")
            for screen, at, frame in json.loads(browser.run("JSON.stringify(window.changes)")):
                if screen == "welcome":
                    changed.append(at - decided_ms)
                    drawn.append(frame - decided_ms)
            gate.walk_through()
            gate.after(40.0)
            gate.nobody()
            browser.wait("document.body.dataset.screen === 'show_code'")
    worker.stop()
    if len(changed) != people:
        sys.exit(f"bench: {len(changed)} of {people} decisions were shown")
    return changed, drawn


@contextmanager
def idle() -> Iterator[None]:
    yield


@contextmanager
def busy() -> Iterator[None]:
    """Another thread of this process that never rests, as a gate in trouble would have one."""
    over = threading.Event()

    def work() -> None:
        while not over.is_set():
            sum(range(1000))

    worker = threading.Thread(target=work, daemon=True)
    worker.start()
    try:
        yield
    finally:
        over.set()
        worker.join()


if __name__ == "__main__":
    main()
