"""The simulated world: the same for everyone who looks, readable from a script, clear on errors."""

import json
import pickle
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.drivers.sim.world import (
    FAULT_KINDS,
    Fault,
    Grip,
    RandomCrowd,
    ScriptedCrowd,
    Visit,
    World,
    make_world,
    read_script,
    visit_from_json,
    visit_to_json,
    write_script,
)
from edge.gate.reasons import Device

VISIT = Visit(reader="in", at_s=1.0, stay_s=2.0, code=b"NV-0001")

seconds = st.floats(min_value=0, max_value=1e6)
visits = st.builds(
    Visit,
    reader=st.sampled_from(("in", "out")),
    at_s=seconds,
    stay_s=st.floats(min_value=0.1, max_value=60),
    name=st.text(max_size=10),
    code=st.none() | st.binary(min_size=1, max_size=40),
    second_code=st.none() | st.binary(min_size=1, max_size=40),
    code_s=st.none() | seconds,
    passing=st.sampled_from(("passes", "stays", "holds_door", "tailgated")),
    grip=st.builds(Grip, medium=st.sampled_from(("card", "phone", "dark_phone"))),
)


def fault(kind: str = "unplugged", **changes: object) -> Fault:
    values: dict[str, object] = {"device": Device.CAMERA, "from_s": 1.0, "to_s": 2.0}
    return Fault(**{**values, "kind": kind, **changes})  # type: ignore[arg-type]


@given(visits)
def test_a_visit_survives_its_script(visit: Visit) -> None:
    assert visit_from_json(json.loads(json.dumps(visit_to_json(visit)))) == visit


def test_a_script_of_visits_and_faults_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "script.json"
    faults = (fault(reader="in"), fault("frozen", to_s=float("inf")))
    write_script(path, [VISIT], faults)
    script = read_script(path)
    assert script.visits == (VISIT,)
    assert script.faults == faults


def test_a_plain_list_of_visits_is_a_script(tmp_path: Path) -> None:
    path = tmp_path / "script.json"
    path.write_text('[{"reader": "in", "at_s": 1, "code": "Lê Văn Tú"}]', encoding="utf-8")
    assert read_script(path).visits[0].code == "Lê Văn Tú".encode()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("[{]", "script.json: Expecting"),
        ('{"visitors": []}', "not a list of visits"),
        ('"x"', "not a list of visits"),
        ('{"visits": 3}', "visits is not a list"),
        ('[{"reader": "in", "at_s": 1}, {"reader": "in"}]', "visit 2: .*at_s"),
        ('[{"reader": "in", "at_s": "soon"}]', "visit 1: "),
        ('[{"reader": "in", "at_s": 1, "passing": "flies"}]', "visit 1: passing 'flies'"),
        ('[{"reader": "in", "at_s": 1, "grip": {"medium": "wax"}}]', "visit 1: medium 'wax'"),
        ('[{"reader": "in", "at_s": 1}, {"reader": "in", "at_s": 2}]', "overlap at reader 'in'"),
        ('{"faults": [{"device": "camera", "kind": "tired", "from_s": 1}]}', "fault 1: camera"),
        ('{"faults": [{"device": "kettle", "kind": "x", "from_s": 1}]}', "fault 1: 'kettle'"),
        (
            '{"faults": [{"device": "camera", "kind": "frozen", "from_s": 2, "to_s": 1}]}',
            "fault 1: from_s 2 is not before to_s 1",
        ),
    ],
)
def test_a_bad_script_is_told_by_file_and_place(tmp_path: Path, content: str, says: str) -> None:
    path = tmp_path / "script.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(ValueError, match=says):
        read_script(path)


def test_a_missing_script_is_told_by_name(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"gone\.json"):
        make_world(seed=1, script=tmp_path / "gone.json", every_s=5.0, ambient_c=26.0, epoch_s=0.0)


def test_a_fault_befalls_its_reader_only_while_it_lasts() -> None:
    world = World(ScriptedCrowd([]), 100.0, faults=(fault(reader="in"),))
    assert world.fault(Device.CAMERA, "in", 100.9) is None
    assert world.fault(Device.CAMERA, "in", 101.0) == "unplugged"
    assert world.fault(Device.CAMERA, "out", 101.0) is None
    assert world.fault(Device.THERMOMETER, "in", 101.0) is None
    assert world.fault(Device.CAMERA, "in", 102.0) is None


def test_a_fault_without_a_reader_befalls_every_reader_and_the_door() -> None:
    world = World(
        ScriptedCrowd([]),
        0.0,
        faults=(fault(), fault("jammed", device=Device.DOOR)),
    )
    assert world.fault(Device.CAMERA, "out", 1.5) == "unplugged"
    assert world.fault(Device.DOOR, None, 1.5) == "jammed"


def test_the_world_is_the_same_in_another_process() -> None:
    world = World(RandomCrowd(7, 5.0), 3.0, faults=(fault(kind=FAULT_KINDS[Device.CAMERA][0]),))
    copy = pickle.loads(pickle.dumps(world))
    moments = [3.0 + step * 0.5 for step in range(100)]
    assert [copy.at("in", at) for at in moments] == [world.at("in", at) for at in moments]
    assert copy.faults == world.faults


def test_nobody_is_there_before_and_after_a_visit() -> None:
    world = World(ScriptedCrowd([VISIT]), 10.0)
    assert world.at("in", 10.9) is None
    assert world.at("in", 11.0) == VISIT
    assert world.at("out", 11.0) is None
    assert world.at("in", 13.0) is None
