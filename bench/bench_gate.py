"""The whole gate: from the first frame with a code to the relay, and what an idle gate costs.

    python bench/bench_gate.py [--people N] [--idle-s SECONDS]

A film of badges held before a gate's camera is played to a whole gate (scan process, machine,
token, record on disk, relay pin). The time runs from the moment the first frame of a badge was
taken to the moment the relay's pin switched; the mode is `code_only`, so no thermometer is in it.
Goal: p95 below one frame interval (100 ms) plus 60 ms.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from rich.console import Console
from rich.table import Table

from edge.app import Gate
from edge.config.model import Config
from edge.demo.broker import PrivateBroker
from edge.drivers.sim.render import Renderer
from edge.drivers.sim.world import Grip, RandomCrowd, ScriptedCrowd, World
from identity.keys import make_token_key

SIZES = ((640, 480), (1536, 864))
RATE_HZ = 10.0
GOAL_MS = 1000 / RATE_HZ + 60
# frames of a badge, and of nobody after it: the presentation must end in between
SHOWN, AWAY = 6, 12
RELAY_PIN = 17
HERTZ = os.sysconf("SC_CLK_TCK")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--people", type=int, default=30, help="badges for each size")
    parser.add_argument("--idle-s", type=float, default=20.0, help="how long to watch an idle gate")
    arguments = parser.parse_args()
    console = Console()
    table = Table("frames", "people", "p50 ms", "p95 ms", "worst ms", "goal ms")
    for size in SIZES:
        times_ms = to_relay(size, arguments.people)
        p50, p95 = np.percentile(times_ms, [50, 95])
        cells = (f"{value:.0f}" for value in (p50, p95, max(times_ms), GOAL_MS))
        table.add_row("{}x{}".format(*size), str(len(times_ms)), *cells)
    console.print("first frame with a code to the relay", table)
    table = Table("frames", "process", "CPU %", "RSS MB", "PSS MB")
    for size in SIZES:
        for process, cpu, rss, pss in idle(size, arguments.idle_s):
            table.add_row("{}x{}".format(*size), process, f"{cpu:.1f}", f"{rss:.0f}", f"{pss:.0f}")
    console.print(f"an idle gate at {RATE_HZ:g} frames a second, simulated devices", table)


# --- to the relay -----------------------------------------------------------------------------


def to_relay(size: tuple[int, int], people: int) -> list[float]:
    """Milliseconds from the first frame of each badge to the relay."""
    with tempfile.TemporaryDirectory(dir=".") as name:
        folder = Path(name)
        film(folder / "film", size, people)
        camera = {"driver": "replay", "path": folder / "film", "loop": False, "size": size}
        gate = Gate(config(folder, 1, camera), world=World(ScriptedCrowd([]), time.monotonic()))
        taken_s = first_frames(gate)
        gate.start()
        try:
            pin = gate.pins.sim.pin(RELAY_PIN)
            released: list[float] = []
            was = False
            deadline_s = time.monotonic() + people * (SHOWN + AWAY) / RATE_HZ + 30
            while len(released) < people and time.monotonic() < deadline_s:
                now = pin.drives_high
                if now and not was:
                    released.append(time.monotonic())
                was = now
                time.sleep(0.0005)
        finally:
            gate.stop("bench")
            gate.journal.close()
    if len(released) < people:
        sys.exit(f"bench: {len(released)} of {people} got to the relay")
    return [(up - taken) * 1000 for up, taken in zip(released, taken_s, strict=False)]


def first_frames(gate: Gate) -> list[float]:
    """Filled, while the gate runs, with the moment each badge's first frame was taken."""
    presentations = gate.presentations["in"]
    look = presentations.frame
    taken: list[float] = []
    seen: set[bytes] = set()

    def frame(taken_s: float, payloads: Sequence[bytes]) -> Any:
        for payload in set(payloads) - seen:
            seen.add(payload)
            taken.append(taken_s)
        return look(taken_s, payloads)

    presentations.frame = frame  # type: ignore[method-assign]
    return taken


