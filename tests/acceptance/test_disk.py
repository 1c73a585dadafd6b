"""The disk is full, read-only, slow or broken while somebody stands at the gate: the configured
policy for the door, an alarm, and all of it written once the disk is back, without a restart.
"""

from __future__ import annotations

import errno
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack

import pytest

from edge.app import Gate
from edge.drivers.sim.world import ScriptedCrowd, World
from edge.records.simdisk import SimDisk
from tests.acceptance.gates import Case, config, ended, person

# one person while the disk is well, one while it is not, one after; seconds of the world
TROUBLE = (10.0, 18.0)
LAST_S = 30.0
PEOPLE = [person(3.0, 1), person(11.0, 2), person(20.0, 3)]
ERRORS = {"full": errno.ENOSPC, "read_only": errno.EROFS, "io_error": errno.EIO}
CAUSES = {"full": "disk_full", "read_only": "read_only", "io_error": "io_error"}


def upset(disk: SimDisk, how: str) -> None:
    if how in ERRORS:
        disk.broken = ERRORS[how]
    else:
        disk.stalled.clear()


def mend(disk: SimDisk) -> None:
    disk.broken = None
    disk.stalled.set()


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, Case]]:
    root = tmp_path_factory.mktemp("gates")
    begin_s = time.monotonic() + 8.0
    world = World(ScriptedCrowd(PEOPLE), begin_s)
    disks: dict[str, SimDisk] = {}
    gates: dict[str, Gate] = {}
    for name in (*ERRORS, "stalled", "admit"):
        disks[name] = SimDisk()
        policy = {"faults": {"record": "admit"}} if name == "admit" else {}
        tables = config(root / name, **policy)
        gates[name] = Gate(tables, world=world, disk=disks[name])
    with ExitStack() as stack:
        for gate in gates.values():
            gate.start()
            stack.callback(gate.journal.close)
        steps = [(TROUBLE[0], upset), (TROUBLE[1], lambda disk, _: mend(disk))]
        while time.monotonic() < begin_s + LAST_S:
            for gate in gates.values():
                gate.check()
            if steps and time.monotonic() > begin_s + steps[0][0]:
                _, step = steps.pop(0)
                for name, disk in disks.items():
                    step(disk, "full" if name == "admit" else name)
            time.sleep(0.1)
        yield {name: ended(gate) for name, gate in gates.items()}


@pytest.mark.parametrize("name", [*ERRORS, "stalled"])
def test_nobody_gets_in_without_a_record_and_the_record_says_so(
    cases: Mapping[str, Case], name: str
):
    case = cases[name]
    assert [result for result, _ in case.decisions] == ["granted"] * 3
    assert case.outcomes == [
        ("opened", ()),
        ("passed", ()),
        ("withheld", ("record_not_durable",)),
        ("opened", ()),
        ("passed", ()),
    ]


def test_the_operator_may_let_people_in_and_the_late_record_is_flagged(cases: Mapping[str, Case]):
    opened = ("opened", ("record_not_durable",))
    assert opened in cases["admit"].outcomes
    assert len(cases["admit"].decisions) == 3


@pytest.mark.parametrize("name", [*ERRORS, "stalled", "admit"])
def test_everything_is_written_in_order_once_the_disk_is_back(cases: Mapping[str, Case], name: str):
    records = cases[name].records
    assert [record.seq for record in records] == list(range(1, len(records) + 1))
    assert cases[name].gate.supervisor.lost is None
    alarms = [
        (record.event.name, (record.event.detail or {}).get("state"))
        for record in cases[name].of_kind("alarm")
        if record.event is not None
    ]
    assert ("record_not_durable", "raised") in alarms
    assert ("record_not_durable", "cleared") in alarms


@pytest.mark.parametrize("name", ERRORS)
def test_the_fault_of_the_disk_is_an_alarm_with_its_cause(cases: Mapping[str, Case], name: str):
    assert ("recorder", CAUSES[name], "raised") in cases[name].faults
    assert cases[name].faults[-1][2] == "cleared"
