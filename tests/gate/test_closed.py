"""Closed: out of hours nobody comes in but who is let in always, by order nobody at all; and
everybody gets out.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from edge.gate import events as ev
from edge.gate.hours import Closure, Order
from edge.gate.reasons import Cause, Device, Reason
from edge.gate.rules import Rules
from edge.gate.state import DoorState, LaneState
from edge.mqtt.publisher import Health
from edge.summary import Counts, status_line, summarise
from feed.messages import CloseReason, OrderSummary
from identity.credential import Credential, Scheme
from tests.gate.gatebench import RULES, Bench, with_lane, with_policy
from tests.gate.test_machine_invariants import ACTION, RULESETS, Checked

NIGHT = Closure(opens_at="2026-11-26T06:00+07:00", days=1)
OUTBREAK = Order(
    command="a1",
    since="2026-11-29T01:00:00.000Z",
    reason=CloseReason.OUTBREAK,
    until="2026-11-29T11:00:00.000Z",
    by="an",
)
REFUSED = ("denied", ("out_of_hours",))
BY_ORDER = ("denied", ("closed_by_order",))
STAFF = replace(
    RULES, schemes={**RULES.schemes, Scheme.PASS: "accept"}, always_in=frozenset({"staff"})
)


def close(bench: Bench, closure: Closure | None = NIGHT) -> None:
    bench.send(ev.Hours(closure=closure))


def order(bench: Bench, one: Order | None = OUTBREAK, **detail: Any) -> None:
    bench.send(ev.Ordered(order=one, detail=detail or None))


def by_order(rules: Rules = RULES) -> Bench:
    bench = Bench(rules)
    order(bench)
    return bench


def at_night(rules: Rules = RULES) -> Bench:
    bench = Bench(rules)
    close(bench)
    return bench


def badge(bench: Bench, category: str, proved: tuple[str, ...] = ("signature",)) -> None:
    bench.presentations += 1
    one = Credential(
        scheme=Scheme.PASS, canonical=f"pass:{category}", category=category, proved=proved
    )
    name = f"p{bench.presentations}"
    bench.send(ev.CodeSeen(reader="in", presentation=name, credential=one))


def test_who_comes_at_night_is_refused_at_once_and_recorded_with_who_it_was() -> None:
    bench = at_night()
    assert bench.shown["in"].signal is ev.Signal.CLOSED
    bench.code()
    assert bench.decisions == [REFUSED]
    (draft,) = bench.of_kind("passage")
    assert draft.person is not None
    assert draft.person.token is not None
    assert bench.shown["in"] == ev.Show(
        reader="in", signal=ev.Signal.DENIED, reasons=(Reason.OUT_OF_HOURS,)
    )
    bench.after(10)
    assert bench.shown["in"].signal is ev.Signal.CLOSED
    assert not bench.released


def test_it_closes_and_opens_by_itself_and_both_are_recorded() -> None:
    bench = at_night()
    close(bench, replace(NIGHT, opens_at="2026-11-26T07:00+07:00"))  # told anew: nothing changed
    close(bench, None)
    close(bench, None)
    assert bench.shown["in"].signal is ev.Signal.READY
    told = [(d.event.name, d.event.detail) for d in bench.of_kind("gate") if d.event]
    assert told[1:] == [("closed", {"opens_at": NIGHT.opens_at}), ("opened", None)]
    bench.code()
    bench.face()
    assert [result for result, _ in bench.decisions] == ["granted"]


def test_everybody_gets_out() -> None:
    bench = at_night()
    assert bench.shown["out"].signal is ev.Signal.READY
    bench.code(reader="out")
    bench.face(reader="out")
    assert [result for result, _ in bench.decisions] == ["granted"]
    bench.walk_through()
    bench.send(ev.ExitPressed())
    assert bench.state.door.state is DoorState.RELEASED
    bench.after(10)
    bench.send(ev.FireInput(active=True))
    assert bench.released


def test_staff_come_in_at_any_hour_if_a_signature_proves_that_they_are() -> None:
    bench = at_night(STAFF)
    badge(bench, "staff")
    assert bench.shown["in"].signal is ev.Signal.COME_CLOSER, "measured like anybody"
    bench.face()
    assert [result for result, _ in bench.decisions] == ["granted"]
    bench.walk_through()
    bench.after(5)
    badge(bench, "visitor")
    bench.after(5)
    assert bench.decisions[1:] == [REFUSED]


def test_a_category_that_nothing_proves_opens_nothing() -> None:
    bench = at_night(STAFF)
    badge(bench, "staff", proved=())
    assert bench.decisions == [REFUSED]


def test_a_warm_guard_is_refused_as_warm() -> None:
    bench = at_night(STAFF)
    badge(bench, "staff")
    bench.face(38.6)
    assert bench.decisions == [("denied", ("temperature_high",))]


def test_who_is_on_the_way_at_closing_time_is_judged_by_the_hour_of_the_decision() -> None:
    bench = Bench()
    bench.code()
    close(bench)
    bench.face()
    assert bench.decisions == [REFUSED]


def test_a_refusal_at_night_stands_though_the_gate_opens_before_it_is_written() -> None:
    bench = at_night()
    bench.identified = False
    bench.code()
    close(bench, None)
    bench.after(5)
    assert [result for result, _ in bench.decisions] == ["denied"]
    assert bench.decisions[0][1][0] == "out_of_hours"


def test_a_face_alone_is_refused_once_where_no_code_is_asked_for() -> None:
    bench = at_night(with_lane(RULES, mode="temperature_only"))
    bench.face()
    bench.after(3)
    bench.samples(36.6)
    assert bench.decisions == [REFUSED]
    bench.after(10)
    bench.nobody()
    bench.samples(36.6)
    assert bench.decisions == [REFUSED, REFUSED]


def test_a_face_starts_nothing_at_night_where_a_code_could_still_come() -> None:
    bench = at_night(with_lane(STAFF, order="temperature_first"))
    bench.face()
    assert bench.state.lane("in").state is LaneState.IDLE
    badge(bench, "staff")
    bench.face()
    assert [result for result, _ in bench.decisions] == ["granted"]


def test_a_gate_that_only_records_is_closed_at_night_too() -> None:
    bench = at_night(with_lane(RULES, mode="record_only"))
    bench.code()
    assert bench.decisions == [REFUSED]


def test_two_codes_at_night_are_told_as_two_codes() -> None:
    """One of them may open."""
    bench = at_night(STAFF)
    reason = Reason.SEVERAL_CODES
    bench.send(ev.CodeRefused(reader="in", presentation="r", reason=reason))
    assert bench.decisions == [("denied", ("several_codes",))]


def test_a_broken_gate_says_so_at_night_and_is_closed_when_it_is_mended() -> None:
    bench = at_night()
    bench.send(ev.Faulted(device=Device.CAMERA, cause=Cause.OTHER, reader="in"))
    assert bench.shown["in"].signal is ev.Signal.FAULT
    bench.send(ev.Recovered(device=Device.CAMERA, reader="in"))
    assert bench.shown["in"].signal is ev.Signal.CLOSED


def test_a_gate_that_admits_in_spite_of_a_broken_camera_does_not_at_night() -> None:
    bench = at_night(with_policy(RULES, Device.CAMERA, "admit"))
    bench.send(ev.Faulted(device=Device.CAMERA, cause=Cause.OTHER, reader="in"))
    bench.face()
    assert bench.decisions == [REFUSED]


def test_the_hub_and_whoever_is_on_call_are_told_that_it_is_closed() -> None:
    bench = at_night()
    health = Health(
        connected=True, oldest_unconfirmed_age_s=None, last_error=None, in_flight=0, counters={}
    )
    assert summarise(RULES, bench.state, Counts()).closed is True
    assert status_line(bench.state, health).startswith("closed until 2026-11-26T06:00+07:00; door")
    close(bench, None)
    assert summarise(RULES, bench.state, Counts()).closed is None


# --- by order ---------------------------------------------------------------------------------


def test_by_order_nobody_comes_in_and_both_ends_of_it_are_recorded_with_who_ordered() -> None:
    bench = by_order()
    assert bench.shown["in"].signal is ev.Signal.CLOSED
    bench.code()
    assert bench.decisions == [BY_ORDER]
    bench.after(10)
    order(bench, None, command="a2", by="binh")
    assert bench.shown["in"].signal is ev.Signal.READY
    told = [(d.event.name, d.event.detail) for d in bench.of_kind("gate") if d.event]
    assert told[1:] == [
        (
            "closed_by_order",
            {
                "command": "a1", "since": OUTBREAK.since, "reason": "outbreak",
                "until": OUTBREAK.until, "by": "an",
            },
        ),
        ("reopened", {"command": "a2", "by": "binh"}),
    ]  # fmt: skip
    bench.code()
    bench.face()
    assert [result for result, _ in bench.decisions[1:]] == ["granted"]


def test_the_same_order_told_again_is_recorded_once_and_another_takes_its_place() -> None:
    bench = by_order()
    order(bench, replace(OUTBREAK, closure=NIGHT))
    order(bench, Order(command="a3", since=OUTBREAK.since))
    order(bench, None)
    order(bench, None)
    names = [draft.event.name for draft in bench.of_kind("gate") if draft.event]
    assert names == ["started", "closed_by_order", "closed_by_order", "reopened"]


def test_an_order_holds_for_those_too_who_are_let_in_at_any_hour() -> None:
    bench = by_order(STAFF)
    badge(bench, "staff")
    assert bench.decisions == [BY_ORDER]


def test_everybody_gets_out_of_a_gate_that_is_closed_by_order() -> None:
    bench = by_order()
    assert bench.shown["out"].signal is ev.Signal.READY
    bench.code(reader="out")
    bench.face(reader="out")
    assert [result for result, _ in bench.decisions] == ["granted"]
    bench.walk_through()
    bench.send(ev.ExitPressed())
    assert bench.state.door.state is DoorState.RELEASED
    bench.after(10)
    bench.send(ev.FireInput(active=True))
    assert bench.released


def test_who_is_being_measured_when_the_order_comes_is_refused() -> None:
    bench = Bench()
    bench.code()
    order(bench)
    bench.face()
    assert bench.decisions == [BY_ORDER]


def test_who_waits_for_the_door_when_the_order_comes_is_refused_at_once() -> None:
    bench = Bench()
    bench.code(reader="out")
    bench.face(reader="out")
    bench.code()
    bench.face()
    assert bench.state.lane("in").state is LaneState.WAITING
    order(bench)
    assert bench.decisions[1:] == [BY_ORDER]


def test_hours_and_an_order_close_each_by_itself() -> None:
    bench = by_order()
    close(bench)
    bench.code()
    assert bench.decisions == [BY_ORDER]
    bench.after(10)
    order(bench, None)
    assert bench.shown["in"].signal is ev.Signal.CLOSED, "its hours go on"
    bench.code()
    assert bench.decisions[1:] == [REFUSED]
    bench.after(10)
    order(bench)
    close(bench, None)
    assert bench.shown["in"].signal is ev.Signal.CLOSED, "the order goes on"


def test_the_hub_and_whoever_is_on_call_are_told_of_an_order() -> None:
    bench = by_order()
    health = Health(
        connected=True, oldest_unconfirmed_age_s=None, last_error=None, in_flight=0, counters={}
    )
    summary = summarise(RULES, bench.state, Counts())
    assert summary.closed is True
    assert summary.order == OrderSummary(
        since=datetime(2026, 11, 29, 1, tzinfo=UTC), reason="outbreak",
        until=datetime(2026, 11, 29, 11, tzinfo=UTC), by="an",
    )  # fmt: skip
    assert status_line(bench.state, health).startswith("closed by order since 2026-11-29T01:00")
    order(bench, None)
    assert summarise(RULES, bench.state, Counts()).order is None


# --- whatever happens -------------------------------------------------------------------------

CLOSING = st.one_of(
    st.tuples(st.just("hours"), st.sampled_from([None, NIGHT])),
    st.tuples(st.just("order"), st.sampled_from([None, OUTBREAK])),
)


class AtAllHours(Checked):
    """Looks at every grant of the way in whether the gate was open when it fell, and at every
    refusal of the way out whether it was because of that.
    """

    hours: Closure | None = None
    order: Order | None = None

    def answer_write(self, effect: ev.Write) -> list[ev.Event]:
        draft = effect.draft
        if draft.decision is not None:
            reasons = set(draft.decision.reasons)
            if draft.direction == "out":
                assert not reasons & {Reason.OUT_OF_HOURS, Reason.CLOSED_BY_ORDER}
            elif draft.decision.result == "granted":
                assert Reason.FIRE_RELEASE in reasons or not self.is_closed
        return super().answer_write(effect)

    @property
    def is_closed(self) -> bool:
        return (self.hours, self.order) != (None, None)

    def do(self, action: tuple[Any, ...]) -> None:
        if action[0] == "hours":
            self.hours = action[1]
            self.send(ev.Hours(closure=action[1]))
        elif action[0] == "order":
            self.order = action[1]
            self.send(ev.Ordered(order=action[1]))
        else:
            super().do(action)


@given(rules=RULESETS, actions=st.lists(st.one_of(ACTION, CLOSING), max_size=40))
@settings(max_examples=200, deadline=None)
def test_whatever_happens_no_entry_is_granted_while_closed_and_no_exit_is_refused_for_it(
    rules: Rules, actions: list[Any]
) -> None:
    bench = AtAllHours(rules)
    for action in actions:
        bench.do(action)
    bench.come_to_rest()
    assert bench.state.quiet
    for lane in bench.state.lanes:
        closed = bench.is_closed and lane.name == "in"
        assert bench.shown[lane.name].signal is (ev.Signal.CLOSED if closed else ev.Signal.READY)
    taken = [effect for effect in bench.effects if isinstance(effect, ev.Identify)]
    named = [draft for draft in bench.of_kind("passage") if draft.person is not None]
    assert len(named) == len(taken), "a code was taken up and never answered"
