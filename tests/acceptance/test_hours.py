"""A gate at closing time: it closes and opens by itself, and lets people out meanwhile."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from edge.app import Gate
from edge.clock import ManualClock
from edge.config.model import WEEKDAYS
from edge.gate import events as ev
from edge.gate.state import GateState
from feed.record import Record
from identity.credential import Credential, Scheme
from tests.acceptance.gates import config, ended

WAIT_S = 60.0


class Street(ManualClock):
    """The time of day is turned by hand; durations pass as ever."""

    def monotonic(self) -> float:
        return time.monotonic()


def wait(gate: Gate, condition: Any) -> None:
    deadline_s = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < deadline_s
        gate.check()
        time.sleep(0.01)


def come(gate: Gate, number: int, reader: str) -> None:
    card = Credential(scheme=Scheme.CCCD, canonical=f"cccd:0790870000{number:02d}")
    name = f"{reader}-{number}"
    gate.emit(ev.CodeSeen(reader=reader, presentation=name, credential=card))


def test_a_gate_closes_refuses_lets_out_and_opens_again(tmp_path: Path) -> None:
    camera = {"driver": "replay", "path": tmp_path, "loop": True}
    ways = [
        {"name": way, "direction": way, "mode": "code_only", "camera": camera}
        for way in ("in", "out")
    ]
    hours = {name: ["06:00-18:00"] for name in WEEKDAYS}
    made = config(
        tmp_path / "cong-1",
        door={"driver": "sim", "lock": "fail_secure", "open_s": 0.5},
        faults={"camera": "admit"},  # there is none: people are sent in by hand
        hours={"zone": "Asia/Ho_Chi_Minh", **hours},
    )
    values = made.model_dump(mode="json", by_alias=True, exclude_none=True) | {"reader": ways}
    clock = Street(datetime(2026, 11, 25, 10, 59, 59, tzinfo=UTC))  # 17:59:59 in Saigon
    decided: list[tuple[str, ...]] = []

    def note(_state: GateState, effects: tuple[ev.Effect, ...]) -> None:
        for effect in effects:
            if isinstance(effect, ev.Write) and effect.draft.decision is not None:
                decision = effect.draft.decision
                decided.append((effect.draft.reader or "", decision.result, *decision.reasons))

    gate = Gate(type(made).model_validate(values), clock=clock, on_step=note)
    gate.start()
    try:
        wait(gate, lambda: gate.state.lane("in").shown == (ev.Signal.READY, ()))
        clock.advance(1)
        wait(gate, lambda: gate.state.lane("in").shown == (ev.Signal.CLOSED, ()))
        assert gate.state.lane("out").shown == (ev.Signal.READY, ())
        come(gate, 1, "in")
        wait(gate, lambda: len(decided) == 1)
        come(gate, 2, "out")
        wait(gate, lambda: len(decided) == 2)
        clock.advance(12 * 3600)
        wait(gate, lambda: gate.state.closure is None and gate.state.quiet)
        come(gate, 3, "in")
        wait(gate, lambda: len(decided) == 3)
    finally:
        case = ended(gate)
        gate.stop("test")
    assert decided == [
        ("in", "denied", "out_of_hours"),
        ("out", "granted", "code_accepted"),
        ("in", "granted", "code_accepted"),
    ]
    assert [(result, *reasons) for result, reasons in case.decisions] == [
        told[1:] for told in decided
    ]
    assert [name(record) for record in case.of_kind("gate")][:3] == ["started", "closed", "opened"]


def name(record: Record) -> str:
    assert record.event is not None
    return record.event.name
