"""Somebody who looks at the pages without a browser."""

from __future__ import annotations

import re
from typing import Any

import httpx

from tests.browser.hubpages import PASSWORD, Served

TOKEN = re.compile(r'name="csrf" value="([^"]+)"')


class Visitor:
    """One browser's cookies, and the forms of the pages it has open."""

    def __init__(self, served: Served) -> None:
        self.client = httpx.Client(base_url=served.url, timeout=60)

    def close(self) -> None:
        self.client.close()

    def get(self, path: str, **more: Any) -> httpx.Response:
        return self.client.get(path, **more)

    def form_token(self, path: str = "/login") -> str:
        found = TOKEN.search(self.get(path).text)
        assert found is not None, f"{path} has no form"
        return found[1]

    def post(
        self, path: str, fields: dict[str, str] | None = None, *, page: str = "/login", **more: Any
    ) -> httpx.Response:
        """Send a form with the token that the page gave."""
        data = {"csrf": self.form_token(page), **(fields or {})}
        return self.client.post(path, data=data, **more)

    def log_in(self, name: str, password: str = PASSWORD, **fields: str) -> httpx.Response:
        return self.post("/login", {"name": name, "password": password, **fields})
