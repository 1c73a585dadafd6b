"""The way of one person through the machine, and everything that comes between."""

from __future__ import annotations

from dataclasses import replace

import pytest

from edge.gate import events as ev
from edge.gate.machine import step, stop
from edge.gate.reasons import Cause, Device, Reason
from edge.gate.state import DoorState, LaneState
from identity.credential import Scheme
from tests.gate.gatebench import RULES, Bench, with_lane, with_policy

ACCEPTED = ("code_accepted", "temperature_normal")


def lane_state(bench: Bench, reader: str = "in") -> LaneState:
    return bench.state.lane(reader).state


def test_a_healthy_person_with_a_code_gets_in_and_is_recorded_before_the_door_moves():
    bench = Bench(durable=False)
    bench.code()
    bench.face()
    assert not bench.released, "the record is not on disk yet"
    request = next(number for number, (draft, _) in bench.drafts.items() if draft.decision)
    bench.send(ev.Durable(request=request, seq=2))
    assert bench.released
    bench.walk_through()
    assert not bench.released
    assert bench.decisions == [("granted", ACCEPTED)]
    assert bench.outcomes == [("opened", ()), ("passed", ())]
    refs = {ref for draft, ref in bench.drafts.values() if draft.kind == "outcome"}
    assert refs == {request}


def test_the_lock_falls_in_as_soon_as_the_door_is_open():
    bench = Bench()
    bench.code()
    bench.face()
    bench.send(ev.Contact(is_open=True))
    assert not bench.released


def test_one_presentation_in_thirty_frames_is_one_entry():
    bench = Bench()
    presentation = bench.code()
    for _ in range(30):
        bench.again(presentation, "079087000001")
    bench.face()
    bench.walk_through()
    for _ in range(30):
        bench.after(0.1)
        bench.again(presentation, "079087000001")
    bench.face()
    assert len(bench.decisions) == 1


def test_the_same_code_a_moment_later_is_no_second_entry_but_is_one_after_a_while():
    bench = Bench()
    bench.code()
    bench.face()
    bench.walk_through()
    bench.after(5)
    bench.code()
    assert bench.shown["in"].reasons == (Reason.CODE_REPEATED,)
    bench.face()
    assert len(bench.decisions) == 1
    bench.after(RULES.repeat_s)
    bench.code()
    bench.face()
    assert len(bench.decisions) == 2


def test_whoever_was_refused_or_did_not_go_through_may_try_again():
    bench = Bench()
    bench.code()
    bench.face(38.4)
    bench.after(10)
    bench.code()
    bench.face(36.6)
    bench.after(10)
    bench.code()
    bench.face(36.6)
    bench.walk_through()
    assert [result for result, _ in bench.decisions] == ["denied", "granted", "granted"]
    assert bench.outcomes == [("not_passed", ()), ("opened", ()), ("passed", ())]


@pytest.mark.parametrize(
    ("object_c", "reasons"),
    [(38.4, ("temperature_high",)), (31.0, ("temperature_low",))],
)
def test_fever_and_a_covered_forehead_are_refused_with_the_reason(object_c, reasons):
    bench = Bench()
    bench.code()
    bench.face(object_c)
    bench.after(RULES.measuring_s)
    assert bench.decisions == [("denied", reasons)]
    assert ev.Show(reader="in", signal=ev.Signal.DENIED, reasons=reasons) in bench.effects
    assert not bench.released


def test_too_low_means_come_closer_and_a_good_reading_still_counts():
    bench = Bench()
    bench.code()
    bench.face(31.0)
    assert bench.shown["in"].signal is ev.Signal.COME_CLOSER
    bench.samples(36.5)
    assert bench.decisions == [("granted", ACCEPTED)]


def test_a_reading_that_still_climbs_is_not_believed():
    bench = Bench()
    bench.code()
    bench.nobody()
    for object_c in (37.0, 37.1, 37.2, 37.3, 37.4, 37.5, 37.6):
        bench.samples(object_c, 1)
    assert bench.decisions == []
    bench.samples(38.0)
    assert bench.decisions == [("denied", ("temperature_high",))]


