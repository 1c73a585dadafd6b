"""Sessions in the store: what ends them, and that they outlast a hub."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, event, select, update

from hub.roles import Role
from hub.store.engine import connect
from hub.store.schema import metadata, sessions, users
from hub.users import add, remove, set_password
from hub.web.session import Session, Sessions
from tests.browser.hubpages import NOW_MS, PASSWORD, Clock
from tests.web.hubs import Hub, log_in

HOUR_MS = 3_600_000


@pytest.fixture
def engine(nowhere: str | Path) -> Iterator[Engine]:
    made = connect(nowhere)
    metadata.create_all(made)
    with made.begin() as connection:
        add(connection, "lan", Role.MANAGER, password=PASSWORD, at_ms=NOW_MS)
    yield made
    made.dispose()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def kept(engine: Engine, clock: Clock) -> Sessions:
    return Sessions(engine, lifetime_s=12 * 3_600, idle_s=3_600, now_ms=clock)


def stored(engine: Engine) -> list[str]:
    with engine.connect() as connection:
        return list(connection.scalars(select(sessions.c.digest)))


def begun(kept: Sessions, engine: Engine, name: str = "lan") -> tuple[str, Session]:
    with engine.connect() as connection:
        password = connection.scalar(select(users.c.password).where(users.c.name == name))
    secret = kept.begin(name, "manager", password)
    found = kept.find(secret)
    assert found is not None
    return secret, found


# --- what a session is ----------------------------------------------------------------------


def test_the_store_holds_nothing_that_opens_a_page(kept: Sessions, engine: Engine) -> None:
    secret, session = begun(kept, engine)
    with engine.connect() as connection:
        row = connection.execute(select(sessions)).one()
        password = connection.scalar(select(users.c.password))
    values = [str(value) for value in row]
    assert not any(secret in value or session.csrf.hex() in value for value in values)
    assert password not in values  # a copy of the hash would be one more to lose
    assert kept.find(row.digest) is None


def test_a_session_that_nobody_uses_ends(kept: Sessions, engine: Engine, clock: Clock) -> None:
    secret, session = begun(kept, engine)
    clock.now_ms += HOUR_MS - 1
    assert kept.find(secret) == session
    clock.now_ms += HOUR_MS - 1  # it was used meanwhile
    assert kept.find(secret) == session
    clock.now_ms += HOUR_MS
    assert kept.find(secret) is None


def test_a_session_ends_however_much_it_is_used(
    kept: Sessions, engine: Engine, clock: Clock
) -> None:
    secret, session = begun(kept, engine)
    for _ in range(23):
        clock.now_ms += HOUR_MS // 2
        assert kept.lasting([session.key]) == {session.key}
    clock.now_ms += HOUR_MS // 2
    assert kept.find(secret) is None
    assert kept.lasting([session.key]) == frozenset()


def test_a_use_is_written_now_and_then_and_not_each_time(
    kept: Sessions, engine: Engine, clock: Clock
) -> None:
    secret, _ = begun(kept, engine)
    written: list[str] = []
    event.listen(
        engine, "before_cursor_execute",
        lambda _c, _cur, text, *_: written.append(text) if text.startswith("UPDATE") else None,
    )  # fmt: skip
    for _ in range(600):
        clock.now_ms += 1_000
        assert kept.find(secret) is not None
    assert len(written) == 2


def test_a_page_is_shown_though_the_use_cannot_be_noted(
    tmp_path: Path, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    made = connect(tmp_path / "hub.db")
    metadata.create_all(made)
    kept = Sessions(made, lifetime_s=12 * 3_600, idle_s=3_600, now_ms=clock)
    secret = kept.begin("demo", "viewer", None)
    made.dispose()
    reader = connect(tmp_path / "hub.db", read_only=True)
    again = Sessions(reader, lifetime_s=12 * 3_600, idle_s=3_600, now_ms=clock)
    clock.now_ms += HOUR_MS // 2
    assert again.find(secret) is not None
    assert "a session's use was not noted" in caplog.text
    reader.dispose()


# --- what ends it ---------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["log-out", "password", "removed"])
def test_the_store_forgets_a_session_that_ended(kept: Sessions, engine: Engine, how: str) -> None:
    secret, session = begun(kept, engine)
    if how == "log-out":
        kept.end(session)
    with engine.begin() as connection:
        if how == "password":
            set_password(connection, "lan", PASSWORD)
        elif how == "removed":
            remove(connection, "lan")
    assert kept.find(secret) is None
    assert stored(engine) == []


def test_another_role_ends_a_session_for_good(kept: Sessions, engine: Engine) -> None:
    secret, session = begun(kept, engine)
    for role in ("viewer", "manager"):
        with engine.begin() as connection:
            connection.execute(update(users).values(role=role))
        assert kept.find(secret) is None, role
    assert kept.lasting([session.key]) == frozenset()


def test_a_password_changed_behind_the_hubs_back_ends_it(kept: Sessions, engine: Engine) -> None:
    secret, _ = begun(kept, engine)
    with engine.begin() as connection:
        connection.execute(update(users).values(password="$argon2id$another"))
    assert kept.find(secret) is None


@pytest.mark.parametrize("how", ["log-out", "password", "role", "removed", "behind its back"])
def test_a_hub_sees_at_once_that_another_ended_a_session_of_many(
    kept: Sessions, engine: Engine, clock: Clock, how: str
) -> None:
    here = Sessions(engine, lifetime_s=12 * 3_600, idle_s=3_600, now_ms=clock)
    with engine.begin() as connection:
        add(connection, "an", Role.MANAGER, password=PASSWORD, at_ms=NOW_MS)
    others = {begun(kept, engine, "an")[1].key for _ in range(3)}
    _, session = begun(kept, engine)
    assert here.lasting([*others, session.key]) == {*others, session.key}
    if how == "log-out":
        kept.end(session)
    lan = users.c.name == "lan"
    with engine.begin() as connection:
        if how == "password":
            set_password(connection, "lan", PASSWORD)
        elif how == "role":
            connection.execute(update(users).where(lan).values(role="viewer"))
        elif how == "removed":
            remove(connection, "lan")
        elif how == "behind its back":
            connection.execute(update(users).where(lan).values(password="$argon2id$another"))
    assert here.lasting([*others, session.key]) == others
    assert set(stored(engine)) == others


def test_what_is_over_is_taken_out_of_the_store(
    kept: Sessions, engine: Engine, clock: Clock
) -> None:
    begun(kept, engine)
    clock.now_ms += HOUR_MS
    secret, session = begun(kept, engine)
    assert stored(engine) == [session.key]
    assert kept.find(secret) == session


def test_the_sessions_of_one_user_are_bounded(
    kept: Sessions, engine: Engine, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.web.session._MOST_OF_ONE", 3)
    other, _ = begun(kept, engine), kept.begin("demo", "viewer", None)
    found = [kept.find(other[0]) is None]
    for _ in range(3):
        clock.now_ms += 1
        begun(kept, engine)
        found.append(kept.find(other[0]) is None)
    assert found == [False, False, False, True]
    assert len(stored(engine)) == 4


def test_a_one_time_log_in_is_gone_after_a_quarter_of_an_hour(kept: Sessions, clock: Clock) -> None:
    secret = kept.once("demo", "manager")
    clock.now_ms += 901_000
    assert kept.take_once(secret) is None


# --- more than one hub ----------------------------------------------------------------------


def test_behind_two_hubs_one_log_in_is_enough(
    engine: Engine, nowhere: str | Path, clock: Clock
) -> None:
    del engine
    one, other = Hub(nowhere, clock), Hub(nowhere, clock)
    assert log_in(one, other).status_code == 303
    one.cookies.update(other.cookies)
    assert one.get("/overview.json").status_code == 200
    # a form of one is good at the other
    fields = {"csrf": one.form_token("/overview")}
    assert other.post("/logout", fields).status_code == 303
    assert one.get("/overview.json").status_code == 401
    one.close()
    other.close()


def test_a_restart_of_the_hub_logs_nobody_out(
    engine: Engine, nowhere: str | Path, clock: Clock
) -> None:
    del engine
    before = Hub(nowhere, clock)
    assert log_in(before, before).status_code == 303
    before.close()
    after = Hub(nowhere, clock)
    after.cookies.update(before.cookies)
    assert after.get("/overview.json").status_code == 200
    after.close()


def test_guessing_at_two_hubs_gives_no_more_tries(
    engine: Engine, nowhere: str | Path, clock: Clock
) -> None:
    del engine
    hubs = [Hub(nowhere, clock), Hub(nowhere, clock)]
    answers = []
    for number in range(9):
        hub = hubs[number % 2]
        token = hub.form_token("/login")
        fields = {"csrf": token, "name": "lan", "password": f"đoán {number}"}
        answers.append(hub.post("/login", fields).status_code)
    assert answers == [401] * 8 + [429]
    for hub in hubs:
        hub.close()


def test_a_store_that_is_away_logs_nobody_out(
    engine: Engine, nowhere: str | Path, clock: Clock
) -> None:
    hub = Hub(nowhere, clock)
    assert log_in(hub, hub).status_code == 303
    with engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE sessions RENAME TO sessions_away")
    for path in ("/overview", "/overview.json", "/events"):
        assert hub.get(path).status_code == 503, path
    with engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE sessions_away RENAME TO sessions")
    assert hub.get("/overview.json").status_code == 200
    hub.close()
