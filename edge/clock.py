"""Time, injected: durations come from a monotonic clock, records carry UTC and how far to trust it.

A Raspberry Pi has no clock battery: until the first synchronisation after a boot its time is
wrong, by hours or by years, so that a record's time always stands beside the boot and the uptime.
"""

from __future__ import annotations

import ctypes
import functools
import logging
import os
import time
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Protocol
from zoneinfo import ZoneInfo

from feed.record import Clock as Stamp
from feed.record import ClockState

log = logging.getLogger(__name__)

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_LOCALTIME = Path("/etc/localtime")
# made by systemd-timesyncd at the first synchronisation of a boot (systemd-timesyncd.service(8))
_TIMESYNC = Path("/run/systemd/timesync/synchronized")
_STA_UNSYNC = 0x0040  # <linux/timex.h>


def machine_zone() -> tzinfo:
    """The time zone that this machine is set to; UTC where none is, as the C library has it."""
    try:
        with _LOCALTIME.open("rb") as file:
            return ZoneInfo.from_file(file)
    except (FileNotFoundError, ValueError):
        return UTC


class Clock(Protocol):
    """Every clock of the daemon; safe from any thread."""

    def monotonic(self) -> float:
        """Seconds that never run backwards; only differences mean something."""
        ...

    def now(self) -> datetime:
        """UTC."""
        ...

    def stamp(self) -> Stamp:
        """How far `now` can be trusted, as it stands in records."""
        ...


class SystemClock:
    """The machine's own clock.

    It counts as synced when systemd-timesyncd has set it in this boot, or when the kernel says
    that someone (chrony, ntpd) disciplines it: adjtimex(2) without STA_UNSYNC.
    """

    def __init__(self) -> None:
        self._boot = _BOOT_ID.read_text(encoding="ascii").strip()

    def monotonic(self) -> float:
        return time.monotonic()

    def now(self) -> datetime:
        return datetime.now(UTC)

    def stamp(self) -> Stamp:
        state: ClockState = "synced" if _disciplined() or _TIMESYNC.exists() else "unsynced"
        return Stamp(state=state, boot=self._boot, uptime_s=round(_uptime_s(), 3))


class ManualClock:
    """A clock that moves only when told, for tests and simulations."""

    def __init__(
        self,
        now: datetime = datetime(2021, 8, 23, 7, 0, tzinfo=UTC),
        *,
        state: ClockState = "synced",
        boot: str = "00000000-0000-4000-8000-000000000001",
    ) -> None:
        self.state = state
        self.boot = boot
        self._now = now
        self._uptime_s = 0.0

    def monotonic(self) -> float:
        return self._uptime_s

    def now(self) -> datetime:
        return self._now

    def stamp(self) -> Stamp:
        return Stamp(state=self.state, boot=self.boot, uptime_s=round(self._uptime_s, 3))

    def advance(self, seconds: float) -> None:
        """Time passes. Raises ValueError for a negative duration."""
        if seconds < 0:
            raise ValueError(f"time can't pass by {seconds} s")
        self._uptime_s += seconds
        self._now += timedelta(seconds=seconds)

    def set(self, now: datetime) -> None:
        """The time of day jumps, as by a synchronisation; the monotonic clock does not."""
        self._now = now

    def reboot(self, boot: str) -> None:
        """Another boot: the uptime starts again."""
        self.boot = boot
        self._uptime_s = 0.0


class _Timex(ctypes.Structure):
    """struct timex of adjtimex(2), as far as `status`; the rest is room for the kernel."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_byte * 256),
    )


_libc = ctypes.CDLL(None, use_errno=True)


def _disciplined() -> bool:
    """What the kernel says; a sandbox may forbid to ask, and then nobody vouches for the time."""
    timex = _Timex()
    if _libc.adjtimex(ctypes.byref(timex)) < 0:
        _say_forbidden(ctypes.get_errno())
        return False
    return not timex.status & _STA_UNSYNC


@functools.cache
def _say_forbidden(number: int) -> None:
    log.warning(
        "the kernel does not tell whether the clock is synchronised (adjtimex: %s): records say "
        "'unsynced' unless systemd-timesyncd has set the clock",
        os.strerror(number),
    )


def _uptime_s() -> float:
    # counts time asleep too, as a Pi that was suspended would need
    return time.clock_gettime(time.CLOCK_BOOTTIME)