def test_an_unsteady_reading_is_refused_as_unsteady():
    bench = Bench()
    bench.code()
    bench.nobody()
    for _ in range(30):
        bench.samples(35.0, 1)
        bench.samples(37.2, 1)
    assert bench.decisions == [("denied", ("temperature_unsteady",))]


def test_a_person_who_never_comes_close_is_refused_after_a_while():
    bench = Bench()
    bench.code()
    bench.nobody()
    bench.after(RULES.temperature_wait_s)
    assert bench.decisions == [("denied", ("temperature_timeout",))]


def test_stepping_back_does_not_buy_more_time_for_ever():
    bench = Bench()
    bench.code()
    for _ in range(60):
        bench.nobody()
        bench.samples(36.6, 2)
    assert ("denied", ("temperature_timeout",)) in bench.decisions


def test_a_code_that_the_operator_does_not_take_is_refused_without_measuring():
    bench = Bench()
    bench.code(scheme=Scheme.DCC)
    assert bench.decisions == [("denied", ("code_not_accepted",))]


def test_a_flagged_scheme_is_let_in_and_says_so():
    bench = Bench()
    bench.code(scheme=Scheme.OPAQUE)
    bench.face()
    assert bench.decisions == [("granted", ("code_flagged", "temperature_normal"))]


def test_two_codes_in_a_frame_are_refused_with_the_reason():
    bench = Bench()
    bench.send(ev.CodeRefused(reader="in", presentation="x", reason=Reason.SEVERAL_CODES))
    bench.send(ev.CodeRefused(reader="in", presentation="x", reason=Reason.SEVERAL_CODES))
    assert bench.decisions == [("denied", ("several_codes",))]


def test_another_code_during_the_measuring_is_refused():
    bench = Bench()
    bench.code("079087000001")
    bench.nobody()
    bench.samples(36.6, 2)
    bench.code("079087000002")
    assert bench.decisions == [("denied", ("code_changed",))]
    assert not bench.released


def test_whoever_takes_the_place_of_one_who_left_is_served_next():
    bench = Bench()
    bench.code("079087000001")
    presentation = bench.code("079087000002")
    assert bench.decisions == [("denied", ("code_changed",))]
    bench.after(RULES.denied_s + RULES.cool_down_s)
    bench.again(presentation, "079087000002")
    bench.face()
    assert bench.decisions[1:] == [("granted", ACCEPTED)]


def test_two_readers_share_the_door_one_after_the_other():
    bench = Bench()
    bench.code("079087000001", "in")
    bench.face(36.6, "in")
    bench.code("079087000002", "out")
    bench.face(36.7, "out")
    assert lane_state(bench, "out") is LaneState.WAITING
    assert bench.shown["out"].signal is ev.Signal.WAIT
    bench.walk_through()
    assert bench.released, "now the other one's turn"
    bench.walk_through()
    passages = bench.of_kind("passage")
    outcomes = [draft for draft in bench.of_kind("outcome") if draft.outcome]
    assert [draft.direction for draft in passages] == ["in", "out"]
    assert [(o.direction, o.outcome.result) for o in outcomes if o.outcome] == [
        ("in", "opened"),
        ("in", "passed"),
        ("out", "opened"),
        ("out", "passed"),
    ]


def test_a_face_at_one_reader_is_never_measured_for_the_other():
    bench = Bench()
    bench.code("079087000001", "in")
    bench.face(36.6, "out")
    assert bench.decisions == []
    bench.face(38.6, "in")
    assert bench.decisions == [("denied", ("temperature_high",))]


def test_a_door_that_stays_busy_ends_the_wait_with_the_reason():
    bench = Bench(replace(RULES, held_open_s=60.0))
    bench.code("079087000001", "in")
    bench.face(36.6, "in")
    bench.send(ev.Contact(is_open=True))
    bench.code("079087000002", "out")
    bench.face(36.7, "out")
    bench.after(RULES.door_wait_s)
    assert bench.decisions[-1] == ("denied", ("door_open",))


