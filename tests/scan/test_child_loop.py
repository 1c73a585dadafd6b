from __future__ import annotations

import random
from collections.abc import Iterator

import pytest
import segno

from edge.drivers.base import DeviceError
from edge.drivers.camera import Camera, Frame
from edge.gate.reasons import Cause, Device
from edge.scan.child import Loop, make_look
from edge.scan.wire import Failed, Looked, Message, Opening, Taken
from feed.backoff import Backoff
from tests.scan.pictures import broken, code, drawn, scene

UNPLUGGED = DeviceError(Device.CAMERA, Cause.UNPLUGGED, "gone", hint="plug it in")


class ScriptedCamera(Camera):
    """Gives what its script holds: frames, faults, and at its end the end of the test."""

    def __init__(self, script: Iterator[Frame | DeviceError], opened: list[str]) -> None:
        self._script = script
        self._opened = opened

    def open(self) -> None:
        self._opened.append("open")

    def close(self) -> None:
        self._opened.append("close")

    def read(self, timeout_s: float) -> Frame:
        item = next(self._script, None)
        if item is None:
            raise SystemExit
        if isinstance(item, DeviceError):
            raise item
        return item


def told_by(*script: Frame | DeviceError, opened: list[str] | None = None) -> list[Message]:
    told: list[Message] = []
    items = iter(script)
    calls: list[str] = [] if opened is None else opened
    backoff = Backoff(first_s=0.001, longest_s=0.001, rng=random.Random(1))
    loop = Loop(
        lambda: ScriptedCamera(items, calls), 1.0, make_look(), told.append, backoff=backoff
    )
    with pytest.raises(SystemExit):
        loop.run()
    return told


def test_each_frame_is_told_even_an_empty_one() -> None:
    told = told_by(Frame(scene(), 1.0, 0), Frame(scene(code(b"A")), 2.0, 1))
    assert told == [Opening(), Taken(), Looked(1.0), Taken(), Looked(2.0, (b"A",))]


def test_a_frame_like_the_empty_one_before_is_told_as_not_decoded() -> None:
    told = told_by(Frame(scene(seed=1), 1.0, 0), Frame(scene(seed=2), 2.0, 1))
    assert told[-1] == Looked(2.0, (), decoded=False)


def test_a_code_that_is_not_read_yet_keeps_the_process_looking() -> None:
    """The next frame may be read by another rung, however still the card is held."""
    worn = broken(b"worn", scale=4)
    told = told_by(Frame(scene(worn, seed=1), 1.0, 0), Frame(scene(worn, seed=2), 2.0, 1))
    assert told[-1] == Looked(2.0, (), decoded=True)


def test_a_code_that_holds_nothing_by_itself_is_told_as_empty() -> None:
    part = drawn(segno.make_sequence("x" * 300, symbol_count=4)[0])
    assert told_by(Frame(scene(part), 1.0, 0))[-1] == Looked(1.0, (b"",))


def test_a_camera_that_fails_is_closed_and_opened_again() -> None:
    opened: list[str] = []
    told = told_by(UNPLUGGED, UNPLUGGED, Frame(scene(), 3.0, 0), opened=opened)
    failed = Failed(Device.CAMERA, Cause.UNPLUGGED, "gone; plug it in")
    assert [message for message in told if message == failed] == [failed, failed]
    assert told[-1] == Looked(3.0)
    assert opened == ["open", "close"] * 3


def test_the_process_gives_signs_of_life_while_the_camera_is_away() -> None:
    told = told_by(UNPLUGGED, Frame(scene(), 3.0, 0))
    after = told[told.index(Failed(Device.CAMERA, Cause.UNPLUGGED, "gone; plug it in")) + 1 :]
    assert after == [Opening(), Opening(), Taken(), Looked(3.0)]
