"""A record that the broker will never take holds nothing up, and is accounted for."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.app import Gate
from edge.drivers.sim.world import ScriptedCrowd, World
from edge.gate.events import Noted
from edge.mqtt.tap import RecordTap
from edge.records.deadletters import read_dead_letters
from feed.record import Kind
from tests.acceptance.gates import config, ended
from tests.mqtt.support import Broker, wait_until

LARGEST = 1500


@pytest.mark.parametrize("confirm", ["broker", "hub"])
def test_a_record_larger_than_the_broker_takes_is_set_aside_and_told(tmp_path: Path, confirm: str):
    broker = Broker(tmp_path, "allow_anonymous true", f"max_packet_size {LARGEST}")
    broker.start()
    tap = RecordTap("127.0.0.1", broker.port)
    tap.start()
    table = {"host": "127.0.0.1", "port": broker.port, "confirm": confirm}
    tables = config(tmp_path / "records", mqtt=table | {"reconnect_longest_s": 1.0})
    gate = Gate(tables, world=World(ScriptedCrowd([]), 0.0))
    gate.start()
    fat = {"text": "x" * (2 * LARGEST)}
    gate.emit(Noted(kind=Kind.AUDIT, name="too_fat", detail=fat))
    gate.emit(Noted(kind=Kind.AUDIT, name="slim"))
    assert wait_until(lambda: bool(read_dead_letters(tables.records.path)))
    letter = read_dead_letters(tables.records.path)[0]
    assert b"too_fat" in letter.raw
    # what came before and after it arrives, with the loss record that accounts for it
    assert wait_until(lambda: gate.journal.last_seq >= letter.seq + 3)
    stream, last = gate.written
    assert wait_until(lambda: tap.missing(stream, last) == [letter.seq]), tap.missing(stream, last)
    if confirm == "broker":
        assert wait_until(lambda: gate.journal.confirmed_upto >= last)
    case = ended(gate)
    losses = [record.ranges for record in case.of_kind("loss")]
    assert len(losses) == 1
    assert losses[0] is not None
    assert losses[0][0][:2] == (letter.seq, letter.seq)
    names = [record.event.name for record in case.of_kind("alarm") if record.event]
    assert names == ["record_refused"]
    gate.journal.close()
    tap.stop()
    broker.stop()
