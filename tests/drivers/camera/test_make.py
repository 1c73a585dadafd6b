"""The factory of cameras: the one that is named, and no other."""

from __future__ import annotations

import subprocess
import sys

import pytest

from edge.config.model import SimCameraTable
from edge.drivers.camera.make import make_camera
from edge.drivers.camera.sim import SimCamera
from edge.drivers.sim.world import RandomCrowd, World


def test_the_simulated_camera_looks_into_the_world_it_is_given() -> None:
    world = World(RandomCrowd(1, 5.0), 0.0)
    camera = make_camera(SimCameraTable(driver="sim"), world=world, reader="in")
    assert isinstance(camera, SimCamera)


def test_a_simulated_camera_without_a_world_is_an_error() -> None:
    with pytest.raises(ValueError, match="reader 'in' needs a world"):
        make_camera(SimCameraTable(driver="sim"), world=None, reader="in")


@pytest.mark.parametrize(
    "keys",
    [
        "{'driver': 'picamera2'}",
        "{'driver': 'webcam'}",
        "{'driver': 'replay', 'path': 'x'}",
    ],
)
def test_only_the_chosen_driver_is_loaded(keys: str) -> None:
    """A gate with one camera does not pay for the libraries of the others."""
    program = (
        "import sys\n"
        "from pydantic import TypeAdapter\n"
        "from edge.config.model import AnyCamera\n"
        "from edge.drivers.camera.make import make_camera\n"
        f"table = TypeAdapter(AnyCamera).validate_python({keys})\n"
        "camera = make_camera(table, world=None, reader='in')\n"
        "print(*sorted(name for name in sys.modules if name.startswith('edge.drivers.')), "
        "'cv2' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    loaded = done.stdout.decode()
    driver = keys.split("'")[3]
    drivers = ("picamera2", "webcam", "replay", "sim")
    assert [name for name in drivers if f"camera.{name} " in loaded] == [driver]
    assert loaded.split()[-1] == str(driver == "replay")
