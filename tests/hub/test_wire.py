"""What stands between paho and its socket: no byte lost or changed, however they come."""

from __future__ import annotations

import inspect
import socket
import struct
import threading
from collections.abc import Iterator

import paho.mqtt.client as paho
import pytest
from hypothesis import given
from hypothesis import strategies as st
from paho.mqtt._packet import decode_publish
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes

from hub.wire import Wire, WiredClient, plain_publish


def is_unicode(text: str) -> bool:
    try:
        return bool(text.encode())
    except UnicodeEncodeError:
        return False


Pair = tuple[Wire, socket.socket]


@pytest.fixture
def pair() -> Iterator[Pair]:
    near, far = socket.socketpair()
    near.setblocking(False)
    yield Wire(near), far
    near.close()
    far.close()


def test_paho_still_makes_its_socket_where_it_is_replaced() -> None:
    """A private method: a paho without it must not come in unnoticed."""
    assert "_create_socket" in WiredClient.__dict__
    assert "self._sock = self._create_socket()" in inspect.getsource(paho.Client.reconnect)
    assert "self._sock.pending()" in inspect.getsource(paho.Client._loop)


def test_paho_still_handles_and_queues_packets_where_it_is_replaced() -> None:
    """Private as well: what is called for a PUBLISH, what it finds, and what queues a packet."""
    assert "return self._handle_publish()" in inspect.getsource(paho.Client._packet_handle)
    publish = inspect.getsource(paho.Client._handle_publish)
    assert 'self._in_packet["command"], self._in_packet["packet"]' in publish
    names = list(inspect.signature(paho.Client._packet_queue).parameters)
    assert names[:5] == ["self", "command", "packet", "mid", "qos"]
    assert "rc = self.loop_read()" in inspect.getsource(paho.Client._loop)


def published(topic: str, payload: bytes, mid: int, qos: int, *, retain: bool) -> tuple[int, bytes]:
    """Header, and the rest of the packet."""
    name = topic.encode()
    ident = struct.pack("!H", mid) if qos else b""
    header = PacketTypes.PUBLISH << 4 | qos << 1 | retain
    return header, struct.pack("!H", len(name)) + name + ident + b"\0" + payload


def by_paho(header: int, packet: bytes) -> tuple[str, bytes, int, int, bool]:
    found = decode_publish(header, packet, MQTTProtocolVersion.MQTTv5)
    return found.topic.decode(), bytes(found.payload), found.mid, found.qos, found.retain


@given(
    topic=st.text(min_size=1, max_size=40).filter(is_unicode),
    payload=st.binary(max_size=300),
    mid=st.integers(1, 65_535),
    qos=st.integers(0, 1),
    retain=st.booleans(),
)
def test_a_message_is_what_paho_makes_of_it(
    topic: str, payload: bytes, mid: int, qos: int, retain: bool
) -> None:
    header, packet = published(topic, payload, mid, qos, retain=retain)
    assert plain_publish(header, bytearray(packet)) == by_paho(header, packet)


@given(packet=st.binary(max_size=60), header=st.integers(0x30, 0x3F))
def test_whatever_the_bytes_are_it_is_pahos_message_or_left_to_paho(
    packet: bytes, header: int
) -> None:
    found = plain_publish(header, bytearray(packet))
    if found is not None:
        assert found == by_paho(header, packet)


def test_what_carries_properties_or_an_alias_or_qos_2_is_left_to_paho() -> None:
    header, packet = published("a/b", b"x", 7, 1, retain=False)
    expiry = packet[:7] + b"\x05\x02\0\0\0\x09x"
    assert plain_publish(header, expiry) is None
    assert by_paho(header, expiry) == ("a/b", b"x", 7, 1, False)
    assert plain_publish(header, b"\0\0\0\x07\0x") is None
    assert plain_publish(header & ~6 | 4, packet) is None


