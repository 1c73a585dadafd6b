"""Small pictures for the screen: made when somebody looks, and never otherwise."""

from __future__ import annotations

import threading
from typing import Self

import cv2
import numpy as np
import pytest

from edge.drivers.camera import Frame
from edge.scan.child import Loop, small_picture
from edge.scan.pictures import WIDTH, Pictures
from edge.scan.wire import Looked, Message, Pictured, decode, encode

GRAY = np.full((480, 640), 90, np.uint8)


class ThreeFrames:
    """A camera that gives three frames."""

    def __init__(self) -> None:
        self.left = 3

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None: ...

    def read(self, _timeout_s: float) -> Frame:
        if self.left == 0:
            raise KeyboardInterrupt
        self.left -= 1
        return Frame(GRAY, taken_s=1.0, number=self.left)


def test_a_picture_is_small_and_whole() -> None:
    jpeg = small_picture(GRAY)
    image = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert image.shape == (240, WIDTH)
    assert len(jpeg) < 20_000


@pytest.mark.parametrize("wishes", [[False, False, False], [False, True, False]])
def test_a_picture_is_made_of_the_frame_it_was_asked_for_at(wishes: list[bool]) -> None:
    told: list[Message] = []
    left = list(wishes)
    loop = Loop(
        ThreeFrames,  # type: ignore[arg-type]
        1.0,
        lambda seen: Looked(seen.taken_s),
        told.append,
        wished=lambda: left.pop(0),
    )
    with pytest.raises(KeyboardInterrupt):
        loop.run()
    assert sum(isinstance(message, Pictured) for message in told) == sum(wishes)


def test_a_picture_comes_through_the_pipe_as_it_was() -> None:
    jpeg = small_picture(GRAY)
    assert decode(encode(Pictured(jpeg)).strip()) == Pictured(jpeg)


def test_what_is_no_picture_is_not_taken_from_the_process() -> None:
    with pytest.raises(ValueError, match="not a message"):
        decode(encode(Pictured(b"<svg onload=alert(1)>")))


def test_a_wish_is_taken_once_and_answered_to_who_waits() -> None:
    pictures = Pictures()
    assert not pictures.take_wish()
    assert pictures.next(0.0) is None
    assert pictures.take_wish()
    assert not pictures.take_wish()
    got: list[bytes | None] = []
    waiting = threading.Thread(target=lambda: got.append(pictures.next(30.0)))
    waiting.start()
    while not pictures.take_wish():
        pass
    pictures.put(b"jpeg")
    waiting.join(10)
    assert got == [b"jpeg"]
