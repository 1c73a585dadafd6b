"""A province in a day: thousands of gates, each with its own stream, into one hub's store.

    python -m bench province, or python -m bench.bench_province [--gates N] [--entries N]
        [--store sqlite|postgresql] [--json]

The full size is --gates 10000 --entries 5000000. What is measured is what one ingest process does
after the network: look at each message, store it, commit, batches of 500 in which the gates are
mixed as they come from a broker. A day's order is kept: the first records of all gates, then the
second ones. Making the records is not measured. The network's part is `python -m bench ingest`.
"""

from __future__ import annotations

import argparse
import json
import resource
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
from rich.console import Console
from rich.table import Table

from bench.bench_ingest import place, resident_mib, stream
from feed.codec import record_hash
from hub.arrival import examine
from hub.ingest.intake import take
from hub.store.base import Store
from hub.store.opening import open_store
from tests.integration.crowd import chain
from tests.pgcluster import Cluster, programs

BATCH = 500
STEPS = 5
Message = tuple[str, bytes]


class Gates:
    """The messages of all gates, a round of one record each at a time.

    A record is made from the gate's first one by another seq and prev: as many bytes as in earnest,
    and a chain that holds.
    """

    def __init__(self, count: int) -> None:
        self._topics = [place(number).record for number in range(count)]
        firsts = [chain(stream(n, "p"), place(n), 2) for n in range(count)]
        self._texts = [second.decode() for _, second in firsts]
        self._heads = [record_hash(first) for first, _ in firsts]
        self._seq = 1
        self.first = [*zip(self._topics, (first for first, _ in firsts), strict=True)]

    def round(self) -> list[Message]:
        self._seq += 1
        made = []
        for number, text in enumerate(self._texts):
            start = text.index('"prev":"') + 8
            raw = (
                f"{text[:start]}{self._heads[number]}{text[start + 64 :]}"
            ).replace('"seq":2,', f'"seq":{self._seq},', 1).encode()  # fmt: skip
            self._heads[number] = record_hash(raw)
            made.append((self._topics[number], raw))
        return made


def work(gates: Gates, entries: int) -> Iterator[list[Message]]:
    """Batches."""
    waiting, left = gates.first, entries
    while left > 0:
        while len(waiting) < BATCH:
            waiting += gates.round()
        batch, waiting = waiting[: min(BATCH, left)], waiting[min(BATCH, left) :]
        left -= len(batch)
        yield batch


def ingest(store: Store, gates: Gates, entries: int) -> dict[str, Any]:
    taken_s, cpu_s, done, longest_s = 0.0, 0.0, 0, 0.0
    steps: list[dict[str, Any]] = []
    for batch in work(gates, entries):
        begin_s, begin_cpu_s = time.perf_counter(), time.process_time()
        arrivals = [examine(topic, raw) for topic, raw in batch]
        with store.transaction() as tx:
            taken = take(tx, arrivals, datetime.now(UTC))
        batch_s = time.perf_counter() - begin_s
        cpu_s += time.process_time() - begin_cpu_s
        assert taken.stored == len(batch)
        taken_s += batch_s
        longest_s = max(longest_s, batch_s)
        done += len(batch)
        if done * STEPS // entries > len(steps):
            step = {"seconds": round(taken_s, 1), "CPU s": round(cpu_s, 1), "MiB": resident_mib(0)}
            steps.append({"entries": done} | step)
    return {"steps": steps, "longest batch s": round(longest_s, 2)}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--gates", type=int, default=2_000, help="default: %(default)s")
    parser.add_argument("--entries", type=int, default=200_000, help="default: %(default)s")
    parser.add_argument("--store", choices=["sqlite", "postgresql"], default="sqlite")
    parser.add_argument("--json", action="store_true", help="one JSON value")
    wanted = parser.parse_args()
    found = measure(wanted.gates, wanted.entries, wanted.store)
    if wanted.json:
        print(json.dumps(found))
        return
    columns = ("entries", "seconds", "CPU s", "entries/s", "MiB")
    table = Table(*columns, title=f"{wanted.store}, {wanted.gates} gates")
    for one in found["steps"]:
        rate = round(one["entries"] / one["seconds"])
        table.add_row(
            f"{one['entries']:,}",
            str(one["seconds"]),
            str(one["CPU s"]),
            f"{rate:,}",
            str(one["MiB"]),
        )
    Console().print(
        table,
        f"on disk {found['bytes'] / 2**20:,.0f} MiB, {found['bytes'] // wanted.entries} bytes an "
        f"entry of {found['record bytes']}; longest batch {found['longest batch s']} s",
    )


def measure(count: int, entries: int, kind: str) -> dict[str, Any]:
    cluster = Cluster(durable=True) if kind == "postgresql" and programs() is not None else None
    try:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "hub.db"
            where = path if cluster is None else cluster.database()
            gates = Gates(count)
            store = open_store(where)
            found = ingest(store, gates, entries)
            store.close()
            found["bytes"] = size_of(where)
            found["record bytes"] = len(gates.first[0][1])
            found["peak MiB"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
            return found
    finally:
        if cluster is not None:
            cluster.remove()


def size_of(where: str | Path) -> int:
    if isinstance(where, Path):
        return sum(one.stat().st_size for one in where.parent.glob("hub.db*"))
    with psycopg.connect(where) as db:
        row = db.execute("SELECT pg_database_size(current_database())").fetchone()
        return int(row[0]) if row else 0


if __name__ == "__main__":
    main()
