"""Whole gates and their thermometers: broken in each phase, repeats, the attendant, calibration.

The gates of this module run side by side, each with a world of its own.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

import pytest

from edge.app import Gate
from edge.calibration import Stored, save, state_folder
from edge.control import ask
from edge.drivers.sim.world import Fault, ScriptedCrowd, Visit, World
from edge.gate.reasons import Device
from feed.messages import Command, Reply
from tests.acceptance.gates import Case, config, ended, person

KINDS = {
    "unplugged": "unplugged",
    "bus_held_low": "bus_error",
    "stuck": "bad_data",
    "bit_flips": "bad_data",
}
# while nobody is there, while one is measured, while the door stands open for one; far enough apart
# that the driver's waits between retries are short again
WAITING, MEASURING, OPEN = (2.0, 3.0), (15.6, 16.7), (31.6, 32.6)
LAST_S = 42.0
SECONDARY_S = 14.0


def people() -> list[Visit]:
    return [
        person(5.0, 1, face_from_s=0.6),
        person(14.0, 2, face_from_s=1.4, stay_s=11.0),
        person(29.0, 3, face_from_s=0.8, stay_s=8.0),
    ]


def warm() -> list[Visit]:
    """Somebody with a fever, who shows the code again after an attendant measured them."""
    sick = person(3.0, 4, core_c=38.9, stay_s=9.0)
    return [sick, replace(sick, at_s=18.0)]


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, Any]]:
    root = tmp_path_factory.mktemp("gates")
    begin_s = time.monotonic() + 5.0
    gates: dict[str, Gate] = {}
    for kind in KINDS:
        faults = tuple(
            Fault(device=Device.THERMOMETER, kind=kind, from_s=from_s, to_s=to_s, reader="in")
            for from_s, to_s in (WAITING, MEASURING, OPEN)
        )
        world = World(ScriptedCrowd(people()), begin_s, faults=faults)
        gates[kind] = Gate(config(root / kind), world=world)
    gates["warm"] = Gate(config(root / "warm"), world=World(ScriptedCrowd(warm()), begin_s))
    swapped = config(root / "swapped")
    stored = Stored(
        reader="in", sensor="another", method="source", reference="BB-12",
        at=datetime.now(UTC), points=(), offset_c=0.1, gain=1.0, pivot_c=37.0, uncertainty_c=0.3,
    )  # fmt: skip
    save(state_folder(swapped), stored)
    gates["swapped"] = Gate(swapped, world=World(ScriptedCrowd(people()), begin_s))
    replies: list[Reply] = []
    with ExitStack() as stack:
        for gate in gates.values():
            gate.start()
            stack.callback(gate.journal.close)
        while time.monotonic() < begin_s + LAST_S:
            for gate in gates.values():
                gate.check()
            if time.monotonic() > begin_s + SECONDARY_S and not replies:
                for value_c in (36.8, 36.9):
                    args: dict[str, Any] = {"reader": "in", "value_c": value_c}
                    command = Command(id=f"a{value_c}", command="secondary", args=args)
                    replies.append(ask(root / "warm", command))
                    time.sleep(0.2)
            time.sleep(0.1)
        yield {name: ended(gate) for name, gate in gates.items()} | {"replies": replies}


@pytest.mark.parametrize("kind", KINDS)
def test_each_fault_of_the_sensor_is_told_with_its_cause_and_over_by_itself(
    cases: Mapping[str, Case], kind: str
) -> None:
    told = cases[kind].faults
    assert {device for device, _, _ in told} == {"thermometer"}
    states = [state for state, _ in groupby(told, key=lambda one: one[2])]
    assert states == ["raised", "cleared"] * 3, told
    assert {cause for _, cause, state in told if state == "raised"} == {KINDS[kind]}


@pytest.mark.parametrize("kind", KINDS)
def test_who_comes_during_a_short_fault_still_gets_in(cases: Mapping[str, Case], kind: str) -> None:
    assert [result for result, _ in cases[kind].decisions] == ["granted"] * 3
    assert cases[kind].outcomes == [("opened", ()), ("passed", ())] * 3


def test_a_fever_is_refused_after_a_second_look_with_every_round_in_the_record(
    cases: Mapping[str, Case],
) -> None:
    refusal = cases["warm"].of_kind("passage")[0]
    assert refusal.decision is not None
    assert refusal.decision.reasons == ("temperature_high", "secondary_check")
    assert refusal.reading is not None
    assert refusal.reading.rounds_c is not None
    assert len(refusal.reading.rounds_c) == 2
    # the surface is far below the limit: what was measured stands beside what was made of it
    assert max(refusal.reading.rounds_c) < 37.0
    assert refusal.reading.estimate_c == pytest.approx(38.5, abs=0.4)


def test_an_attendants_value_is_recorded_with_the_refusal_and_lets_in(cases: Mapping[str, Any]):
    case = cases["warm"]
    first, second = cases["replies"]
    refusal = case.of_kind("passage")[0]
    checks = [record for record in case.of_kind("check") if record.event.name == "secondary"]
    assert first.ok, first.error
    assert first.result == {"ref": refusal.seq, "verdict": "normal"}
    assert [(check.ref, check.reading.estimate_c) for check in checks] == [(refusal.seq, 36.8)]
    assert not second.ok
    assert "nobody waits" in second.error
    assert case.decisions[1] == ("granted", ("code_accepted", "secondary_normal"))
    assert case.outcomes == [("opened", ()), ("passed", ())]


def test_a_sensor_that_was_not_calibrated_in_the_place_of_one_that_was_measures_nobody(
    cases: Mapping[str, Case],
) -> None:
    case = cases["swapped"]
    assert case.faults[0] == ("thermometer", "self_check", "raised")
    assert {reasons for _, reasons in case.decisions} == {("sensor_fault",)}
    assert case.of_kind("calibration")[0].reader == "in"


def test_a_self_check_of_the_empty_scene_stands_in_the_records(cases: Mapping[str, Case]) -> None:
    checks = [record for record in cases["warm"].of_kind("check") if record.event]
    names = [record.event.name for record in checks if record.event]
    assert names[0] == "self_check"
    assert checks[0].event is not None
    assert (checks[0].event.detail or {})["result"] == "passed"
