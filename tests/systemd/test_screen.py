"""The screen's unit as it runs: its command under a real compositor, and the eye on the browser."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from edge.kiosk.view import Screen
from tests.browser.pinned import PinnedKiosk
from tests.systemd.test_units import KIOSK, SYSTEMD, settings

WATCH = SYSTEMD / "edge-gate-kiosk.sh"
WAIT_S = 60.0
NOBODY = 65534
X11 = Path("/tmp/.X11-unix")
Picture = np.ndarray[Any, np.dtype[np.uint8]]
# what kiosk.css gives them, as BGR
GREEN, BLACK, WHITE = (0x28, 0x5C, 0x00), (0x1C, 0x17, 0x14), (0xFF, 0xFF, 0xFF)


def until(done: Callable[[], Any], what: str) -> Any:
    deadline_s = time.monotonic() + WAIT_S
    while (value := done()) is None or value is False:
        assert time.monotonic() < deadline_s, f"waited in vain for {what}"
        time.sleep(0.05)
    return value


def environment(kiosk: PinnedKiosk, patience_s: int) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "KIOSK_HOST": "127.0.0.1",
        "KIOSK_PORT": str(kiosk.port),
        "KIOSK_READER": "in",
        "KIOSK_TURN": "0",
        "KIOSK_PATIENCE_S": str(patience_s),
    }


# --- the eye on the browser ---------------------------------------------------------------------


@pytest.fixture
def kiosk() -> Iterator[PinnedKiosk]:
    with PinnedKiosk() as made:
        yield made


@contextmanager
def watched(
    kiosk: PinnedKiosk, command: str, patience_s: int = 2
) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [WATCH, "/bin/sh", "-c", command],
        env=environment(kiosk, patience_s),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        yield process


def test_a_browser_that_ended_ends_the_compositor(kiosk: PinnedKiosk) -> None:
    with watched(kiosk, "exit 0", patience_s=1000) as process:
        assert process.wait(WAIT_S) == 1


def test_a_browser_without_the_page_is_ended_so_that_it_starts_anew(kiosk: PinnedKiosk) -> None:
    with watched(kiosk, "exec sleep 1000") as process:
        assert process.wait(WAIT_S) == 1
        assert process.stderr is not None
        assert "has not shown the page for 2 s" in process.stderr.read()


def test_a_browser_that_shows_the_page_is_left_alone_and_so_is_one_whose_gate_is_away(
    kiosk: PinnedKiosk,
) -> None:
    page = f"exec 3<>/dev/tcp/127.0.0.1/{kiosk.port}; printf 'GET /in/events HTTP/1.0\\r\\n"
    page += f"Host: 127.0.0.1:{kiosk.port}\\r\\n\\r\\n' >&3; cat <&3 >/dev/null; exec sleep 1000"
    with watched(kiosk, f'exec bash -c "{page}"', patience_s=1) as process:
        until(lambda: kiosk.server.pages("in") == 1, "the page")
        # looked at several times over, well and away
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(4)
        kiosk.stop()
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(4)
        kiosk.restart()
        assert process.wait(WAIT_S) == 1  # the gate is back, and this page is not


# --- the unit's command -------------------------------------------------------------------------


class Display:
    """The unit's own command, as its user, on a display of 1280x720 that is kept in memory."""

    def __init__(self, kiosk: PinnedKiosk) -> None:
        self.root = Path(tempfile.mkdtemp(prefix="edge-gate-"))
        self.picture_file = self.root / "picture.png"
        # `edge-kiosk` comes with `make install`; a browser does not run as root
        self._as_user: list[str] = []
        script = shutil.copy(WATCH, self.root / "watch")
        if os.geteuid() == 0:
            shutil.chown(self.root, NOBODY, NOBODY)
            if not X11.exists():  # as systemd-tmpfiles makes it
                X11.mkdir()
                X11.chmod(0o1777)
            self._as_user = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
        self.environment = environment(kiosk, patience_s=2) | {
            "HOME": str(self.root),
            "XDG_RUNTIME_DIR": str(self.root),
            "WAYLAND_DISPLAY": "",
            **dict(one.split("=", 1) for one in settings(KIOSK)["Environment"] if "WLR_" in one),
            # what this machine has in place of a display
            "WLR_BACKENDS": "headless",
            "WLR_RENDERER": "pixman",
            "WLR_SCENE_DISABLE_DIRECT_SCANOUT": "1",
        }
        (start,) = settings(KIOSK)["ExecStart"]
        start = start.replace("%t/edge-gate-kiosk", str(self.root))
        start = start.replace("/opt/edge-gate/bin/edge-gate-kiosk", str(script))
        for name, value in self.environment.items():
            start = start.replace(f"${{{name}}}", value)
        command = shlex.split(start)
        # cage 0.1.4 hands the browser's picture to the display as it is, and has none for grim,
        # unless it has to turn it; later ones have no such option
        if "-r" in self._run([command[0], "-h"]).stdout:
            command[1:1] = ["-r", "-r"]
        self._command = command
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(
            [*self._as_user, *self._command],
            env=self.environment,
            cwd=self.root,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def ended(self) -> None:
        """Wait until the compositor has ended by itself."""
        assert self._process is not None
        self._process.wait(WAIT_S)

    def may_shut_itself_in(self) -> bool:
        """Whether the browser's sandbox can be had."""
        return self._run(["unshare", "--user", "true"]).returncode == 0

    def _run(self, command: Sequence[str], **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*self._as_user, *command],
            env=self.environment | more,
            capture_output=True,
            text=True,
            check=False,
        )

    def picture(self) -> Picture | None:
        """What stands on the display; None before there is one."""
        (socket, *_) = [*self.root.glob("wayland-?"), None]
        if socket is None:
            return None
        file = str(self.picture_file)
        if self._run(["grim", file], WAYLAND_DISPLAY=socket.name).returncode != 0:
            return None
        return cv2.imread(file).astype(np.uint8)

    def shows(self, back: tuple[int, int, int]) -> Picture:
        """Wait until the page of this colour fills the display."""

        def edges() -> Picture | None:
            picture = self.picture()
            if picture is None:
                return None
            rim = np.concatenate([picture[0], picture[-1], picture[:, 0], picture[:, -1]])
            return picture if (rim == back).all() else None

        found: Picture = until(edges, f"a page of {back}")
        return found

    def renderers(self) -> list[int]:
        """The browser's processes that hold a page."""
        found = []
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                command = path.read_bytes()
            except OSError:  # it has ended meanwhile
                continue
            if b"--type=renderer" in command and bytes(self.root) in command:
                found.append(int(path.parent.name))
        return found

    def close(self) -> None:
        if self._process is not None and self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGTERM)
            self._process.wait(WAIT_S)
        shutil.rmtree(self.root, ignore_errors=True)


