"""How a thermometer's readings of healthy people move over weeks: a rolling median by ambient band.

Healthy people do not change from month to month; a lens that gets dirty or a sensor that ages does.
What was read of the first people after a calibration is the reference. °C throughout.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from statistics import median
from typing import Any

BAND_C = 2.0  # width of an ambient band: within it the correction's own error hardly shows
REFERENCE = 100  # people whose median is a band's reference
# newest people of a band that are compared with it: estimates of healthy people scatter by 0.45 °C,
# so that the difference of two such medians has a standard error of 0.08 °C
RECENT = 100
FEWEST = 50  # people that a median is told of
# of the bound: an alarm is over below this, so that it does not come and go
_CLEARED_PART = 0.7


@dataclass(slots=True)
class Band:
    """Accepted estimates in air of one band: the first ones, then the newest."""

    first: list[float] = field(default_factory=list)
    recent: list[float] = field(default_factory=list)

    def add(self, estimate_c: float) -> None:
        if len(self.first) < REFERENCE:
            self.first.append(estimate_c)
        else:
            self.recent = [*self.recent, estimate_c][-RECENT:]

    @property
    def drift_c(self) -> float | None:
        """How far the newest lie from the first; None before there are enough of both."""
        if len(self.recent) < RECENT:
            return None
        return median(self.recent) - median(self.first)


@dataclass(slots=True)
class Drift:
    """One reader's. `since` names the calibration it is counted from."""

    since: str = ""
    bands: dict[int, Band] = field(default_factory=dict)
    newest: list[float] = field(default_factory=list)
    raised: bool = False

    def add(self, estimate_c: float, ambient_c: float) -> None:
        """Somebody was read as healthy."""
        band = self.bands.setdefault(int(ambient_c // BAND_C), Band())
        band.add(round(estimate_c, 2))
        self.newest = [*self.newest, round(estimate_c, 2)][-REFERENCE:]

    @property
    def median_c(self) -> float | None:
        """Of the newest people, whatever the air: what gates are compared by."""
        return round(median(self.newest), 2) if len(self.newest) >= FEWEST else None

    @property
    def drift_c(self) -> float | None:
        """The mean over the bands that have enough people."""
        known = [band.drift_c for band in self.bands.values() if band.drift_c is not None]
        return round(sum(known) / len(known), 2) if known else None

    def judge(self, bound_c: float) -> bool | None:
        """True when the alarm is to be raised, False when cleared, None when nothing changes."""
        drift_c = self.drift_c
        if drift_c is None:
            return None
        allowed_c = bound_c * (_CLEARED_PART if self.raised else 1.0)
        beyond = abs(drift_c) > allowed_c
        if beyond == self.raised:
            return None
        self.raised = beyond
        return beyond

    def to_json(self) -> dict[str, Any]:
        """Plain data, at most some hundred numbers a band."""
        bands = {
            str(number): {"first": band.first, "recent": band.recent}
            for number, band in self.bands.items()
        }
        return {"since": self.since, "bands": bands, "newest": self.newest, "raised": self.raised}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Drift:
        """The reverse. Raises KeyError, TypeError, ValueError or AttributeError."""
        bands = {
            int(number): Band(_numbers(band["first"]), _numbers(band["recent"]))
            for number, band in values["bands"].items()
        }
        return cls(str(values["since"]), bands, _numbers(values["newest"]), bool(values["raised"]))


def _numbers(values: Any) -> list[float]:
    return [float(value) for value in values]
