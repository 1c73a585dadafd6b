"""What the screen shows for whatever the machine is in, and what it never shows."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.config.model import KioskTable
from edge.drivers.signals.patterns import OFF, PATTERNS
from edge.gate import events as ev
from edge.gate.hours import Closure, Order
from edge.gate.machine import initial, stop
from edge.gate.reasons import Cause, Device, Reason
from edge.gate.rules import Rules
from edge.gate.state import LaneState
from edge.kiosk.message import STAFF, Messages, compact
from edge.kiosk.server import STATIC
from edge.kiosk.texts import Catalogue
from edge.kiosk.view import SIGNALS, Screen, Shown, View, view_of, weightiest
from feed.messages import CloseReason
from identity.credential import Credential, Holder, Scheme
from tests.gate.gatebench import RULES, Bench, with_lane, with_policy
from tests.gate.test_machine_invariants import ACTION, RULESETS, Checked

NUMBER, NAME = "079087000001", "Nguyễn Thị Ánh Tuyết"
MESSAGES = Messages(KioskTable(), Catalogue.load(), build="b")
OPEN = Messages(KioskTable(show_name=True, show_temperature=True), Catalogue.load(), build="b")


def sent(bench: Bench, reader: str = "in", messages: Messages = MESSAGES, **shown: bool) -> str:
    view = view_of(bench.rules, bench.state, reader, Shown(**shown))
    return compact(messages.view(view, now_s=bench.now)).decode()


def screen(bench: Bench, reader: str = "in") -> Screen:
    return view_of(bench.rules, bench.state, reader).screen


NIGHT = Closure(opens_at="2026-11-26T06:00+07:00", days=1)
# a green lamp means: go through, now
INVITING = {Screen.WELCOME, Screen.GOODBYE, Screen.PASS, Screen.EVACUATE}


class Watched(Checked):
    """A bench that compares both screens with their lamps after every event."""

    def __init__(self, rules: Any) -> None:
        self.seen: set[tuple[LaneState, Screen]] = set()
        super().__init__(rules)

    def send(self, event: ev.Event) -> None:
        super().send(event)
        self.look()

    def look(self) -> None:
        for lane in self.state.lanes:
            view = view_of(self.rules, self.state, lane.name)
            message = MESSAGES.view(view, now_s=self.now)
            assert all(text["title"] and text["todo"] for text in message["texts"])
            lamps = self.shown[lane.name].signal  # what the drivers were told last
            assert lamps in SIGNALS[view.screen], f"lamps say {lamps}, the screen {view.screen}"
            inviting = PATTERNS[lamps].green != OFF
            assert inviting == (view.screen in INVITING), f"green is wrong beside {view.screen}"
            self.seen.add((lane.state, view.screen))


@given(RULESETS, st.lists(ACTION, max_size=30))
@settings(max_examples=60, deadline=None)
def test_whatever_happens_there_is_a_view_and_the_lamps_agree(
    rules: Rules, actions: list[Any]
) -> None:
    bench = Watched(rules)
    for action in actions:
        bench.do(action)


def test_on_a_walk_through_every_screen_the_lamps_tell_the_same() -> None:
    """A state or a screen that is added to the machine must be on this walk too."""
    rules = replace(RULES, screening=replace(RULES.screening, repeats=1, repeat_pause_s=1.0))
    temperature_first = Watched(with_lane(rules, order="temperature_first"))
    temperature_first.nobody()
    temperature_first.samples(36.6, 9)
    benches = [Watched(rules), Watched(rules), temperature_first]
    people_come_and_go(benches[0])
    things_go_wrong(benches[1])
    seen = set[tuple[LaneState, Screen]]().union(*(bench.seen for bench in benches))
    assert {state for state, _ in seen} == set(LaneState)
    # before the first step nothing is lit, and the daemon can't say that it is silent
    assert {screen for _, screen in seen} == set(Screen) - {Screen.STARTING, Screen.SILENT}


def people_come_and_go(bench: Watched) -> None:
    bench.code("1")
    bench.face()
    bench.walk_through()
    bench.after(5)
    bench.code("1")  # again, too soon
    bench.after(5)
    bench.code("2")
    bench.nobody()
    bench.samples(31.0, 8)  # a hat
    bench.samples(60.0, 8)  # a cup
    bench.after(20)
    bench.code("3")
    bench.nobody()
    bench.samples(38.6, 12)
    bench.after(1.5)
    bench.samples(38.6, 12)
    bench.after(10)
    bench.code("4", reader="out")
    bench.face(reader="out")
    bench.walk_through()
    bench.after(10)
    bench.send(ev.Hours(closure=NIGHT))
    bench.code("5")
    bench.after(10)


def things_go_wrong(bench: Watched) -> None:
    bench.durable = bench.identified = False
    bench.code("5")
    bench.face()
    bench.after(2.5)  # nobody could tell who it is
    bench.after(20)
    bench.durable = bench.identified = True
    bench.send(ev.Contact(is_open=True))  # forced
    bench.code("6")
    bench.face()
    bench.after(60)
    bench.send(ev.Contact(is_open=False))
    bench.send(ev.Faulted(device=Device.DOOR, cause=Cause.OTHER))
    bench.after(30)
    bench.send(ev.Recovered(device=Device.DOOR))
    bench.send(ev.FireInput(active=True))
    bench.send(ev.FireInput(active=False))
    bench.send(ev.FireReset())
    state, effects = stop(bench.rules, bench.state, bench.now, "SIGTERM")
    bench.state = state
    bench._do(effects)
    bench.look()


@pytest.mark.parametrize("forced", [False, True])
def test_no_green_lamp_invites_people_through_a_door_that_stands_open(forced: bool) -> None:
    bench = Watched(RULES)
    if not forced:
        bench.code()
        bench.face()
    bench.send(ev.Contact(is_open=True))
    bench.after(20)
    for reader in ("in", "out"):
        assert bench.shown[reader].signal is ev.Signal.CLOSE_DOOR
        assert screen(bench, reader) is Screen.CLOSE_DOOR
    bench.send(ev.Faulted(device=Device.CAMERA, cause=Cause.OTHER, reader="out"))
    assert bench.shown["out"].signal is ev.Signal.CLOSE_DOOR, "anybody can shut a door"
    bench.send(ev.Contact(is_open=False))
    bench.after(5)
    assert bench.shown["in"].signal is ev.Signal.READY
    assert bench.shown["out"].signal is ev.Signal.FAULT


def test_a_person_sees_each_step_of_their_way() -> None:
    bench = Watched(RULES)
    assert screen(bench) is Screen.SHOW_CODE
    bench.code()
    assert screen(bench) is Screen.COME_CLOSER
    bench.nobody()
    bench.samples(31.0, 8)
    assert screen(bench) is Screen.HAT_OFF
    bench.after(20)
    assert screen(bench) is Screen.SHOW_CODE
    bench.after(60)
    bench.code("079087000002")
    bench.face()
    assert screen(bench) is Screen.WELCOME
    bench.send(ev.Contact(is_open=True))
    assert screen(bench) is Screen.PASS
    assert screen(bench, "out") is Screen.SHOW_CODE
    bench.after(20)
    assert screen(bench) is Screen.CLOSE_DOOR
    bench.send(ev.Contact(is_open=False))
    assert screen(bench) is Screen.WAIT
    bench.after(5)
    bench.code("079087000002")
    assert screen(bench) is Screen.REPEATED


def test_a_cup_is_told_apart_from_a_hat() -> None:
    bench = Watched(RULES)
    bench.code()
    bench.nobody()
    bench.samples(60.0, 8)
    assert screen(bench) is Screen.HOT_THING


def test_who_leaves_is_bidden_goodbye() -> None:
    bench = Bench()
    bench.code(reader="out")
    bench.face(reader="out")
    assert screen(bench, "out") is Screen.GOODBYE


def test_a_reader_that_measures_first_asks_people_to_step_up_then_for_the_code() -> None:
    bench = Bench(with_lane(RULES, order="temperature_first"))
    assert screen(bench) is Screen.SHOW_FACE
    bench.face()
    assert screen(bench) is Screen.CODE_WANTED


def test_a_measurement_fills_a_ring_by_its_deadline() -> None:
    bench = Bench()
    bench.code()
    bench.nobody()
    bench.samples(36.5, 1)
    view = view_of(bench.rules, bench.state, "in")
    assert view.screen is Screen.HOLD_STILL
    ring = MESSAGES.view(view, now_s=bench.now + 1.0)["ring"]
    assert ring["of_ms"] == 5000
    assert ring["left_ms"] == pytest.approx(4000, abs=150)


def test_a_refusal_says_the_reason_that_helps_most() -> None:
    assert weightiest((Reason.TEMPERATURE_HIGH, Reason.SECONDARY_CHECK)) is Reason.SECONDARY_CHECK
    assert (
        weightiest((Reason.AMBIENT_OUT_OF_RANGE, Reason.TEMPERATURE_LOW)) is Reason.TEMPERATURE_LOW
    )
    assert weightiest((Reason.CODE_ACCEPTED, Reason.DOOR_OPEN)) is Reason.DOOR_OPEN
    assert weightiest((Reason.TEMPERATURE_REPEATED,)) is Reason.TEMPERATURE_REPEATED
    assert weightiest(()) is None


def test_a_fire_is_shown_whatever_the_reader_is_at() -> None:
    bench = Bench()
    bench.code()
    bench.send(ev.FireInput(active=True))
    assert {screen(bench, name) for name in ("in", "out")} == {Screen.EVACUATE}


def test_a_gate_that_stops_is_closed_and_one_that_was_not_started_is_starting() -> None:
    bench = Bench()
    state, _ = stop(bench.rules, bench.state, bench.now, "SIGTERM")
    assert view_of(bench.rules, state, "in").screen is Screen.CLOSED
    assert view_of(RULES, initial(RULES), "in").screen is Screen.STARTING


def test_a_closed_gate_and_its_refusals_tell_when_it_opens() -> None:
    bench = Watched(RULES)
    bench.send(ev.Hours(closure=NIGHT))
    view = view_of(RULES, bench.state, "in")
    assert (view.screen, view.closure) == (Screen.CLOSED, NIGHT)
    assert "Mở lại lúc 06:00 thứ Năm" in sent(bench)
    assert "Opens again on Thursday at 06:00" in sent(bench)
    bench.code()
    assert screen(bench) is Screen.REFUSED
    assert "Ngoài giờ mở cửa" in sent(bench)
    assert "Mở lại lúc 06:00 thứ Năm" in sent(bench)
    assert screen(bench, "out") is Screen.SHOW_CODE
    bench.send(ev.Contact(is_open=True))
    bench.after(30)
    assert screen(bench) is Screen.CLOSE_DOOR, "a door forced at night"


def test_a_gate_closed_by_order_and_its_refusals_tell_why_and_until_when_but_not_who() -> None:
    bench = Watched(RULES)
    order = Order(command="a1", since="2026-11-29T01:00:00.000Z", by="Trần Văn An", closure=NIGHT)
    bench.send(ev.Ordered(order=replace(order, reason=CloseReason.OUTBREAK)))
    assert screen(bench) is Screen.CLOSED
    for shown in (Screen.CLOSED, Screen.REFUSED):
        assert screen(bench) is shown
        assert "Tạm đóng để phòng dịch" in sent(bench)
        assert "Closed because of an outbreak" in sent(bench)
        assert "Opens again on Thursday at 06:00" in sent(bench)
        assert "Trần" not in sent(bench)
        bench.code()
    assert "reason-closed_by_order.ogg" in sent(bench)
    assert screen(bench, "out") is Screen.SHOW_CODE
    bench.send(ev.Ordered(order=replace(order, command="a2", closure=Closure())))
    bench.after(10)
    assert "Closed by the management" in sent(bench)
    assert "Please use another gate" in sent(bench)


def test_an_unknown_reader_is_refused() -> None:
    with pytest.raises(ValueError, match="no reader is called 'side'"):
        view_of(RULES, initial(RULES), "side")


# --- what is never shown ------------------------------------------------------------------------


def come(bench: Bench, number: str = NUMBER, name: str = NAME, reader: str = "in") -> None:
    bench.presentations += 1
    holder = Holder(name=name, birth_date="1987-01-18", document=number)
    credential = Credential(scheme=Scheme.CCCD, canonical=f"cccd:{number}", holder=holder)
    presentation = f"{reader}-{bench.presentations}"
    bench.send(ev.CodeSeen(reader=reader, presentation=presentation, credential=credential))


class Private(Bench):
    """A bench that reads everything that goes to the screens."""

    def __init__(self, rules: Rules) -> None:
        self.secrets: set[str] = set()
        super().__init__(rules)

    def send(self, event: ev.Event) -> None:
        super().send(event)
        for reader in ("in", "out"):
            text = sent(self, reader)
            for secret in self.secrets:
                assert secret not in text


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("come"), st.text(min_size=6, max_size=20), st.integers(10**11)),
            st.tuples(st.just("face"), st.sampled_from([31.07, 36.57, 38.87, 60.7]), st.just(0)),
            st.tuples(st.just("wait"), st.sampled_from([0.5, 5.0, 30.0]), st.just(0)),
            st.tuples(st.just("door"), st.booleans(), st.just(0)),
        ),
        max_size=14,
    ),
    st.sampled_from([RULES, with_policy(RULES, Device.THERMOMETER, "admit")]),
)
@settings(max_examples=60, deadline=None)
def test_nothing_of_a_person_is_sent_unless_configured(actions: list[Any], rules: Rules) -> None:
    catalogue = str(Catalogue.load().say(View(screen=Screen.SHOW_CODE), ("vi", "en")))
    bench = Private(rules)
    for kind, value, number in actions:
        if kind == "come":
            if value.strip() and value not in catalogue:
                bench.secrets |= {f"«{value}»", str(number)}
            come(bench, str(number), f"«{value}»")
        elif kind == "face":
            # as a temperature is written, not the milliseconds of a ring
            bench.secrets |= {f"{value:.1f} ", f"{value:.1f}".replace(".", ",")}
            bench.face(value)
        elif kind == "wait":
            bench.after(value)
        else:
            bench.send(ev.Contact(is_open=value))


def test_a_name_and_a_temperature_are_shown_where_it_is_configured_and_only_in_welcome() -> None:
    bench = Bench()
    come(bench)
    assert NAME not in sent(bench, messages=OPEN, name=True, temperature=True)
    bench.face(36.57)
    welcome = sent(bench, messages=OPEN, name=True, temperature=True)
    assert NAME in welcome
    assert "36,6 °C" in welcome
    assert NUMBER not in welcome
    closed = sent(bench)
    assert NAME not in closed
    assert "36" not in closed
    only_name = sent(bench, messages=OPEN, name=True)
    assert "36,6" not in only_name
    bench.send(ev.Contact(is_open=True))
    assert NAME not in sent(bench, messages=OPEN, name=True, temperature=True)


def test_every_screen_has_its_lamps() -> None:
    assert set(SIGNALS) == set(Screen)
    assert set().union(*SIGNALS.values()) == set(ev.Signal)


def hint(reason: Reason | None) -> str:
    return str(MESSAGES.view(View(screen=Screen.REFUSED, reason=reason), now_s=0.0)["hint"])


def test_a_refusal_shows_what_to_do_for_whoever_does_not_read() -> None:
    assert hint(Reason.TEMPERATURE_LOW) == Screen.HAT_OFF
    assert hint(Reason.CODE_EXPIRED) == hint(None) == STAFF
    page = (STATIC / "index.html").read_text(encoding="utf-8")
    drawn = {name for names in re.findall(r'data-for="([^"]+)"', page) for name in names.split()}
    assert {hint(reason) for reason in Reason} <= drawn
    assert set(Screen) <= drawn
    for screen in set(Screen) - {Screen.REFUSED}:
        assert "hint" not in MESSAGES.view(View(screen=screen), now_s=0.0)


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("<script>alert(1)</script>", "<script>alert(1)</script>"),
        ("Lê\u202eăn Tú\u2066\u200b\ufeff", "Lêăn Tú"),  # nothing is turned around or hidden
        ("Lê\nVăn\t\u2029 Tú\x00\x1b[2J\ud800", "Lê Văn Tú[2J"),
        ("Nguyễn " * 40, "Nguyễn " * 11 + "Ng…"),
        ("\u202e", None),
    ],
)
def test_a_name_is_one_line_of_what_is_seen(written: str, shown: str | None) -> None:
    view = View(screen=Screen.WELCOME, name=written)
    assert OPEN.view(view, now_s=0.0).get("name") == shown