def test_a_grant_that_nobody_uses_ends():
    bench = Bench()
    bench.code()
    bench.face()
    assert bench.released
    bench.after(RULES.open_s)
    assert not bench.released
    assert bench.outcomes == [("not_passed", ())]


def test_a_door_held_open_raises_the_alarm_and_clears_it():
    bench = Bench()
    bench.code()
    bench.face()
    bench.send(ev.Contact(is_open=True))
    bench.after(RULES.held_open_s)
    assert bench.alarms == [("door_held_open", "raised")]
    bench.send(ev.Contact(is_open=False))
    assert bench.alarms[-1] == ("door_held_open", "cleared")
    assert [result for result, _ in bench.outcomes] == ["opened", "held_open", "passed"]


def test_a_second_opening_on_one_grant_is_an_alarm():
    bench = Bench()
    bench.code()
    bench.face()
    bench.walk_through()
    bench.after(1)
    bench.send(ev.Contact(is_open=True))
    assert bench.alarms == [("second_opening", "raised")]
    bench.send(ev.Contact(is_open=False))
    assert bench.alarms[-1] == ("second_opening", "cleared")


def test_a_door_opened_without_a_grant_is_an_alarm():
    bench = Bench()
    bench.send(ev.Contact(is_open=False))
    bench.send(ev.Contact(is_open=True))
    assert bench.alarms == [("door_forced", "raised")]


def test_a_door_that_stands_open_at_the_start_is_given_time_before_the_alarm():
    bench = Bench()
    bench.send(ev.Contact(is_open=True))
    assert bench.alarms == []
    bench.after(RULES.held_open_s)
    assert bench.alarms == [("door_held_open", "raised")]


def test_the_exit_button_opens_at_once_and_is_logged_without_an_identity():
    bench = Bench(durable=False)
    bench.send(ev.ExitPressed())
    assert bench.released, "nobody waits for a disk to get out"
    bench.walk_through()
    assert [d.event.name for d in bench.of_kind("door") if d.event] == ["exit_pressed"]
    assert bench.alarms == []
    assert [result for result, _ in bench.outcomes] == ["opened", "passed"]
    assert bench.of_kind("passage") == []


def test_without_a_contact_a_grant_counts_as_opened():
    bench = Bench(replace(RULES, contact_fitted=False))
    bench.code()
    bench.face()
    bench.after(RULES.open_s)
    assert bench.outcomes == [("opened", ())]
    assert not bench.released
    bench.after(5)
    bench.code()
    assert bench.shown["in"].reasons == (Reason.CODE_REPEATED,)


class TestFire:
    def test_releases_at_once_and_until_reset_by_command(self):
        bench = Bench(durable=False)
        bench.send(ev.FireInput(active=True))
        assert bench.released
        bench.after(3600)
        bench.send(ev.FireReset())
        assert bench.released, "the panel still asks for release"
        assert [d.event.name for d in bench.of_kind("audit") if d.event] == ["fire_reset_refused"]
        bench.send(ev.FireInput(active=False))
        assert bench.released, "latched until somebody in charge resets it"
        bench.send(ev.FireReset())
        assert not bench.released
        assert bench.alarms == [("fire", "raised"), ("fire", "cleared")]

    def test_automatic_reset(self):
        bench = Bench(replace(RULES, fire_reset="automatic"))
        bench.send(ev.FireInput(active=True))
        bench.send(ev.FireInput(active=False))
        assert not bench.released

    def test_somebody_on_their_way_is_let_out_and_recorded(self):
        bench = Bench()
        bench.code()
        bench.send(ev.FireInput(active=True))
        assert bench.decisions == [("granted", ("fire_release",))]
        assert bench.outcomes == [("opened", ("fire_release",))]

    def test_a_grant_that_was_not_used_yet_is_opened_by_the_fire(self):
        bench = Bench()
        bench.code()
        bench.face()
        bench.send(ev.FireInput(active=True))
        assert bench.outcomes == [("opened", ("fire_release",))]

    def test_codes_shown_during_a_fire_are_recorded(self):
        bench = Bench()
        bench.send(ev.FireInput(active=True))
        bench.code("1")
        bench.code("2", "out")
        bench.code("3")
        assert bench.decisions == [("granted", ("fire_release",))] * 3

    def test_a_code_whose_token_comes_late_is_recorded_all_the_same(self):
        bench = Bench(identified=False)
        bench.send(ev.FireInput(active=True))
        bench.code("1")
        bench.after(RULES.identify_s)
        assert bench.decisions == [("granted", ("fire_release",))]

    def test_service_goes_on_after_a_fire(self):
        bench = Bench(replace(RULES, fire_reset="automatic"))
        bench.send(ev.FireInput(active=True))
        bench.send(ev.FireInput(active=False))
        bench.after(RULES.cool_down_s)
        bench.code()
        bench.face()
        assert bench.released


