"""The hub's ingest: end to end against a subscriber that stores nothing, and the stores alone.

    python -m bench ingest, or python -m bench.bench_ingest [--records N] [--gates N] [--rounds N]
        [--memory N] [--json]

End to end: a process of gates publishes passages at QoS 1 over mosquitto; ready is the bare
subscriber (paho, as it comes, counting) when it has all of them, and the hub when every gate has a
receipt for its last record. All on the same cores, turns interleaved, ratios of medians; goal: 0.9.

Store alone: batches of 500 records, prepared, into SQLite and PostgreSQL, against executemany of
the same rows into the same tables by hand; goal: 1.

Memory: the hub's resident memory while it takes `--memory` records, on SQLite.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import psycopg
from paho.mqtt.enums import CallbackAPIVersion
from rich.console import Console
from rich.table import Table

from edge.demo.broker import PrivateBroker
from feed.topics import Channel, GateTopics, topic_filter
from hub.arrival import Arrival, examine
from hub.ingest.intake import take
from hub.store.opening import open_store
from tests.integration.crowd import chain
from tests.pgcluster import Cluster, programs

E2E_GOAL, STORE_GOAL = 0.9, 1.0
PATIENCE_S = 900.0
BATCH = 500
IN_FLIGHT = 1_000  # of all gates together; a single one may have mqtt.window, 50
ROOT = Path(__file__).parents[1]
Taken = tuple[float, float]  # seconds, and seconds of CPU of the one that receives


def place(number: int) -> GateTopics:
    return GateTopics(f"park-{number % 7}", f"site-{number // 4}", f"gate-{number}")


def stream(number: int, turn: str) -> str:
    return f"{turn}-{number:x}"


# --- the gates, in a process of their own -----------------------------------------------------


def gates(port: int, count: int, each: int, turn: str, pipe: Connection) -> None:
    """Prepares its records, says so, and sends them when told; says when all have receipts."""
    feeds = [(place(n).record, chain(stream(n, turn), place(n), each)) for n in range(count)]
    room, done = threading.Semaphore(IN_FLIGHT), threading.Event()
    confirmed: dict[str, int] = {}

    def heard(_client: Any, _data: Any, message: paho.MQTTMessage) -> None:
        said = json.loads(message.payload)
        if said["stream"].startswith(f"{turn}-"):
            confirmed[said["stream"]] = said["upto"]
            if len(confirmed) == count and sum(confirmed.values()) == count * each:
                done.set()

    client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
    client.max_inflight_messages_set(0)
    client.on_publish = lambda *_: room.release()
    client.on_message = heard
    client.connect("127.0.0.1", port)
    client.subscribe(topic_filter(Channel.RECEIPT), qos=1)
    client.loop_start()
    pipe.send("ready")
    pipe.recv()
    for seq in range(each):
        for topic, raws in feeds:
            room.acquire()
            client.publish(topic, raws[seq], qos=1)
    if pipe.recv() == "wait for receipts":
        pipe.send(done.wait(PATIENCE_S))
    client.disconnect()
    client.loop_stop()


@contextmanager
def gates_ready(port: int, count: int, each: int, turn: str) -> Iterator[Connection]:
    here, there = multiprocessing.Pipe()
    context = multiprocessing.get_context("spawn")
    process = context.Process(target=gates, args=[port, count, each, turn, there])
    process.start()
    here.recv()
    yield here
    process.join(10)


# --- who takes them ---------------------------------------------------------------------------


def subscriber(port: int, wanted: int, pipe: Connection) -> None:
    """Counts, and stores nothing."""
    left = wanted

    def heard(*_: Any) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            pipe.send("done")

    client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
    client.on_subscribe = lambda *_: pipe.send("ready")
    client.on_message = heard
    client.connect("127.0.0.1", port)
    client.subscribe(topic_filter(Channel.RECORD), qos=1)
    begin_cpu_s = time.process_time()
    client.loop_start()
    pipe.recv()
    pipe.send(time.process_time() - begin_cpu_s)
    client.disconnect()
    client.loop_stop()


def bare_s(port: int, count: int, each: int, turn: str) -> Taken:
    here, there = multiprocessing.Pipe()
    context = multiprocessing.get_context("spawn")
    process = context.Process(target=subscriber, args=[port, count * each, there])
    process.start()
    with gates_ready(port, count, each, turn) as feed:
        here.recv()
        begin_s = time.perf_counter()
        feed.send("go")
        here.recv()
        taken_s = time.perf_counter() - begin_s
        feed.send("end")
    here.send("end")
    cpu_s: float = here.recv()
    process.join(10)
    return taken_s, cpu_s


@contextmanager
def hub(port: int, store: str | Path, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """`edge-hub serve`, connected."""
    config, log = folder / "hub.toml", folder / "hub.log"
    kind = "path" if isinstance(store, Path) else "url"
    config.write_text(
        f'[store]\n{kind} = "{store}"\n[mqtt]\nhost = "127.0.0.1"\nport = {port}\n'
        f'client_id = "hub-{kind}"\n'
    )
    with log.open("wb") as file:
        command = [sys.executable, "-m", "hub", "serve", "--config", str(config)]
        process = subprocess.Popen(command, cwd=ROOT, stderr=file)
    try:
        while "connected" not in log.read_text():
            time.sleep(0.05)
            if process.poll() is not None:
                raise RuntimeError(log.read_text())
        time.sleep(1.5)  # it listens to what the broker retained
        yield process
    finally:
        process.terminate()
        process.wait(30)


def hub_s(port: int, store: str | Path, folder: Path, count: int, each: int, turn: str) -> Taken:
    with hub(port, store, folder) as process, gates_ready(port, count, each, turn) as feed:
        begin_s, begin_cpu_s = time.perf_counter(), cpu_of(process.pid)
        feed.send("go")
        feed.send("wait for receipts")
        if not feed.recv():
            raise TimeoutError("not every record was confirmed")
        return time.perf_counter() - begin_s, cpu_of(process.pid) - begin_cpu_s


def cpu_of(pid: int) -> float:
    """Seconds that a process has computed."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def end_to_end(folder: Path, *, records: int, count: int, rounds: int, url: str) -> dict[str, Any]:
    each = records // count
    broker = PrivateBroker(folder, f"max_inflight_messages {2 * BATCH}")
    taken: dict[str, list[Taken]] = {"bare": [], "SQLite": [], "PostgreSQL": []}
    turns: dict[str, Callable[[str], Taken]] = {
        "bare": lambda turn: bare_s(broker.port, count, each, turn),
        "SQLite": lambda turn: hub_s(broker.port, folder / "hub.db", folder, count, each, turn),
    }
    if url:
        turns["PostgreSQL"] = lambda turn: hub_s(broker.port, url, folder, count, each, turn)
    try:
        for number in range(rounds):
            order = list(turns) if number % 2 else list(reversed(turns))
            for name in order:
                taken[name].append(turns[name](f"{number}{name[0]}"))
    finally:
        broker.stop()
    found: dict[str, Any] = {"records": count * each, "gates": count, "rounds": rounds}
    bare_rate = count * each / statistics.median(wall for wall, _ in taken["bare"])
    for name, times in taken.items():
        if times:
            rate = count * each / statistics.median(wall for wall, _ in times)
            cpu_us = statistics.median(cpu for _, cpu in times) / (count * each) * 1e6
            found[name] = {
                "records/s": round(rate),
                "ratio": round(rate / bare_rate, 2),
                "CPU us": round(cpu_us),  # of the subscriber or hub, a record
            }
    return found


