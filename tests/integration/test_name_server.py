"""A real resolver and a name server that hears and says nothing, then comes back."""

from __future__ import annotations

import os
import shutil
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.support import ROOT, HubProcess
from tests.mqtt.support import Broker, wait_until

ADDRESS = "127.0.53.53"
NAME = "broker.park.test"


class NameServer:
    """Answers every question for an IPv4 address with 127.0.0.1 once `answers` is set."""

    def __init__(self) -> None:
        self.asked = threading.Event()
        self.answers = threading.Event()
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((ADDRESS, 53))
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._socket.sendto(b"", (ADDRESS, 53))
        self._thread.join(5)
        self._socket.close()

    def _serve(self) -> None:
        while True:
            question, sender = self._socket.recvfrom(512)
            if not question:
                return
            self.asked.set()
            if self.answers.is_set():
                self._socket.sendto(_answer(question), sender)


def _answer(question: bytes) -> bytes:
    """RFC 1035, 4.1: one address for a question of type A, none for others."""
    end = question.index(b"\0", 12) + 5
    is_ipv4 = question[end - 4 : end - 2] == b"\0\1"
    head = question[:2] + struct.pack("!HHHHH", 0x8180, 1, is_ipv4, 0, 0)
    pointer, address = b"\xc0\x0c", socket.inet_aton("127.0.0.1")
    record = pointer + struct.pack("!HHIH", 1, 1, 60, 4) + address
    return head + question[12:end] + record * is_ipv4


@pytest.fixture
def name_server() -> Iterator[NameServer]:
    if os.geteuid() != 0 or shutil.which("unshare") is None:
        pytest.skip("needs root and unshare")
    try:
        made = NameServer()
    except OSError as error:
        pytest.skip(f"no name server can be run here: {error}")
    yield made
    made.close()


def test_a_gate_goes_on_while_a_name_server_is_silent_and_recovers_with_it(
    tmp_path: Path, broker: Broker, hub: HubProcess, name_server: NameServer
) -> None:
    resolv = tmp_path / "resolv.conf"
    resolv.write_text(f"nameserver {ADDRESS}\noptions timeout:2 attempts:3\n")
    gate = [sys.executable, "-m", "tests.integration.gate_process", str(tmp_path), NAME,
            str(broker.port), "0.01"]  # fmt: skip
    bind = f'mount --bind {resolv} /etc/resolv.conf || exit 77; exec "$@"'
    hub.start().connected()
    with subprocess.Popen(
        ["unshare", "--mount", "sh", "-c", bind, "sh", *gate],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdin is not None
        assert process.stdout is not None
        if not wait_until(lambda: name_server.asked.is_set() or process.poll() is not None):
            process.kill()
        if process.poll() == 77:
            pytest.skip("no mounts here")
        assert name_server.asked.is_set()
        told = [int(process.stdout.readline()) for _ in range(50)]  # written all the same
        assert told == list(range(1, 51))
        assert hub.status()["records"] == 0
        name_server.answers.set()
        process.stdin.write("enough\n")
        process.stdin.flush()
        rest = process.stdout.read().split("\n")
    last = int(rest[-2].removeprefix("done "))
    (standing,) = hub.status()["streams"]
    assert (standing["upto"], standing["gaps"]) == (last, [])
    assert hub.status()["records"] == last
