"""A socket that reads and writes many MQTT packets at once, for paho-mqtt.

paho reads a packet with three system calls and more, and writes each acknowledgement with one. At
thousands of messages a second that is most of what a subscriber costs. Between paho and the real
socket, this keeps what was read ahead, and what is to be written until paho looks for news.

paho asks a socket that has `pending` (it expects TLS's) how much is there to be read without
waiting, at the beginning of each turn of its loop: then what was gathered is written too.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
from typing import Any

import paho.mqtt.client as paho

_READ_BYTES = 65_536
_MOST_UNWRITTEN_BYTES = 65_536


class Wire:
    """A connected socket, or one of TLS, as paho uses it. Not for blocking reads."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._read = memoryview(b"")
        self._unwritten = bytearray()

    def recv(self, size: int) -> bytes:
        """At most `size` bytes; raises what the socket raises when there are none."""
        if not self._read:
            self._read = memoryview(self._sock.recv(_READ_BYTES))
        found = bytes(self._read[:size])
        self._read = self._read[size:]
        return found

    def send(self, data: bytes) -> int:
        """Taken, and written with the next turn; BlockingIOError when too much is waiting."""
        if len(self._unwritten) > _MOST_UNWRITTEN_BYTES:
            self.flush()
            if len(self._unwritten) > _MOST_UNWRITTEN_BYTES:
                raise BlockingIOError
        self._unwritten += data
        return len(data)

    def pending(self) -> int:
        """Bytes that can be read without waiting. What was gathered is written."""
        # a connection that broke is told by the read that follows
        with contextlib.suppress(OSError):
            self.flush()
        tls = self._sock.pending() if isinstance(self._sock, ssl.SSLSocket) else 0
        return len(self._read) + tls

    def flush(self) -> None:
        """Write what the socket takes now. Raises OSError."""
        with contextlib.suppress(BlockingIOError, ssl.SSLWantWriteError, ssl.SSLWantReadError):
            while self._unwritten:
                done = self._sock.send(self._unwritten)
                del self._unwritten[:done]

    def close(self) -> None:
        with contextlib.suppress(OSError):  # paho's DISCONNECT: to a broker that is gone, nothing
            self.flush()
        self._sock.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)


class WiredClient(paho.Client):
    """paho over a Wire. Overrides one private method: tests/hub/test_wire.py holds the contract."""

    def _create_socket(self) -> Any:
        made: Any = super()._create_socket()
        return Wire(made)
