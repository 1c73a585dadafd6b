"""The journal against the floor of its own disk, all in one run: only the ratios mean something.

    python -m bench.bench_journal [--json] [--folder DIR] [--records 100000] [--rounds 300]

- append: a record, encoded, chained, checksummed and on the device, against a bare write and
  fdatasync of the same bytes to a growing file, to a file filled with zeros before, to SQLite
  with synchronous=FULL and to TinyDB's own JSONStorage, with 0, a tenth and all of the records
  stored before. Turns are interleaved, so that a busy machine slows all of them.
- reopen: seconds and memory to open a journal of so many records, all but 1,000 confirmed.
"""

from __future__ import annotations

import argparse
import json
import os
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from tinydb import TinyDB

from edge.clock import SystemClock
from edge.config.model import GateTable
from edge.records.disk import Disk, fill_zeros
from edge.records.journal import Journal
from feed.record import Decision, Draft, Person, Reading, Sealed, Token

PLACE = GateTable(park="park-1", site="site-1", gate="gate-1")
DRAFT = Draft(
    kind="passage",
    reader="in",
    direction="in",
    person=Person(
        scheme="cccd",
        category="visitor",
        token=Token(kid="k1", scope="park", v="x" * 43),
        sealed=Sealed(kid="s1", alg="x25519", ct="y" * 220),
    ),
    reading=Reading(
        verdict="normal", estimate_c=36.61, object_c=35.02, ambient_c=27.4, samples=5, spread_c=0.11
    ),
    decision=Decision(result="granted", reasons=("code_accepted", "temperature_normal")),
)
Insert = Callable[[], None]


class QuietDisk(Disk):
    """Fills a journal without waiting for the disk."""

    def sync(self, fd: int) -> None:
        """Left out."""

    def identity(self, path: Path) -> tuple[int, int]:
        path.stat()
        return 1, 0


class SameDisk(Disk):
    """The real disk, for a journal that a QuietDisk filled."""

    def identity(self, path: Path) -> tuple[int, int]:
        path.stat()
        return 1, 0


def fill(path: Path, records: int, *, confirmed: int = 0) -> None:
    """A journal with so many records."""
    journal = Journal(path, PLACE, disk=QuietDisk(), max_mib=4096)
    clock = SystemClock()
    at, stamp = clock.now(), clock.stamp()
    for _ in range(records):
        journal.append(DRAFT, at=at, clock=stamp)
    journal.confirm(confirmed)
    journal.close()


def raw_insert(path: Path, line: bytes, *, zeros: int) -> Insert:
    disk = Disk()
    fd = disk.create(path)
    fill_zeros(disk, fd, zeros)
    disk.sync(fd)
    place = 0

    def insert() -> None:
        nonlocal place
        disk.write(fd, line, place)
        disk.sync(fd)
        place += len(line)

    return insert


def sqlite_insert(path: Path, line: bytes) -> Insert:
    database = sqlite3.connect(path, isolation_level=None)
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("PRAGMA synchronous=FULL")
    database.execute("CREATE TABLE record (seq INTEGER PRIMARY KEY, raw BLOB)")
    return lambda: void(database.execute("INSERT INTO record (raw) VALUES (?)", (line,)))


def void(_: object) -> None:
    """A result that nobody needs."""


def journal_insert(path: Path, records: int) -> Insert:
    fill(path, records)
    journal = Journal(path, PLACE, disk=SameDisk(), max_mib=4096)
    journal.prepare()
    clock = SystemClock()
    at, stamp = clock.now(), clock.stamp()
    return lambda: void(journal.append(DRAFT, at=at, clock=stamp))


