"""The overview in pieces that change on their own, each with the macro that renders it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from hub.monitor.gates import URGENCY, GateNow, Status
from hub.web.live import Piece
from hub.web.look import Overview, SiteNow

MOST_TILES = 600  # gates; a larger park shows those that are not well
_MOST_WORST = 120
_NAMED = 4


@dataclass(frozen=True, slots=True)
class Verdict:
    """The one sentence: how many gates are not well, by status, the worst first."""

    gates: int
    counts: tuple[tuple[Status, int], ...]
    which: tuple[tuple[int, str], ...] = ()  # the first gates that are not well: id and name
    ordered: int = 0  # closed by order, well or not

    @property
    def wrong(self) -> tuple[tuple[Status, int], ...]:
        return tuple((status, n) for status, n in self.counts if status is not Status.WELL and n)


@dataclass(frozen=True, slots=True)
class Figure:
    """A number with its name in the catalogue."""

    key: str
    value: int
    urgent: bool = False


@dataclass(frozen=True, slots=True)
class Pin:
    """A site on the map."""

    id: int
    name: str
    status: Status
    inside: int
    gates: tuple[tuple[int, str, Status], ...]


@dataclass(frozen=True, slots=True)
class PlanPin:
    """A gate on its site's plan."""

    id: int
    name: str
    status: Status
    left: bool  # its name stands to the left, where there is room


@dataclass(frozen=True, slots=True)
class Worst:
    """Gates that are not well, in a park too large for a tile each."""

    tiles: tuple[tuple[SiteNow, GateNow], ...]
    more: int


def is_large(overview: Overview) -> bool:
    return overview.gate_count > MOST_TILES


def pieces(overview: Overview, site: int | None = None) -> Mapping[str, Piece]:
    """Every piece by the id of its element: of the overview, or of one site's pages."""
    if site is not None:
        return _of_site(next((one for one in overview.sites if one.id == site), None))
    found = {
        "layout": Piece("layout", layout(overview)),
        "verdict": Piece("verdict", verdict(overview)),
        "alarms": Piece("alarms", (overview.alarms[:8], overview.open_alarms)),
        "alarms-known": Piece("known", known(overview)),
        "entries": Piece("entries", overview.entries, entries=True),
    }
    for figure in figures(overview):
        found[f"figure-{figure.key}"] = Piece("figure", figure)
    found.update(_places(overview))
    return found


def layout(overview: Overview) -> str:
    """Tells pages made for other sites and gates, which must be loaded anew."""
    if is_large(overview):
        return "large"
    names = [(site.id, site.name, site.latitude, site.longitude, [gate.id for gate in site.gates])
             for site in overview.sites]  # fmt: skip
    planned = plan_site(overview)
    return _digest([names, None if planned is None else layout_of(planned)])


def layout_of(site: SiteNow) -> str:
    """Tells pages made for another plan or other gates of the site, which must be loaded anew."""
    return _digest([site.name, site.plan, [(gate.id, gate.name, gate.pin) for gate in site.gates]])


def plan_site(overview: Overview) -> SiteNow | None:
    """The site whose plan says more than a map: the only one with gates, where it has a plan."""
    found = [site for site in overview.sites if site.gates]
    return found[0] if len(found) == 1 and found[0].plan is not None else None


def known(overview: Overview) -> tuple[int, int]:
    """Tells a page of alarms that it is old: how many are open, and the newest."""
    return overview.open_alarms, overview.alarms[0].id if overview.alarms else 0


def verdict(overview: Overview) -> Verdict:
    counts = overview.counts
    which = [
        (gate.id, f"{site.name}, {gate.name}" if len(site.gates) > 1 else site.name)
        for site, gate in worst(overview).tiles[:_NAMED]
    ]
    each = tuple((one, counts.get(one, 0)) for one in Status)
    ordered = sum(gate.order is not None for site in overview.sites for gate in site.gates)
    return Verdict(overview.gate_count, each, tuple(which), ordered)


def figures(overview: Overview) -> tuple[Figure, ...]:
    return (
        Figure("inside", overview.inside),
        Figure("entries", overview.entries_today),
        Figure("refused", overview.refused_today),
        Figure("alarms", overview.open_alarms, urgent=overview.open_alarms > 0),
    )


def pin(site: SiteNow) -> Pin:
    gates = tuple((gate.id, gate.name, gate.status) for gate in site.gates)
    return Pin(site.id, site.name, site.status, site.inside, gates)


def plan_pin(gate: GateNow) -> PlanPin:
    return PlanPin(gate.id, gate.name, gate.status, gate.pin is not None and gate.pin[0] > 0.66)


def shown(gate: GateNow) -> GateNow:
    """A gate without what changes each minute and is not on its tile."""
    heard_ms = gate.heard_ms if gate.status is Status.OFFLINE else None
    oldest_ms = gate.oldest_unconfirmed_ms if gate.status is Status.BEHIND else None
    return replace(
        gate, heard_ms=heard_ms, oldest_unconfirmed_ms=oldest_ms, since_ms=None,
        offline_since_ms=None, version=None, granted=None, denied=None, seq=None, confirmed=None,
        readers=(),
    )  # fmt: skip


def worst(overview: Overview) -> Worst:
    wrong = sorted(
        (
            (replace(site, inside=0, entries=0, refused=0), shown(gate))
            for site in overview.sites
            for gate in site.gates
            if gate.status is not Status.WELL
        ),
        key=lambda one: URGENCY[one[1].status],
    )
    return Worst(tuple(wrong[:_MOST_WORST]), max(0, len(wrong) - _MOST_WORST))


def _of_site(site: SiteNow | None) -> Mapping[str, Piece]:
    if site is None:
        return {}
    found = {
        f"layout-site-{site.id}": Piece("layout_site", (site.id, layout_of(site))),
        f"now-{site.id}": Piece("site_now", replace(site, gates=(), plan=None)),
    }
    for gate in site.gates:
        found[f"gate-{gate.id}"] = Piece("tile", shown(gate))
        found[f"order-{gate.id}"] = Piece("ordered", shown(gate))
    return found | dict(_plan_pins(site))


def _plan_pins(site: SiteNow) -> Iterator[tuple[str, Piece]]:
    for gate in site.gates:
        if site.plan is not None and gate.pin is not None:
            yield f"plan-pin-{gate.id}", Piece("plan_pin", plan_pin(gate))


def _digest(value: object) -> str:
    return hashlib.sha256(repr(value).encode()).hexdigest()[:16]


def _places(overview: Overview) -> Iterator[tuple[str, Piece]]:
    if is_large(overview):
        yield "worst", Piece("worst", worst(overview))
        return
    if (planned := plan_site(overview)) is not None:
        yield from _plan_pins(planned)
    for site in overview.sites:
        yield f"site-{site.id}", Piece("site_head", replace(site, gates=()))
        yield f"pin-{site.id}", Piece("pin", pin(site))
        for gate in site.gates:
            yield f"gate-{gate.id}", Piece("tile", shown(gate))
