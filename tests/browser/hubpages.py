"""A hub's pages served from this process over a made-up park, for tests and pictures."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

import uvicorn
from fastapi import FastAPI

from hub.config import Config
from hub.roles import Role
from hub.store.engine import connect
from hub.store.schema import metadata
from hub.users import add
from hub.web.app import mount
from hub.web.sample import Sample, fill, token_of
from identity.token import Tokeniser
from tests.browser.chromium import Chromium

# 2026-11-25 07:20 in Vietnam: people come to work
NOW_MS = 1_795_566_000_000
PASSWORD = "tre già măng mọc 2026"


class Clock:
    """The pages' time; moves only when told."""

    def __init__(self, now_ms: int = NOW_MS) -> None:
        self.now_ms = now_ms

    def __call__(self) -> int:
        return self.now_ms


class Served:
    """The pages at an address, with a user of each role: its name is the role's."""

    def __init__(
        self, folder: Path, sample: Sample | None = None, *, store: str | None = None, **config: Any
    ) -> None:
        """`store` is a URL; without one a file in the folder."""
        self.clock = Clock()
        self.engine = connect(store or folder / "hub.db")
        metadata.create_all(self.engine)
        with self.engine.begin() as connection:
            fill(connection, sample or Sample(), now_ms=NOW_MS)
            for role in Role:
                add(connection, role, role, password=PASSWORD, at_ms=NOW_MS)
        app = FastAPI(openapi_url=None)
        self.desk = mount(
            app,
            self.engine,
            Config(**config),
            tokeniser=Tokeniser(bytes(range(32)), key_id="k1", scope="park"),
            now_ms=self.clock,
            live_interval_s=0.05,
            live_beat_s=0.5,
        )
        self._server = uvicorn.Server(
            uvicorn.Config(
                app, host="127.0.0.1", port=0, log_level="warning", access_log=False,
                lifespan="off",
                timeout_graceful_shutdown=1,
            )
        )  # fmt: skip
        self._thread = threading.Thread(target=self._server.run, daemon=True)
        self._thread.start()
        deadline_s = time.monotonic() + 20
        while not self._server.started and time.monotonic() < deadline_s:
            time.sleep(0.01)
        port = self._server.servers[0].sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._server.should_exit = True
        self._thread.join(20)
        self.engine.dispose()

    @staticmethod
    def pages() -> dict[str, str]:
        """Every page by its name."""
        return {
            "overview": "/overview",
            "sites": "/sites",
            "site": "/sites/1",
            "plan": "/sites/1/plan",
            "site-empty": "/sites/2",
            "gate": "/gates/11",
            "closing": "/gates/11/close",
            "alarms": "/alarms",
            "charts": "/charts?site=song-than/cong-chinh",
            "coverage": "/coverage",
            "muster": "/muster?site=song-than/ky-tuc-xa",
            "registry": "/registry/sites",
            "roster": "/registry/roster",
            "audit": "/audit",
        }


def log_in(
    browser: Chromium, served: Served, *, role: str = "administrator", language: str = "vi"
) -> None:
    """In the browser, through the page."""
    browser.context.clear_cookies()
    browser.open(f"{served.url}/login")
    browser.press(f'button[name="language"][value="{language}"]')
    browser.page.fill("#name", role)
    browser.page.fill("#password", PASSWORD)
    browser.press("button.main")
    browser.page.wait_for_url("**/overview")


def ask(browser: Chromium, served: Served) -> str:
    """A tracer's question in the browser; the path of its answer."""
    browser.open(f"{served.url}/trace")
    browser.page.fill("#value", token_of(17))
    browser.page.fill("#purpose", "ca bệnh 2026-1125, tiếp xúc trong hai tuần")
    browser.page.select_option("#hops", "2")
    browser.page.fill("#min_minutes", "240")
    browser.press("form.question button.main")
    browser.page.wait_for_url("**/trace/answers/*")
    return urlsplit(browser.page.url).path
