"""`edge-hub gate close` and `reopen` over a real broker: every gate answers for itself."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from sqlalchemy import Engine, func, insert, select, update

from feed.messages import GateState, OrderSummary, Summary, encode_message
from feed.topics import GateTopics
from hub.closing import ClosingError
from hub.commands import gate as module
from hub.monitor.gates import gates_now
from hub.monitor.metrics import metrics
from hub.monitor.orders import Ordered
from hub.monitor.states import Heard, gate_ids, note
from hub.store.engine import connect
from hub.store.opening import open_store
from hub.store.schema import audit, gate_states, offline
from tests.hub.park.support import Park
from tests.hub.park.test_park_commands import run
from tests.mqtt.support import Broker, free_port

NOW = datetime(2026, 11, 29, 5, tzinfo=UTC)
SAIGON = ZoneInfo("Asia/Ho_Chi_Minh")


class LittleGate:
    """Answers its commands, as `answers` says; None: not at all."""

    def __init__(self, port: int, place: GateTopics, answers: dict[str, Any] | None) -> None:
        self.heard: list[dict[str, Any]] = []
        self._place, self._answers = place, answers
        self._client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
        self._client.on_message = self._command
        self._client.connect("127.0.0.1", port)
        self._client.subscribe(place.command, qos=0)
        self._client.loop_start()

    def _command(self, client: paho.Client, _data: Any, message: paho.MQTTMessage) -> None:
        command = json.loads(message.payload)
        assert not message.retain
        self.heard.append(command)
        if self._answers is not None:
            reply = json.dumps({"id": command["id"], **self._answers})
            client.publish(self._place.reply, reply, qos=1)

    def stop(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    made = Broker(tmp_path_factory.mktemp("broker"))
    made.start()
    yield made
    made.stop()


Gates = Callable[..., LittleGate]


@pytest.fixture
def gates(broker: Broker) -> Iterator[Gates]:
    made: list[LittleGate] = []

    def make(gate: str, answers: dict[str, Any] | None, site: str = "a") -> LittleGate:
        made.append(LittleGate(broker.port, GateTopics("kcn", site, gate), answers))
        return made[-1]

    yield make
    for one in made:
        one.stop()


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """A site `a` with gates g1 and g2, online, and a site `b` with g1."""
    path = tmp_path / "hub.db"
    open_store(path).close()
    engine = connect(path)
    park = Park(engine)
    park.site("a")
    park.site("b")
    places = [GateTopics("kcn", *names) for names in (("a", "g1"), ("a", "g2"), ("b", "g1"))]
    online = encode_message(GateState(status="online"))
    with engine.begin() as connection:
        ids = gate_ids(connection, dict.fromkeys(places))
        heard = {place: Heard(place, online, 1_000, retained=False) for place in places}
        note(connection, heard, ids)
    yield engine
    engine.dispose()


@pytest.fixture
def config(tmp_path: Path, broker: Broker) -> Path:
    return configure(tmp_path, broker.port)


def configure(folder: Path, port: int) -> Path:
    made = folder / "hub.toml"
    made.write_text(f'[store]\npath = "hub.db"\n[mqtt]\nhost = "127.0.0.1"\nport = {port}\n')
    return made


def logged(engine: Engine) -> list[tuple[str, str, Any, Any]]:
    with engine.connect() as connection:
        found = connection.execute(select(audit).order_by(audit.c.id)).all()
    return [(one.action, one.purpose, json.loads(one.asked), json.loads(one.seen)) for one in found]


def test_all_gates_of_a_site_are_closed_and_nobody_elses(
    engine: Engine, config: Path, gates: Gates
) -> None:
    told = [gates(name, {"ok": True, "result": {"closed": True}}) for name in ("g1", "g2")]
    next_door = gates("g1", {"ok": True}, site="b")
    made = run("gate", "close", "kcn/a", "--reason", "outbreak", "--until", "2099-01-01T18:00",
               "--actor", "an", "--purpose", "case 12", "--config", config)  # fmt: skip
    assert (made.returncode, made.stderr) == (0, "")
    assert made.stdout.split() == ["gate", "now", "kcn/a/g1", "closed", "kcn/a/g2", "closed"]
    for one in told:
        (command,) = one.heard
        assert command.pop("id")
        assert command == {
            "command": "close", "reason": "outbreak", "by": "an",
            "until": "2099-01-01T11:00:00.000Z",
        }  # fmt: skip
    assert next_door.heard == []
    asked, answered = logged(engine)
    assert asked[:2] == ("gate close", "case 12")
    assert asked[2]["gates"].keys() == {"kcn/a/g1", "kcn/a/g2"}
    assert (asked[2]["by"], asked[2]["reason"]) == ("an", "outbreak")
    assert answered[3] == {"kcn/a/g1": "done", "kcn/a/g2": "done"}


def test_gates_that_do_not_do_it_are_named_and_the_exit_code_says_so(
    engine: Engine, config: Path, gates: Gates
) -> None:
    gates("g1", {"ok": False, "error": "unknown command 'close'"})
    with engine.begin() as connection:
        away = connection.scalar(select(func.max(gate_states.c.gate)))  # g2 was put down last
        connection.execute(
            update(gate_states).where(gate_states.c.gate == away).values(online=False)
        )
        connection.execute(insert(offline).values(gate=away, from_ms=1_000))
    words = ("gate", "close", "kcn/a", "--reason", "incident", "--config", config)
    made = run(*words)
    assert made.returncode == 1
    assert "kcn/a/g1  unknown command 'close'" in made.stdout
    assert "kcn/a/g2  no answer: offline since 1970-01-01T00:00:01.000Z" in made.stdout
    first, second = json.loads(run(*words, "--json").stdout)
    assert (first["answered"], first["done"]) == (True, False)
    assert (second["answered"], second["closed"]) == (False, None)
    assert logged(engine)[1][3] == {
        "kcn/a/g1": "unknown command 'close'", "kcn/a/g2": "no answer"
    }  # fmt: skip


@pytest.mark.parametrize("answers", [None, {"id": "somebody-elses", "ok": True}])
def test_a_gate_that_seems_online_and_does_not_answer_this_is_named(
    engine: Engine, config: Path, gates: Gates, answers: dict[str, Any] | None
) -> None:
    """What others ask of the gate is answered on the same topic."""
    gates("g1", answers)
    made = run("gate", "reopen", "kcn/a/g1", "--wait-s", "0.3", "--config", config)
    assert made.returncode == 1
    assert "kcn/a/g1  no answer" in made.stdout


def test_a_gate_that_reopens_within_its_closed_hours_is_told_as_closed(
    engine: Engine, config: Path, gates: Gates
) -> None:
    gate = gates("g1", {"ok": True, "result": {"closed": True}})
    made = run("gate", "reopen", "kcn/a/g1", "--config", config)
    assert (made.returncode, made.stdout.split()[2:]) == (0, ["kcn/a/g1", "closed"])
    assert [one["command"] for one in gate.heard] == ["reopen"]


def test_without_a_broker_no_gate_was_asked(engine: Engine, tmp_path: Path) -> None:
    nobody = configure(tmp_path, free_port())
    made = run("gate", "close", "kcn/a", "--reason", "other", "--config", nobody)
    assert made.returncode == 1
    assert "no gate was asked: 127.0.0.1:" in made.stderr
    assert "connection refused" in made.stderr


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (("kcn/a/g9",), "no such gate"),
        (("kcn",), "give PARK/SITE"),
        (("kcn/a/g1/x",), "give PARK/SITE"),
        (("kcn/a", "--until", "later"), "by the park's clock"),
        (("kcn/a", "--until", "2020-01-01T18:00"), "is over"),
        (("kcn/a", "--actor", "x" * 101), "--actor"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_asked(
    engine: Engine, config: Path, words: tuple[str, ...], error: str
) -> None:
    made = run("gate", "close", *words, "--reason", "other", "--config", config)
    assert made.returncode == 2
    assert error in made.stderr
    assert logged(engine) == []


def test_a_reason_is_asked_for(config: Path) -> None:
    assert run("gate", "close", "kcn/a", "--config", config).returncode == 2


def test_an_hour_alone_is_the_next_one_of_the_parks_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "now_ms", lambda: int(NOW.timestamp() * 1000))
    for text, wanted in (
        ("18:00", "2026-11-29T18:00:00+07:00"),
        ("12:00", "2026-11-30T12:00:00+07:00"),
        ("2026-12-01T06:00", "2026-12-01T06:00:00+07:00"),
        ("2026-11-29T06:00Z", "2026-11-29T06:00:00+00:00"),
    ):
        assert module._until(text, SAIGON).isoformat() == wanted
    with pytest.raises(ClosingError, match="is over"):
        module._until("2026-11-29T11:59", SAIGON)


def test_the_hub_knows_by_whose_order_a_gate_is_closed(engine: Engine) -> None:
    order = OrderSummary(since=NOW, reason="outbreak", by="an")
    state = GateState(status="online", gate=Summary(phase="secured", closed=True, order=order))
    place = GateTopics("kcn", "a", "g1")
    with engine.begin() as connection:
        ids = gate_ids(connection, {})
        note(connection, {place: Heard(place, encode_message(state), 9, retained=False)}, ids)
        found = {(one.site, one.gate): one for one in gates_now(connection, 9)}
    one = found["a", "g1"]
    assert one.closed
    assert one.order == Ordered(
        since_ms=int(NOW.timestamp() * 1000), reason="outbreak", by="an"
    )  # fmt: skip
    assert not found["a", "g2"].closed
    told = metrics(engine, None).decode()
    assert 'edge_gate_closed_by_order{gate="g1",park="kcn",site="a"} 1.0' in told
