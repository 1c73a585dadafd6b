"""The computer itself: where records go, its clock, its heat and power, its service."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from edge.clock import SystemClock
from edge.commands.checks.finding import Check, Finding, Status
from edge.config.model import Config, RecordsTable

SYNCS = 8  # of one small file, for the time a record takes
MIB = 1 << 20
HOT_C = 80.0  # a Raspberry Pi slows down from here on, and at 85 °C for good
THERMAL = Path("/sys/class/thermal")
# vcgencmd get_throttled, Raspberry Pi documentation: bits 0..3 now, 16..19 since boot
THROTTLED = Path("/sys/devices/platform/soc/soc:firmware/get_throttled")
BUILT = datetime(2021, 8, 1, tzinfo=UTC)  # no clock of a gate is right before it


def checks(config: Config) -> Iterator[Check]:
    """All of it."""
    yield Check("records", lambda: _records(config.records))
    yield Check("clock", _clock)
    yield Check("heat and power", _power)
    yield Check("service", _service)


# --- records --------------------------------------------------------------------------------


def _records(table: RecordsTable) -> Iterator[Finding]:
    folder = table.path
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    where = str(table.path) if folder == table.path else f"{table.path} (not made yet)"
    try:
        syncs_ms = _sync_times_ms(folder)
    except OSError as error:
        hint = "the daemon's user must be able to write there (systemd's StateDirectory=)"
        yield Finding("records", Status.FAIL, f"{where}: {error.strerror}", hint)
        return
    detail = f"{where}, a sync takes {median(syncs_ms):.1f} ms, at worst {max(syncs_ms):.0f} ms"
    slow = max(syncs_ms) > table.deadline_ms
    hint = "slower than records.deadline_ms: another card or disk" if slow else ""
    yield Finding("records", Status.FAIL if slow else Status.OK, detail, hint)
    yield _space(folder, table)


def _sync_times_ms(folder: Path) -> list[float]:
    times_ms = []
    with tempfile.TemporaryFile(dir=folder) as file:
        for _ in range(SYNCS):
            start_s = time.perf_counter()
            file.write(bytes(512))
            file.flush()
            os.fsync(file.fileno())
            times_ms.append((time.perf_counter() - start_s) * 1000)
    return times_ms


def _space(folder: Path, table: RecordsTable) -> Finding:
    free_mib = shutil.disk_usage(folder).free // MIB
    used_mib = sum(file.stat().st_size for file in _files(table.path)) // MIB
    wanted_mib = max(table.max_mib - used_mib, 0)
    detail = f"{free_mib} MiB free, records take {used_mib} of {table.max_mib} MiB"
    if free_mib < 16:
        return Finding("disk", Status.FAIL, detail, "make room: records can't be written soon")
    if free_mib < wanted_mib:
        return Finding("disk", Status.WARN, detail, "less than records.max_mib promises")
    return Finding("disk", Status.OK, detail)


def _files(folder: Path) -> Iterator[Path]:
    if folder.is_dir():
        yield from (path for path in folder.rglob("*") if path.is_file())


# --- clock, heat, power, service ------------------------------------------------------------


def _clock() -> Iterator[Finding]:
    now = datetime.now(UTC)
    detail = f"{now.astimezone():%Y-%m-%d %H:%M:%S %z}"
    if now < BUILT:
        yield Finding("clock", Status.FAIL, detail, "far off: set it, or give it a time server")
    elif SystemClock().stamp().state == "synced":
        yield Finding("clock", Status.OK, f"{detail}, synced")
    else:
        hint = "records say so; look at timedatectl, or fit a clock with a battery"
        yield Finding("clock", Status.WARN, f"{detail}, not synced", hint)


def _power() -> Iterator[Finding]:
    zones_c = [
        int(text) / 1000
        for zone in sorted(THERMAL.glob("thermal_zone*/temp"))
        if (text := _text(zone)) is not None and text.lstrip("-").isdecimal()
    ]
    if zones_c:
        hot = max(zones_c) >= HOT_C
        hint = "give it air, shade or a fan" if hot else ""
        status = Status.WARN if hot else Status.OK
        yield Finding("processor", status, f"{max(zones_c):.0f} °C", hint)
    flags = _throttled()
    if flags is None:
        yield Finding("power", Status.SKIP, "this machine tells nothing of it")
    elif flags & 0x1:
        yield Finding(
            "power", Status.FAIL, "under-voltage now", "a stronger supply, a shorter cable"
        )
    elif flags & 0x10000:
        hint = "a stronger supply, a shorter cable"
        yield Finding("power", Status.WARN, "under-voltage since the last boot", hint)
    else:
        yield Finding("power", Status.OK, "no under-voltage since the last boot")


def _throttled() -> int | None:
    text = _text(THROTTLED)
    if text is None:
        text = _output("vcgencmd", "get_throttled").removeprefix("throttled=")
    try:
        return int(text, 16)
    except ValueError:
        return None


def _service() -> Iterator[Finding]:
    name = "service"
    shown = _output(
        "systemctl",
        "show",
        "edge-gate.service",
        "--property=LoadState,ActiveState,UnitFileState,NRestarts,WatchdogUSec",
    )
    state = dict(line.partition("=")[::2] for line in shown.splitlines())
    if state.get("LoadState") != "loaded":
        yield Finding(name, Status.SKIP, "edge-gate.service is not installed here")
        return
    detail = (
        f"{state.get('ActiveState')}, {state.get('UnitFileState')}, "
        f"{state.get('NRestarts')} restarts, watchdog {state.get('WatchdogUSec')}"
    )
    if state.get("UnitFileState") != "enabled":
        hint = "it won't start at boot: systemctl enable edge-gate"
        yield Finding(name, Status.WARN, detail, hint)
    elif state.get("WatchdogUSec") in {"0", "infinity"}:
        yield Finding(name, Status.WARN, detail, "set WatchdogSec= in the unit")
    else:
        yield Finding(name, Status.OK, detail)


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="ascii").strip()
    except OSError:
        return None  # a zone that can't be read now, or another machine


def _output(*command: str) -> str:
    """What a command says; nothing where it is not here or can't."""
    if shutil.which(command[0]) is None:
        return ""
    done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    return done.stdout.strip()
