"""Debian's own Chromium, driven by Playwright: one page, and what it complained of and asked for.

Nothing is downloaded: the browser is the system's (https://playwright.dev/python/docs/browsers,
`executable_path`). `Chromium.page` is Playwright's own page; beside it stands only what several
tests share.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Error, Request, sync_playwright

WAIT_MS = 60_000.0
PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
SCREENSHOTS = Path(__file__).parents[2] / "build/screens/tests"
# one text for all of the waiting: Playwright's own wait_for_function evaluates a text at each look,
# which the pages' policy forbids
_UNTIL = """(async () => {
    const began = performance.now();
    for (;;) {
        const value = await (%s);
        if (value) return value;
        if (performance.now() - began > %d) throw new Error("never true: " + %s);
        await new Promise((done) => setTimeout(done, 20));
    }
})()"""
_HERE = {"127.0.0.1", "localhost", "::1"}
_INSIDE = {"about", "blob", "data"}  # schemes that ask no network


def program() -> str:
    """Where a Chromium is; without one the test is skipped, and fails where CI is set."""
    for name in PROGRAMS:
        if found := shutil.which(name):
            return found
    if os.environ.get("CI", "").lower() in {"1", "true"}:
        pytest.fail("no chromium on this machine: scripts/bootstrap.sh dev installs it")
    pytest.skip("no chromium on this machine: apt install chromium")


@contextmanager
def launched() -> Iterator[Browser]:
    """A browser's process; each `Chromium` is a fresh context of it: no cookies, no store."""
    path = program()
    arguments = [
        "--no-sandbox",  # the tests may run as root
        # the context's own ignore_https_errors does not reach a service worker's script
        "--ignore-certificate-errors",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--autoplay-policy=no-user-gesture-required",
    ]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=arguments, timeout=WAIT_MS)
        try:
            yield browser
        finally:
            browser.close()


class Chromium:
    """One person's browser with one page."""

    def __init__(self, browser: Browser, *, language: str = "vi") -> None:
        self.context = browser.new_context(
            locale=language,
            viewport={"width": 420, "height": 900},
            reduced_motion="reduce",
            accept_downloads=True,
        )
        self.context.set_default_timeout(WAIT_MS)
        self._complaints: list[str] = []
        self._requested: set[str] = set()
        self._all_requested: set[str] = set()
        self._all_complaints: list[str] = []
        self.context.on("request", self._on_request)
        self.page = self.context.new_page()
        self.page.on("console", self._on_console)
        self.page.on("pageerror", self._on_error)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.context.close()

    # --- what tests do ------------------------------------------------------------------------

    def open(self, url: str) -> None:
        """Go there and wait until it is loaded."""
        self._complaints.clear()
        self._requested.clear()
        self.page.goto(url)

    def run(self, expression: str) -> Any:
        """The value of an expression in the page; promises are waited for."""
        return self.page.evaluate(expression)

    def wait(self, expression: str) -> Any:
        """Until an expression is true in the page; its value. A page that loads itself anew
        meanwhile is waited for.
        """
        while True:
            try:
                return self.page.evaluate(_UNTIL % (expression, WAIT_MS, json.dumps(expression)))
            except Error as error:
                if "context was destroyed" not in str(error):
                    raise
                self.page.wait_for_load_state()

    def picture(self, *, whole: bool = False) -> bytes:
        """What the screen shows, or the whole page; PNG."""
        return self.page.screenshot(full_page=whole, timeout=WAIT_MS)

    def keep(self, name: str, *, whole: bool = False) -> None:
        """A picture to look at, among what the build leaves (build/, or the folder SCREENSHOTS)."""
        folder = Path(os.environ.get("SCREENSHOTS", SCREENSHOTS))
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.png").write_bytes(self.picture(whole=whole))

    def size(self, width: int, height: int, *, dark: bool = False) -> None:
        """The screen: its size in CSS pixels, and which colours are preferred."""
        self.page.set_viewport_size({"width": width, "height": height})
        self.page.emulate_media(color_scheme="dark" if dark else "light")

    def press(self, selector: str) -> None:
        """Click what leads to another page, and wait until that is loaded."""
        self._complaints.clear()
        self._requested.clear()
        with self.page.expect_event("load", timeout=WAIT_MS):
            self.page.locator(selector).first.click()

    def fonts_of(self, selector: str) -> set[str]:
        """The font families that the text of an element is drawn with."""
        session = self.context.new_cdp_session(self.page)
        session.send("DOM.enable")
        session.send("CSS.enable")
        root = session.send("DOM.getDocument")["root"]["nodeId"]
        node = session.send("DOM.querySelector", {"nodeId": root, "selector": selector})["nodeId"]
        fonts = session.send("CSS.getPlatformFontsForNode", {"nodeId": node})["fonts"]
        session.detach()
        return {font["familyName"] for font in fonts}

    # --- what it noticed ----------------------------------------------------------------------

    def complaints(self) -> list[str]:
        """Errors that the page, its scripts or its policy brought up since it was opened."""
        self.run("0")  # what came before is heard
        return list(self._complaints)

    def requested(self) -> set[str]:
        """Every address asked for since the page was opened."""
        self.run("0")
        return set(self._requested)

    def misdeeds(self) -> list[str]:
        """What no page may do, over the whole life of this browser: ask another machine, break
        its own policy, or leave an error of a script uncaught.
        """
        away = [f"asked another machine: {url}" for url in self._all_requested if is_away(url)]
        return sorted(away) + self._all_complaints

    def _on_request(self, request: Request) -> None:
        self._requested.add(request.url)
        self._all_requested.add(request.url)

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type != "error":
            return
        self._complaints.append(message.text)
        if "Content Security Policy" in message.text or "Content-Security-Policy" in message.text:
            self._all_complaints.append(message.text)

    def _on_error(self, error: Error) -> None:
        self._complaints.append(str(error))
        self._all_complaints.append(f"uncaught: {error}")


def is_away(url: str) -> bool:
    """Whether an address is of another machine."""
    parts = urlsplit(url)
    return parts.scheme not in _INSIDE and parts.hostname not in _HERE
