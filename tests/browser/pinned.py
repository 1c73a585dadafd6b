"""Kiosk pages without a gate: every view can be pinned to the board by hand."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Mapping
from typing import Any, Self

from edge.config.model import KioskTable
from edge.gate.hours import Closure
from edge.gate.reasons import Reason
from edge.kiosk.board import Board
from edge.kiosk.message import Messages
from edge.kiosk.server import KioskServer, Site, build_of, load_assets
from edge.kiosk.texts import LANGUAGES, Catalogue
from edge.kiosk.view import Screen, View
from feed.messages import CloseReason
from tests.browser.chromium import Chromium

# every letter of Vietnamese
LETTERS = "aàảãáạăằẳẵắặâầẩẫấậeèẻẽéẹêềểễếệiìỉĩíịoòỏõóọôồổỗốộơờởỡớợuùủũúụưừửữứựyỳỷỹýỵđ"


class PinnedKiosk:
    """A kiosk's server on a free port; `silent_s` is what it says of the gate."""

    def __init__(self, readers: tuple[str, ...] = ("in",), **table: Any) -> None:
        self.table = KioskTable(**table)
        self.board = Board(readers)
        self.silent_s = 0.0
        self.pictures: Mapping[str, bytes] = {}
        self.server = self._make(0)
        self.port = self.server.server_port
        self._start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _make(self, port: int) -> KioskServer:
        assets = load_assets(speech=self.table.speech)
        messages = Messages(self.table, Catalogue.load(), build=build_of(assets))
        assets["index.html"] = messages.page(assets["index.html"].decode())
        site = Site(
            board=self.board,
            messages=messages,
            assets=assets,
            camera={reader: self._picture_of(reader) for reader in self.board.readers},
            silent_s=lambda: self.silent_s,
            monotonic=time.monotonic,
        )
        return KioskServer("127.0.0.1", port, site)

    def _picture_of(self, reader: str) -> Any:
        return lambda _: self.pictures.get(reader)

    def _start(self) -> None:
        self._thread = threading.Thread(target=self.server.serve_forever, args=[0.05], daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """As a daemon that ended."""
        self.board.close()
        self.server.shutdown()
        self.server.server_close()
        self._thread.join(10)

    def restart(self) -> None:
        """Another daemon at the same address."""
        self.board = Board(self.board.readers)
        self.server = self._make(self.port)
        self._start()

    def url(self, reader: str = "in") -> str:
        return f"http://127.0.0.1:{self.port}/{reader}/"

    def pin(self, screen: Screen, reader: str = "in", **parts: Any) -> View:
        view = View(screen=screen, **parts)
        self.board.pin(reader, view)
        return view


# what can be refused or broken, and is told with a reason of its own
REFUSALS = (
    Reason.CODE_EXPIRED,
    Reason.SECONDARY_CHECK,
    Reason.SEVERAL_CODES,
    Reason.CODE_NOT_POSSESSED,
    Reason.TEMPERATURE_LOW,
    Reason.OUT_OF_HOURS,
    Reason.CLOSED_BY_ORDER,
)


def every_view(now_s: float) -> dict[str, View]:
    """A view of every screen, by a name for its picture."""
    views = {str(screen): View(screen=screen) for screen in Screen if screen is not Screen.SILENT}
    for name in (Screen.HOLD_STILL, Screen.MEASURE_AGAIN):
        views[name] = View(screen=name, until_s=now_s + 5.0, of_s=5.0)
    views[Screen.WELCOME] = View(screen=Screen.WELCOME)
    views["welcome-configured"] = View(
        screen=Screen.WELCOME, name="Nguyễn Thị Ánh Tuyết", temperature_c=36.6
    )
    del views[Screen.REFUSED]
    for reason in REFUSALS:
        views[f"refused-{reason}"] = View(screen=Screen.REFUSED, reason=reason)
    views["closed-until"] = View(
        screen=Screen.CLOSED, closure=Closure(opens_at="2027-02-11T06:00+07:00", days=7)
    )
    until = Closure(opens_at="2027-02-11T06:00+07:00", days=7)
    for why in CloseReason:
        views[f"closed-{why}"] = View(screen=Screen.CLOSED, ordered=why, closure=until)
    views[Screen.OUT_OF_ORDER] = View(screen=Screen.OUT_OF_ORDER, reason=Reason.CAMERA_FAULT)
    return views


def shows(browser: Chromium, view: View) -> None:
    """Wait until a view is on the page, its words fitted."""
    wanted = [str(view.screen), str(view.reason or "")]
    shown = "JSON.stringify([document.body.dataset.screen, document.body.dataset.reason])"
    browser.wait(f"{shown} === {json.dumps(json.dumps(wanted, separators=(',', ':')))}")
    if view.ordered is not None:
        why = [Catalogue.load().ordered(view.ordered, lang) for lang in LANGUAGES]
        browser.wait(f"{json.dumps(why)}.includes(document.querySelector('.why').textContent)")
