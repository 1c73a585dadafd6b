"""paho-mqtt for thousands of messages a second: many packets at once, few objects for each.

paho reads a packet with three system calls and more, and writes each acknowledgement with one. At
thousands of messages a second that is most of what a subscriber costs. Between paho and the real
socket, `Wire` keeps what was read ahead, and what is to be written until paho looks for news.

paho asks a socket that has `pending` (it expects TLS's) how much is there to be read without
waiting, at the beginning of each turn of its loop: then what was gathered is written too.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import time
from collections.abc import Callable, Iterable
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes

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

    @property
    def has_read_ahead(self) -> bool:
        """Whether bytes wait here that were read already."""
        return bool(self._read)

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


# topic, payload, packet identifier, QoS, retained
Plain = tuple[str, bytes, int, int, bool]
_PAUSE_S = 0.01
_PUBACK = PacketTypes.PUBACK << 4


class WiredClient(paho.Client):
    """paho over a Wire, for MQTT 5 with acknowledgement by hand.

    `on_plain` is called for messages at QoS 0 and 1 without properties, instead of `on_message`,
    for which paho makes some tens of objects. Like it, it must not raise. Overrides two private
    methods and calls one: tests/hub/test_wire.py holds the contract.
    """

    # asked before each read: with too much waiting elsewhere, the rest waits in the network
    is_full: Callable[[], bool] = staticmethod(lambda: False)
    on_plain: Callable[[str, bytes, int, int, bool], None] | None = None

    def loop_read(self, max_packets: int = 1) -> MQTTErrorCode:
        """Every packet that was read ahead: paho takes one, and looks for news."""
        if self.is_full():
            time.sleep(_PAUSE_S)  # the socket stays readable: paho's loop would turn at full speed
            return MQTTErrorCode.MQTT_ERR_SUCCESS
        done = super().loop_read(max_packets)
        while done == MQTTErrorCode.MQTT_ERR_SUCCESS and self._has_more() and not self.is_full():
            done = super().loop_read(max_packets)
        return done

    def ack_all(self, mids: Iterable[int]) -> None:
        """Acknowledge these messages at QoS 1, in one piece."""
        packets = b"".join(struct.pack("!BBH", _PUBACK, 2, mid) for mid in mids)
        if packets:
            self._packet_queue(_PUBACK, packets, 0, 1)

    def _has_more(self) -> bool:
        sock: Any = self._sock
        return isinstance(sock, Wire) and sock.has_read_ahead

    def _create_socket(self) -> Any:
        made: Any = super()._create_socket()
        return Wire(made)

    def _handle_publish(self) -> MQTTErrorCode:
        found = None
        if self.on_plain is not None:
            found = plain_publish(self._in_packet["command"], self._in_packet["packet"])
        if found is None:
            return super()._handle_publish()
        self.on_plain(*found)  # type: ignore[misc] # it is not None where something was found
        return MQTTErrorCode.MQTT_ERR_SUCCESS


def plain_publish(header: int, packet: bytes | bytearray) -> Plain | None:
    """A PUBLISH of MQTT 5 (3.3) at QoS 0 or 1 without properties; None for any other.

    `packet` is what follows the fixed header.
    """
    qos = header >> 1 & 3
    try:
        end = 2 + (packet[0] << 8 | packet[1])
        topic = packet[2:end].decode()
        mid = 0
        if qos == 1:
            mid = packet[end] << 8 | packet[end + 1]
            end += 2
        if qos > 1 or not topic or packet[end] != 0:
            return None
    except (IndexError, UnicodeDecodeError):
        return None
    return topic, bytes(packet[end + 1 :]), mid, qos, bool(header & 1)
