"""What the camera sees, small, for the screen: only while somebody looks at it."""

from __future__ import annotations

import threading

WIDTH = 320  # pixels; enough to see where the code is, too little to read the card's small print
QUALITY = 60  # JPEG
JPEG_BEGINS = b"\xff\xd8\xff"  # ITU-T T.81: start of image, and the next marker


class Pictures:
    """The newest picture of one reader, between the screen's threads and the reader's worker."""

    def __init__(self) -> None:
        self._arrived = threading.Condition()
        self._number = 0
        self._picture: bytes | None = None
        self._asked = False

    def next(self, timeout_s: float) -> bytes | None:
        """Ask for a picture and wait for it, JPEG; None when none comes in time."""
        with self._arrived:
            self._asked = True
            seen = self._number
            if self._arrived.wait_for(lambda: self._number != seen, timeout_s):
                return self._picture
            return None

    def take_wish(self) -> bool:
        """Whether a picture was asked for since the last call."""
        with self._arrived:
            asked, self._asked = self._asked, False
            return asked

    def put(self, picture: bytes) -> None:
        """A picture has come."""
        with self._arrived:
            self._number += 1
            self._picture = picture
            self._arrived.notify_all()
