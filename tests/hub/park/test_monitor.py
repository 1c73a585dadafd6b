"""The monitor: who is there, who fell silent, whose thermometer drifted."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import Connection, Engine, insert, select
from sqlalchemy.exc import SQLAlchemyError

from feed.messages import (
    Fault,
    GateState,
    ReaderSummary,
    RecordsSummary,
    Summary,
    encode_message,
)
from feed.topics import GateTopics
from hub.config import MonitorTable, MqttTable
from hub.monitor.alarms import (
    DRIFT,
    Alarm,
    AlarmError,
    Key,
    Wanted,
    acknowledge,
    list_alarms,
    open_by_name,
    raise_drift,
)
from hub.monitor.drift import Bounds, Figure, compare
from hub.monitor.gates import GateNow, Status, fault_line, gates_now
from hub.monitor.health import health
from hub.monitor.metrics import metrics
from hub.monitor.occupancy import inside, occupancy
from hub.monitor.states import Heard, gate_ids, note, sweep
from hub.monitor.watch import Watch
from hub.store.engine import connect, writing
from hub.store.schema import alarms, derived, offline, streams
from tests.hub.park.support import Park, ms
from tests.mqtt.support import Broker, wait_until

START = datetime(2021, 8, 23, 7, 0, tzinfo=UTC)
START_MS = int(START.timestamp() * 1000)
PLACE = GateTopics("kcn", "a", "g1")
MINUTE_MS = 60_000
LAST_WILL = encode_message(GateState(status="offline", version="0.1.0"))


def state(minutes: float = 0, *, status: str = "online", since: float = 0, **gate: object) -> bytes:
    parts = {"phase": "idle", "door": "closed", "lock": "secured"} | gate
    return encode_message(
        GateState(
            status="online" if status == "online" else "offline",
            version="0.1.0",
            since=START + timedelta(minutes=since),
            at=START + timedelta(minutes=minutes),
            gate=Summary(**parts),  # type: ignore[arg-type]
            records=RecordsSummary(
                stream="s", seq=9, confirmed=4, oldest_unconfirmed_at=START - timedelta(hours=1)
            ),
        )
    )


def hear(
    engine: Engine, payload: bytes, minutes: float, *, retained: bool = False, at: object = PLACE
) -> int:
    assert isinstance(at, GateTopics)
    heard = {at: Heard(at, payload, START_MS + int(minutes * MINUTE_MS), retained)}
    with writing(engine) as connection:
        return note(connection, heard, gate_ids(connection, heard))


def found(connection: Connection, **wanted: Any) -> tuple[list[Alarm], Key | None]:
    listed = list_alarms(connection, Wanted(**wanted))
    return list(listed.alarms), listed.next


def now(engine: Engine) -> GateNow:
    with engine.connect() as connection:
        (one,) = gates_now(connection, START_MS)
    return one


def away(engine: Engine) -> list[tuple[float, float | None]]:
    """Intervals in minutes from the start."""
    with engine.connect() as connection:
        rows = connection.execute(
            select(offline.c.from_ms, offline.c.to_ms).order_by(offline.c.from_ms)
        ).all()
    return [
        ((begin - START_MS) / MINUTE_MS, None if end is None else (end - START_MS) / MINUTE_MS)
        for begin, end in rows
    ]


# --- states ---------------------------------------------------------------------------------


def test_a_gate_that_nobody_registered_is_seen(engine: Engine) -> None:
    faults = (Fault(device="camera", cause="unplugged", reader="in"),)
    hear(engine, state(faults=faults, fire=True), 0)
    one = now(engine)
    assert (one.online, one.registered, one.fire) == (True, False, True)
    assert [fault_line(fault) for fault in one.faults] == ["camera in unplugged"]
    assert one.status is Status.FIRE
    assert one.unconfirmed == 5
    assert one.oldest_unconfirmed_ms == START_MS - 60 * MINUTE_MS


def test_a_last_will_begins_an_interval_that_the_next_state_ends(engine: Engine) -> None:
    hear(engine, state(0), 0)
    hear(engine, LAST_WILL, 10)
    assert away(engine) == [(10, None)]
    assert now(engine).offline_since_ms == START_MS + 10 * MINUTE_MS
    assert now(engine).heard_ms == START_MS
    assert now(engine).version == "0.1.0"
    hear(engine, state(15, since=14), 15)
    assert away(engine) == [(10, 14)]
    assert now(engine).online


def test_a_gate_that_is_silent_counts_as_offline_since_it_was_heard(engine: Engine) -> None:
    hear(engine, state(0), 0)
    with writing(engine) as connection:
        assert sweep(connection, now_ms=START_MS + MINUTE_MS, silent_ms=150_000) == 0
        assert sweep(connection, now_ms=START_MS + 3 * MINUTE_MS, silent_ms=150_000) == 1
        assert sweep(connection, now_ms=START_MS + 4 * MINUTE_MS, silent_ms=150_000) == 0
    assert away(engine) == [(0, None)]
    hear(engine, LAST_WILL, 5)
    assert away(engine) == [(0, None)]
    hear(engine, state(6, since=5.5), 6)
    assert away(engine) == [(0, 5.5)]


def test_a_will_that_was_retained_while_the_hub_was_away_counts_from_the_last_word(
    engine: Engine,
) -> None:
    hear(engine, state(0), 0)
    hear(engine, LAST_WILL, 600, retained=True)
    assert away(engine) == [(0, None)]


def test_a_stop_that_was_told_counts_from_when_it_was(engine: Engine) -> None:
    hear(engine, state(0), 0)
    hear(engine, state(600, status="offline", since=30), 600, retained=True)
    assert away(engine) == [(30, None)]


def test_a_gate_whose_clock_says_1970_is_timed_by_the_hub(engine: Engine) -> None:
    hear(engine, state(0), 0)
    hear(engine, LAST_WILL, 10)
    hear(engine, state(-10_000_000, since=-10_000_000), 20)
    assert away(engine) == [(10, 20)]


def test_a_retained_state_is_as_old_as_it_says(engine: Engine) -> None:
    hear(engine, state(0), 600, retained=True)
    assert now(engine).heard_ms == START_MS


@pytest.mark.parametrize("payload", [b"{}", b"\xff", b"[1]", b'{"status":"up","v":1}', b"[" * 9999])
def test_what_is_no_state_changes_nothing(engine: Engine, payload: bytes) -> None:
    hear(engine, state(0), 0)
    before = now(engine)
    assert hear(engine, payload, 5) == 1
    assert now(engine) == before


# --- thermometers ---------------------------------------------------------------------------

BOUNDS = Bounds(bound_c=0.3, ambient_c=3.0, peers=3, people=20)


def figure(gate: str, median_c: float, ambient_c: float | None = 28.0, park: str = "kcn") -> Figure:
    return Figure(
        park=park, site="a", gate=gate, reader="in", median_c=median_c, people=50,
        ambient_c=ambient_c,
    )  # fmt: skip


def out(figures: list[Figure]) -> list[str]:
    return [one.figure.gate for one in compare(figures, BOUNDS) if one.out]


def test_a_thermometer_that_reads_high_stands_out_and_its_peers_do_not() -> None:
    peers = [figure(f"g{n}", 36.5 + n / 50) for n in range(5)]
    assert out(peers) == []
    assert out([*peers, figure("bad", 37.1)]) == ["bad"]
    assert out([*peers, figure("low", 36.0)]) == ["low"]


def test_gates_in_other_air_and_other_parks_are_no_peers() -> None:
    warm = [figure(f"w{n}", 36.9, 38.0) for n in range(4)]
    cool = [figure(f"c{n}", 36.4, 24.0) for n in range(4)]
    other = [figure(f"o{n}", 36.0, park="other") for n in range(4)]
    silent = [figure(f"s{n}", 35.9, None) for n in range(4)]
    assert out([*warm, *cool, *other, *silent]) == []


def test_two_gates_can_not_say_which_of_them_is_wrong() -> None:
    assert compare([figure("a", 36.5), figure("b", 38.0)], BOUNDS) == []


def test_peers_that_differ_among_themselves_raise_the_bound() -> None:
    peers = [figure(f"g{n}", 36.0 + n * 0.3) for n in range(5)]
    assert out([*peers, figure("x", 37.3)]) == []


def test_a_drift_is_an_alarm_once_until_it_is_acknowledged(engine: Engine) -> None:
    drifts = compare([*[figure(f"g{n}", 36.5) for n in range(4)], figure("x", 37.2)], BOUNDS)
    with writing(engine) as connection:
        connection.execute(insert(streams).values(stream="s", park="kcn", site="a", gate="x"))
        (raised,) = raise_drift(connection, drifts, at_ms=START_MS)
        assert raised == "kcn/a/x reader in: +0.70 °C against 4 others"
        assert raise_drift(connection, drifts, at_ms=START_MS + 9 * 24 * 60 * MINUTE_MS) == []
        # among the others of its gate
        ((alarm,), _) = found(connection, park="kcn", site="a", gate="x")
        assert json.loads(alarm.detail)["off_c"] == 0.7
        assert acknowledge(connection, [alarm.id], who="lan", at_ms=START_MS + 1) == 1
        assert raise_drift(connection, drifts, at_ms=START_MS + 60 * MINUTE_MS) == []
        assert len(raise_drift(connection, drifts, at_ms=START_MS + 25 * 60 * MINUTE_MS)) == 1
        assert open_by_name(connection) == {DRIFT: 1}


# --- alarms ---------------------------------------------------------------------------------


def test_alarms_tell_their_gate_and_leave_the_list_when_acknowledged(park: Park) -> None:
    with writing(park.engine) as connection:
        for seq, name in ((3, "door_forced"), (4, "fire")):
            values = {"at_ms": seq, "name": name, "stream": 1, "seq": seq, "detail": ""}
            connection.execute(insert(alarms).values(**values))
        (newest, oldest), _ = found(connection)
        assert (newest.name, newest.park, newest.gate, newest.seq) == ("fire", "kcn", "g", 4)
        assert found(connection, park="other") == ([], None)
        assert acknowledge(connection, [oldest.id], who="lan", at_ms=99) == 1
        assert acknowledge(connection, [oldest.id], who="minh", at_ms=100) == 0
        assert [one.name for one in found(connection, only_open=True)[0]] == ["fire"]
        seen = found(connection)[0][1]
        assert (seen.acknowledged_by, seen.acknowledged_ms) == ("lan", 99)
        with pytest.raises(AlarmError, match="there is no alarm 77"):
            acknowledge(connection, [77], who="lan", at_ms=1)


# --- occupancy ------------------------------------------------------------------------------


def test_occupancy_counts_people_whose_visit_is_under_way(park: Park) -> None:
    a, b = park.site("a"), park.site("b")
    park.site("empty")
    one, two = park.person("1"), park.person("2")
    park.visit(a, one, "2021-08-23 07:00", "2021-08-23 16:00")
    park.visit(a, two, "2021-08-23 08:00", "2021-08-24 00:00", assumed=True)
    park.visit(b, two, "2021-08-22 08:00", "2021-08-22 09:00")

    def at(text: str) -> dict[str, tuple[int, int]]:
        with park.engine.connect() as connection:
            found = occupancy(connection, ms(text), park="kcn")
        return {one.site: (one.inside, one.assumed) for one in found}

    assert at("2021-08-23 07:30") == {"a": (1, 0), "b": (0, 0), "empty": (0, 0)}
    assert at("2021-08-23 09:00")["a"] == (2, 1)
    assert at("2021-08-23 16:00")["a"] == (1, 1)
    assert at("2021-08-22 08:00")["b"] == (1, 0)


def test_a_person_with_two_tokens_is_one_head(park: Park) -> None:
    a = park.site("a")
    one = park.person("1")
    two = park.person("2", same_as=one)
    park.visit(a, one, "2021-08-23 07:00", "2021-08-23 16:00")
    park.visit(a, two, "2021-08-23 08:00", "2021-08-23 16:00")
    with park.engine.connect() as connection:
        assert inside(connection, ms("2021-08-23 09:00"))[a].inside == 1


def test_a_stay_longer_than_is_usual_is_counted_to_its_end(park: Park) -> None:
    a = park.site("a", derived_stay_min=48 * 60)
    park.visit(a, park.person("1"), "2021-08-22 07:00", "2021-08-24 07:00", assumed=True)
    with park.engine.connect() as connection:
        assert inside(connection, ms("2021-08-24 06:00"))[a].inside == 1


# --- health and metrics ---------------------------------------------------------------------


def test_health_is_what_it_is(park: Park) -> None:
    assert health(park.engine, lambda: None).ok
    assert health(park.engine, None).broker == "not watched here"
    refused = health(park.engine, lambda: "connection refused")
    assert (refused.ok, refused.broker) == (False, "connection refused")


def test_a_derivation_that_stands_still_is_not_healthy(park: Park) -> None:
    with park.engine.begin() as connection:
        connection.execute(streams.update().values(upto=200_000))
    assert not health(park.engine, None).ok
    with park.engine.begin() as connection:
        connection.execute(insert(derived).values(stream=1, upto=199_990))
    found = health(park.engine, None)
    assert (found.ok, found.behind) == (True, 10)


def test_a_store_that_is_away_is_told(tmp_path: Path) -> None:
    gone = connect(tmp_path / "no" / "hub.db")
    found = health(gone, lambda: None)
    assert not found.ok
    assert "unable to open database file" in found.store
    assert b"edge_hub_store_up 0.0" in metrics(gone, None)


def test_metrics_tell_gates_alarms_and_lag(engine: Engine) -> None:
    reader = ReaderSummary(name="in", direction="in", median_c=36.5, median_of=30, ambient_c=28.1)
    hear(engine, state(0, readers=(reader,)), 0)
    Park(engine)
    text = metrics(engine, lambda: "refused").decode()
    for line in (
        'edge_gate_online{gate="g1",park="kcn",site="a"} 1.0',
        'edge_gate_unconfirmed_records{gate="g1",park="kcn",site="a"} 5.0',
        'edge_reader_median_celsius{gate="g1",park="kcn",reader="in",site="a"} 36.5',
        'edge_reader_ambient_celsius{gate="g1",park="kcn",reader="in",site="a"} 28.1',
        "edge_hub_broker_up 0.0",
        "edge_hub_store_up 1.0",
        "edge_hub_derivation_lag_records 0.0",
    ):
        assert line in text
    names = {family.name for family in text_string_to_metric_families(text)}
    assert {"edge_gate_online", "edge_site_inside", "edge_hub_alarms_open"} <= names


# --- the thread -----------------------------------------------------------------------------


@pytest.fixture
def store_file(tmp_path: Path) -> Path:
    from hub.store.schema import metadata

    made = connect(tmp_path / "hub.db")
    metadata.create_all(made)
    made.dispose()
    return tmp_path / "hub.db"


def test_states_come_from_the_broker_into_the_store(broker: Broker, store_file: Path) -> None:
    from hub.announce import announce

    table = MqttTable(port=broker.port)
    announce(table, PLACE.state, state(0))
    engine = connect(store_file)
    watch = Watch(table, MonitorTable(), engine)
    watch.start()
    try:
        assert wait_until(lambda: watch.trouble is None)

        def seen(*, online: bool) -> bool:
            with engine.connect() as connection:
                return [one.online for one in gates_now(connection, START_MS)] == [online]

        assert wait_until(lambda: seen(online=True))
        announce(table, PLACE.state, LAST_WILL)
        assert wait_until(lambda: seen(online=False))
        broker.stop()
        assert wait_until(lambda: watch.trouble is not None)
        assert watch.alive
    finally:
        watch.stop()
        engine.dispose()


def test_what_was_heard_while_the_store_was_away_is_kept(tmp_path: Path) -> None:
    from hub.store.schema import metadata

    folder = tmp_path / "later"
    engine = connect(folder / "hub.db")
    watch = Watch(MqttTable(), MonitorTable(), engine, now_ms=lambda: START_MS)
    watch.hear(PLACE.state, state(0), retained=False)
    assert not watch.turn()
    folder.mkdir()
    metadata.create_all(engine)
    assert watch.turn()
    assert now(engine).online
    engine.dispose()


def test_other_topics_and_huge_states_are_counted_and_dropped(store_file: Path) -> None:
    engine = connect(store_file)
    watch = Watch(MqttTable(), MonitorTable(), engine)
    watch.hear("gate/v1/kcn/list/roster", b"{}", retained=False)
    watch.hear("homeassistant/x", b"{}", retained=False)
    watch.hear(PLACE.state, b"x" * 70_000, retained=False)
    watch.hear(PLACE.state, b"", retained=False)
    assert watch.unreadable == 3
    assert watch.turn()
    with engine.connect() as connection:
        assert gates_now(connection, START_MS) == []
    engine.dispose()


def test_a_writer_that_reads_first_waits_for_the_other(store_file: Path) -> None:
    """Without the first write of `writing` its own would be refused at once."""
    one, other = connect(store_file), connect(store_file)
    with writing(one) as connection:
        connection.execute(select(streams)).all()
        with other.begin() as between:
            between.exec_driver_sql("PRAGMA busy_timeout = 10")
            with pytest.raises(SQLAlchemyError, match="locked"):
                between.exec_driver_sql("DELETE FROM hub")
        values = {"id": 1, "stream": "s", "park": "p", "site": "s", "gate": "g"}
        connection.execute(insert(streams).values(**values))
    one.dispose()
    other.dispose()