@pytest.fixture
def display(kiosk: PinnedKiosk) -> Iterator[Display]:
    for program in ("cage", "grim", "chromium", "setpriv"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not here: apt install cage grim chromium")
    made = Display(kiosk)
    if not made.may_shut_itself_in():
        made.close()
        pytest.skip("nobody may make a namespace here: the browser has no sandbox")
    made.start()
    yield made
    made.close()


def test_the_page_fills_a_real_display_and_comes_back_whatever_ends(
    kiosk: PinnedKiosk, display: Display
) -> None:
    kiosk.pin(Screen.GOODBYE)
    picture = display.shows(GREEN)
    assert picture.shape == (720, 1280, 3)
    # nothing but the page's two colours and what lies between: no bar, no pointer, no question
    back, ink = np.array(GREEN, float), np.array(WHITE, float)
    share = ((picture - back) @ (ink - back)) / ((ink - back) @ (ink - back))
    away = np.abs(picture - (back + share[..., None] * (ink - back))).max(axis=2)
    assert away.max() < 24, "something else stands on the page"
    assert (picture == WHITE).all(axis=2).mean() > 0.03, "there are no words"
    kiosk.stop()
    display.shows(BLACK)  # silent, by itself
    kiosk.restart()
    kiosk.pin(Screen.GOODBYE)
    display.shows(GREEN)
    pages = display.renderers()
    assert pages
    for pid in pages:
        os.kill(pid, signal.SIGKILL)
    # the compositor ends too, and the unit is started anew
    display.ended()
    assert settings(KIOSK)["Restart"] == ["always"]
