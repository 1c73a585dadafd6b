"""Real brokers, a proxy that can go silent, a journal in memory: what the MQTT tests work with."""

from __future__ import annotations

import contextlib
import secrets
import selectors
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from edge.config.model import Config
from edge.mqtt.publisher import Publisher
from edge.records.outbox import Outboxes, Stored
from feed.codec import encode, record_hash
from feed.messages import Command, Receipt, Reply, encode_message
from feed.record import Clock, Decision, Draft, Happening, Kind, Reading, Record

PARK, SITE, GATE = "park-1", "site-1", "gate-1"
START = datetime(2021, 8, 23, 7, 15, tzinfo=UTC)
WAIT_S = 20.0


def wait_until(condition: Callable[[], bool], timeout_s: float = WAIT_S) -> bool:
    """Whether the condition came true in time; looked at often, for what has no event."""
    deadline_s = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline_s:
            return False
        time.sleep(0.01)
    return True


def passage() -> Draft:
    return Draft(
        kind=Kind.PASSAGE,
        reader="in",
        direction="in",
        reading=Reading(verdict="normal", estimate_c=36.61, object_c=35.02, ambient_c=26.4),
        decision=Decision(result="granted", reasons=("code_accepted", "temperature_normal")),
    )


def alarm(name: str = "door_forced") -> Draft:
    return Draft(kind=Kind.ALARM, event=Happening(name=name))


class MemoryOutbox:
    """A journal in memory that keeps the contract of edge.records.outbox.Outboxes.

    A test may put what an earlier stream left into `earlier`; `disowned` are the receipts that
    were found to be of other records.
    """

    def __init__(self, drafts: Sequence[Draft] = ()) -> None:
        self._lock = threading.Lock()
        self._raw: list[bytes] = []
        self._times: list[datetime] = []
        self._confirmed = 0
        self.deleted: set[int] = set()
        self.earlier: list[MemoryOutbox] = []
        self.disowned: list[int] = []
        self.stream = secrets.token_hex(8)
        for draft in drafts:
            self.add(draft)

    def add(self, draft: Draft) -> int:
        with self._lock:
            seq = len(self._raw) + 1
            at = START + timedelta(seconds=seq)
            prev = record_hash(self._raw[-1]) if self._raw else None
            parts = {name: getattr(draft, name) for name in Draft.__slots__}
            record = Record(
                **parts,
                stream=self.stream,
                seq=seq,
                prev=prev,
                park=PARK,
                site=SITE,
                gate=GATE,
                at=at,
                clock=Clock(state="synced", boot="b", uptime_s=float(seq)),
            )
            self._raw.append(encode(record))
            self._times.append(at)
            return seq

    @property
    def last_seq(self) -> int:
        return len(self._raw)

    @property
    def confirmed_upto(self) -> int:
        return self._confirmed

    def unconfirmed(self, after: int, limit: int) -> Sequence[Stored]:
        with self._lock:
            first = max(after, self._confirmed) + 1
            return self._stored(first, min(first + limit - 1, len(self._raw)))

    def read(self, first: int, last: int) -> Sequence[Stored]:
        with self._lock:
            found = self._stored(max(first, 1), min(last, len(self._raw)))
            return [stored for stored in found if stored.seq not in self.deleted]

    def confirm(self, upto: int) -> None:
        with self._lock:
            assert upto <= len(self._raw)
            self._confirmed = max(self._confirmed, upto)

    def oldest_unconfirmed_at(self) -> datetime | None:
        with self._lock:
            return self._times[self._confirmed] if self._confirmed < len(self._times) else None

    def receipt(self, upto: int, head: str | None, *, stream: str | None = None) -> bool:
        assert stream in {None, self.stream}
        self.disowned.append(upto)
        return False

    def head(self, seq: int) -> str:
        return record_hash(self._raw[seq - 1])

    def _stored(self, first: int, last: int) -> list[Stored]:
        return [Stored(seq, self._raw[seq - 1]) for seq in range(first, last + 1)]


# --- the broker -----------------------------------------------------------------------------


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


def tool(name: str) -> str:
    """Where a program of mosquitto is; the test fails with a hint where it is not."""
    # Debian keeps the broker out of an ordinary user's PATH
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")
    if found is None:
        pytest.fail(f"{name} is missing: `make test` installs it, or apt install mosquitto")
    return found


