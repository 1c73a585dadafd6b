"""Live pages: what changed arrives, once read for all; who is slow or logged out is let go."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
from sqlalchemy import Engine, event, update

from feed.messages import (
    Fault,
    GateState,
    ReaderSummary,
    RecordsSummary,
    Summary,
    decode_state,
    encode_message,
)
from hub.monitor.gates import Status
from hub.roles import Role
from hub.store.engine import connect
from hub.store.schema import gate_states, metadata
from hub.users import add, remove
from hub.web.live import Audience, Live, Piece, TooManyViewersError
from hub.web.look import Limits, Looker
from hub.web.parts import pieces
from hub.web.sample import Sample, fill, state_of
from tests.browser.hubpages import NOW_MS, PASSWORD, Served
from tests.web.visitor import Visitor

LogIn = Callable[[str], Visitor]
VI, EN = Audience("vi", entries=True), Audience("en", entries=False)


def name_of(_audience: Audience, piece: Piece) -> str:
    return piece.macro


@dataclass
class Store:
    engine: Engine
    live: Live
    over: set[str]  # sessions
    queries: list[str] = field(default_factory=list)

    def set_state(self, number: int, **changes: Any) -> None:
        text = state_of(NOW_MS, number, random.Random(1), **changes)
        with self.engine.begin() as connection:
            connection.execute(
                update(gate_states).where(gate_states.c.gate == number).values(state=text)
            )


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    engine = connect(tmp_path / "hub.db")
    metadata.create_all(engine)
    with engine.begin() as connection:
        fill(connection, Sample(people=20, days=1), now_ms=NOW_MS)
    looker = Looker(Limits(zone=ZoneInfo("Asia/Ho_Chi_Minh")))
    over: set[str] = set()
    live = Live(
        engine, looker, pieces, name_of, lambda keys: frozenset(keys) - over,
        now_ms=lambda: NOW_MS, interval_s=0.01,
    )  # fmt: skip
    made = Store(engine, live, over)
    event.listen(
        engine, "before_cursor_execute", lambda _c, _cur, text, *_: made.queries.append(text)
    )
    yield made
    engine.dispose()


def parts_of(message: bytes) -> dict[str, str]:
    lines = dict(line.split(": ", 1) for line in message.decode().strip().split("\n"))
    assert lines["event"] == "parts"
    found: dict[str, str] = json.loads(lines["data"])["parts"]
    return found


async def begun(
    store: Store, audience: Audience, since: str = "", session: str = "one"
) -> tuple[Any, dict[str, str]]:
    stream = store.live.stream(audience, since, session)
    assert await anext(stream) == b"retry: 2000\n\n"
    return stream, parts_of(await anext(stream))


def test_a_change_reaches_every_viewer_and_nothing_else_does(store: Store) -> None:
    async def look() -> None:
        streams = [(await begun(store, audience))[0] for audience in (VI, VI, EN)]
        store.set_state(11, gate={"phase": "released"})
        for stream in streams:
            assert set(parts_of(await asyncio.wait_for(anext(stream), 10))) == {"gate-11"}
        for stream in streams:
            await stream.aclose()
        assert store.live.viewers == 0

    asyncio.run(look())


def test_many_viewers_cost_the_store_no_more_than_one(store: Store) -> None:
    async def queries_of(viewers: int) -> int:
        streams = [(await begun(store, VI))[0] for _ in range(viewers)]
        store.queries.clear()
        for phase in ("released", "passing", "secured"):
            store.set_state(11, gate={"phase": phase})
            for stream in streams:
                await asyncio.wait_for(anext(stream), 10)
        reads = sum("FROM gates" in text for text in store.queries)
        for stream in streams:
            await stream.aclose()
        return reads

    asyncio.run(queries_of(1))
    reads = asyncio.run(queries_of(40))
    # the watcher reads at its own pace: a few times a change, never once a viewer
    assert reads < 40


def test_who_comes_back_gets_what_changed_since(store: Store) -> None:
    async def look() -> None:
        _, version = store.live.current()
        store.set_state(12, gate={"phase": "released"})
        stream, parts = await begun(store, VI, version)
        assert set(parts) == {"gate-12"}
        await stream.aclose()
        for since in ("", "another-1", f"{version.split('-')[0]}-x"):
            stream, parts = await begun(store, VI, since)
            assert {"verdict", "layout", "entries", "gate-12", "pin-1"} <= set(parts)
            await stream.aclose()

    asyncio.run(look())


def test_those_who_may_not_see_entries_are_not_sent_any(store: Store) -> None:
    async def look() -> None:
        stream, parts = await begun(store, EN)
        assert "entries" not in parts
        await stream.aclose()

    asyncio.run(look())


def test_a_viewer_that_does_not_read_is_let_go(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.web.live._QUEUE", 3)

    async def look() -> None:
        slow, _ = await begun(store, VI)
        quick, _ = await begun(store, VI)
        for number in range(40):
            store.set_state(11, gate={"phase": "released" if number % 2 else "secured"})
            await asyncio.wait_for(anext(quick), 10)
            if store.live.viewers == 1:
                break
        assert store.live.viewers == 1
        assert [message async for message in slow] == []
        await quick.aclose()

    asyncio.run(look())


def test_a_session_that_is_over_is_sent_nothing_more(store: Store) -> None:
    async def look() -> None:
        ended, _ = await begun(store, VI, session="ended")
        other, _ = await begun(store, VI, session="other")
        store.over.add("ended")
        store.set_state(11, gate={"phase": "released"})
        assert [message async for message in ended] == []
        assert set(parts_of(await asyncio.wait_for(anext(other), 10))) == {"gate-11"}
        assert store.live.viewers == 1
        await other.aclose()

    asyncio.run(look())


def test_many_viewers_sessions_are_one_question(store: Store) -> None:
    asked: list[int] = []

    def lasting(keys: Collection[str]) -> frozenset[str]:
        asked.append(len(keys))
        return frozenset(keys)

    store.live._lasting = lasting

    async def look() -> None:
        streams = [(await begun(store, VI, session=f"s{number}"))[0] for number in range(20)]
        asked.clear()
        store.set_state(11, gate={"phase": "released"})
        for stream in streams:
            await asyncio.wait_for(anext(stream), 10)
        for stream in streams:
            await stream.aclose()

    asyncio.run(look())
    assert asked[0] == 20
    assert len(asked) < 20


def test_the_number_of_viewers_is_bounded(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hub.web.live.MOST_VIEWERS", 2)

    async def look() -> None:
        streams = [(await begun(store, VI))[0] for _ in range(2)]
        with pytest.raises(TooManyViewersError):
            await begun(store, VI)
        for stream in streams:
            await stream.aclose()

    asyncio.run(look())


def test_when_the_store_fails_no_beat_says_that_all_is_well(store: Store) -> None:
    async def look() -> None:
        stream, _ = await begun(store, VI)
        with store.engine.begin() as connection:
            connection.exec_driver_sql("ALTER TABLE gates RENAME TO gates_away")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(stream), 0.3)
        with store.engine.begin() as connection:
            connection.exec_driver_sql("ALTER TABLE gates_away RENAME TO gates")

    asyncio.run(look())


def test_a_gate_is_judged_by_what_it_said_and_by_its_silence(store: Store) -> None:
    looker = Looker(Limits(zone=ZoneInfo("Asia/Ho_Chi_Minh"), silent_s=150))

    def status(gate: int, at_ms: int) -> Status:
        with store.engine.connect() as connection:
            found = looker.gate(connection, gate, at_ms)
        assert found is not None
        return found.status

    assert status(11, NOW_MS) is Status.WELL
    assert status(11, NOW_MS + 200_000) is Status.OFFLINE
    store.set_state(11, gate={"fire": True, "faults": [{"device": "camera", "cause": "hung"}]})
    assert status(11, NOW_MS) is Status.FIRE
    assert status(22, NOW_MS) is Status.FAULT or status(21, NOW_MS) is Status.FAULT


def test_a_site_that_is_new_makes_pages_load_anew(store: Store) -> None:
    overview, _ = store.live.current()
    before = pieces(overview)["layout"]
    with store.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE sites SET name = 'Cổng sau' WHERE id = 2")
    overview, _ = store.live.current()
    assert pieces(overview)["layout"] != before


def test_events_are_for_those_who_are_logged_in(anyone: Visitor) -> None:
    assert anyone.get("/events").status_code == 401


def test_the_stream_ends_with_the_session(log_in: LogIn, served: Served) -> None:
    viewer = log_in("viewer")
    with viewer.client.stream("GET", "/events") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert answer.headers["cache-control"] == "no-store"
        lines = answer.iter_lines()
        assert next(lines) == "retry: 2000"
        other = httpx.Client(base_url=served.url, cookies=viewer.client.cookies)
        token = Visitor.form_token(viewer, "/overview")
        assert other.post("/logout", data={"csrf": token}).status_code == 303
        other.close()
        for _ in lines:
            pass


def test_the_stream_of_a_user_who_is_removed_ends(served: Served) -> None:
    with served.engine.begin() as connection:
        add(connection, "leaver", Role.VIEWER, password=PASSWORD, at_ms=NOW_MS)
    visitor = Visitor(served)
    visitor.log_in("leaver")
    with visitor.client.stream("GET", "/events") as answer:
        lines = answer.iter_lines()
        assert next(lines) == "retry: 2000"
        with served.engine.begin() as connection:
            remove(connection, "leaver")
        for _ in lines:
            pass
    visitor.close()


def test_the_made_up_states_are_states_of_the_feed() -> None:
    for changes in ({}, {"gate": {"faults": [{"device": "camera", "cause": "hung"}]}}):
        found = decode_state(state_of(NOW_MS, 11, random.Random(1), **changes).encode())
        assert found.gate is not None
        assert found.records is not None


def test_what_a_gate_really_publishes_is_understood(store: Store) -> None:
    at = datetime.fromtimestamp(NOW_MS / 1000, UTC)
    said = GateState(
        status="online", version="0.1.0", since=at, at=at,
        gate=Summary(
            phase="held_open", door="open", granted=41,
            readers=(ReaderSummary(name="in", direction="in", phase="idle", median_c=36.6),),
            faults=(Fault(device="publisher", cause="other"),),
        ),
        records=RecordsSummary(stream="s", seq=9, confirmed=3, oldest_unconfirmed_at=at),
    )  # fmt: skip
    with store.engine.begin() as connection:
        connection.execute(
            update(gate_states)
            .where(gate_states.c.gate == 12)
            .values(state=encode_message(said).decode())
        )
    with store.engine.connect() as connection:
        found = Looker(Limits(zone=ZoneInfo("Asia/Ho_Chi_Minh"))).gate(connection, 12, NOW_MS)
    assert found is not None
    assert (found.status, found.phase, found.door, found.granted) == (
        Status.FAULT, "held_open", "open", 41,
    )  # fmt: skip
    assert found.oldest_unconfirmed_ms == found.since_ms == NOW_MS
    assert found.readers[0].median_c == 36.6