class Server:
    """One connection, as a broker would see it."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.sock: socket.socket | None = None

    def accept(self) -> socket.socket:
        self.sock, _ = self._listener.accept()
        self.sock.settimeout(20)
        assert self.sock.recv(1000)[0] >> 4 == PacketTypes.CONNECT
        self.sock.sendall(b"\x20\x03\0\0\0")
        return self.sock

    def close(self) -> None:
        self._listener.close()
        if self.sock is not None:
            self.sock.close()


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.close()


def framed(header: int, packet: bytes) -> bytes:
    assert len(packet) < 128
    return bytes([header, len(packet)]) + packet


def test_many_packets_in_one_piece_all_arrive_and_are_acknowledged_in_one_piece(
    server: Server,
) -> None:
    heard: list[str] = []
    done = threading.Event()

    def hear(topic: str, _payload: bytes, mid: int, _qos: int, _retain: bool) -> None:
        heard.append(f"{topic}#{mid}")
        if len(heard) == 201:
            done.set()

    client = WiredClient(
        CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5, manual_ack=True, client_id="x"
    )
    client.on_plain = hear
    # one with a property goes paho's way, in its turn
    client.on_message = lambda _c, _u, one: hear(one.topic, b"", one.mid, 1, False)
    client.connect("127.0.0.1", server.port)
    client.loop_start()
    far = server.accept()
    packets = [framed(*published(f"t/{n}", b"x" * 20, n, 1, retain=False)) for n in range(1, 201)]
    odd = b"\0\x03odd\0\xff\x05\x02\0\0\0\x09x"
    far.sendall(b"".join([*packets[:100], framed(0x32, odd), *packets[100:]]))
    assert done.wait(20)
    assert heard == [
        *(f"t/{n}#{n}" for n in range(1, 101)), "odd#255", *(f"t/{n}#{n}" for n in range(101, 201)),
    ]  # fmt: skip
    client.ack_all(range(1, 201))
    client.ack_all([])
    got = b""
    while len(got) < 800:
        got += far.recv(1000)
    assert got == b"".join(struct.pack("!BBH", 0x40, 2, n) for n in range(1, 201))
    gone = threading.Event()
    client.on_disconnect = lambda *_: gone.set()
    client.disconnect()
    assert gone.wait(20)
    client.loop_stop()


def test_who_is_full_is_read_for_no_more_and_goes_on_when_there_is_room(server: Server) -> None:
    """A broker that sends without end: what is not taken must wait there and not in memory."""
    heard: list[str] = []
    looked, more, done = (threading.Event() for _ in range(3))

    class Slow(WiredClient):
        def is_full(self) -> bool:
            if len(heard) >= 10 and not more.is_set():
                looked.set()
                return True
            return False

    def hear(topic: str, _payload: bytes, _mid: int, _qos: int, _retain: bool) -> None:
        heard.append(topic)
        if len(heard) == 100:
            done.set()

    client = Slow(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5, manual_ack=True, client_id="x")
    client.on_plain = hear
    client.connect("127.0.0.1", server.port)
    client.loop_start()
    far = server.accept()
    packets = [framed(*published(f"t/{n}", b"x", n, 1, retain=False)) for n in range(1, 101)]
    far.sendall(b"".join(packets))
    assert looked.wait(20)
    client.ack_all([1])  # what was taken is still acknowledged
    assert far.recv(1000) == b"\x40\x02\0\x01"
    assert len(heard) == 10
    more.set()
    assert done.wait(20)
    gone = threading.Event()
    client.on_disconnect = lambda *_: gone.set()
    client.disconnect()
    assert gone.wait(20)
    client.loop_stop()


def test_packets_are_read_byte_for_byte_however_they_are_cut(pair: Pair) -> None:
    wire, far = pair
    sent = bytes(range(256)) * 40
    far.sendall(sent)
    got = b""
    for size in (1, 1, 7, 300, 1, 5_000):
        got += wire.recv(size)
    assert wire.pending() == len(sent) - len(got)
    while wire.pending():
        got += wire.recv(999)
    assert got == sent
    with pytest.raises(BlockingIOError):
        wire.recv(1)


def test_the_end_of_the_connection_is_told_after_what_was_read(pair: Pair) -> None:
    wire, far = pair
    far.sendall(b"abc")
    far.close()
    assert [wire.recv(2), wire.recv(2), wire.recv(2)] == [b"ab", b"c", b""]


def test_what_is_sent_goes_out_with_the_next_turn_and_at_the_end(pair: Pair) -> None:
    wire, far = pair
    far.setblocking(False)
    assert [wire.send(b"one"), wire.send(b"two")] == [3, 3]
    with pytest.raises(BlockingIOError):
        far.recv(10)
    wire.pending()
    assert far.recv(10) == b"onetwo"
    wire.send(b"bye")
    wire.close()
    assert far.recv(10) == b"bye"


def test_a_peer_that_does_not_read_is_waited_for_and_nothing_is_lost(pair: Pair) -> None:
    wire, far = pair
    sent = 0

    def fill() -> None:
        nonlocal sent
        while True:
            sent += wire.send(b"x" * 10_000)

    with pytest.raises(BlockingIOError):
        fill()
    got = 0
    while got < sent:
        got += len(far.recv(65_536))
        wire.pending()
    assert got == sent


def test_a_peer_that_is_gone_is_told_by_reading(pair: Pair) -> None:
    wire, far = pair
    far.close()
    wire.send(b"x")
    wire.pending()
    assert wire.recv(1) == b""