# --- the stores alone -------------------------------------------------------------------------


def batches(count: int, records: int) -> list[list[Arrival]]:
    """Batches of 500 as a broker hands them on: the gates mixed."""
    each = records // count
    feeds = [(place(n).record, chain(stream(n, "a"), place(n), each)) for n in range(count)]
    made = [examine(topic, raws[seq]) for seq in range(each) for topic, raws in feeds]
    arrivals = [one for one in made if isinstance(one, Arrival)]
    return [arrivals[start : start + BATCH] for start in range(0, len(arrivals), BATCH)]


Put = Callable[[Sequence[Arrival]], None]  # stores a batch, durably
INSERT = "INSERT INTO records (stream, seq, arrived_ms, kind, raw) VALUES (?, ?, ?, ?, ?)"


def rows(batch: Sequence[Arrival], keys: dict[str, int]) -> list[tuple[Any, ...]]:
    at_ms = int(time.time() * 1_000)
    return [(keys[one.stream], one.seq, at_ms, one.kind, one.raw) for one in batch]


@contextmanager
def ours(where: str | Path) -> Iterator[Put]:
    store = open_store(where)

    def put(batch: Sequence[Arrival]) -> None:
        with store.transaction() as tx:
            take(tx, batch, datetime.now(UTC))

    yield put
    store.close()


@contextmanager
def by_hand_sqlite(path: Path, names: Sequence[str]) -> Iterator[Put]:
    """executemany, a transaction a batch: no standing, no chain, no receipt to be made of it."""
    open_store(path).close()
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("PRAGMA synchronous = FULL")
        add = "INSERT INTO streams (stream, park, site, gate) VALUES (?, '', '', '') RETURNING id"
        keys = {name: db.execute(add, [name]).fetchone()[0] for name in names}

        def put(batch: Sequence[Arrival]) -> None:
            db.execute("BEGIN IMMEDIATE")
            db.executemany(INSERT, rows(batch, keys))
            db.execute("COMMIT")

        yield put


@contextmanager
def by_hand_postgres(url: str, names: Sequence[str]) -> Iterator[Put]:
    open_store(url).close()
    with psycopg.connect(url, autocommit=True) as db:
        add = "INSERT INTO streams (stream, park, site, gate) VALUES (%s, '', '', '') RETURNING id"
        keys = {name: db.execute(add, [name]).fetchall()[0][0] for name in names}

        def put(batch: Sequence[Arrival]) -> None:
            with db.transaction():
                db.cursor().executemany(INSERT.replace("?", "%s"), rows(batch, keys))

        yield put


