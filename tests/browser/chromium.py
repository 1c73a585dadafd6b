"""A real Chromium, driven through its DevTools pipe: no browser driver, no network.

https://chromedevtools.github.io/devtools-protocol/ : `--remote-debugging-pipe` reads commands on
descriptor 3 and writes answers on 4, JSON messages ended by a NUL byte.
"""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import pytest

WAIT_S = 60.0
PROGRAMS = ("chromium", "chromium-browser", "google-chrome")


def program() -> str:
    """Where a Chromium is; without one the test is skipped, and fails where CI is set."""
    for name in PROGRAMS:
        if found := shutil.which(name):
            return found
    if os.environ.get("CI", "").lower() in {"1", "true"}:
        pytest.fail("no chromium on this machine: scripts/bootstrap.sh dev installs it")
    pytest.skip("no chromium on this machine: apt install chromium")


class BrowserError(AssertionError):
    """A script failed in the page, or the browser refused a command."""


class Chromium:
    """One browser with one page. `errors` holds what its console complained of."""

    def __init__(self, profile: Path, *, language: str = "vi") -> None:
        self._number = 0
        self._events: list[dict[str, Any]] = []
        self._rest = b""
        command_read, self._write = os.pipe()
        self._read, answer_write = os.pipe()
        arguments = [
            program(),
            "--headless=new",
            "--no-sandbox",  # the tests may run as root
            "--remote-debugging-pipe",
            "--ignore-certificate-errors",
            "--no-first-run",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--autoplay-policy=no-user-gesture-required",
            f"--lang={language}",
            f"--accept-lang={language}",
            "--window-size=420,900",
            f"--user-data-dir={profile}",
            "about:blank",
        ]
        # the shell puts the pipes where the browser wants them, whatever numbers they have here
        script = f'exec "$@" 3<&{command_read} 4>&{answer_write}'
        with (profile.parent / "chromium.log").open("ab") as log:
            self._process = subprocess.Popen(
                ["/bin/bash", "-c", script, "chromium", *arguments],
                pass_fds=(command_read, answer_write),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, "HOME": str(profile.parent), "LANGUAGE": language},
            )
        os.close(command_read)
        os.close(answer_write)
        target = self._browser("Target.createTarget", url="about:blank")["targetId"]
        attached = self._browser("Target.attachToTarget", targetId=target, flatten=True)
        self._session: str = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait(10)
        for handle in (self._read, self._write):
            os.close(handle)

    # --- what tests do ------------------------------------------------------------------------

    def open(self, url: str) -> None:
        """Go there and wait until it is loaded."""
        self._events.clear()
        answer = self.call("Page.navigate", url=url)
        if "errorText" in answer:
            raise BrowserError(f"{url}: {answer['errorText']}")
        if "loaderId" not in answer:  # only what stands behind the # changed
            return
        self._until(lambda: any(e["method"] == "Page.loadEventFired" for e in self._events))

    def reload(self) -> None:
        self._events.clear()
        self.call("Page.reload")
        self._until(lambda: any(e["method"] == "Page.loadEventFired" for e in self._events))

    def run(self, expression: str) -> Any:
        """The value of an expression in the page; promises are waited for."""
        answer = self.call(
            "Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True
        )
        if "exceptionDetails" in answer:
            raise BrowserError(json.dumps(answer["exceptionDetails"])[:500])
        return answer["result"].get("value")

    def wait(self, expression: str) -> Any:
        """Until an expression is true in the page."""
        deadline_s = time.monotonic() + WAIT_S
        while not (value := self.run(expression)):
            if time.monotonic() > deadline_s:
                raise BrowserError(f"never true: {expression}")
            time.sleep(0.02)
        return value

    def picture(self, *, whole: bool = False) -> bytes:
        """What the screen shows, or the whole page; PNG."""
        shot: dict[str, Any] = {}
        if whole:
            size = self.call("Page.getLayoutMetrics")["cssContentSize"]
            shot = {"captureBeyondViewport": True, "clip": {**size, "scale": 1}}
        return base64.b64decode(self.call("Page.captureScreenshot", **shot)["data"])

    def size(self, width: int, height: int, *, dark: bool = False) -> None:
        """The screen: its size in CSS pixels, and which colours are preferred."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width, height=height, deviceScaleFactor=1, mobile=width < 600,
        )  # fmt: skip
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        still = {"name": "prefers-reduced-motion", "value": "reduce"}
        self.call("Emulation.setEmulatedMedia", features=[scheme, still])

    def fill(self, selector: str, text: str) -> None:
        """Type into a field, key by key as the page sees it."""
        self.wait(f"document.querySelector({json.dumps(selector)}) !== null")
        self.run(
            f"(e => {{ e.focus(); e.value = ''; }})(document.querySelector({json.dumps(selector)}))"
        )
        self.call("Input.insertText", text=text)

    def press(self, selector: str) -> None:
        """Click, and wait until the page that it leads to is loaded."""
        self.wait(f"document.querySelector({json.dumps(selector)}) !== null")
        self._events.clear()
        self.run(f"document.querySelector({json.dumps(selector)}).click()")
        self._until(lambda: any(e["method"] == "Page.loadEventFired" for e in self._events))

    def resize(self, width: int, height: int) -> None:
        """Give the page a screen of so many pixels."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width, height=height, deviceScaleFactor=1, mobile=False,
        )  # fmt: skip

    def prefer(self, **features: str) -> None:
        """Set media features: `prefers_reduced_motion="reduce"`."""
        wanted = [{"name": name.replace("_", "-"), "value": v} for name, v in features.items()]
        self.call("Emulation.setEmulatedMedia", features=wanted)

    def fonts_of(self, selector: str) -> set[str]:
        """The font families that the text of an element is drawn with."""
        self.call("DOM.enable")
        self.call("CSS.enable")
        root = self.call("DOM.getDocument")["root"]["nodeId"]
        node = self.call("DOM.querySelector", nodeId=root, selector=selector)["nodeId"]
        fonts = self.call("CSS.getPlatformFontsForNode", nodeId=node)["fonts"]
        return {font["familyName"] for font in fonts}

    def complaints(self) -> list[str]:
        """Errors that the page or its policy brought up, and requests to elsewhere."""
        self.run("0")  # what came before is read
        found = []
        for event in self._events:
            if event["method"] == "Log.entryAdded" and event["params"]["entry"]["level"] == "error":
                found.append(event["params"]["entry"]["text"])
            if event["method"] == "Runtime.exceptionThrown":
                found.append(json.dumps(event["params"]["exceptionDetails"])[:300])
        return found

    def requested(self) -> set[str]:
        """Every address the page asked for since it was opened."""
        self.run("0")
        sent = [e for e in self._events if e["method"] == "Network.requestWillBeSent"]
        return {event["params"]["request"]["url"] for event in sent}

    # --- the protocol -------------------------------------------------------------------------

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        return self._call({"method": method, "params": parameters, "sessionId": self._session})

    def _browser(self, method: str, **parameters: Any) -> dict[str, Any]:
        return self._call({"method": method, "params": parameters})

    def _call(self, message: Mapping[str, Any]) -> dict[str, Any]:
        self._number += 1
        number = self._number
        raw = json.dumps({**message, "id": number}).encode() + b"\0"
        while raw:
            raw = raw[os.write(self._write, raw) :]
        found: list[dict[str, Any]] = []

        def answered() -> bool:
            found.extend(event for event in self._events if event.get("id") == number)
            return bool(found)

        self._until(answered)
        answer = found[0]
        self._events = [event for event in self._events if event.get("id") != number]
        if "error" in answer:
            raise BrowserError(f"{message['method']}: {answer['error']['message']}")
        result: dict[str, Any] = answer["result"]
        return result

    def _until(self, true: Any) -> None:
        deadline_s = time.monotonic() + WAIT_S
        while not true():
            ready, _, _ = select.select([self._read], [], [], deadline_s - time.monotonic())
            chunk = os.read(self._read, 1 << 20) if ready else b""
            if not chunk:
                raise BrowserError("the browser says nothing more")
            *messages, self._rest = (self._rest + chunk).split(b"\0")
            for one in messages:
                event = json.loads(one)
                event.setdefault("method", "")
                self._events.append(event)
