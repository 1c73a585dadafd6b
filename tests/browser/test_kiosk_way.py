"""People on their way through a simulated gate, as its screen shows them in a real browser."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edge.drivers.sim.world import Grip, Visit
from tests.acceptance.daemon import Daemon
from tests.browser.chromium import Chromium
from tests.browser.pinned import LETTERS
from tests.mqtt.support import free_port

WAIT_S = 45.0
NAME = "Nguyễn Thị Ánh Tuyết"
# every change of the page, in the page's own memory
NOTE = """
window.seen = [];
const note = () => {
    const now = document.body.dataset.screen + ":" + (document.body.dataset.reason ?? "");
    if (window.seen.at(-1) !== now) window.seen.push(now);
};
new MutationObserver(note).observe(document.body, { attributes: true });
note();
"""


# what each welcome said, and whether its words fit and are words alone
NOTE_NAMES = """
window.names = [];
window.spilt = [];
window.made = [];
let welcomed = false;
new MutationObserver(() => {
    const before = welcomed;
    welcomed = document.body.dataset.screen === "welcome";
    if (!welcomed || before) return;
    const name = document.getElementById("name").textContent;
    const words = document.getElementById("words");
    window.names.push(name);
    if (words.scrollHeight > words.clientHeight + 1 || words.scrollWidth > words.clientWidth + 1) {
        window.spilt.push(name);
    }
    window.made.push(...document.querySelectorAll("#words :not(section, h1, h2, p, span)"));
}).observe(document.body, { attributes: true });
"""
# a long name makes a fine code
LARGE = Grip(fill=0.8, shake_px=0.2, blur_px=0.1, tilt_deg=0.0, turn_deg=0.0)


def card(number: int, name: str = NAME) -> bytes:
    return f"0790870000{number:02d}||{name}|18011987|Nữ|Thủ Đức|01062021".encode()


def visit(at_s: float, number: int, **parts: Any) -> Visit:
    grip = Grip(fill=0.6, shake_px=0.5, blur_px=0.2, tilt_deg=0.0, turn_deg=0.0)
    return replace(Visit(reader="in", at_s=at_s, code=card(number), grip=grip), **parts)


def is_listening(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


class Way:
    """A daemon with a screen, and a browser that looks at it."""

    def __init__(self, folder: Path, stack: ExitStack, browser: Chromium) -> None:
        self.folder = folder
        self.stack = stack
        self.browser = browser
        self.browser.size(800, 480)

    def begin(self, visits: list[Visit], extra: str = "", **options: Any) -> Daemon:
        port = free_port()
        kiosk = f'\n[kiosk]\nlisten = "127.0.0.1:{port}"\nrefused_s = 0.5\n{extra}'
        times = "\n[timeouts]\nmeasuring_s = 2.0\ndenied_s = 1.0\ncool_down_s = 1.0\n"
        times += "[screening]\nself_check_h = 0\nrepeats = 1\nrepeat_pause_s = 0.5\n"
        daemon = Daemon(self.folder, visits, extra=kiosk + times, **options)
        self.stack.callback(daemon.close)
        self.url = f"http://127.0.0.1:{port}/in/"
        daemon.start()
        daemon.wait(lambda: is_listening(port), "the screen's page")
        self.browser.open(self.url)
        self.browser.run(NOTE)
        return daemon

    @property
    def seen(self) -> list[str]:
        return [str(one) for one in self.browser.run("window.seen")]

    def until(self, *screens: str) -> None:
        """Wait until these have been shown, one after the other."""
        deadline_s = time.monotonic() + WAIT_S
        while True:
            seen = iter(self.seen)
            if all(screen in seen for screen in screens):
                return
            assert time.monotonic() < deadline_s, f"only seen: {self.seen}"
            self.browser.page.wait_for_timeout(50)


@pytest.fixture
def way(tmp_path: Path, browser: Chromium) -> Iterator[Way]:
    with ExitStack() as stack:
        yield Way(tmp_path, stack, browser)


def test_somebody_goes_through_and_the_screen_goes_with_them(way: Way) -> None:
    # who is told to come closer comes: a forehead that is there before the code is read, on a
    # machine that is slow at that, is never asked for
    daemon = way.begin([visit(5.0, 1, face_from_s=4.0, stay_s=9.0)])
    way.until(
        "show_code:", "come_closer:", "hold_still:", "welcome:", "pass:", "wait:", "show_code:"
    )
    assert NAME not in way.browser.run("document.documentElement.outerHTML")
    assert way.browser.complaints() == []
    daemon.stop()
    way.until("wait:", "show_code:", "closed:", "silent:")


# names as somebody could have them printed: what a browser would run, the longest that is shown,
# every letter of Vietnamese, and (no name any more) characters that turn the text around
MARKUP = "<img src=x onerror=document.title='run'><script>document.title='run'</script>"
LONGEST = "Công Tằng Tôn Nữ " * 8
CARDS = {
    MARKUP: MARKUP,
    LONGEST: LONGEST[:79] + "…",
    LETTERS[:40]: LETTERS[:40],
    LETTERS[40:]: LETTERS[40:],
    "\u202eLê Văn Tú": "",
}


def test_what_stands_on_a_card_is_text_on_the_screen_whatever_it_is(way: Way) -> None:
    """Through the camera: printed, held up, read, decided on, shown where names are shown."""
    codes = [card(place, name) for place, name in enumerate(CARDS)]
    codes.append(b"<script>document.title='run'</script>")  # no card at all: it has no name
    told = [*CARDS.values(), ""]
    visits = [visit(5.0 + 6 * n, 0, code=code, grip=LARGE) for n, code in enumerate(codes)]
    daemon = way.begin(visits, "show_name = true\n")
    way.browser.run(NOTE_NAMES)
    way.browser.wait(f"window.names.length === {len(told)}")
    assert way.browser.run("window.names") == told
    assert way.browser.run("window.spilt") == [], "more than the screen holds"
    assert way.browser.run("window.made") == [], "a name became elements of the page"
    assert way.browser.run("document.title") == "edge-gate"
    assert way.browser.complaints() == []
    daemon.stop()
    files = [path for path in (way.folder / "records").rglob("*") if path.is_file()]
    kept = b"".join(path.read_bytes() for path in files)
    assert kept.count(b'"granted"') >= len(told)
    assert b"script" not in kept, "what the hub and its pages will get"


def test_a_hat_and_a_fever_are_told_apart(way: Way) -> None:
    way.begin(
        [
            visit(5.0, 1, surface_c=30.0),
            visit(12.0, 3, core_c=39.2, stay_s=6.0),
        ]
    )
    way.until(
        "hat_off:",
        "refused:temperature_low",
        "show_code:",
        "hold_still:",
        "measure_again:",
        "refused:secondary_check",
    )
    assert "39" not in way.browser.run("document.getElementById('words').textContent")
    way.browser.keep("way-fever")


def test_a_fault_and_a_fire_are_shown_and_a_daemon_that_ended_is_told_of(way: Way) -> None:
    daemon = way.begin(
        [],
        faults=[
            {"device": "camera", "reader": "in", "kind": "unplugged", "from_s": 5.0, "to_s": 7.0},
            {"device": "door", "kind": "fire", "from_s": 10.0},
        ],
    )
    way.until("show_code:", "out_of_order:camera_fault", "show_code:", "evacuate:")
    way.browser.keep("way-fire")
    daemon.stop()
    way.until("evacuate:", "silent:")
