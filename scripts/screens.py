#!/usr/bin/env python3
"""Take a picture of every screen of the kiosk, in both languages and on several displays.

`PYTHONPATH=. .venv/bin/python scripts/screens.py FOLDER`; needs chromium. With `--docs` the few
that README shows are written to docs/images/ instead, with few colours so that they stay small.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from edge.drivers.sim.render import Renderer
from edge.drivers.sim.world import Grip, Visit
from edge.kiosk.view import Screen
from edge.scan.child import small_picture
from tests.browser.chromium import Chromium, launched
from tests.browser.layout import DISPLAYS
from tests.browser.pinned import PinnedKiosk, every_view, shows

ROOT = Path(__file__).resolve().parents[1]
SIZES = {"{}x{}".format(*size): size for size in DISPLAYS}
SETTINGS: dict[str, dict[str, Any]] = {
    "both": {},
    "vi": {"languages": ("vi",)},
    "en": {"languages": ("en",)},
}
DOCS = ("show_code", "hold_still", "welcome", "refused-code_expired")


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path, nargs="?", help="where the pictures go")
    parser.add_argument("--docs", action="store_true", help="the few of docs/images/")
    parser.add_argument("--sizes", default="800x480,1080x1920", help=f"some of {','.join(SIZES)}")
    parser.add_argument("--settings", default=",".join(SETTINGS), help="languages")
    arguments = parser.parse_args()
    only: tuple[str, ...] = ()
    settings: dict[str, dict[str, Any]]
    if arguments.docs:
        folder = ROOT / "docs/images"
        sizes, settings, only = {"": (800, 480)}, {"kiosk": {}}, DOCS
    elif arguments.folder is None:
        parser.error("give a folder, or --docs")
    else:
        folder = arguments.folder
        sizes = {name: SIZES[name] for name in arguments.sizes.split(",")}
        settings = {name: SETTINGS[name] for name in arguments.settings.split(",")}
    folder.mkdir(parents=True, exist_ok=True)
    with launched() as program, Chromium(program) as browser:
        for setting, table in settings.items():
            for size, pixels in sizes.items():
                browser.size(*pixels)
                stem = "-".join(part for part in (setting, size) if part)
                for view, picture in take(browser, table, only):
                    path = folder / f"{stem}-{view}.png"
                    path.write_bytes(small(picture) if arguments.docs else picture)
                    print(path)
    return 0


def take(browser: Chromium, table: dict[str, Any], only: tuple[str, ...]) -> Any:
    """Name and PNG of each screen."""
    contact = "Bảo vệ / Guard: 028 1234 5678"
    with PinnedKiosk(contact=contact, show_camera=not only, **table) as kiosk:
        kiosk.pictures = {"in": camera_picture()}
        browser.open(kiosk.url())
        for name, view in every_view(time.monotonic()).items():
            if only and name not in only:
                continue
            kiosk.board.pin("in", view)
            shows(browser, view)
            if not only and view.screen is Screen.CODE_WANTED:
                browser.wait("!document.getElementById('camera').hidden")
            if view.until_s is not None:
                time.sleep(0.4)  # a ring that has begun to fill
            yield name, browser.picture()
        if not only:
            kiosk.silent_s = 5.0
            browser.wait("document.body.dataset.screen === 'silent'")
            yield "silent", browser.picture()


def camera_picture() -> bytes:
    """Somebody who holds a code up, as the camera sees them."""
    visit = Visit(reader="in", at_s=0.0, code=b"NV-0042", grip=Grip(fill=0.55))
    gray = Renderer((640, 480), seed="screens").render(visit, 2.0)
    return small_picture(gray)


def small(png: bytes) -> bytes:
    """The same picture with few colours, so that it takes less room."""
    image = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR)
    coded = cv2.imencode(".png", image, [cv2.IMWRITE_PNG_COMPRESSION, 9])[1]
    return coded.tobytes()


if __name__ == "__main__":
    sys.exit(main())
