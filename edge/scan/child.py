"""The scan process of one reader: `python -m edge.scan.child`, started by edge.scan.reader.

A process of its own, so that a crash or hang in a camera's or decoder's native code ends here. It
opens its camera, decodes each frame and tells the daemon; a camera that fails is closed and opened
again here, with waits that grow. It never outlives the daemon.
"""

from __future__ import annotations

import ctypes
import logging
import os
import pickle
import signal
import sys
import time
from collections.abc import Callable
from types import FrameType

from edge.drivers.base import DeviceError
from edge.drivers.camera import Camera, Frame, GrayImage
from edge.scan.pictures import QUALITY, WIDTH
from edge.scan.wire import Failed, Looked, Message, Opening, Orders, Pictured, Taken, encode
from feed.backoff import Backoff

log = logging.getLogger(__name__)

PR_SET_PDEATHSIG = 1  # linux/prctl.h
NICENESS = 5  # decoding gives way to the thread that drives the door
REOPEN_FIRST_S = 0.5
REOPEN_LONGEST_S = 10.0  # a camera plugged in again is found within this
BEAT_S = 0.5  # a sign of life while waiting for the camera
TOLD = 3  # exit code: the reason has been told

MakeCamera = Callable[[], Camera]
Tell = Callable[[Message], None]


def main() -> int:
    """Read the orders, then look until told to stop."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group of a terminal
    signal.signal(signal.SIGTERM, _end)
    pipe, wishes, parent = (int(argument) for argument in sys.argv[1:])
    _die_with(parent)
    os.nice(NICENESS)
    orders: Orders = pickle.load(sys.stdin.buffer)  # noqa: S301 - from the daemon that started it
    logging.basicConfig(
        level=orders.log_level, format=f"%(levelname)s {orders.reader} scan: %(message)s"
    )
    os.set_blocking(wishes, False)
    return _run(orders, lambda message: _write_all(pipe, encode(message)), lambda: _wished(wishes))


def _run(orders: Orders, tell: Tell, wished: Callable[[], bool]) -> int:
    try:
        look = make_look()
        Loop(lambda: _camera(orders), orders.camera.timeout_s, look, tell, wished=wished).run()
    except BrokenPipeError:
        log.warning("the daemon is gone")
    except DeviceError as error:
        tell(Failed.of(error))
        return TOLD
    return 0


def make_look() -> Callable[[Frame], Looked]:
    """The reader, which rests on frames without change. Raises DeviceError for a library that is
    missing.
    """
    import cv2

    from edge.scan.frames import FrameReader
    from edge.scan.ladder import load_decoders
    from edge.scan.stillness import Stillness

    cv2.setNumThreads(1)
    load_decoders()
    reader = FrameReader()
    stillness = Stillness()

    def look_at(frame: Frame) -> Looked:
        if stillness.rests(frame.gray):
            return Looked(frame.taken_s, decoded=False)
        seen = reader.read(frame.gray)
        payloads = seen.codes or ((b"",) if seen.refused else ())
        stillness.decoded(frame.gray, empty=not (payloads or seen.unread))
        return Looked(frame.taken_s, payloads)

    return look_at


class Loop:
    """Frame, decode, tell; and the camera's faults. `wished` tells whether a picture was asked for
    since it was last called.
    """

    def __init__(
        self,
        make_camera: MakeCamera,
        timeout_s: float,
        look: Callable[[Frame], Looked],
        tell: Tell,
        *,
        wished: Callable[[], bool] = lambda: False,
        backoff: Backoff | None = None,
    ) -> None:
        self._wished = wished
        self._make_camera = make_camera
        self._timeout_s = timeout_s
        self._look = look
        self._tell = tell
        self._backoff = backoff or Backoff(first_s=REOPEN_FIRST_S, longest_s=REOPEN_LONGEST_S)

    def run(self) -> None:
        """Open the camera and look, over and over; returns only by an exception."""
        while True:
            try:
                self._session()
            except DeviceError as error:
                log.warning("%s", error)
                self._tell(Failed.of(error))
                self._wait(self._backoff.next_s())

    def _session(self) -> None:
        self._tell(Opening())
        with self._make_camera() as camera:
            while True:
                frame = camera.read(self._timeout_s)
                self._backoff.reset()
                self._tell(Taken())
                if self._wished():
                    self._tell(Pictured(small_picture(frame.gray)))
                self._tell(self._look(frame))

    def _wait(self, wait_s: float) -> None:
        while wait_s > 0:
            time.sleep(min(BEAT_S, wait_s))
            wait_s -= BEAT_S
            self._tell(Opening())


def small_picture(gray: GrayImage) -> bytes:
    """A frame's picture, uint8 [height, width], small, as JPEG."""
    import cv2

    height, width = gray.shape
    size = (WIDTH, max(1, round(height * WIDTH / width)))
    small = cv2.resize(gray, size, interpolation=cv2.INTER_AREA)
    _, jpeg = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    return jpeg.tobytes()


def _camera(orders: Orders) -> Camera:
    from edge.drivers.camera.make import make_camera

    return make_camera(orders.camera, world=orders.world, reader=orders.reader)


def _wished(pipe: int) -> bool:
    """Whether anything stands in the pipe of wishes; empties it."""
    try:
        return bool(os.read(pipe, 64))
    except BlockingIOError:
        return False


def _write_all(pipe: int, line: bytes) -> None:
    while line:
        line = line[os.write(pipe, line) :]


def _end(_signal: int, _frame: FrameType | None) -> None:
    raise SystemExit(0)


def _die_with(parent: int) -> None:
    """Have the kernel end this process when the thread that started it ends."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # gone before the kernel was asked
        raise SystemExit(0)


if __name__ == "__main__":
    raise SystemExit(main())
