"""`edge-gate run` from outside: people, signals, kills, broker and devices that come and go."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec

import pytest

from edge.drivers.sim.world import Visit
from edge.mqtt.tap import RecordTap
from tests.acceptance.daemon import CARD, ROOT, Daemon
from tests.mqtt.support import Broker

Make = Callable[..., Daemon]
GRANTED = ("granted", ("code_accepted", "temperature_normal"))


def visit(at_s: float = 3.0, **parts: object) -> Visit:
    return Visit(**{"reader": "in", "at_s": at_s, "stay_s": 5.0, "code": CARD.encode(), **parts})  # type: ignore[arg-type]


def test_an_entry_is_on_disk_and_at_the_broker_and_sigterm_ends_cleanly(
    daemon: Make, broker: Broker
):
    broker.start()
    tap = RecordTap("127.0.0.1", broker.port)
    tap.start()
    gate = daemon([visit()], port=broker.port).start()
    gate.wait(lambda: "passed" in gate.outcomes, "somebody passes")
    assert gate.decisions == [GRANTED]
    assert gate.stop() == 0
    told = "result=granted reasons=code_accepted,temperature_normal"
    assert any(told in line for line in gate.log), "the log tells what happened"
    assert "STOPPING=1" in gate.said
    assert "WATCHDOG=1" in gate.said
    records = gate.records()
    assert [record.seq for record in records] == list(range(1, len(records) + 1))
    assert records[-1].event is not None
    assert records[-1].event.name == "stopped"
    assert tap.wait_for(records[0].stream, len(records)), tap.missing(
        records[0].stream, len(records)
    )
    tap.stop()


def test_neither_disk_nor_log_holds_who_it_was(daemon: Make):
    gate = daemon([visit()]).start()
    gate.wait(lambda: bool(gate.decisions), "a decision")
    gate.stop()
    stored = b"".join(
        path.read_bytes() for path in (gate.folder / "records").rglob("*") if path.is_file()
    )
    assert b'"token"' in stored
    for word in ("079087000001", "Lê Văn Tú", "Thủ Đức"):
        assert word.encode() not in stored
        assert word not in "".join(gate.log)


def test_after_sigkill_the_journal_goes_on_and_the_start_says_so(daemon: Make, broker: Broker):
    gate = daemon([visit()], port=broker.port).start()
    gate.wait(lambda: "passed" in gate.outcomes, "somebody passes")
    gate.send(signal.SIGKILL)
    gate.ended()
    before = gate.records()
    gate.start()
    gate.wait(lambda: len(gate.of_kind("gate")) == 2, "the second start is recorded")
    again = gate.of_kind("gate")[1]
    assert again.event is not None
    assert again.event.detail is not None
    assert again.event.detail["unclean"] is True
    assert again.stream == before[0].stream
    assert gate.records()[: len(before)] == before
    broker.start()
    tap = RecordTap("127.0.0.1", broker.port)
    tap.start()
    assert tap.wait_for(before[0].stream, before[-1].seq), "what was written before the kill"
    tap.stop()


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
def test_a_decoder_killed_or_hung_in_mid_entry_is_replaced_and_the_entry_goes_on(
    daemon: Make, how: signal.Signals
):
    gate = daemon([visit(face_from_s=4.0, stay_s=10.0), visit(20.0)]).start()
    gate.wait(lambda: len(gate.children()) == 1, "the scan process runs")
    first = gate.children()[0]
    gate.wait(lambda: any("code_seen" in line for line in gate.said), "the code was seen")
    os.kill(first, how)
    gate.wait(lambda: bool(gate.decisions), "a decision")
    assert gate.decisions == [GRANTED]
    # whose fault it is depends on what the process was at: waiting for a frame, or decoding it
    seen = ("camera", "decoder")
    gate.wait(lambda: len(gate.alarms(*seen)) >= 2, "the fault is raised and cleared")
    cause = "crashed" if how is signal.SIGKILL else "hung"
    assert gate.alarms(*seen) == [("raised", cause), ("cleared", "")]
    assert first not in gate.children()
    assert gate.stop() == 0


def test_a_broker_that_is_away_at_the_start_is_no_fault_and_gets_all_when_it_comes(
    daemon: Make, broker: Broker
):
    gate = daemon([visit()], port=broker.port).start()
    gate.wait(lambda: "passed" in gate.outcomes, "somebody passes without a broker")
    assert gate.of_kind("alarm") == []
    broker.start()
    tap = RecordTap("127.0.0.1", broker.port)
    tap.start()
    records = gate.records()
    assert tap.wait_for(records[0].stream, len(records))
    tap.stop()
    assert gate.stop() == 0


def test_a_sensor_that_is_not_there_is_an_alarm_and_nobody_gets_in(daemon: Make):
    gate = daemon([visit()], thermometer='{ driver = "mlx90614", bus = 31 }').start()
    gate.wait(lambda: bool(gate.decisions), "a decision")
    assert gate.decisions == [("denied", ("sensor_fault",))]
    assert gate.alarms("thermometer") == [("raised", "not_found")]
    assert any("FAULT thermometer" in line for line in gate.said), "systemctl status says so"
    assert gate.stop() == 0


@pytest.mark.skipif(find_spec("lgpio") is not None, reason="this machine has lgpio")
def test_a_driver_that_can_not_be_loaded_keeps_the_gate_from_starting(daemon: Make):
    gate = daemon(extra="\n[door.nothing]\n")
    path = gate.folder / "config.toml"
    text = path.read_text(encoding="utf-8").replace("\n[door.nothing]\n", "")
    path.write_text(text.replace('driver = "sim"\nlock', 'driver = "gpio"\nlock'), encoding="utf-8")
    gate.start(ready=False)
    assert gate.ended() == 2
    assert "python3-lgpio" in "".join(gate.log)
    assert len(gate.log) == 1


def test_errors_in_the_configuration_are_told_in_one_go(daemon: Make):
    gate = daemon(extra='\n[screening]\nlimit = 37.0\n[timeouts]\ndenied_s = "long"\n')
    gate.start(ready=False)
    assert gate.ended() == 2
    told = "".join(gate.log)
    assert "limit_c" in told, "did you mean"
    assert "denied_s" in told


def test_two_daemons_never_share_a_journal(daemon: Make):
    gate = daemon().start()
    other = subprocess.run(
        [sys.executable, "-m", "edge", "--config", gate.folder / "config.toml", "run"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert other.returncode == 2
    assert "records" in other.stderr
    assert len(other.stderr.splitlines()) == 1
    assert gate.stop() == 0


def test_a_signal_dumps_the_stacks_of_all_threads(daemon: Make):
    gate = daemon().start()
    gate.send(signal.SIGUSR1)
    gate.wait(lambda: any("gateworker.py" in line for line in gate.log), "a stack of the gate")
    assert gate.stop() == 0


def test_an_exit_in_mid_entry_leaves_nobody_without_an_answer(daemon: Make):
    gate = daemon([visit(face_from_s=None, stay_s=20.0)]).start()
    gate.wait(lambda: any("code_seen" in line for line in gate.said), "the code was seen")
    assert gate.stop() == 0
    assert gate.decisions == [("denied", ("interrupted",))]