class Broker:
    """A mosquitto of the test's own, on a free loopback port, that forgets all at each stop."""

    def __init__(self, folder: Path, *lines: str) -> None:
        self.port = free_port()
        self._program = tool("mosquitto")
        self._log = folder / "mosquitto.log"
        self._config = folder / "mosquitto.conf"
        security = lines or ("allow_anonymous true",)
        wanted = (
            f"listener {self.port} 127.0.0.1",
            # started by root it would drop to a user who can't read the test's folder
            "user root",
            "log_type all",
            # beyond 1,000 it would silently drop what a slow subscriber has not taken yet; with 0,
            # for no limit, 2.0.11 ends the connection of whoever it refuses a message
            "max_queued_messages 100000",
            *security,
        )
        self._config.write_text("\n".join(wanted) + "\n")
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [self._program, "-c", str(self._config)], stdout=log, stderr=log
            )
        if not wait_until(self._listens):
            pytest.fail(f"mosquitto does not start:\n{self._log.read_text()}")

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(10)
            self._process = None

    def restart(self) -> None:
        self.stop(signal.SIGKILL)
        self.start()

    def reload(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGHUP)

    def _listens(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
            return True
        return False


# --- a wire that can be cut -----------------------------------------------------------------


class _Frames:
    """Takes a stream of MQTT packets apart; gives the type of each (MQTT 5.0, 2.1)."""

    def __init__(self) -> None:
        self._buffer = b""

    def feed(self, data: bytes) -> Iterator[int]:
        self._buffer += data
        while (end := self._end()) is not None:
            kind = self._buffer[0] >> 4
            self._buffer = self._buffer[end:]
            yield kind

    def _end(self) -> int | None:
        length = 0
        for index, byte in enumerate(self._buffer[1:5]):
            length |= (byte & 0x7F) << (7 * index)
            if byte < 0x80:
                end = 2 + index + length
                return end if end <= len(self._buffer) else None
        return None


PUBLISH, PUBACK = 3, 4


class Proxy:
    """Forwards TCP to a broker and counts what is unacknowledged.

    `cut` stops forwarding what is connected now, without FIN or RST: both ends hear nothing.
    Later connections work.
    """

    def __init__(self, broker_port: int) -> None:
        self._broker_port = broker_port
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._server.getsockname()[1]
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._server, selectors.EVENT_READ, None)
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._cut = threading.Event()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.outstanding = 0
        self.most_outstanding = 0
        self.connections = 0
        self._thread.start()

    def cut(self) -> None:
        self._cut.set()
        assert wait_until(lambda: not self._cut.is_set())

    def close(self) -> None:
        self._stop.set()
        self._thread.join(5)
        for pair in self._pairs:
            for sock in pair:
                sock.close()
        self._selector.close()
        self._server.close()

    def _run(self) -> None:
        while not self._stop.is_set():
            if self._cut.is_set():
                for key in [*self._selector.get_map().values()]:
                    if key.data is not None:
                        self._selector.unregister(key.fileobj)
                self._cut.clear()
            for key, _ in self._selector.select(0.05):
                if key.data is None:
                    self._accept()
                elif key.fd in self._selector.get_map():  # else its other end just closed both
                    self._forward(*key.data)

    def _accept(self) -> None:
        client, _ = self._server.accept()
        try:
            broker = socket.create_connection(("127.0.0.1", self._broker_port), 5)
        except OSError:
            client.close()
            return
        self.connections += 1
        self.outstanding = 0
        self._pairs.append((client, broker))
        self._selector.register(client, selectors.EVENT_READ, (client, broker, _Frames(), 1))
        self._selector.register(broker, selectors.EVENT_READ, (broker, client, _Frames(), -1))

    def _forward(self, src: socket.socket, dst: socket.socket, frames: _Frames, way: int) -> None:
        try:
            data = src.recv(65_536)
            if data:
                self._count(frames, data, way)
                dst.sendall(data)
                return
        except OSError:
            pass
        for sock in (src, dst):
            self._selector.unregister(sock)
            sock.close()

    def _count(self, frames: _Frames, data: bytes, way: int) -> None:
        for kind in frames.feed(data):
            if kind == (PUBLISH if way > 0 else PUBACK):
                self.outstanding += way
        self.most_outstanding = max(self.most_outstanding, self.outstanding)


# --- the gate -------------------------------------------------------------------------------


def config(port: int, **mqtt: Any) -> Config:
    """A configuration with quick reconnects; `mqtt` may go below what the model allows."""
    made = Config.model_validate(
        {
            "gate": {"park": PARK, "site": SITE, "gate": GATE},
            "door": {"driver": "sim", "lock": "fail_secure"},
            "reader": [
                {
                    "name": "in",
                    "direction": "in",
                    "camera": {"driver": "sim"},
                    "thermometer": {"driver": "sim"},
                }
            ],
            "identity": {"mode": "plain"},
            "mqtt": {"host": "127.0.0.1", "port": port},
        }
    )
    quick = {"reconnect_longest_s": 0.2, "receipt_timeout_s": 0.5} | mqtt
    return made.model_copy(update={"mqtt": made.mqtt.model_copy(update=quick)})


def no_handler(command: Command) -> Reply:
    return Reply(id=command.id, ok=True)


def publisher(
    port: int,
    outbox: Outboxes,
    *,
    handler: Callable[[Command], Reply] = no_handler,
    on_list: Callable[[str, bytes], None] | None = None,
    **mqtt: Any,
) -> Publisher:
    return Publisher(
        config(port, **mqtt),
        outbox,
        handler=handler,
        version="1.2.3",
        ack_timeout_s=2.0,
        on_list=on_list,
    )


def receipt(
    outbox: MemoryOutbox, upto: int, *, epoch: str = "e1", head: str | None = None
) -> bytes:
    head = head or (outbox.head(upto) if upto else None)
    return encode_message(Receipt(stream=outbox.stream, upto=upto, epoch=epoch, head=head))


def live_until_killed(port: int) -> None:
    """A gate in a process of its own, for tests that kill it."""
    worker = publisher(port, MemoryOutbox([passage()]))
    worker.start()
    worker.publish_state({"phase": "idle"})
    threading.Event().wait()