class TestRecordNotDurable:
    def test_deny_refuses_says_so_and_the_late_record_stands_corrected(self):
        bench = Bench(durable=False)
        bench.code()
        bench.face()
        request = next(number for number, (draft, _) in bench.drafts.items() if draft.decision)
        bench.after(RULES.record_s)
        assert not bench.released
        assert bench.outcomes == [("withheld", ("record_not_durable",))]
        assert bench.alarms == [("record_not_durable", "raised")]
        assert bench.shown["in"].reasons == (Reason.RECORD_NOT_DURABLE,)
        bench.send(ev.Durable(request=request, seq=9))
        assert not bench.released
        assert bench.alarms[-1] == ("record_not_durable", "cleared")

    def test_admit_opens_and_flags(self):
        bench = Bench(with_policy(RULES, Device.RECORDER, "admit"), durable=False)
        bench.code()
        bench.face()
        request = next(number for number, (draft, _) in bench.drafts.items() if draft.decision)
        bench.send(ev.NotDurable(request=request, cause=Cause.DISK_FULL))
        assert bench.released
        bench.walk_through()
        assert bench.outcomes[0] == ("opened", ("record_not_durable",))
        assert bench.alarms == [("record_not_durable", "raised")]

    def test_exit_button_and_fire_are_served_meanwhile(self):
        bench = Bench(durable=False)
        bench.code()
        bench.face()
        bench.send(ev.ExitPressed())
        assert bench.released

    def test_a_grant_whose_door_the_exit_button_took_is_withheld(self):
        bench = Bench(durable=False)
        bench.code()
        bench.face()
        request = next(number for number, (draft, _) in bench.drafts.items() if draft.decision)
        bench.send(ev.ExitPressed())
        bench.send(ev.Durable(request=request, seq=2))
        assert ("withheld", ("door_busy",)) in bench.outcomes
        assert bench.shown["in"].signal is ev.Signal.DENIED