def film(folder: Path, size: tuple[int, int], people: int) -> None:
    """Badges as a gate's camera sees them, each for SHOWN frames, then AWAY frames of nobody."""
    folder.mkdir()
    renderer = Renderer(size, seed="bench")
    crowd = RandomCrowd(11, 10.0)
    number = 0

    def add(frame: Any, times: int) -> None:
        nonlocal number
        for _ in range(times):
            cv2.imwrite(str(folder / f"{number:05d}.png"), frame)
            number += 1

    add(renderer.render(None, 0.0), 20)
    for person in range(people):
        visit = crowd.visit("in", person)
        code = f"0790870{person:05d}||Trần Thị Hạnh|18011987|Nữ|Thủ Đức|01062021".encode()
        still = Grip(medium=visit.grip.medium, fill=0.55, shake_px=0.5)
        held = type(visit)(reader="in", at_s=visit.at_s, stay_s=8.0, code=code, grip=still)
        add(renderer.render(held, visit.at_s + 3.0), SHOWN)
        add(renderer.render(None, visit.at_s), AWAY)


# --- idle ---------------------------------------------------------------------------------------


def idle(size: tuple[int, int], seconds: float) -> list[tuple[str, float, float, float]]:
    """Name, share of one core in %, resident and proportional memory in MB of each process."""
    with tempfile.TemporaryDirectory(dir=".") as name:
        folder = Path(name)
        broker = PrivateBroker(folder)
        (folder / "people.json").write_text("[]", encoding="utf-8")
        make_token_key(folder / "token.key")
        (folder / "config.toml").write_text(TOML.format(port=broker.port, size=list(size)))
        daemon = subprocess.Popen(
            [sys.executable, "-m", "edge", "--config", folder / "config.toml", "run"],
            stderr=subprocess.DEVNULL,
        )
        try:
            time.sleep(5.0)
            pids = {"daemon": daemon.pid, "scan process": child_of(daemon.pid)}
            before = {what: cpu_s(pid) for what, pid in pids.items()}
            time.sleep(seconds)
            rows = [
                (what, (cpu_s(pid) - before[what]) / seconds * 100, *memory_mb(pid))
                for what, pid in pids.items()
            ]
        finally:
            daemon.terminate()
            daemon.wait(30)
            broker.stop()
    cpu, rss, pss = (sum(row[column] for row in rows) for column in (1, 2, 3))  # type: ignore[misc]
    return [*rows, ("together", cpu, rss, pss)]


def child_of(pid: int) -> int:
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        words = path.read_text().split()
        if words:
            return int(words[0])
    sys.exit("bench: the daemon has no scan process")


def cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / HERTZ


def memory_mb(pid: int) -> tuple[float, float]:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    sizes = {line.split(":")[0]: int(line.split()[1]) / 1024 for line in lines[1:]}
    return sizes["Rss"], sizes["Pss"]


TOML = """
gate = {{ park = "bench", site = "bench", gate = "bench" }}
door = {{ driver = "sim", lock = "fail_secure" }}
identity = {{ key_file = "token.key" }}
records = {{ path = "records" }}
mqtt = {{ host = "127.0.0.1", port = {port} }}
sim = {{ script = "people.json" }}
[[reader]]
name = "in"
direction = "in"
camera = {{ driver = "sim", size = {size} }}
thermometer = {{ driver = "sim" }}
"""


def config(folder: Path, port: int, camera: dict[str, Any]) -> Config:
    make_token_key(folder / "token.key")
    return Config.model_validate(
        {
            "gate": {"park": "bench", "site": "bench", "gate": "bench"},
            "door": {"driver": "sim", "lock": "fail_secure", "open_s": 0.5},
            "reader": [{"name": "in", "direction": "in", "mode": "code_only", "camera": camera}],
            "identity": {"key_file": folder / "token.key"},
            "records": {"path": folder / "records"},
            "mqtt": {"host": "127.0.0.1", "port": port},
            "scan": {"gap_s": 0.8},
            "timeouts": {"cool_down_s": 0.0},
        }
    )


if __name__ == "__main__":
    main()
