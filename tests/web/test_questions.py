"""A tracer's question outlasts the hub that took it, and not the log-in that asked it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, delete, select, update

from hub.roles import Role
from hub.store.engine import connect
from hub.store.schema import audit, metadata, people, questions, sessions, users, visits
from hub.users import add
from hub.web import questions as kept
from hub.web.sample import Sample, fill, token_of
from hub.web.session import Sessions
from tests.browser.hubpages import NOW_MS, PASSWORD, Clock
from tests.web.hubs import Hub, log_in

QUESTION = {
    "kind": "token", "value": token_of(17), "from": "2026-11-21T00:00", "to": "2026-11-25T07:20",
    "site": "", "hops": "1", "min_minutes": "", "same_gate_minutes": "",
    "purpose": "ca bệnh 2026-1125, hai hub",
}  # fmt: skip


@pytest.fixture
def engine(nowhere: str | Path) -> Iterator[Engine]:
    made = connect(nowhere)
    metadata.create_all(made)
    with made.begin() as connection:
        fill(connection, Sample(people=60, days=2), now_ms=NOW_MS)
        add(connection, "lan", Role.TRACER, password=PASSWORD, at_ms=NOW_MS)
    yield made
    made.dispose()


@pytest.fixture
def hubs(engine: Engine, nowhere: str | Path) -> Iterator[tuple[Hub, Hub]]:
    del engine
    one, other = Hub(nowhere, Clock()), Hub(nowhere, Clock())
    assert log_in(one, one).status_code == 303
    other.cookies.update(one.cookies)
    yield one, other
    one.close()
    other.close()


def ask(hub: Hub) -> str:
    went = hub.post("/trace", QUESTION | {"csrf": hub.form_token("/trace")})
    assert went.status_code == 303, went.text
    return went.headers["location"]


def lines(engine: Engine) -> list[Any]:
    with engine.connect() as connection:
        return list(connection.execute(select(audit).order_by(audit.c.id)))


def left(engine: Engine) -> list[Any]:
    with engine.connect() as connection:
        return list(connection.execute(select(questions)))


def test_behind_two_hubs_and_after_a_restart_the_answer_is_there(
    hubs: tuple[Hub, Hub], nowhere: str | Path
) -> None:
    one, other = hubs
    path = ask(one)
    found = one.get(f"{path}.json").json()
    assert len(found["answer"]["contacts"]["contacts"]) > 3
    assert other.get(f"{path}.json").json() == found
    again = Hub(nowhere, Clock())
    again.cookies.update(one.cookies)
    assert again.get(f"{path}.json").json() == found
    assert again.get(f"{path}/export/csv").status_code == 200
    again.close()


def test_every_look_says_in_the_log_what_was_seen_then(
    hubs: tuple[Hub, Hub], engine: Engine
) -> None:
    one, other = hubs
    path = ask(one)
    first = one.get(f"{path}.json").json()["answer"]["contacts"]["contacts"]
    gone = first[0]["who"]["id"]
    with engine.begin() as connection:
        connection.execute(delete(visits).where(visits.c.person == gone))
    other.get(path)
    other.get(f"{path}/export/xlsx")
    actions = [(line.action, json.loads(line.seen)) for line in lines(engine)]
    assert [action for action, _ in actions] == ["trace", "trace answer", "trace answer",
                                                 "trace export"]  # fmt: skip
    assert actions[0][1] == {"found": True}
    counts = [seen["contacts"] for _, seen in actions[1:]]
    assert counts == [len(first), len(first) - 1, len(first) - 1]
    assert first[0]["who"]["token"][:8] not in actions[2][1]["tokens"]
    assert json.loads(lines(engine)[-1].asked)["format"] == "xlsx"
    assert {line.purpose for line in lines(engine)} == {QUESTION["purpose"]}


def test_what_is_kept_is_the_question_and_nobody_that_was_found(
    hubs: tuple[Hub, Hub], engine: Engine
) -> None:
    one, _ = hubs
    path = ask(one)
    found = one.get(f"{path}.json").json()["answer"]["contacts"]["contacts"]
    (row,) = left(engine)
    assert token_of(17) in row.question
    assert not [one for one in found if one["who"]["token"][:8] in row.question]


def test_the_log_out_leaves_no_question(hubs: tuple[Hub, Hub], engine: Engine) -> None:
    one, other = hubs
    path = ask(one)
    assert other.post("/logout", {"csrf": other.form_token("/overview")}).status_code == 303
    assert left(engine) == []
    assert log_in(one, one).status_code == 303
    answer = one.get(path)
    assert answer.status_code == 404
    assert "Câu trả lời này không còn" in answer.text


def test_another_role_leaves_no_question(hubs: tuple[Hub, Hub], engine: Engine) -> None:
    one, _ = hubs
    path = ask(one)
    with engine.begin() as connection:
        connection.execute(update(users).values(role="viewer"))
    assert one.get(path).status_code == 303  # to the log-in
    assert left(engine) == []


def test_a_person_who_was_taken_out_since_is_told(hubs: tuple[Hub, Hub], engine: Engine) -> None:
    one, _ = hubs
    path = ask(one)
    with engine.begin() as connection:
        connection.execute(
            update(people).where(people.c.token == token_of(17)).values(token="erased")
        )
    assert one.get(f"{path}.json").json()["error"] == "error.gone"


def test_of_one_session_the_oldest_question_goes_beyond_the_bound(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept, "_MOST", 2)
    made = Sessions(engine, lifetime_s=3_600, idle_s=3_600, now_ms=Clock())
    session, another = (made.find(made.begin("lan", "tracer", None)) for _ in range(2))
    assert session is not None
    assert another is not None
    with engine.begin() as connection:
        kept.keep(connection, another.key, {"n": 9}, at_ms=1)
        names = [kept.keep(connection, session.key, {"n": n}, at_ms=n) for n in range(1, 4)]
        found = [kept.find(connection, name, session.key) for name in names]
        assert found == [None, {"n": 2}, {"n": 3}]
        assert kept.find(connection, names[2], another.key) is None
    assert len(left(engine)) == 3
    with engine.begin() as connection:
        connection.execute(delete(sessions).where(sessions.c.digest == another.key))
    assert len(left(engine)) == 2