def append_figures(folder: Path, records: int, rounds: int) -> dict[str, Any]:
    """Median milliseconds of each way to insert, and the ratios to a growing file."""
    sizes = [0, records // 10, records]
    fill(folder / "sample", 1)
    with closing(Journal(folder / "sample", PLACE, disk=SameDisk())) as sample:
        line = sample.read(1, 1)[0].raw + b"         \n"
    ways: dict[str, Insert] = {
        "growing file": raw_insert(folder / "growing", line, zeros=0),
        "file of zeros": raw_insert(folder / "zeros", line, zeros=(rounds + 1) * len(line)),
        "sqlite": sqlite_insert(folder / "sqlite", line),
    }
    for size in sizes:
        ways[f"journal of {size}"] = journal_insert(folder / f"journal-{size}", size)
    taken_ms: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, insert in ways.items():
            start = time.perf_counter()
            insert()
            taken_ms[name].append((time.perf_counter() - start) * 1e3)
    figures: dict[str, Any] = {"record_bytes": len(line)}
    floor = statistics.median(taken_ms["growing file"])
    for name, taken in taken_ms.items():
        median = statistics.median(taken)
        p95 = statistics.quantiles(taken, n=20)[-1]
        figures[name] = {
            "median_ms": round(median, 4),
            "p95_ms": round(p95, 4),
            "speed_of_growing_file": round(floor / median, 2),
        }
    figures["tinydb json of 1000"] = tinydb_figures(folder, json.loads(line), floor)
    return figures


def tinydb_figures(folder: Path, document: dict[str, Any], floor_ms: float) -> dict[str, float]:
    with TinyDB(folder / "tinydb.json") as database:
        database.insert_multiple([document] * 1000)
        taken = []
        for _ in range(5):
            start = time.perf_counter()
            database.insert(document)
            taken.append((time.perf_counter() - start) * 1e3)
    median = statistics.median(taken)
    return {"median_ms": round(median, 2), "speed_of_growing_file": round(floor_ms / median, 4)}


REOPEN = """
import json, sys, time
from pathlib import Path
from bench.bench_journal import PLACE, SameDisk
from edge.records.journal import Journal
def top_kib():
    return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])
bare = top_kib()
start = time.perf_counter()
journal = Journal(Path(sys.argv[1]), PLACE, disk=SameDisk(), max_mib=4096)
first = journal.unconfirmed(0, 50)
taken = time.perf_counter() - start
print(json.dumps({"seconds": round(taken, 3), "mib": round((top_kib() - bare) / 1024, 1),
                  "first": first[0].seq, "last": journal.last_seq}))
"""


def reopen_figures(folder: Path, records: int, unconfirmed: int) -> dict[str, Any]:
    """Seconds to the first fifty unconfirmed records, and MiB above the bare process."""
    path = folder / f"reopen-{unconfirmed}"
    fill(path, records, confirmed=records - unconfirmed)
    command = [sys.executable, "-c", REOPEN, str(path)]
    runs = [
        json.loads(subprocess.run(command, capture_output=True, check=True, text=True).stdout)
        for _ in range(3)
    ]
    return min(runs, key=lambda run: float(run["seconds"]))


def device_bytes(folder: Path, records: int = 200) -> dict[str, Any]:
    """Bytes that the folder's device took for each record.

    Of the whole device: true only where nothing else is written to it (a loop device, a card).
    """
    fill(folder / "sample-2", 1)
    with closing(Journal(folder / "sample-2", PLACE, disk=SameDisk())) as sample:
        line = sample.read(1, 1)[0].raw + b"         \n"
    ways = {
        "growing file": raw_insert(folder / "growing-2", line, zeros=0),
        "journal": journal_insert(folder / "journal-2", 0),
        "sqlite": sqlite_insert(folder / "sqlite-2", line),
    }
    figures = {}
    for name, insert in ways.items():
        os.sync()
        before = written(folder)
        for _ in range(records):
            insert()
        figures[name] = (written(folder) - before) // records
    return figures


def written(folder: Path) -> int:
    """Bytes written to the folder's device so far: sectors of 512 bytes, sysfs block/stat."""
    number = folder.stat().st_dev
    stat = Path(f"/sys/dev/block/{os.major(number)}:{os.minor(number)}/stat")
    return int(stat.read_text("ascii").split()[6]) * 512 if stat.exists() else 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--json", action="store_true", help="for programs")
    parser.add_argument("--folder", type=Path, help="on the disk to measure")
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=300)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=chosen.folder) as name:
        folder = Path(name)
        figures = {
            "append": append_figures(folder, chosen.records, chosen.rounds),
            "device_bytes": device_bytes(folder),
            "reopen_1000_unconfirmed": reopen_figures(folder, chosen.records, 1000),
            "reopen_all_unconfirmed": reopen_figures(folder, chosen.records, chosen.records),
        }
    if chosen.json:
        print(json.dumps(figures))
        return
    for part, values in figures.items():
        print(part)
        for key, value in values.items():
            print(f"  {key:24} {value}")


if __name__ == "__main__":
    main()
