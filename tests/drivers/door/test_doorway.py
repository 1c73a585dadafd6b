"""The simulated doorway: leaf, lock and people, step by step on a clock of the test's own."""

from collections.abc import Callable
from typing import Any

import pytest

from edge.drivers.sim.doorway import Doorway, Habits
from edge.drivers.sim.world import Fault, Passing, ScriptedCrowd, Visit, World
from edge.gate.reasons import Device

HABITS = Habits(reaction_s=(0.5, 0.5), walk_s=2.0, hold_s=20.0, gap_s=0.4, linger_s=2.0)


def doorway(*visits: Visit, faults: tuple[Fault, ...] = (), **options: Any) -> Doorway:
    readers = ["in", "out"]
    return Doorway(
        World(ScriptedCrowd(visits), 0.0, faults=faults), readers, habits=HABITS, **options
    )


def openings(
    door: Doorway, *, released: Callable[[float], bool], until_s: float, step_s: float = 0.05
) -> list[float]:
    """When the leaf opened and closed, seconds; `released(now)` is what the lock does."""
    moves: list[float] = []
    was_open = door.leaf_open
    for tick in range(int(until_s / step_s) + 1):
        now_s = tick * step_s
        door.step(now_s, released=released(now_s))
        if door.leaf_open != was_open:
            was_open = door.leaf_open
            moves.append(round(now_s, 2))
    return moves


def between(start_s: float, end_s: float) -> Callable[[float], bool]:
    return lambda now_s: start_s <= now_s < end_s


def test_who_waits_at_a_reader_walks_through_once_the_lock_clicked() -> None:
    door = doorway(Visit(reader="in", at_s=1, stay_s=4))
    assert openings(door, released=between(2, 60), until_s=20) == [2.5, 4.5]


def test_nobody_opens_a_locked_door() -> None:
    door = doorway(Visit(reader="in", at_s=1, stay_s=4))
    assert openings(door, released=lambda _: False, until_s=20) == []


def test_nobody_opens_a_released_door_where_nobody_stands() -> None:
    assert openings(doorway(), released=lambda _: True, until_s=20) == []


def test_a_grant_shorter_than_a_persons_reaction_goes_unused() -> None:
    door = doorway(Visit(reader="in", at_s=1, stay_s=4))
    assert openings(door, released=between(2, 2.3), until_s=20) == []


def test_who_just_left_the_reader_still_walks_in() -> None:
    door = doorway(Visit(reader="in", at_s=1, stay_s=4))
    assert openings(door, released=between(5.5, 60), until_s=20) == [6.0, 8.0]


def test_who_left_long_ago_does_not() -> None:
    door = doorway(Visit(reader="in", at_s=1, stay_s=1))
    assert openings(door, released=between(10, 60), until_s=20) == []


@pytest.mark.parametrize(
    ("passing", "moves"),
    [("stays", []), ("holds_door", [2.5, 22.5]), ("tailgated", [2.5, 4.5, 4.9, 6.9])],
)
def test_people_behave_as_the_script_says(passing: Passing, moves: list[float]) -> None:
    door = doorway(Visit(reader="in", at_s=1, stay_s=10, passing=passing))
    assert openings(door, released=between(2, 3), until_s=30) == moves


def test_of_two_the_one_with_the_green_lamp_walks() -> None:
    refused = Visit(reader="in", at_s=1, stay_s=10, passing="holds_door")
    let_in = Visit(reader="out", at_s=1.5, stay_s=10)
    door = doorway(refused, let_in, invited=lambda reader: reader == "out")
    assert openings(door, released=between(2, 3), until_s=10) == [2.5, 4.5]


def test_each_person_walks_only_once_though_the_door_stays_released() -> None:
    visits = (Visit(reader="in", at_s=1, stay_s=10), Visit(reader="in", at_s=12, stay_s=5))
    door = doorway(*visits)
    assert openings(door, released=lambda _: True, until_s=20) == [1.5, 3.5, 12.5, 14.5]


def test_a_forced_door_opens_though_locked() -> None:
    fault = Fault(device=Device.DOOR, kind="forced", from_s=3, to_s=5)
    door = doorway(faults=(fault,))
    assert openings(door, released=lambda _: False, until_s=10) == [3.0, 5.0]


def test_a_jammed_leaf_stays_where_it_is() -> None:
    shut = Fault(device=Device.DOOR, kind="jammed", from_s=2, to_s=8)
    door = doorway(Visit(reader="in", at_s=1, stay_s=4), faults=(shut,))
    assert openings(door, released=between(2, 8), until_s=20) == []
    stuck_open = Fault(device=Device.DOOR, kind="jammed", from_s=3, to_s=8)
    door = doorway(Visit(reader="in", at_s=1, stay_s=4), faults=(stuck_open,))
    assert openings(door, released=between(2, 8), until_s=20) == [2.5, 8.0]


def test_a_stuck_contact_reads_shut_while_people_walk() -> None:
    fault = Fault(device=Device.DOOR, kind="contact_stuck", from_s=0)
    door = doorway(Visit(reader="in", at_s=1, stay_s=4), faults=(fault,))
    seen = set()
    for tick in range(200):
        door.step(tick * 0.05, released=True)
        seen.add((door.leaf_open, door.contact_open))
    assert seen == {(False, False), (True, False)}


def test_who_presses_the_exit_button_walks_out_when_the_lock_clicks() -> None:
    door = doorway()
    door.press_exit(hold_s=0.3)
    assert openings(door, released=between(0.2, 5), until_s=10) == [0.7, 2.7]
    assert not door.exit_pressed


def test_planned_fire_and_exit_button_reach_the_inputs() -> None:
    faults = (
        Fault(device=Device.DOOR, kind="fire", from_s=1, to_s=2),
        Fault(device=Device.DOOR, kind="exit_pressed", from_s=3, to_s=4),
    )
    door = doorway(faults=faults)
    seen = []
    for now_s in (0.5, 1.5, 2.5, 3.5, 4.5):
        door.step(now_s, released=False)
        seen.append((door.fire_active, door.exit_pressed))
    quiet = (False, False)
    assert seen == [quiet, (True, False), quiet, (False, True), quiet]


def test_the_handles_of_a_script_do_what_they_say() -> None:
    door = doorway()
    door.set_fire(active=True)
    door.force(open_s=1.0)
    door.step(0.0, released=False)
    assert (door.fire_active, door.leaf_open) == (True, True)
    door.set_fire(active=False)
    door.set_jammed(jammed=True)
    door.step(5.0, released=False)
    assert (door.fire_active, door.leaf_open) == (False, True)
    door.set_jammed(jammed=False)
    door.step(6.0, released=False)
    assert not door.leaf_open