def contest(one: Put, other: Put, work: Sequence[Sequence[Arrival]]) -> tuple[float, float]:
    """Seconds of both, in turns batch by batch: what disturbs the machine disturbs both.

    The first quarter does not count: until SQLite's log is used anew each sync also grows a file.
    """
    taken = {one: 0.0, other: 0.0}
    for number, batch in enumerate(work):
        for put in (one, other) if number % 2 else (other, one):
            begin_s = time.perf_counter()
            put(batch)
            if number >= len(work) // 4:
                taken[put] += time.perf_counter() - begin_s
    return taken[one], taken[other]


def stores_alone(folder: Path, *, records: int, count: int, urls: Sequence[str]) -> dict[str, Any]:
    """Into empty stores."""
    work = batches(count, records)
    names = [stream(n, "a") for n in range(count)]
    counted = sum(map(len, work[len(work) // 4 :]))
    found: dict[str, Any] = {}

    def tell(name: str, ours_s: float, hand_s: float) -> None:
        found[name] = {
            "records/s": round(counted / ours_s),
            "by hand": round(counted / hand_s),
            "ratio": round(hand_s / ours_s, 2),
        }

    with ours(folder / "ours.db") as one, by_hand_sqlite(folder / "hand.db", names) as other:
        tell("SQLite", *contest(one, other, work))
    if urls:
        with ours(urls[0]) as one, by_hand_postgres(urls[1], names) as other:
            tell("PostgreSQL", *contest(one, other, work))
    return found


# --- memory -----------------------------------------------------------------------------------


def memory(folder: Path, records: int, count: int, steps: int = 10) -> list[tuple[int, int]]:
    """(records taken, MiB resident) at steps of the way."""
    found = []
    broker = PrivateBroker(folder, f"max_inflight_messages {2 * BATCH}")
    each = records // count // steps
    try:
        with hub(broker.port, folder / "memory.db", folder) as process:
            for step in range(steps):
                with gates_ready(broker.port, count, each, f"m{step}") as feed:
                    feed.send("go")
                    feed.send("wait for receipts")
                    if not feed.recv():
                        raise TimeoutError("not every record was confirmed")
                found.append(((step + 1) * each * count, resident_mib(process.pid)))
    finally:
        broker.stop()
    return found


def resident_mib(pid: int) -> int:
    """Of a process; 0 is this one."""
    pages = int(Path(f"/proc/{pid or os.getpid()}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") // 2**20


# --- all of it --------------------------------------------------------------------------------


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--records", type=int, default=150_000, help="default: %(default)s")
    parser.add_argument("--gates", type=int, default=50, help="default: %(default)s")
    parser.add_argument("--rounds", type=int, default=3, help="turns; default: %(default)s")
    parser.add_argument("--memory", type=int, default=100_000, help="default: %(default)s")
    parser.add_argument("--only", choices=["end", "store", "memory"], help="that part alone")
    parser.add_argument("--json", action="store_true", help="one JSON value")
    wanted = parser.parse_args()
    found: dict[str, Any] = {}
    cluster = Cluster(durable=True) if programs() is not None else None
    urls = [] if cluster is None else [cluster.empty() for _ in range(3)]
    sizes = {"records": wanted.records, "count": wanted.gates}
    try:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            if wanted.only in {None, "end"}:
                found["end to end"] = end_to_end(
                    folder, **sizes, rounds=wanted.rounds, url="".join(urls[:1])
                )
            if wanted.only in {None, "store"}:
                found["store alone"] = stores_alone(folder, **sizes, urls=urls[1:])
            if wanted.only in {None, "memory"} and wanted.memory:
                found["memory"] = memory(folder, wanted.memory, wanted.gates)
    finally:
        if cluster is not None:
            cluster.remove()
    if wanted.json:
        print(json.dumps(found))
    else:
        tell(found)


def tell(found: dict[str, Any]) -> None:
    console = Console()
    if end := found.get("end to end"):
        columns = ("records/s", "ratio", "CPU us")
        table = Table("", *columns, title=f"end to end, {end['gates']} gates")
        for name in ("bare", "SQLite", "PostgreSQL"):
            if name in end:
                table.add_row(name, *(str(end[name][key]) for key in columns))
        console.print(table, f"goal {E2E_GOAL}")
    if alone := found.get("store alone"):
        table = Table("", "records/s", "by hand", "ratio", title=f"stores, batches of {BATCH}")
        for name, one in alone.items():
            table.add_row(name, *(str(one[key]) for key in ("records/s", "by hand", "ratio")))
        console.print(table, f"goal {STORE_GOAL:g}")
    if steps := found.get("memory"):
        table = Table("records", "MiB resident", title="memory of the hub, SQLite")
        for records, mib in steps:
            table.add_row(f"{records:,}", str(mib))
        console.print(table)


if __name__ == "__main__":
    main()
