"""What stands between paho and its socket: no byte lost or changed, however they come."""

from __future__ import annotations

import inspect
import socket
from collections.abc import Iterator

import paho.mqtt.client as paho
import pytest

from hub.wire import Wire, WiredClient

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