class TestFaults:
    def test_a_thermometer_fault_while_waiting_closes_the_lane_and_refuses_with_the_reason(self):
        bench = Bench()
        fault = ev.Faulted(device=Device.THERMOMETER, cause=Cause.UNPLUGGED, reader="in")
        bench.send(fault)
        bench.send(fault)
        assert lane_state(bench) is LaneState.FAULTED
        assert bench.shown["in"].reasons == (Reason.SENSOR_FAULT,)
        assert bench.alarms == [("device_fault", "raised")]
        bench.code()
        assert bench.decisions == [("denied", ("sensor_fault",))]
        bench.after(10)
        assert lane_state(bench) is LaneState.FAULTED
        bench.send(ev.Recovered(device=Device.THERMOMETER, reader="in"))
        assert bench.alarms[-1] == ("device_fault", "cleared")
        assert lane_state(bench) is LaneState.IDLE

    def test_the_other_lane_goes_on(self):
        bench = Bench()
        bench.send(ev.Faulted(device=Device.THERMOMETER, cause=Cause.UNPLUGGED, reader="in"))
        bench.code(reader="out")
        bench.face(reader="out")
        assert bench.released

    def test_a_thermometer_fault_while_measuring_is_waited_out_then_refused(self):
        bench = Bench()
        bench.code()
        bench.nobody()
        bench.samples(36.6, 2)
        bench.send(ev.Faulted(device=Device.THERMOMETER, cause=Cause.BUS_ERROR, reader="in"))
        bench.after(RULES.measuring_s)
        assert bench.decisions[0][0] == "denied"
        assert not bench.released

    def test_a_short_thermometer_fault_while_measuring_does_no_harm(self):
        bench = Bench()
        bench.code()
        bench.nobody()
        bench.samples(36.6, 2)
        bench.send(ev.Faulted(device=Device.THERMOMETER, cause=Cause.BUS_ERROR, reader="in"))
        bench.after(1)
        bench.send(ev.Recovered(device=Device.THERMOMETER, reader="in"))
        bench.samples(36.6)
        assert bench.decisions == [("granted", ACCEPTED)]

    def test_admit_and_flag_lets_people_in_without_a_temperature(self):
        bench = Bench(with_policy(RULES, Device.THERMOMETER, "admit"))
        bench.code("1")
        bench.send(ev.Faulted(device=Device.THERMOMETER, cause=Cause.BUS_ERROR, reader="in"))
        assert bench.decisions == [("granted", ("code_accepted", "sensor_fault"))]
        bench.walk_through()
        bench.after(5)
        bench.code("2")
        assert bench.decisions[-1] == ("granted", ("code_accepted", "sensor_fault"))

    def test_a_decoder_replaced_in_mid_entry_costs_nobody_their_turn(self):
        bench = Bench()
        bench.code()
        bench.send(ev.Faulted(device=Device.DECODER, cause=Cause.CRASHED, reader="in"))
        bench.face()
        assert bench.decisions == [("granted", ACCEPTED)]
        bench.send(ev.Recovered(device=Device.DECODER, reader="in"))
        bench.walk_through()
        bench.after(RULES.cool_down_s)
        assert lane_state(bench) is LaneState.IDLE

    def test_camera_fault_admitted_measures_faces_without_codes(self):
        bench = Bench(with_policy(RULES, Device.CAMERA, "admit"))
        bench.send(ev.Faulted(device=Device.CAMERA, cause=Cause.UNPLUGGED, reader="in"))
        bench.face()
        assert bench.decisions == [("granted", ("camera_fault", "temperature_normal"))]
        bench.walk_through()
        bench.after(5)
        bench.samples(36.6, 10)
        assert len(bench.decisions) == 1, "the same face, still there, is not measured twice"

    def test_a_door_fault_while_granted_withholds(self):
        bench = Bench()
        bench.code()
        bench.face()
        bench.send(ev.Faulted(device=Device.DOOR, cause=Cause.IO_ERROR))
        assert bench.outcomes == [("withheld", ("door_fault",))]
        assert not bench.released
        bench.after(5)
        assert lane_state(bench) is LaneState.FAULTED
        bench.send(ev.Recovered(device=Device.DOOR))
        assert lane_state(bench) is LaneState.IDLE
        assert bench.state.door.state is DoorState.SECURED

    def test_a_door_fault_while_somebody_passes_recovers_by_the_contact(self):
        bench = Bench()
        bench.code()
        bench.face()
        bench.send(ev.Contact(is_open=True))
        bench.send(ev.Faulted(device=Device.DOOR, cause=Cause.IO_ERROR))
        bench.send(ev.Recovered(device=Device.DOOR))
        assert bench.state.door.state is DoorState.PASSING
        bench.send(ev.Contact(is_open=False))
        assert bench.state.door.state is DoorState.SECURED
        assert bench.alarms.count(("door_forced", "raised")) == 0

    def test_a_code_shown_while_the_door_is_at_fault_is_refused_with_the_reason(self):
        bench = Bench()
        bench.send(ev.Faulted(device=Device.DOOR, cause=Cause.IO_ERROR))
        bench.code()
        assert bench.decisions == [("denied", ("door_fault",))]

    @pytest.mark.parametrize(("policy", "result"), [("admit", "granted"), ("deny", "denied")])
    def test_no_token_is_handled_by_policy_and_never_held_up(self, policy, result):
        bench = Bench(with_policy(RULES, Device.IDENTITY, policy), identified=False)
        bench.code()
        bench.face()
        bench.after(RULES.identify_s)
        assert bench.decisions[0][0] == result
        assert "identity_fault" in bench.decisions[0][1]


