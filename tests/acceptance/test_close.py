"""A manager closes a gate from the hub: as its users run them, over a real broker."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from edge.drivers.sim.world import Visit
from hub.store.status import read_status
from tests.acceptance.daemon import ROOT, Daemon
from tests.integration.support import HubProcess
from tests.mqtt.support import Broker, wait_until
from tests.mqtt.watcher import Watcher

Make = Callable[..., Daemon]
STATE = "gate/v1/kcn/nha-may-a/cong-1/state"
GRANTED = ("granted", ("code_accepted", "temperature_normal"))
REFUSED = ("denied", ("closed_by_order",))


def stream_of_people() -> list[Visit]:
    """Somebody else every eight seconds, all of them well."""
    return [
        Visit(
            reader="in", at_s=3.0 + 8.0 * number, stay_s=6.0,
            code=f"0790870000{number:02d}||Lê Văn Tú|18011987|Nam|Thủ Đức|01062021".encode(),
        )
        for number in range(60)
    ]  # fmt: skip


def order(hub: HubProcess, *words: str) -> list[dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, "-m", "hub", "gate", *words, "--store", str(hub.store), "--json",
         "--config", str(hub._config)],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def at_the_gate(gate: Daemon, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "edge", "--config", str(gate.folder / "config.toml"), *words]
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60
    )


def names(gate: Daemon) -> list[str]:
    return [record.event.name for record in gate.of_kind("gate") if record.event]


def test_closed_from_the_hub_through_kill_9_and_opened_again(daemon: Make, broker: Broker) -> None:
    broker.start()
    gate = daemon(stream_of_people(), port=broker.port)
    hub = HubProcess(gate.folder, broker.port).start().connected()
    watcher = Watcher(broker.port)
    try:
        gate.start()
        gate.wait(lambda: GRANTED in gate.decisions, "somebody is let in")
        assert wait_until(lambda: bool(read_status(hub.store)["records"]), 60), hub.log
        (told,) = order(
            hub, "close", "kcn/nha-may-a", "--reason", "outbreak", "--actor", "an"
        )  # fmt: skip
        assert (told["gate"], told["done"], told["closed"]) == ("cong-1", True, True)
        gate.wait(lambda: gate.decisions[-1] == REFUSED, "a good code is refused")
        said = watcher.wait_json(STATE, lambda state: "order" in state.get("gate", {}))
        assert said["gate"]["closed"]
        assert (said["gate"]["order"]["reason"], said["gate"]["order"]["by"]) == ("outbreak", "an")

        gate.send(signal.SIGKILL)
        gate.ended()
        before = len(gate.decisions)
        gate.start()
        gate.wait(lambda: len(gate.decisions) > before, "somebody comes after the kill")
        assert gate.decisions[before:] == [REFUSED]
        assert names(gate) == ["started", "closed_by_order", "started", "closed_by_order"]

        (told,) = order(hub, "reopen", "kcn/nha-may-a/cong-1", "--actor", "binh")
        assert (told["done"], told["closed"]) == (True, False)
        gate.wait(lambda: gate.decisions[-1] == GRANTED, "people get in again")
        reopened = gate.of_kind("gate")[-1].event
        assert reopened is not None
        assert (reopened.name, (reopened.detail or {})["by"]) == ("reopened", "binh")
        granted = [one for one in gate.decisions if one[0] == "granted"]
        assert set(gate.decisions) == {GRANTED, REFUSED}
        assert len(granted) >= 2
    finally:
        watcher.stop()
        hub.stop()


def test_closed_at_the_gate_itself_while_no_network_is_there(daemon: Make) -> None:
    gate = daemon(stream_of_people()).start()
    gate.wait(lambda: GRANTED in gate.decisions, "somebody is let in")
    done = at_the_gate(gate, "close", "--reason", "maintenance", "--until", "23:59", "--by", "tho")
    assert (done.returncode, done.stdout, done.stderr) == (0, "closed\n", "")
    gate.wait(lambda: gate.decisions[-1] == REFUSED, "a good code is refused")
    event = gate.of_kind("gate")[-1].event
    assert event is not None
    assert event.detail is not None
    assert (event.detail["reason"], event.detail["by"]) == ("maintenance", "tho")
    done = at_the_gate(gate, "reopen", "--json")
    assert json.loads(done.stdout) == {"ok": True, "error": None, "closed": False}
    gate.wait(lambda: gate.decisions[-1] == GRANTED, "people get in again")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["close"], "Missing option '--reason'"),
        (["close", "--reason", "lunch"], "is not one of 'outbreak'"),
        (["close", "--reason", "other", "--until", "soon"], "give 18:00 or 2026-11-29T18:00"),
        (["close", "--reason", "other", "--until", "2001-01-01T00:00Z"], "is over"),
        (["reopen", "--by", ""], "by: a name of 1 to 100 characters"),
    ],
)
def test_a_wrong_order_is_one_line_and_closes_nothing(
    daemon: Make, words: list[str], says: str
) -> None:
    gate = daemon().start()
    done = at_the_gate(gate, *words)
    assert done.returncode == (1 if words[0] == "reopen" else 2)
    assert says in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert names(gate) == ["started"]


def test_an_order_to_a_gate_that_does_not_run_says_so(daemon: Make) -> None:
    done = at_the_gate(daemon(), "close", "--reason", "other")
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert "is it running" in done.stderr
