"""The unit: systemd reads every line of it, and what it may do stays little."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

SYSTEMD = Path(__file__).parents[2] / "systemd"
UNIT = SYSTEMD / "edge-gate.service"
# systemd's own scale, 0 to 10; 1.5 as shipped
EXPOSURE_TENTHS = 20


def settings() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in UNIT.read_text().splitlines():
        key, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            found.setdefault(key, []).append(value)
    return found


@pytest.fixture
def analyze() -> str:
    path = shutil.which("systemd-analyze")
    if path is None:
        pytest.skip("systemd-analyze is not here")
    return path


def test_systemd_has_nothing_to_say_about_the_unit(analyze: str, tmp_path: Path) -> None:
    """It returns 0 for a misspelt key: any output is a fault."""
    unit = tmp_path / UNIT.name
    # the one thing that is not here before `make install`
    unit.write_text(UNIT.read_text().replace("/opt/edge-gate/bin/edge-gate", "/bin/true"))
    done = subprocess.run(
        [analyze, "verify", "--man=no", unit], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_misspelt_key_would_be_noticed(analyze: str, tmp_path: Path) -> None:
    unit = tmp_path / UNIT.name
    text = UNIT.read_text().replace("/opt/edge-gate/bin/edge-gate", "/bin/true")
    unit.write_text(text.replace("WatchdogSec=", "WatchdogSecs="))
    done = subprocess.run(
        [analyze, "verify", "--man=no", unit], capture_output=True, text=True, check=False
    )
    assert "WatchdogSecs" in done.stdout + done.stderr


def test_the_exposure_stays_low(analyze: str) -> None:
    done = subprocess.run(
        [analyze, "security", "--offline=true", f"--threshold={EXPOSURE_TENTHS}", UNIT],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-400:]


def test_the_door_is_made_safe_however_the_daemon_ends() -> None:
    (after,) = settings()["ExecStopPost"]
    (start,) = settings()["ExecStart"]
    assert after == start.removesuffix(" run") + " door-safe"


def test_what_a_gate_needs_is_not_taken_away() -> None:
    unit = settings()
    assert unit["Type"] == ["notify"]
    assert unit["WatchdogSec"]
    # gpiozero reads /proc/cpuinfo
    assert "ProcSubset" not in unit
    assert "PrivateDevices" not in unit
    assert {"AF_NETLINK", "AF_INET", "AF_INET6", "AF_UNIX"} <= set(
        unit["RestrictAddressFamilies"][0].split()
    )
    devices = {value.split()[0] for value in unit["DeviceAllow"]}
    assert devices == {
        "char-video4linux", "char-media", "char-dma_heap", "char-i2c", "char-gpiochip",
    }  # fmt: skip
    assert "LG_WD=%t/edge-gate" in unit["Environment"][0]


def test_the_user_of_the_unit_is_made_with_its_groups() -> None:
    unit = settings()
    lines = [
        line.split() for line in (SYSTEMD / "edge-gate.sysusers.conf").read_text().splitlines()
    ]
    assert ["u", unit["User"][0]] in [line[:2] for line in lines]
    groups = {line[2] for line in lines if line[0] == "m"}
    assert groups == set(unit["SupplementaryGroups"][0].split())


@pytest.mark.parametrize("name", ["edge-gate.sysusers.conf", "edge-gate.tmpfiles.conf"])
def test_systemd_reads_the_users_and_folders(name: str, tmp_path: Path) -> None:
    tool = {"sysusers": "systemd-sysusers", "tmpfiles": "systemd-tmpfiles"}[name.split(".")[1]]
    path = shutil.which(tool)
    if path is None:
        pytest.skip(f"{tool} is not here")
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "passwd").write_text("root:x:0:0:root:/root:/bin/sh\n")
    (tmp_path / "etc" / "group").write_text("root:x:0:\n")
    users = shutil.which("systemd-sysusers")
    if users is not None:
        subprocess.run(
            [users, f"--root={tmp_path}", SYSTEMD / "edge-gate.sysusers.conf"],
            check=True,
            capture_output=True,
        )
    options = ["--create"] if tool == "systemd-tmpfiles" else []
    done = subprocess.run(
        [path, f"--root={tmp_path}", *options, SYSTEMD / name],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_the_sandbox_leaves_the_daemon_what_it_needs() -> None:
    """Seen under a running systemd: with these, the daemon died at its first record, or the scan
    process at its first frame.
    """
    lines = UNIT.read_text(encoding="utf-8").splitlines()
    assert "ProtectClock=yes" not in lines, "it forbids adjtimex, which tells synced from unsynced"
    assert "ProcSubset=pid" not in lines, "gpiozero reads /proc/cpuinfo"
    denied = [line for line in lines if line.startswith("SystemCallFilter=~")]
    assert not any("@resources" in line for line in denied), "the scan process calls setpriority"
