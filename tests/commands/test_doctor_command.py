"""doctor: every device found, readable and sane, and what is not."""

from __future__ import annotations

import json
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge.commands.checks import machine
from edge.commands.checks.devices import failed, judge_frames, judge_inputs, judge_readings
from edge.commands.checks.finding import Finding, Status
from edge.drivers.base import DeviceError
from edge.drivers.camera import Frame
from edge.drivers.thermometer import Measurement
from edge.gate.reasons import Cause, Device

Run = Callable[..., subprocess.CompletedProcess[str]]


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
    return port


def findings(done: subprocess.CompletedProcess[str]) -> dict[str, dict[str, Any]]:
    return {one["name"]: one for one in json.loads(done.stdout)["findings"]}


def test_a_simulated_gate_is_well_but_for_its_broker(run: Run, config_file: Path) -> None:
    environ = {"EDGE_GATE__MQTT__HOST": "127.0.0.1", "EDGE_GATE__MQTT__PORT": str(free_port())}
    done = run("--config", config_file, "doctor", "--json", environ=environ)
    found = findings(done)
    assert done.returncode == 1
    assert json.loads(done.stdout)["ok"] is False
    # a busy machine may not keep up with the frame rate: a warning, and no fault
    assert found["reader.in.camera"]["status"] in {"ok", "warn"}, found["reader.in.camera"]
    for name in ("token key", "reader.in.thermometer", "door", "records"):
        assert found[name]["status"] == "ok", found[name]
    assert found["broker TCP"]["status"] == "fail"
    assert "Connection refused" in found["broker TCP"]["detail"]


def test_a_table_for_people_tells_what_to_do(run: Run, config_file: Path) -> None:
    config_file.with_name("token.key").write_bytes(b"short")
    environ = {"EDGE_GATE__MQTT__HOST": "no.such.host.invalid"}
    done = run("--config", config_file, "doctor", environ=environ)
    assert done.returncode == 1
    assert "\x1b" not in done.stdout
    (key,) = [line for line in done.stdout.splitlines() if "token key" in line]
    assert key.startswith("fail")
    assert "a token key is 32 raw bytes" in key


def test_real_devices_that_are_not_there_are_told_one_by_one(
    run: Run, config_file: Path, tmp_path: Path
) -> None:
    (tmp_path / "config.toml.d").mkdir()
    (tmp_path / "config.toml.d" / "real.toml").write_text(
        '[door]\ndriver = "gpio"\n[[reader]]\nname = "in"\n'
        'camera = {driver = "webcam", device = "/dev/no-such-video"}\n'
        'thermometer = {driver = "mlx90614", bus = 31}\n'
    )
    found = findings(run("--config", config_file, "doctor", "--json"))
    for name in ("reader.in.camera", "reader.in.thermometer"):
        assert found[name]["status"] == "fail"
        assert found[name]["hint"]


def frames(level: int, size: tuple[int, int] = (32, 24)) -> list[Frame]:
    gray = np.full((size[1], size[0]), level, np.uint8)
    return [Frame(gray, 0.0, 1)]


@pytest.mark.parametrize(
    ("level", "rate_hz", "size", "status"),
    [
        (128, 10.0, (32, 24), Status.OK),
        (2, 10.0, (32, 24), Status.FAIL),
        (255, 10.0, (32, 24), Status.FAIL),
        (15, 10.0, (32, 24), Status.WARN),
        (128, 5.0, (32, 24), Status.WARN),
        (128, 10.0, (24, 32), Status.FAIL),
    ],
)
def test_a_picture_is_judged_by_size_rate_and_light(
    level: int, rate_hz: float, size: tuple[int, int], status: Status
) -> None:
    assert judge_frames("camera", frames(level), rate_hz, size, 10.0).status is status


@pytest.mark.parametrize(
    ("object_c", "ambient_c", "emissivity", "status"),
    [
        (34.0, 25.0, "0.980", Status.OK),
        (34.0, 70.0, "0.980", Status.WARN),
        (200.0, 25.0, "0.980", Status.WARN),
        (34.0, 25.0, "1.000", Status.WARN),
    ],
)
def test_readings_are_judged_by_plausibility(
    object_c: float, ambient_c: float, emissivity: str, status: Status
) -> None:
    told = {"id": "0123", "emissivity": emissivity}
    finding = judge_readings("t", [Measurement(object_c, ambient_c, 0.0)], told, 0.98)
    assert finding.status is status


def test_a_door_that_stands_open_or_a_fire_is_a_warning() -> None:
    assert judge_inputs(contact_open=False, fire_active=False).status is Status.OK
    assert judge_inputs(contact_open=None, fire_active=None).status is Status.OK
    assert judge_inputs(contact_open=True, fire_active=False).status is Status.WARN
    assert judge_inputs(contact_open=False, fire_active=True).status is Status.WARN


def test_a_device_that_is_in_use_points_at_the_daemon() -> None:
    error = DeviceError(Device.DOOR, Cause.BUSY, "pin 17 is in use")
    assert failed("door", error) == Finding(
        "door",
        Status.FAIL,
        "pin 17 is in use (busy)",
        "the daemon may hold it: systemctl stop edge-gate",
    )


@pytest.mark.parametrize(
    ("flags", "status"),
    [("0", Status.OK), ("50000", Status.WARN), ("50005", Status.FAIL), ("garbage", Status.SKIP)],
)
def test_under_voltage_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flags: str, status: Status
) -> None:
    throttled = tmp_path / "get_throttled"
    throttled.write_text(f"{flags}\n")
    monkeypatch.setattr(machine, "THROTTLED", throttled)
    monkeypatch.setattr(machine, "THERMAL", tmp_path)
    (finding,) = machine._power()
    assert finding.status is status
