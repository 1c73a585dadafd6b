"""A thermometer that fails in each state of the gate: told, handled by policy, back by itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from edge.gate import events as ev
from edge.gate.reasons import Cause, Device
from edge.gate.rules import Rules
from edge.gate.state import LaneState
from tests.gate.gatebench import RULES, Bench, with_lane, with_policy

S = LaneState
REPEATING = replace(RULES, screening=replace(RULES.screening, repeats=2))
TEMPERATURE_FIRST = with_lane(RULES, order="temperature_first")


def face_first(bench: Bench) -> None:
    bench.code()
    bench.face()


def start_measuring(bench: Bench) -> None:
    bench.code()
    bench.nobody()
    bench.samples(36.6, 2)


def warm_round(bench: Bench) -> None:
    bench.code()
    bench.nobody()
    bench.samples(38.5, 6)


def not_identified(bench: Bench) -> None:
    bench.identified = False
    face_first(bench)


def busy_door(bench: Bench) -> None:
    bench.send(ev.ExitPressed())
    face_first(bench)


def slow_disk(bench: Bench) -> None:
    bench.durable = False
    face_first(bench)


def walking(bench: Bench) -> None:
    face_first(bench)
    bench.send(ev.Contact(is_open=True))


def refused(bench: Bench) -> None:
    bench.code()
    bench.face(38.6)


def leaving(bench: Bench) -> None:
    face_first(bench)
    bench.walk_through()


WAYS: dict[LaneState, tuple[Rules, Callable[[Bench], object]]] = {
    S.IDLE: (RULES, lambda bench: None),
    S.CODE_SEEN: (RULES, Bench.code),
    S.MEASURING: (RULES, start_measuring),
    S.PAUSING: (REPEATING, warm_round),
    S.CODE_WANTED: (TEMPERATURE_FIRST, Bench.face),
    S.IDENTIFYING: (RULES, not_identified),
    S.WAITING: (RULES, busy_door),
    S.RECORDING: (RULES, slow_disk),
    S.GRANTED: (RULES, face_first),
    S.PASSING: (RULES, walking),
    S.DENIED: (RULES, refused),
    S.COOLING_DOWN: (RULES, leaving),
    S.FIRE: (RULES, lambda bench: bench.send(ev.FireInput(active=True))),
}
CAUSES = (Cause.UNPLUGGED, Cause.BUS_ERROR, Cause.BAD_DATA, Cause.SELF_CHECK)


def test_every_state_but_the_fault_itself_is_tried():
    assert set(WAYS) == set(S) - {S.FAULTED}


def rest(bench: Bench) -> None:
    """Everybody goes home."""
    bench.durable = bench.identified = True
    for request in [number for number, (draft, _) in bench.drafts.items() if draft.decision]:
        bench.send(ev.Durable(request=request, seq=1000 + request))
    bench.send(ev.FireInput(active=False))
    bench.send(ev.FireReset())
    bench.send(ev.Contact(is_open=False))
    bench.after(100)
    bench.send(ev.Contact(is_open=False))
    bench.after(100)


@pytest.mark.parametrize("cause", CAUSES)
@pytest.mark.parametrize("policy", ["deny", "admit"])
@pytest.mark.parametrize("state", WAYS, ids=str)
def test_it_is_told_decided_by_policy_and_over_when_it_works_again(
    state: LaneState, policy: str, cause: Cause
) -> None:
    rules, come = WAYS[state]
    bench = Bench(with_policy(rules, Device.THERMOMETER, policy))
    come(bench)
    assert bench.state.lane("in").state is state
    bench.send(ev.Faulted(device=Device.THERMOMETER, cause=cause, reader="in"))
    assert ("device_fault", "raised") in bench.alarms
    bench.after(RULES.temperature_wait_s)
    rest(bench)
    # the next person comes while it still fails
    bench.code("079087000009")
    bench.after(RULES.temperature_wait_s)
    expected = ("granted", "denied")[policy == "deny"]
    assert bench.decisions[-1][0] == expected
    assert "sensor_fault" in bench.decisions[-1][1]
    rest(bench)
    bench.send(ev.Recovered(device=Device.THERMOMETER, reader="in"))
    assert ("device_fault", "cleared") in bench.alarms
    assert bench.state.lane("in").state is S.IDLE
    if bench.rules.lane("in").order == "code_first":
        bench.code("079087000010")
        bench.face()
    else:
        bench.face()
        bench.code("079087000010")
    assert bench.decisions[-1] == ("granted", ("code_accepted", "temperature_normal"))


@pytest.mark.parametrize("policy", ["deny", "admit"])
def test_a_fault_does_not_undo_what_was_measured(policy: str) -> None:
    bench = Bench(with_policy(RULES, Device.THERMOMETER, policy), identified=False)
    bench.code()
    bench.face(38.6)
    bench.send(ev.Faulted(device=Device.THERMOMETER, cause=Cause.UNPLUGGED, reader="in"))
    bench.after(RULES.identify_s)
    assert bench.decisions[0][0] == "denied"
    assert "temperature_high" in bench.decisions[0][1]
