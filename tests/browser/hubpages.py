"""A hub's pages served from this process over a made-up park, for tests and pictures."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any, Self

import uvicorn
from argon2 import PasswordHasher
from fastapi import FastAPI
from sqlalchemy import insert

from hub.config import Config
from hub.store.engine import connect
from hub.store.schema import metadata, users
from hub.web.app import mount
from hub.web.sample import Sample, fill
from hub.web.users import Passwords
from identity.token import Tokeniser
from tests.browser.chromium import Chromium

# 2026-11-25 10:26 in Vietnam: a working morning
NOW_MS = 1_795_577_160_000
ROLES = ("viewer", "manager", "tracer", "administrator")
PASSWORD = "tre già măng mọc 2026"
# the least work that Argon2id takes: these tests are not about its strength
QUICK = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


class Clock:
    """The pages' time; moves only when told."""

    def __init__(self, now_ms: int = NOW_MS) -> None:
        self.now_ms = now_ms

    def __call__(self) -> int:
        return self.now_ms


class Served:
    """The pages at an address, with a user of each role: its name is the role's."""

    def __init__(self, folder: Path, sample: Sample | None = None, **config: Any) -> None:
        self.clock = Clock()
        self.engine = connect(folder / "hub.db")
        metadata.create_all(self.engine)
        passwords = Passwords(QUICK)
        with self.engine.begin() as connection:
            fill(connection, sample or Sample(), now_ms=NOW_MS)
            connection.execute(
                insert(users),
                [
                    {"name": role, "role": role, "password": passwords.hash(PASSWORD),
                     "made_ms": NOW_MS, "language": None}
                    for role in ROLES
                ],
            )  # fmt: skip
        app = FastAPI(openapi_url=None)
        self.desk = mount(
            app,
            self.engine,
            Config(**config),
            tokeniser=Tokeniser(bytes(range(32)), key_id="k1", scope="park"),
            now_ms=self.clock,
            passwords=passwords,
            live_interval_s=0.05,
        )
        self._server = uvicorn.Server(
            uvicorn.Config(
                app, host="127.0.0.1", port=0, log_level="warning", access_log=False, lifespan="off",
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
            "login": "/login",
            "overview": "/overview",
            "gate": "/gates/11",
            "alarms": "/alarms",
            "charts": "/charts?site=song-than/cong-chinh",
            "coverage": "/coverage",
            "registry": "/registry/sites",
            "roster": "/registry/roster",
            "audit": "/audit",
        }


def log_in(
    browser: Chromium, served: Served, *, role: str = "administrator", language: str = "vi"
) -> None:
    """In the browser, through the page."""
    browser.open(f"{served.url}/login")
    browser.press(f'button[name="language"][value="{language}"]')
    browser.fill("#name", role)
    browser.fill("#password", PASSWORD)
    browser.press("button.main")
    browser.wait("location.pathname === '/overview'")
