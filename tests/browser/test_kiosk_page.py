"""The screen at the gate in a real browser: every view, on every display, for everybody."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from edge.gate.reasons import Reason
from edge.kiosk.view import Screen, View
from edge.scan.pictures import JPEG_BEGINS
from tests.browser.axe import findings
from tests.browser.chromium import Chromium
from tests.browser.layout import REASON, TITLE, faults
from tests.browser.pinned import LETTERS, PinnedKiosk, every_view, shows

CONTACT = "Bảo vệ / Guard: 028 1234 5678"
LAYOUTS: dict[str, dict[str, Any]] = {
    "together": {},
    "alternately": {"layout": "alternately", "alternate_s": 30.0},
    "vi": {"languages": ("vi",)},
    "en": {"languages": ("en",)},
}


def opened(browser: Chromium, **table: Any) -> PinnedKiosk:
    kiosk = PinnedKiosk(**table)
    browser.open("about:blank")  # the page of before asks for its own server no more
    browser.open(kiosk.url())
    shows(browser, View(screen=Screen.STARTING))
    return kiosk


def every_case() -> dict[str, View]:
    """Every screen, every reason, and names as they come."""
    views = every_view(time.monotonic())
    for reason in Reason:
        views[f"refused-{reason}"] = View(screen=Screen.REFUSED, reason=reason)
    for reason in (Reason.SENSOR_FAULT, Reason.DOOR_FAULT, Reason.RECORD_NOT_DURABLE):
        views[f"broken-{reason}"] = View(screen=Screen.OUT_OF_ORDER, reason=reason)
    for screen in (Screen.WELCOME, Screen.GOODBYE):
        for name in (LETTERS.upper(), "Nguyễn " * 12, "W" * 80):
            views[f"{screen}-{name}"] = View(screen=screen, name=name, temperature_c=36.6)
    return views


@pytest.mark.parametrize("setting", LAYOUTS)
def test_every_screen_fits_every_display_with_large_letters(
    browser: Chromium, setting: str
) -> None:
    browser.size(1920, 1920)  # the largest of both sides
    with opened(browser, contact=CONTACT, **LAYOUTS[setting]) as kiosk:
        # in turn, each language stands as it does alone
        views = every_view(time.monotonic()) if setting == "alternately" else every_case()
        for name, view in views.items():
            kiosk.board.pin("in", view)
            shows(browser, view)
            plain = view.reason is None and view.ordered is None and view.name is None
            assert faults(browser, afar=TITLE if plain else REASON) == [], name
        kiosk.silent_s = 5.0
        shows(browser, View(screen=Screen.SILENT))
        assert faults(browser, afar=TITLE) == []


@pytest.mark.parametrize("size", [(800, 480), (1080, 1920)], ids=lambda size: "{}x{}".format(*size))
def test_axe_finds_nothing_on_any_screen(browser: Chromium, size: tuple[int, int]) -> None:
    browser.size(*size)
    with opened(browser, contact=CONTACT) as kiosk:
        for name, view in every_view(time.monotonic()).items():
            kiosk.board.pin("in", view)
            shows(browser, view)
            assert findings(browser) == [], name
            browser.keep("kiosk-{}x{}-".format(*size) + name)
        origin = kiosk.url().removesuffix("in/")
        assert [url for url in browser.requested() if not url.startswith(origin)] == []
        assert browser.complaints() == []


@pytest.mark.parametrize("language", ["vi", "en"])
def test_axe_finds_nothing_where_one_language_is_shown(browser: Chromium, language: str) -> None:
    browser.size(800, 480)
    with opened(browser, contact=CONTACT, languages=(language,)) as kiosk:
        for name, view in every_view(time.monotonic()).items():
            kiosk.board.pin("in", view)
            shows(browser, view)
            assert findings(browser) == [], name


@pytest.mark.parametrize("turn", [90, 180, 270])
def test_a_display_that_hangs_turned_shows_the_page_upright(browser: Chromium, turn: int) -> None:
    """What the page draws, turned back, is what a display of that shape would show."""
    import cv2
    import numpy as np

    def drawn() -> Any:
        return cv2.imdecode(np.frombuffer(browser.picture(), np.uint8), cv2.IMREAD_COLOR)

    wide, upright = (800, 480), (480, 800)
    with opened(browser) as kiosk:
        view = kiosk.pin(Screen.CLOSED)
        browser.size(*(wide if turn == 180 else upright))
        browser.open(kiosk.url())
        shows(browser, view)
        expected = drawn()
        browser.size(*wide)
        browser.open(f"{kiosk.url()}?turn={turn}")
        shows(browser, view)
        turned = drawn()
    back = {
        90: cv2.ROTATE_90_COUNTERCLOCKWISE,
        180: cv2.ROTATE_180,
        270: cv2.ROTATE_90_CLOCKWISE,
    }[turn]
    upright_again = cv2.rotate(turned, back)
    assert upright_again.shape == expected.shape
    # letters are drawn with other grey at their edges when they are turned
    assert np.abs(upright_again.astype(int) - expected.astype(int)).mean() < 4


def test_each_screen_has_a_shape_of_its_own_beside_its_colour(browser: Chromium) -> None:
    with opened(browser) as kiosk:
        shapes: dict[str, set[str]] = {}
        for view in every_view(time.monotonic()).values():
            kiosk.board.pin("in", view)
            shows(browser, view)
            shape = browser.run("document.querySelector('.icon.now svg').innerHTML")
            colour = browser.run("getComputedStyle(document.body).backgroundColor")
            shapes.setdefault(shape, set()).add(colour)
        answers = []
        for screen in (Screen.WELCOME, Screen.REFUSED, Screen.OUT_OF_ORDER, Screen.EVACUATE):
            view = kiosk.pin(screen)
            shows(browser, view)
            answers.append(browser.run("document.querySelector('.icon.now svg').innerHTML"))
        assert len(set(answers)) == 4


def test_vietnamese_is_drawn_with_one_font_and_all_its_marks(browser: Chromium) -> None:
    browser.size(1920, 1080)
    with opened(browser, show_name=True) as kiosk:
        for text in (LETTERS, LETTERS.upper()):
            view = kiosk.pin(Screen.WELCOME, name=text)
            shows(browser, view)
            browser.wait(f"document.getElementById('name').textContent === {json.dumps(text)}")
            fonts = browser.fonts_of("#name")
            assert len(fonts) == 1, "letters are missing in the font of the others"
        browser.keep("kiosk-letters")


def test_both_languages_stand_together_or_in_turn(browser: Chromium) -> None:
    both = (
        "[...document.querySelectorAll('.saying')].filter(s => !s.hidden).map(s => s.lang).join()"
    )
    with opened(browser) as kiosk:
        shows(browser, kiosk.pin(Screen.WAIT))
        assert browser.run(both) == "vi,en"
    with opened(browser, layout="alternately", alternate_s=1.0) as kiosk:
        shows(browser, kiosk.pin(Screen.WAIT))
        for lang in ("vi", "en", "vi"):
            browser.wait(f"{both} === '{lang}'")
    with opened(browser, languages=("en",)) as kiosk:
        shows(browser, kiosk.pin(Screen.WAIT))
        assert browser.run(both) == "en"
        assert browser.run("document.querySelector('.title').textContent") == "Please wait"


def test_the_page_says_by_itself_when_the_gate_or_the_daemon_is_silent(browser: Chromium) -> None:
    silent = View(screen=Screen.SILENT)
    title = "document.querySelector('.title').textContent"
    kiosk = opened(browser, contact="Guard <028> 1234")
    shows(browser, kiosk.pin(Screen.SHOW_CODE))
    kiosk.silent_s = 2.5  # the gate's thread hangs, the server lives
    shows(browser, silent)
    assert browser.run(title) == "Cổng không trả lời"
    assert browser.run("document.getElementById('contact').innerText") == "Guard <028> 1234"
    kiosk.silent_s = 0.0
    shows(browser, View(screen=Screen.SHOW_CODE))
    kiosk.stop()
    shows(browser, silent)
    assert findings(browser) == []
    browser.keep("kiosk-silent")
    kiosk.restart()
    shows(browser, View(screen=Screen.STARTING))
    kiosk.stop()


def test_a_refusal_stays_to_be_read_and_goes_when_somebody_comes(browser: Chromium) -> None:
    with opened(browser, refused_s=60.0) as kiosk:
        shows(browser, kiosk.pin(Screen.REFUSED, reason=Reason.CODE_EXPIRED))
        kiosk.pin(Screen.SHOW_CODE)
        # the page has heard of it: what comes next overtakes it, and is seen
        browser.run("new Promise(done => setTimeout(done, 300))")
        assert browser.run("document.body.dataset.screen") == "refused"
        shows(browser, kiosk.pin(Screen.COME_CLOSER))
    with opened(browser, refused_s=0.2) as kiosk:
        shows(browser, kiosk.pin(Screen.REFUSED, reason=Reason.CODE_EXPIRED))
        shows(browser, kiosk.pin(Screen.SHOW_CODE))


def test_a_name_with_markup_is_shown_as_it_is_written(browser: Chromium) -> None:
    name = "<img src=x onerror='document.title=1'><script>document.title=1</script>"
    with opened(browser, show_name=True) as kiosk:
        shows(browser, kiosk.pin(Screen.WELCOME, name=name))
        browser.wait(f"document.getElementById('name').textContent === {json.dumps(name)}")
        assert browser.run("document.getElementById('name').children.length") == 0
        assert browser.run("document.title") == "edge-gate"
        assert browser.complaints() == []


def test_tones_and_speech_are_played_as_configured(browser: Chromium) -> None:
    ended = """new Promise((done) => {
        const audio = new Audio("/-/%s");
        audio.onended = () => done("ended");
        audio.onerror = () => done("error");
        audio.playbackRate = 4;
        audio.play().catch((error) => done(error.name));
    })"""
    with opened(browser, tones=True, speech=True) as kiosk:
        shows(browser, kiosk.pin(Screen.REFUSED, reason=Reason.SEVERAL_CODES))
        told = browser.wait("document.body.dataset.sound")
        assert told == "tones/stop.wav speech/vi/reason-several_codes.ogg"
        for path in told.split():
            assert browser.run(ended % path) == "ended"
        assert browser.run("document.body.dataset.quiet") is None, "the browser plays nothing"
    with opened(browser, tones=False, speech=False) as kiosk:
        shows(browser, kiosk.pin(Screen.REFUSED, reason=Reason.SEVERAL_CODES))
        assert browser.run("document.body.dataset.sound") == ""


def test_who_wants_less_movement_gets_it(browser: Chromium) -> None:
    moving = "document.getAnimations().filter(a => a.animationName).length"
    with opened(browser) as kiosk:
        for screen in (Screen.SHOW_CODE, Screen.COME_CLOSER, Screen.CHECKING, Screen.HAT_OFF):
            shows(browser, kiosk.pin(screen))
            assert browser.run(moving) == 0
        browser.page.emulate_media(reduced_motion="no-preference")
        assert browser.run(moving) > 0


def test_the_camera_s_view_is_shown_while_a_code_is_wanted(browser: Chromium) -> None:
    import cv2
    import numpy as np

    jpeg = cv2.imencode(".jpg", np.full((240, 320), 120, np.uint8))[1].tobytes()
    assert jpeg.startswith(JPEG_BEGINS)
    hidden = "document.getElementById('camera').hidden"
    with opened(browser, show_camera=True) as kiosk:
        shows(browser, kiosk.pin(Screen.SHOW_CODE))
        browser.wait("document.querySelector('.icon.now svg').getBoundingClientRect().width > 0")
        assert browser.run(hidden) is True  # nothing has come yet: the drawing stands
        kiosk.pictures = {"in": jpeg}
        browser.wait(f"!{hidden}")
        browser.wait("document.getElementById('camera').naturalWidth === 320")
        kiosk.pictures = {}
        browser.wait(hidden)
        shows(browser, kiosk.pin(Screen.WELCOME))
        assert browser.run(hidden) is True
