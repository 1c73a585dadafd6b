"""Bad links: one that breaks again and again, and a network that drops packets without a word."""

from __future__ import annotations

import random
import shutil
import socket
import struct
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.mqtt.support import Broker, wait_until


class Flapping:
    """Forwards TCP to a broker; each connection is reset after a moment, until `calm`."""

    def __init__(self, broker_port: int, *, longest_s: float, seed: int = 7) -> None:
        self._broker_port = broker_port
        self._longest_s = longest_s
        self._chance = random.Random(seed)
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._server.getsockname()[1]
        self._calm = threading.Event()
        self._closed = threading.Event()
        self.connections = 0
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def calm(self) -> None:
        """From here on connections last."""
        self._calm.set()

    def breaks(self, timeout_s: float) -> bool:
        """Wait until someone had to connect again."""
        before = self.connections
        return wait_until(lambda: self.connections > before, timeout_s)

    def close(self) -> None:
        self._closed.set()
        self._calm.set()
        self._server.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while not self._closed.is_set():
                client, _ = self._server.accept()
                self.connections += 1
                threading.Thread(target=self._serve, args=[client], daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client:
            try:
                broker = socket.create_connection(("127.0.0.1", self._broker_port), 5)
            except OSError:
                return
            with broker:
                broker.settimeout(None)
                ways = [
                    threading.Thread(target=_pump, args=pair, daemon=True)
                    for pair in ((client, broker), (broker, client))
                ]
                for way in ways:
                    way.start()
                if not self._calm.wait(self._chance.uniform(0.02, self._longest_s)):
                    _reset(client)
                    _reset(broker)
                for way in ways:
                    way.join()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65_536):
            sink.sendall(data)
    for sock in (source, sink):
        with suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)


def _reset(sock: socket.socket) -> None:
    # with SO_LINGER 0 closing sends RST and forgets what is buffered (socket(7))
    with suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        sock.shutdown(socket.SHUT_RDWR)


NAMESPACE, HERE, THERE = "edgegatetest", "10.213.7.1", "10.213.7.2"
# what no network card has: frames to it are dropped without a word
_NOBODY = "02:00:00:00:00:99"


def _ip(*words: str, check: bool = True) -> None:
    ip = shutil.which("ip", path="/usr/sbin:/sbin:/usr/bin:/bin")
    if ip is None:
        pytest.skip("iproute2 is missing")
    done = subprocess.run([ip, *words], capture_output=True, text=True, check=False)
    if check and done.returncode:
        pytest.skip(f"no network namespaces here: ip {' '.join(words)}: {done.stderr.strip()}")


class Namespace:
    """A second machine, as far as the network goes: at THERE, seen from here as HERE."""

    prefix = ("ip", "netns", "exec", NAMESPACE)

    def cut(self) -> None:
        """Packets vanish, both ways: no FIN, no RST, no ICMP."""
        _ip("neigh", "replace", THERE, "lladdr", _NOBODY, "nud", "permanent", "dev", "egtest0")
        _ip("-n", NAMESPACE, "neigh", "replace", HERE, "lladdr", _NOBODY, "nud", "permanent",
            "dev", "egtest1")  # fmt: skip

    def mend(self) -> None:
        _ip("neigh", "del", THERE, "dev", "egtest0")
        _ip("-n", NAMESPACE, "neigh", "del", HERE, "dev", "egtest1")


@contextmanager
def namespace() -> Iterator[Namespace]:
    """Made and taken away; skips the test where that is not allowed."""
    _ip("netns", "del", NAMESPACE, check=False)
    _ip("netns", "add", NAMESPACE)
    try:
        _ip("link", "add", "egtest0", "type", "veth", "peer", "name", "egtest1", "netns", NAMESPACE)
        _ip("addr", "add", f"{HERE}/30", "dev", "egtest0")
        _ip("link", "set", "egtest0", "up")
        _ip("-n", NAMESPACE, "addr", "add", f"{THERE}/30", "dev", "egtest1")
        _ip("-n", NAMESPACE, "link", "set", "egtest1", "up")
        _ip("-n", NAMESPACE, "link", "set", "lo", "up")
        yield Namespace()
    finally:
        _ip("netns", "del", NAMESPACE, check=False)


class InNamespace(Broker):
    """A broker on the other side of a network."""

    def __init__(self, folder: Path, prefix: tuple[str, ...]) -> None:
        super().__init__(folder)
        self._prefix = prefix
        text = self._config.read_text()
        self._config.write_text(text.replace(" 127.0.0.1", ""))  # every address of the namespace

    def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [*self._prefix, self._program, "-c", str(self._config)], stdout=log, stderr=log
            )
        assert wait_until(self._listens), self._log.read_text()

    def _listens(self) -> bool:
        try:
            socket.create_connection((THERE, self.port), 1).close()
        except OSError:
            return False
        return True
