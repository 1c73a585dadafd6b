"""Thermometers compared with each other: one that reads otherwise than its peers has drifted.

People are the same on both sides of a park, so the medians of accepted estimates agree, where the
air at the thermometers is alike. What one gate can't see by itself, a dirty lens or an ageing
sensor, shows against the others.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from hub.monitor.gates import GateNow

# Iglewicz and Hoaglin, How to Detect and Handle Outliers (1993): a modified z-score over 3.5 is an
# outlier; 1.4826 makes the median absolute deviation comparable to a standard deviation
_OUTLYING = 3.5
_MAD_TO_SIGMA = 1.4826


@dataclass(frozen=True, slots=True)
class Bounds:
    """From when on a thermometer stands out; hub.config.MonitorTable says what each means."""

    bound_c: float
    ambient_c: float
    peers: int
    people: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """The rolling median of one reader, °C, over so many people; the air at it, where known."""

    park: str
    site: str
    gate: str
    reader: str
    median_c: float
    people: int
    ambient_c: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """A reader against its peers. `off_c` is its median less theirs; `out` where it stands out."""

    figure: Figure
    peers: int
    peers_median_c: float
    off_c: float
    out: bool

    @property
    def place(self) -> str:
        one = self.figure
        return f"{one.park}/{one.site}/{one.gate}"

    @property
    def where(self) -> str:
        return f"{self.place} reader {self.figure.reader}"


def figures(gates: Iterable[GateNow], *, people: int) -> list[Figure]:
    """The readers of gates that are online and have measured enough people."""
    found = []
    for gate in gates:
        for reader in gate.readers if gate.online else ():
            if reader.median_c is None or (reader.median_of or 0) < people:
                continue
            found.append(
                Figure(
                    park=gate.park,
                    site=gate.site,
                    gate=gate.gate,
                    reader=reader.name,
                    median_c=reader.median_c,
                    people=reader.median_of or 0,
                    ambient_c=reader.ambient_c,
                )
            )
    return found


def compare(readers: Sequence[Figure], bounds: Bounds) -> list[Drift]:
    """Each reader that has enough peers: others of its park whose air is alike.

    A reader that tells no air temperature is compared with those that tell none either.
    """
    found = []
    for one in readers:
        peers = [other.median_c for other in readers if _alike(one, other, bounds.ambient_c)]
        if len(peers) < bounds.peers:
            continue
        middle = median(peers)
        off_c = one.median_c - middle
        spread_c = _MAD_TO_SIGMA * median(abs(value - middle) for value in peers)
        out = abs(off_c) > max(bounds.bound_c, _OUTLYING * spread_c)
        found.append(
            Drift(
                figure=one,
                peers=len(peers),
                peers_median_c=round(middle, 2),
                off_c=round(off_c, 2),
                out=out,
            )
        )
    return found


def _alike(one: Figure, other: Figure, ambient_c: float) -> bool:
    if other is one or other.park != one.park:
        return False
    if one.ambient_c is None or other.ambient_c is None:
        return one.ambient_c is other.ambient_c
    return abs(one.ambient_c - other.ambient_c) <= ambient_c
