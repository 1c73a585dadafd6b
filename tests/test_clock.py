"""Clocks: what a record says of its time must be true."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from edge import clock as clock_module
from edge.clock import Clock, ManualClock, SystemClock


@pytest.mark.parametrize("make", [SystemClock, ManualClock])
def test_every_clock_gives_utc_and_never_runs_backwards(make: type[Clock]) -> None:
    clock = make()
    before = clock.monotonic()
    assert clock.now().tzinfo is UTC
    assert clock.stamp().state in {"synced", "unsynced"}
    assert clock.monotonic() >= before


def test_the_stamp_carries_the_kernels_boot_and_uptime() -> None:
    stamp = SystemClock().stamp()
    assert stamp.boot == Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    uptime_s = float(Path("/proc/uptime").read_text("ascii").split()[0])
    assert 0 < stamp.uptime_s <= uptime_s + 1


@pytest.mark.parametrize(
    ("disciplined", "marker", "state"),
    [(True, False, "synced"), (False, True, "synced"), (False, False, "unsynced")],
)
def test_a_clock_counts_as_synced_only_when_something_set_it(
    disciplined: bool, marker: bool, state: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "synchronized"
    if marker:
        file.touch()
    monkeypatch.setattr(clock_module, "_TIMESYNC", file)
    monkeypatch.setattr(clock_module, "_disciplined", lambda: disciplined)
    assert SystemClock().stamp().state == state


def test_the_kernel_is_really_asked_whether_its_clock_is_disciplined() -> None:
    assert clock_module._disciplined() in {True, False}


def test_a_manual_clock_jumps_without_its_monotonic_time() -> None:
    clock = ManualClock()
    clock.advance(2.5)
    clock.set(datetime(1970, 1, 1, tzinfo=UTC))
    assert clock.monotonic() == 2.5
    clock.advance(1)
    assert clock.now() == datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=1)
    with pytest.raises(ValueError, match="can't pass"):
        clock.advance(-1)


def test_a_reboot_shows_in_the_stamp() -> None:
    clock = ManualClock(state="unsynced")
    clock.advance(7)
    clock.reboot("b2")
    stamp = clock.stamp()
    assert (stamp.boot, stamp.uptime_s, stamp.state) == ("b2", 0, "unsynced")
