"""The hub's pages under 500 live gates: `python -m bench web`.

A server in a process of its own, 50 viewers with the overview open, gates that change as people
pass. Told are the server's share of one core, and how long a change takes from its commit to the
viewers; beside it the size of the first load. Some 45 seconds.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI
from sqlalchemy import update

from hub.config import Config
from hub.roles import Role
from hub.store.engine import connect
from hub.store.schema import gate_states, metadata
from hub.users import add
from hub.web.app import mount
from hub.web.sample import Sample, fill, state_of

GATES = 500
VIEWERS = 50
WARM_S = 5.0
SECONDS = 30.0
# a person every 50 s at each gate changes its state four times: secured, released, passing, secured
CHANGES_PER_S = 40
PROBE_GATE = 11
PROBE_EVERY_S = 0.7
PASSWORD = "bench of the pages"
PHASES = ("secured", "released", "passing")


def serve(store: Path) -> None:
    import uvicorn

    app = FastAPI(openapi_url=None)
    mount(app, connect(store), Config())
    server = uvicorn.Server(
        uvicorn.Config(app, host="127.0.0.1", port=0, log_level="warning", access_log=False)
    )

    def tell() -> None:
        while not server.started:
            time.sleep(0.02)
        print(server.servers[0].sockets[0].getsockname()[1], flush=True)

    threading.Thread(target=tell, daemon=True).start()
    server.run()


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "hub.db"
        engine = connect(store)
        metadata.create_all(engine)
        with engine.begin() as connection:
            sample = Sample(people=5_000, days=1, gates=GATES)
            fill(connection, sample, now_ms=time.time_ns() // 1_000_000)
            add(connection, "bench", Role.MANAGER, password=PASSWORD, at_ms=0)
        server = subprocess.Popen(
            [sys.executable, "-m", "bench.bench_web", "--serve", str(store)],
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            assert server.stdout is not None
            url = f"http://127.0.0.1:{server.stdout.readline().strip()}"
            asyncio.run(measure(url, engine, server.pid))
        finally:
            server.terminate()
            server.wait(20)
            engine.dispose()


def log_in(url: str) -> httpx.Cookies:
    with httpx.Client(base_url=url, timeout=60) as client:
        token = re.findall(r'name="csrf" value="([^"]+)"', client.get("/login").text)[0]
        fields = {"csrf": token, "name": "bench", "password": PASSWORD}
        assert client.post("/login", data=fields).status_code == 303
        return client.cookies


async def measure(url: str, engine: Any, pid: int) -> None:
    cookies = log_in(url)
    first_load(url, cookies)
    arrived: dict[str, list[float]] = {}
    sent: dict[str, float] = {}
    received = [0]
    limits = httpx.Limits(max_connections=VIEWERS)
    async with httpx.AsyncClient(
        base_url=url,
        cookies=cookies,
        timeout=None,
        limits=limits,
    ) as client:
        viewers = [asyncio.create_task(view(client, arrived, received)) for _ in range(VIEWERS)]
        ending = threading.Event()
        writer = threading.Thread(target=change, args=(engine, sent, ending))
        writer.start()
        await asyncio.sleep(WARM_S)
        begin_s, cpu_s, bytes_before = time.monotonic(), used_s(pid), received[0]
        await asyncio.sleep(SECONDS)
        took_s = time.monotonic() - begin_s
        share = (used_s(pid) - cpu_s) / took_s
        per_viewer = (received[0] - bytes_before) / took_s / VIEWERS
        ending.set()
        await asyncio.to_thread(writer.join)
        await asyncio.sleep(2)
        for viewer in viewers:
            viewer.cancel()
        await asyncio.gather(*viewers, return_exceptions=True)
    waits_ms = sorted(
        (at - sent[name]) * 1000 for name, times in arrived.items() if name in sent for at in times
    )
    p50, p95 = (waits_ms[int(len(waits_ms) * part)] for part in (0.5, 0.95))
    print(f"{GATES} gates, {CHANGES_PER_S} changes/s, {VIEWERS} viewers, {took_s:.0f} s")
    print(f"server: {share * 100:.0f} % of one core; {per_viewer / 1000:.1f} kB/s to each viewer")
    print(
        f"a change, from its commit to a viewer: median {p50:.0f} ms, p95 {p95:.0f} ms, "
        f"most {waits_ms[-1]:.0f} ms ({len(sent)} changes, {len(waits_ms)} deliveries)"
    )


def first_load(url: str, cookies: httpx.Cookies) -> None:
    with httpx.Client(base_url=url, cookies=cookies, timeout=60) as client:
        page, sizes = client.get("/overview"), []
        for _ in range(5):
            began_s = time.monotonic()
            page = client.get("/overview")
            sizes.append(time.monotonic() - began_s)
        assets = [client.get(name) for name in set(re.findall(r"/static/[^\"]+", page.text))]
        packed = [page, *assets]
        over = sum(int(answer.headers["content-length"]) for answer in packed)
        whole = sum(len(answer.content) for answer in packed)
    print(
        f"first load of the overview: {over / 1000:.0f} kB over the wire, {whole / 1000:.0f} kB "
        f"unpacked; the page takes {statistics.median(sizes) * 1000:.0f} ms"
    )


async def view(
    client: httpx.AsyncClient, arrived: dict[str, list[float]], received: list[int]
) -> None:
    async with client.stream("GET", "/events") as answer:
        async for line in answer.aiter_lines():
            received[0] += len(line)
            if line.startswith("data: {"):
                at_s = time.monotonic()
                for name in set(re.findall(r"probe\d+", line)):
                    arrived.setdefault(name, []).append(at_s)


def change(engine: Any, sent: dict[str, float], ending: threading.Event) -> None:
    """Gates change, some together in a commit as the hub's monitor keeps them."""
    rng = random.Random(5)
    number, probe_s = 0, 0.0
    gates = [site * 10 + gate for site in range(1, GATES // 5 + 1) for gate in range(1, 6)]
    while not ending.wait(0.25):
        now_ms = time.time_ns() // 1_000_000
        chosen = rng.sample(gates, CHANGES_PER_S // 4)
        probe = None
        with engine.begin() as connection:
            for gate in chosen:
                text = state_of(now_ms, gate, rng, gate={"phase": rng.choice(PHASES)})
                put(connection, gate, text, now_ms)
            if time.monotonic() - probe_s > PROBE_EVERY_S:
                number, probe_s = number + 1, time.monotonic()
                probe = f"probe{number}"
                faults = [{"device": "camera", "cause": probe}]
                put(connection, PROBE_GATE, state_of(now_ms, PROBE_GATE, rng,
                                                     gate={"faults": faults}), now_ms)  # fmt: skip
        if probe is not None:
            sent[probe] = time.monotonic()


def put(connection: Any, gate: int, text: str, now_ms: int) -> None:
    json.loads(text)
    connection.execute(
        update(gate_states)
        .where(gate_states.c.gate == gate)
        .values(state=text, heard_ms=now_ms, online=True)
    )


def used_s(pid: int) -> float:
    """Processor time of a process until now; proc(5), stat."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--serve", type=Path)
    chosen = parser.parse_args()
    if chosen.serve is not None:
        serve(chosen.serve)
    else:
        main()
