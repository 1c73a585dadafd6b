"""The button that closes a gate: who may, what it says first, what each gate answered."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

import pytest
from sqlalchemy import select, update

from feed.messages import CloseReason, Command, Reply
from feed.topics import GateTopics
from hub.asking import AskError
from hub.store.schema import audit, gate_states
from hub.web.sample import state_of
from tests.browser.hubpages import NOW_MS, Served
from tests.web.visitor import Visitor

LogIn = Callable[[str], Visitor]
GATE, SITE = "/gates/21", "/sites/2"
ORDER = {
    "since": "2026-11-25T00:05:00.000Z", "reason": "outbreak", "by": "manager",
    "until": "2026-11-25T11:00:00.000Z",
}  # fmt: skip


class Gates:
    """Stands in for the broker and the gates behind it."""

    def __init__(self) -> None:
        self.heard: dict[str, Command] = {}
        self.away: set[str] = set()
        self.silent: set[str] = set()
        self.says: dict[str, Any] = {"ok": True, "result": {"closed": True}}
        self.trouble = ""

    def __call__(
        self, commands: Mapping[GateTopics, Command], away: Collection[GateTopics]
    ) -> dict[GateTopics, Reply]:
        if self.trouble:
            raise AskError(self.trouble)
        self.heard = {place.gate: one for place, one in commands.items()}
        self.away = {place.gate for place in away}
        return {
            place: Reply(id=one.id, **self.says)
            for place, one in commands.items()
            if place.gate not in self.silent
        }


@pytest.fixture
def gates(served: Served) -> Iterator[Gates]:
    made, before = Gates(), served.desk.ask_gates
    served.desk.ask_gates = made
    yield made
    served.desk.ask_gates = before


@pytest.fixture
def ordered(served: Served) -> Iterator[None]:
    """Gate 21 is closed by order."""
    with served.engine.begin() as connection:
        row = gate_states.c.gate == 21
        before = connection.scalar(select(gate_states.c.state).where(row))
        said = state_of(NOW_MS, 21, random.Random(3), gate={"closed": True, "order": ORDER})
        connection.execute(update(gate_states).where(row).values(state=said))
    yield
    with served.engine.begin() as connection:
        connection.execute(update(gate_states).where(row).values(state=before))


def lines(served: Served) -> list[Any]:
    with served.engine.connect() as connection:
        return list(
            connection.execute(
                select(audit).where(audit.c.action.like("gate %")).order_by(audit.c.id)
            )
        )


def test_the_page_says_what_will_happen_before_it_does(log_in: LogIn, gates: Gates) -> None:
    manager = log_in("manager")
    assert f'href="{GATE}/close"' in manager.get(GATE).text
    page = manager.get(f"{GATE}/close").text
    assert "Không ai vào được nữa" in page
    assert "Lối ra, nút ra và thoát hiểm vẫn hoạt động" in page
    assert 'id="gate-21"' in page
    assert "Đóng lối vào cổng này" in page
    assert all(f'<option value="{reason}"' in page for reason in CloseReason)
    assert "Đóng lối vào 2 cổng" in manager.get(f"{SITE}/close").text
    assert manager.get(f"{SITE}/close.json").json()["place"] == "song-than/xuong-may"
    assert gates.heard == {}


def test_a_site_is_closed_and_every_gate_answers_and_it_is_logged(
    log_in: LogIn, served: Served, gates: Gates
) -> None:
    before = len(lines(served))
    fields = {"reason": "outbreak", "until": "2026-11-25T18:00", "note": "ca bệnh 12"}
    answer = log_in("manager").post(f"{SITE}/close", fields, page=f"{SITE}/close")
    assert answer.status_code == 200
    assert "Mọi cổng đã làm theo" in answer.text
    assert answer.text.count("đã đóng lối vào</li>") == 2
    assert [one.command for one in gates.heard.values()] == ["close", "close"]
    for one in gates.heard.values():
        assert one.args == {
            "by": "manager", "reason": "outbreak", "until": "2026-11-25T11:00:00.000Z"
        }  # fmt: skip
    asked, told = lines(served)[before:]
    assert (asked.who, asked.role, asked.purpose) == ("manager", "manager", "ca bệnh 12")
    assert len(json.loads(asked.asked)["gates"]) == len(json.loads(told.seen)) == 2
    assert "đóng cổng" in log_in("administrator").get("/audit").text


def test_a_gate_that_does_not_answer_is_named_and_the_form_stays(
    log_in: LogIn, gates: Gates
) -> None:
    gates.silent = {"g2"}
    manager = log_in("manager")
    answer = manager.post(f"{SITE}/close", {"reason": "incident"}, page=f"{SITE}/close")
    assert "Có cổng chưa làm theo" in answer.text
    assert "không trả lời" in answer.text
    assert "vẫn cho vào" in answer.text
    assert '<option value="incident" selected>' in answer.text
    gates.silent, gates.says = set(), {"ok": False, "error": "unknown command 'close': <b>"}
    answer = manager.post(f"{SITE}/close", {"reason": "incident"}, page=f"{SITE}/close")
    assert "unknown command &#39;close&#39;: &lt;b&gt;" in answer.text


def test_an_order_is_shown_to_everyone_and_ended_by_a_manager(
    log_in: LogIn, gates: Gates, ordered: None
) -> None:
    viewer, manager = log_in("viewer"), log_in("manager")
    for path in (GATE, SITE, "/overview"):
        text = viewer.get(path).text
        assert "Đóng theo lệnh (phòng dịch)" in text, path
        assert "bởi manager" in text, path
    assert "1 cổng đang đóng theo lệnh" in viewer.get("/overview").text
    assert viewer.get(f"{GATE}.json").json()["gate"]["order"] == {
        "since_ms": 1_795_565_100_000, "reason": "outbreak", "until_ms": 1_795_604_400_000,
        "by": "manager",
    }  # fmt: skip
    assert f"{GATE}/reopen" not in viewer.get(GATE).text
    text = manager.get(GATE).text
    assert f'href="{GATE}/reopen"' in text
    assert f'href="{GATE}/close"' not in text
    assert "lại vào được" in manager.get(f"{GATE}/reopen").text
    gates.says = {"ok": True, "result": {"closed": False}}
    answer = manager.post(f"{GATE}/reopen", page=f"{GATE}/reopen")
    assert "đã mở lại" in answer.text
    assert [one.command for one in gates.heard.values()] == ["reopen"]
    gates.says = {"ok": True, "result": {"closed": True}}
    answer = manager.post(f"{GATE}/reopen", page=f"{GATE}/reopen")
    assert "còn ngoài giờ mở cửa" in answer.text


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({}, "Hãy chọn lý do"),
        ({"reason": "weather"}, "Hãy chọn lý do"),
        ({"reason": "other", "until": "later"}, "Giờ không hợp lệ"),
        ({"reason": "other", "until": "2026-11-25T07:19"}, "Giờ mở lại đã qua"),
    ],
)
def test_a_form_that_is_not_whole_closes_nothing(
    log_in: LogIn, served: Served, gates: Gates, fields: dict[str, str], said: str
) -> None:
    before = len(lines(served))
    answer = log_in("manager").post(f"{GATE}/close", fields, page=f"{GATE}/close")
    assert answer.status_code == 422
    assert said in answer.text
    assert gates.heard == {}
    assert len(lines(served)) == before


def test_a_broker_that_is_away_is_told(log_in: LogIn, gates: Gates) -> None:
    gates.trouble = "broker.lan:1883: connection refused"
    manager = log_in("manager")
    answer = manager.post(f"{GATE}/close", {"reason": "other"}, page=f"{GATE}/close")
    assert answer.status_code == 502
    assert "Không gửi được lệnh đến cổng nào: broker.lan:1883" in answer.text


@pytest.mark.parametrize("role", ["viewer", "tracer"])
def test_who_only_looks_closes_nothing(log_in: LogIn, gates: Gates, role: str) -> None:
    visitor = log_in(role)
    assert "/close" not in visitor.get(GATE).text + visitor.get(SITE).text
    for path in (GATE, SITE):
        assert visitor.get(f"{path}/close").status_code == 403
        for command in ("close", "reopen"):
            sent = visitor.post(f"{path}/{command}", {"reason": "other"}, page=GATE)
            assert sent.status_code == 403
    assert gates.heard == {}


def test_another_sites_form_closes_nothing(log_in: LogIn, gates: Gates) -> None:
    manager = log_in("manager")
    sent = manager.client.post(f"{GATE}/close", data={"reason": "other", "csrf": "x" * 43})
    assert sent.status_code == 403
    sent = manager.post(
        f"{GATE}/close", {"reason": "other"}, page=GATE, headers={"sec-fetch-site": "cross-site"}
    )
    assert sent.status_code == 403
    assert gates.heard == {}


def test_a_gate_that_is_not_there_is_not_found(log_in: LogIn, gates: Gates) -> None:
    manager = log_in("manager")
    for path in ("/gates/4711/close", "/sites/4711/reopen"):
        assert manager.get(path).status_code == 404
        assert manager.post(path, {"reason": "other"}, page=GATE).status_code == 404
