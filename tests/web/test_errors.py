"""What a person reads when there is no page: a page, in both languages. Programs get JSON."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from hub.api.app import create
from hub.config import Config
from hub.roles import Role
from hub.store.engine import connect
from hub.store.schema import metadata
from hub.users import add
from hub.web.app import mount
from hub.web.kit import Ask
from tests.browser.hubpages import NOW_MS, PASSWORD, Clock
from tests.web.visitor import TOKEN

BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
LARGEST = 70_000


@pytest.fixture
def app(tmp_path: Path) -> Iterator[FastAPI]:
    """The whole hub: the interface for programs, its guard, and the pages."""
    engine = connect(tmp_path / "hub.db")
    metadata.create_all(engine)
    with engine.begin() as connection:
        add(connection, "lan", Role.MANAGER, password=PASSWORD, at_ms=NOW_MS)
    config = Config.model_validate({"api": {"largest_body_bytes": LARGEST}})
    made = create(engine, config)
    mount(made, engine, config, now_ms=Clock())
    yield made
    engine.dispose()


def ask(app: FastAPI, *sent: tuple[str, str, dict[str, Any]]) -> list[httpx.Response]:
    """Requests one after the other, logged in as a manager."""

    async def send() -> list[httpx.Response]:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://hub.lan") as client:
            found = TOKEN.search((await client.get("/login")).text)
            assert found is not None
            fields = {"csrf": found[1], "name": "lan", "password": PASSWORD}
            assert (await client.post("/login", data=fields)).status_code == 303
            answers = []
            for method, path, more in sent:
                if (language := more.pop("language", None)) is not None:
                    client.cookies.set("edge_hub_language", language, domain="hub.lan")
                answers.append(await client.request(method, path, **more))
            return answers

    return asyncio.run(send())


def both(app: FastAPI, method: str, path: str, **more: Any) -> list[httpx.Response]:
    """What a browser gets in Vietnamese and in English."""
    each = ({"headers": BROWSER, "language": language, **more} for language in ("vi", "en"))
    return ask(app, *((method, path, one) for one in each))


@pytest.mark.parametrize(("vi", "en"), [("Không có trang này", "There is no such page")])
@pytest.mark.parametrize("path", ["/overvieww", "/gates/abc", "/wp-login.php", "/static/none.css"])
def test_an_address_that_nobody_knows_is_a_page(app: FastAPI, path: str, vi: str, en: str) -> None:
    for answer, words in zip(both(app, "GET", path), (vi, en), strict=True):
        assert answer.status_code == 404
        assert words in answer.text
        assert answer.headers["content-type"].startswith("text/html")


@pytest.mark.parametrize("path", ["/api/v1/nothing", "/api/v2/sites"])
def test_programs_get_json_where_nothing_is(app: FastAPI, path: str) -> None:
    (answer,) = ask(app, ("GET", path, {}))
    assert (answer.status_code, answer.json()) == (404, {"error": "Not Found"})
    (twin,) = ask(app, ("GET", "/nothing.json", {}))
    assert (twin.status_code, twin.json()["error"]) == (404, "error.not_found")


def test_a_page_that_fails_says_so_to_a_person(
    app: FastAPI, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(_ask: Ask) -> None:
        raise RuntimeError("a mistake of ours")

    monkeypatch.setattr("hub.web.parts.verdict", broken)
    vi, en = both(app, "GET", "/overview")
    assert (vi.status_code, en.status_code) == (500, 500)
    assert "Máy chủ gặp lỗi" in vi.text
    assert "The hub failed at this" in en.text
    assert "a mistake of ours" not in vi.text + en.text
    assert "a mistake of ours" in caplog.text  # it is no secret to who mends it
    (program,) = ask(app, ("GET", "/overview", {"headers": {"Accept": "application/json"}}))
    assert program.json() == {"error": "the hub failed at this; its log says more"}


def test_a_file_beyond_the_limit_of_the_hub_is_told_on_a_page(app: FastAPI) -> None:
    body = {"content": b"x" * (LARGEST + 1)}
    vi, en = both(app, "POST", "/registry/roster/import", **body)
    assert (vi.status_code, en.status_code) == (413, 413)
    assert "Dữ liệu gửi lên quá lớn" in vi.text
    assert "What was sent is too large" in en.text
    (program,) = ask(app, ("POST", "/api/v1/registry", body))
    assert program.status_code in {404, 405, 413}
    assert "error" in program.json()