class TestModes:
    def test_code_only(self):
        bench = Bench(with_lane(RULES, mode="code_only"))
        bench.code()
        assert bench.decisions == [("granted", ("code_accepted",))]

    def test_temperature_only_is_anonymous_and_counts_a_face_once(self):
        bench = Bench(with_lane(RULES, mode="temperature_only"))
        bench.face()
        bench.samples(36.6, 50)
        assert bench.decisions == [("granted", ("no_code_needed", "temperature_normal"))]
        assert bench.of_kind("passage")[0].person is None
        bench.walk_through()
        bench.face(38.5)
        assert bench.decisions[-1] == ("denied", ("temperature_high",))

    def test_record_only_lets_everyone_in_with_a_record(self):
        bench = Bench(with_lane(RULES, mode="record_only"))
        bench.code(scheme=Scheme.DCC)
        assert bench.decisions == [("granted", ("record_only",))]

    def test_temperature_first(self):
        bench = Bench(with_lane(RULES, order="temperature_first"))
        bench.face()
        assert bench.shown["in"].signal is ev.Signal.SHOW_CODE
        bench.code()
        assert bench.decisions == [("granted", ACCEPTED)]

    def test_temperature_first_asks_who_it_is_before_refusing_a_fever(self):
        bench = Bench(with_lane(RULES, order="temperature_first"))
        bench.face(38.6)
        bench.code()
        assert bench.decisions == [("denied", ("temperature_high",))]
        assert bench.of_kind("passage")[0].person is not None

    def test_temperature_first_measures_whoever_takes_the_place_of_another(self):
        bench = Bench(with_lane(RULES, order="temperature_first"))
        bench.face(36.6)
        bench.face(38.6)
        bench.code()
        assert bench.decisions == [("denied", ("temperature_high",))]

    def test_temperature_first_forgets_a_passer_by(self):
        bench = Bench(with_lane(RULES, order="temperature_first"))
        bench.face()
        bench.nobody()
        bench.after(RULES.code_wait_s)
        assert bench.decisions == []
        assert lane_state(bench) is LaneState.IDLE

    def test_temperature_first_without_a_code_is_refused_after_a_while(self):
        bench = Bench(with_lane(RULES, order="temperature_first"))
        bench.face()
        bench.after(RULES.code_wait_s)
        assert bench.decisions == [("denied", ("code_timeout",))]


def test_an_unknown_reader_or_request_raises_and_changes_nothing():
    bench = Bench()
    before = bench.state
    for event in (
        ev.Sample(reader="nowhere", object_c=36.0, ambient_c=25.0),
        ev.Durable(request=999, seq=1),
        ev.Faulted(device=Device.CAMERA, cause=Cause.TIMEOUT, reader="nowhere"),
    ):
        with pytest.raises(ValueError, match="no re"):
            step(bench.rules, before, event, bench.now)
    assert bench.state == before


def test_stopping_leaves_no_code_without_an_answer():
    bench = Bench(durable=False)
    bench.code("1", "in")
    bench.code("2", "out")
    bench.face(reader="out")
    state, effects = stop(bench.rules, bench.state, bench.now, "SIGTERM")
    drafts = [effect.draft for effect in effects if isinstance(effect, ev.Write)]
    assert [draft.kind for draft in drafts] == ["passage", "outcome", "gate"]
    assert drafts[0].decision is not None
    assert drafts[0].decision.reasons == ("interrupted",)
    assert state.next_request > bench.state.next_request
