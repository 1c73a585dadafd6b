from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.drivers.base import DeviceError
from edge.gate.reasons import Cause, Device
from edge.scan.wire import (
    LONGEST_LINE,
    Failed,
    Lines,
    Looked,
    Message,
    Opening,
    Taken,
    decode,
    encode,
)

messages = st.one_of(
    st.just(Opening()),
    st.just(Taken()),
    st.builds(
        Looked,
        st.floats(0, 1e9),
        st.lists(st.binary(max_size=3000), max_size=3).map(tuple),
        st.booleans(),
    ),
    st.builds(Failed, st.sampled_from(Device), st.sampled_from(Cause), st.text(max_size=80)),
)


@given(st.lists(messages, max_size=8), st.integers(1, 5000))
def test_messages_survive_the_pipe_in_whatever_pieces_they_arrive(
    sent: list[Message], piece: int
) -> None:
    stream = b"".join(encode(message) for message in sent)
    lines = Lines()
    heard = [
        decode(line)
        for start in range(0, len(stream), piece)
        for line in lines.feed(stream[start : start + piece])
    ]
    assert heard == sent


def test_the_end_of_a_killed_process_in_mid_message_is_left_out() -> None:
    whole, torn = encode(Taken()), encode(Looked(1.0, (b"x" * 100,)))[:-20]
    assert Lines().feed(whole + torn) == [whole[:-1]]


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"[]",
        b"null",
        b"{}",
        b'{"kind": "Other"}',
        b'{"kind": "Looked", "taken_s": "x", "payloads": [], "decoded": true}',
        b'{"kind": "Looked", "taken_s": 1.0, "payloads": ["*"], "decoded": true}',
        b'{"kind": "Failed", "device": "x", "cause": "other", "detail": ""}',
        b'{"kind": []}',
        b"\xff",
    ],
)
def test_nonsense_of_a_broken_process_is_told_from_messages(line: bytes) -> None:
    with pytest.raises(ValueError, match="not a message"):
        decode(line)


def test_a_line_without_end_does_not_fill_the_memory() -> None:
    with pytest.raises(ValueError, match="longer than"):
        Lines().feed(b"x" * (LONGEST_LINE + 1))


def test_a_drivers_hint_reaches_the_technician() -> None:
    error = DeviceError(Device.CAMERA, Cause.NOT_FOUND, "no camera 0", hint="check the ribbon")
    assert Failed.of(error).detail == "no camera 0; check the ribbon"
