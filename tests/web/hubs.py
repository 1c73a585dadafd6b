"""Hubs over one store, without a server or a browser."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import httpx
from fastapi import FastAPI

from hub.config import Config
from hub.store.engine import connect
from hub.web.app import mount
from tests.browser.hubpages import PASSWORD
from tests.web.visitor import TOKEN


class Hub:
    """A process of its own, as far as the pages can tell."""

    def __init__(self, store: str | Path, clock: Callable[[], int]) -> None:
        self.engine = connect(store)
        app = FastAPI(openapi_url=None)
        self.desk = mount(app, self.engine, Config(), now_ms=clock)
        self._app = app
        self.cookies = httpx.Cookies()

    def close(self) -> None:
        self.engine.dispose()

    def get(self, path: str) -> httpx.Response:
        return asyncio.run(self._send("GET", path, None))

    def post(self, path: str, fields: dict[str, str]) -> httpx.Response:
        return asyncio.run(self._send("POST", path, fields))

    def form_token(self, path: str) -> str:
        found = TOKEN.search(self.get(path).text)
        assert found is not None
        return found[1]

    async def _send(self, method: str, path: str, fields: dict[str, str] | None) -> httpx.Response:
        transport = httpx.ASGITransport(self._app)
        async with httpx.AsyncClient(
            transport=transport, base_url="http://hub.lan", cookies=self.cookies
        ) as client:
            answer = await client.request(method, path, data=fields)
            self.cookies = client.cookies
        return answer


def log_in(here: Hub, there: Hub, name: str = "lan") -> httpx.Response:
    """The form of one hub, sent to another."""
    fields = {"csrf": here.form_token("/login"), "name": name, "password": PASSWORD}
    there.cookies.update(here.cookies)
    return there.post("/login", fields)
