"""Whatever happens at a gate, in whatever order, these stay true."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from edge.gate import events as ev
from edge.gate.reasons import Cause, Device, Reason
from edge.gate.state import DoorState
from identity.credential import Scheme
from tests.gate.gatebench import RULES, Bench, with_lane, with_policy

READER = st.sampled_from(["in", "out"])
DEVICE = st.sampled_from(list(Device))
CODE = st.tuples(
    st.just("code"),
    READER,
    st.sampled_from(["1", "2", "3"]),
    st.sampled_from([Scheme.CCCD, Scheme.OPAQUE, Scheme.DCC]),
)
ACTION = st.one_of(
    CODE,
    st.tuples(st.just("again"), READER),
    st.tuples(st.just("refused"), READER),
    st.tuples(st.just("face"), READER, st.sampled_from([36.5, 38.5, 31.0, 60.0])),
    st.tuples(st.just("secondary"), READER, st.sampled_from([36.8, 38.2])),
    st.tuples(st.just("nobody"), READER),
    st.tuples(st.just("contact"), st.booleans()),
    st.tuples(st.just("exit")),
    st.tuples(st.just("fire"), st.booleans()),
    st.tuples(st.just("reset")),
    st.tuples(st.just("fault"), DEVICE, READER),
    st.tuples(st.just("recover"), DEVICE, READER),
    st.tuples(st.just("wait"), st.sampled_from([0.1, 1.0, 3.0, 30.0])),
    st.tuples(st.just("disk"), st.booleans()),
    st.tuples(st.just("written")),
    st.tuples(st.just("not_written")),
    st.tuples(st.just("token"), st.booleans()),
)
LANE_OWN = {Device.CAMERA, Device.DECODER, Device.THERMOMETER}


class Checked(Bench):
    """A bench that checks after every event that the door stands as it may."""

    def __init__(self, rules: Any) -> None:
        self.pending: list[int] = []
        self.last: dict[str, tuple[str, str]] = {}
        self.confirmed: set[int] = set()
        super().__init__(rules)

    def answer_write(self, effect: ev.Write) -> list[ev.Event]:
        if self.durable:
            self.confirmed.add(effect.request)
        else:
            self.pending.append(effect.request)
        return super().answer_write(effect)

    def send(self, event: ev.Event) -> None:
        if isinstance(event, ev.Durable):
            self.confirmed.add(event.request)
        super().send(event)
        door = self.state.door
        assert self.released == (door.state in {DoorState.RELEASED, DoorState.FIRE})
        if door.state is DoorState.RELEASED:
            assert door.deadline_s is not None, "a release that would never end"
            if door.lane is not None:
                self.check_grant(door.request)

    def check_grant(self, request: int | None) -> None:
        assert request is not None
        decision = self.drafts[request][0].decision
        assert decision is not None
        assert decision.result == "granted"
        if not self.rules.admits(Device.RECORDER):
            assert request in self.confirmed, "the door is open and the record is not on disk"

    def do(self, action: tuple[Any, ...]) -> None:
        match action:
            case ("code", reader, text, scheme):
                self.last[reader] = (self.code(text, reader, scheme), text)
            case ("again", reader) if reader in self.last:
                self.again(*self.last[reader], reader)
            case ("refused", reader):
                self.presentations += 1
                name = f"r{self.presentations}"
                self.send(
                    ev.CodeRefused(reader=reader, presentation=name, reason=Reason.SEVERAL_CODES)
                )
            case ("face", reader, object_c):
                self.samples(object_c, 6, reader)
            case ("secondary", reader, value_c):
                self.send(ev.SecondaryReading(reader=reader, value_c=value_c))
            case ("nobody", reader):
                self.nobody(reader)
            case ("contact", is_open):
                self.send(ev.Contact(is_open=is_open))
            case ("exit",):
                self.send(ev.ExitPressed())
            case ("fire", active):
                self.send(ev.FireInput(active=active))
            case ("reset",):
                self.send(ev.FireReset())
            case ("fault", device, reader):
                of = reader if device in LANE_OWN else None
                self.send(ev.Faulted(device=device, cause=Cause.OTHER, reader=of))
            case ("recover", device, reader):
                of = reader if device in LANE_OWN else None
                self.send(ev.Recovered(device=device, reader=of))
            case ("wait", seconds):
                self.after(seconds)
            case ("disk", good):
                self.durable = good
            case ("written",) if self.pending:
                self.seq += 1
                self.send(ev.Durable(request=self.pending.pop(0), seq=self.seq))
            case ("not_written",) if self.pending:
                self.send(ev.NotDurable(request=self.pending[0], cause=Cause.DISK_FULL))
            case ("token", good):
                self.identified = good

    def come_to_rest(self) -> None:
        """Everything works again, everybody goes home, and time passes."""
        self.durable = self.identified = True
        while self.pending:
            self.do(("written",))
        for device, reader in [key for key, _ in self.state.faults]:
            self.send(ev.Recovered(device=device, reader=reader))
        self.send(ev.FireInput(active=False))
        self.send(ev.FireReset())
        self.send(ev.Contact(is_open=False))
        for reader in ("in", "out"):
            self.nobody(reader)
        self.after(200)
        self.send(ev.Contact(is_open=False))
        self.after(200)


REPEATING = replace(RULES, screening=replace(RULES.screening, repeats=2, secondary_s=600.0))
RULESETS = st.sampled_from(
    [
        RULES,
        with_policy(RULES, Device.RECORDER, "admit"),
        with_policy(RULES, Device.THERMOMETER, "admit"),
        with_policy(RULES, Device.CAMERA, "admit"),
        with_policy(RULES, Device.IDENTITY, "deny"),
        with_lane(RULES, mode="code_only"),
        with_lane(RULES, mode="temperature_only"),
        with_lane(RULES, mode="record_only"),
        with_lane(RULES, order="temperature_first"),
        replace(RULES, contact_fitted=False),
        replace(RULES, fire_reset="automatic"),
        REPEATING,
        with_lane(REPEATING, mode="temperature_only"),
        with_lane(REPEATING, order="temperature_first"),
        with_policy(REPEATING, Device.THERMOMETER, "admit"),
    ]
)


@settings(max_examples=300, deadline=None)
@given(rules=RULESETS, actions=st.lists(ACTION, max_size=40))
def test_no_way_through_without_a_record_and_no_code_without_an_answer(rules, actions):
    bench = Checked(rules)
    for action in actions:
        bench.do(action)
    bench.come_to_rest()
    assert bench.state.quiet, "the gate must always find back to its rest"
    assert not bench.released
    assert not bench.state.late
    taken = [effect for effect in bench.effects if isinstance(effect, ev.Identify)]
    named = [draft for draft in bench.of_kind("passage") if draft.person is not None]
    assert len(named) == len(taken), "a code was taken up and never answered"
    check_outcomes(bench)
    check_temperatures(bench)


def check_temperatures(bench: Checked) -> None:
    """No fever gets in but by an attendant's thermometer, whose value names the refusal."""
    for draft, ref in bench.drafts.values():
        if draft.kind == "check":
            assert ref is not None
            refusal = bench.drafts[ref][0].decision
            assert refusal is not None
            assert Reason.SECONDARY_CHECK in refusal.reasons
        if draft.decision is None or draft.decision.result == "denied":
            continue
        reasons = set(draft.decision.reasons)
        if draft.reading is not None and not reasons & {Reason.FIRE_RELEASE, Reason.RECORD_ONLY}:
            assert draft.reading.verdict == "normal" or Reason.SECONDARY_NORMAL in reasons


def check_outcomes(bench: Checked) -> None:
    outcomes: dict[int, list[str]] = {}
    for draft, ref in bench.drafts.values():
        if draft.outcome is not None:
            assert ref is not None
            outcomes.setdefault(ref, []).append(draft.outcome.result)
    for request, (draft, _) in bench.drafts.items():
        if draft.decision is None:
            continue
        results = outcomes.get(request, [])
        if draft.decision.result == "denied":
            assert results == [], "an outcome for somebody who was refused"
        else:
            assert results, "a grant without an outcome"
            if "withheld" in results:
                assert results == ["withheld"]
        assert draft.decision.reasons
