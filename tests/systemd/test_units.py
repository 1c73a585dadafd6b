"""The units: systemd reads every line of them, and what they may do stays little."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

SYSTEMD = Path(__file__).parents[2] / "systemd"
UNIT = SYSTEMD / "edge-gate.service"
KIOSK = SYSTEMD / "edge-gate-kiosk.service"
# systemd's own scale, 0 to 10; 1.5 as shipped
EXPOSURE_TENTHS = 20


def settings(unit: Path = UNIT) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in unit.read_text().replace("\\\n", "").splitlines():
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


@pytest.mark.parametrize("unit", [UNIT, KIOSK], ids=lambda unit: unit.name)
def test_systemd_has_nothing_to_say_about_the_unit(
    analyze: str, tmp_path: Path, unit: Path
) -> None:
    """It returns 0 for a misspelt key: any output is a fault."""
    copy = tmp_path / unit.name
    # what is not here before `make install`
    programs = (
        "/opt/edge-gate/bin/edge-gate-kiosk",
        "/opt/edge-gate/bin/edge-gate",
        "/usr/bin/cage",
        "/usr/bin/chromium",
    )
    text = unit.read_text()
    for program in programs:
        text = text.replace(program, "/bin/true")
    copy.write_text(text)
    done = subprocess.run(
        [analyze, "verify", "--man=no", copy], capture_output=True, text=True, check=False
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


@pytest.mark.parametrize("unit", [UNIT, KIOSK], ids=lambda unit: unit.name)
def test_the_user_of_the_unit_is_made_with_its_groups(unit: Path) -> None:
    values = settings(unit)
    users = unit.with_suffix(".sysusers.conf").read_text()
    lines = [line.split() for line in users.splitlines()]
    assert ["u", values["User"][0]] in [line[:2] for line in lines]
    groups = {line[2] for line in lines if line[0] == "m"}
    # the screen's user has them by its log-in session
    display = "video render audio"
    assert groups == set(values.get("SupplementaryGroups", [display])[0].split())


def test_a_power_cut_leaves_the_browser_nothing_to_ask_about() -> None:
    """Profile, caches and home lie in the runtime directory, which is memory and new each time."""
    values = settings(KIOSK)
    (start,) = values["ExecStart"]
    (folder,) = values["RuntimeDirectory"]
    assert f"--user-data-dir=%t/{folder}/" in start
    assert f"HOME=%t/{folder}" in values["Environment"]
    assert "RuntimeDirectoryPreserve" not in values
    assert "--hide-crash-restore-bubble" in start.split()


def test_the_browser_asks_and_offers_nothing_at_a_gate() -> None:
    (start,) = settings(KIOSK)["ExecStart"]
    words = start.split()
    watched = "/opt/edge-gate/bin/edge-gate-kiosk"
    assert words[:5] == ["/usr/bin/cage", "-d", "--", watched, "/usr/bin/chromium"]
    assert {
        "--kiosk",
        "--incognito",
        "--no-first-run",
        "--no-default-browser-check",
        "--noerrdialogs",
        "--disable-pinch",
        "--overscroll-history-navigation=0",
        "--deny-permission-prompts",
        "--autoplay-policy=no-user-gesture-required",
    } <= set(words)
    assert words[-1] == "http://${KIOSK_HOST}:${KIOSK_PORT}/${KIOSK_READER}/?turn=${KIOSK_TURN}"


def test_nobody_steers_the_browser_and_no_pointer_stands_on_the_page() -> None:
    """wlroots takes no input without its libinput backend, which also fails where there is none."""
    values = settings(KIOSK)
    assert "WLR_BACKENDS=drm" in values["Environment"]
    users = KIOSK.with_suffix(".sysusers.conf").read_text()
    assert "m edge-kiosk input" not in users


def test_the_browser_here_knows_each_of_its_options() -> None:
    """One that was dropped would be passed over in silence."""
    program = Path("/usr/lib/chromium/chromium")
    if not program.exists():
        pytest.skip("Debian's Chromium is not here")
    (start,) = settings(KIOSK)["ExecStart"]
    options = {word.partition("=")[0][2:] for word in start.split() if word.startswith("--")} - {""}
    binary = program.read_bytes()
    assert {option for option in options if f"\0{option}\0".encode() not in binary} == set()


def test_the_screen_starts_no_gate_that_was_stopped() -> None:
    values = settings(KIOSK)
    assert "edge-gate.service" in values["After"][0].split()
    assert not {"Wants", "Requires", "BindsTo"} & values.keys()


@pytest.mark.parametrize(
    "name",
    ["edge-gate.sysusers.conf", "edge-gate.tmpfiles.conf", "edge-gate-kiosk.sysusers.conf"],
)
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
