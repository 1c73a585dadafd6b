"""Charts as SVG, drawn on the server: they need no script, take their colours from the style
sheet, and stand beside a table that says the same.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from hub.words import Language

WIDTH, HEIGHT = 720, 260
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 12, 14, 34
_MOST_LABELS = 12
_MOST_EDGES = 60
_MAP_WIDTH, _MAP_HEIGHT = 640.0, 400.0
_MAP_EDGE = 56.0
_LABEL_HEIGHT, _LETTER = 24.0, 10.5
_SMALLEST_SPAN = 0.004  # degrees, some 400 m: a park with one site is not a point


@dataclass(frozen=True, slots=True)
class Series:
    """Values of one kind; None where there is none. `style` 1 to 4 chooses colour and pattern."""

    name: str
    values: Sequence[float | None]
    style: int


@dataclass(frozen=True, slots=True)
class Spot:
    """A point of the map: where, and where its label goes (None: no room)."""

    x: float
    y: float
    label: tuple[float, float, str] | None  # x, y, text-anchor


@dataclass(frozen=True, slots=True)
class Node:
    """A person of a contact graph. Ring 0 is who was asked for."""

    key: str
    label: str
    ring: int


@dataclass(frozen=True, slots=True)
class Edge:
    """Who met whom, and how strongly (0 to 1)."""

    one: str
    other: str
    weight: float
    title: str


@dataclass(frozen=True, slots=True)
class Charts:
    """Charts with the numbers of one language."""

    language: Language

    def columns(self, title: str, labels: Sequence[str], series: Sequence[Series]) -> Markup:
        """Stacked columns."""
        totals = [sum(one.values[at] or 0 for one in series) for at in range(len(labels))]
        top = _nice(max(totals, default=0))
        step = (WIDTH - _LEFT - _RIGHT) / max(1, len(labels))
        width = min(step * 0.72, 56)
        marks = [*self._grid(0, top)]
        for at, label in enumerate(labels):
            x = _LEFT + step * (at + 0.5)
            base = 0.0
            for one in series:
                value = one.values[at] or 0
                if value:
                    high, low = _y(base + value, 0, top), _y(base, 0, top)
                    text = f"{label}: {one.name} {self._number(value)}"
                    marks.append(
                        Markup('<rect class="s{}" x="{:.1f}" y="{:.1f}" width="{:.1f}" '
                               'height="{:.1f}"><title>{}</title></rect>')
                        .format(one.style, x - width / 2, high, width, max(low - high, 0.8), text)
                    )  # fmt: skip
                base += value
        marks += _labels(labels, step)
        return _figure(title, series, Markup("").join(marks))

    def lines(
        self,
        title: str,
        labels: Sequence[str],
        series: Sequence[Series],
        *,
        unit: str,
        ticks: Sequence[str],
    ) -> Markup:
        """Lines over one scale that need not begin at 0. `ticks` stand below it, some empty."""
        values = [value for one in series for value in one.values if value is not None]
        low, high = (math.floor(min(values)), math.ceil(max(values))) if values else (0, 1)
        high = low + 4 * max(1, math.ceil((high - low) / 4))
        step = (WIDTH - _LEFT - _RIGHT) / max(1, len(labels))
        marks = [*self._grid(low, high, unit)]
        for one in series:
            for run in _runs(one.values):
                points = " ".join(
                    f"{_LEFT + step * (at + 0.5):.1f},{_y(value, low, high):.1f}"
                    for at, value in run
                )
                marks.append(
                    Markup('<polyline class="l{}" points="{}"/>').format(one.style, points)
                )
            marks += [
                Markup('<circle class="s{}" cx="{:.1f}" cy="{:.1f}" r="3"><title>{}</title>'
                       '</circle>')
                .format(one.style, _LEFT + step * (at + 0.5), _y(value, low, high),
                        f"{labels[at]}: {one.name} {self._number(value, 1)} {unit}")
                for at, value in enumerate(one.values)
                if value is not None
            ]  # fmt: skip
        marks += _labels(ticks, step)
        return _figure(title, series, Markup("").join(marks))

    def bar(self, share: float, style: int = 1) -> Markup:
        """A small bar for a cell of a table, which says the number itself."""
        return Markup(
            '<svg class="bar" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">'
            '<rect class="track" width="100" height="10"/>'
            '<rect class="s{}" width="{:.1f}" height="10"/></svg>'
        ).format(style, 100 * min(max(share, 0.0), 1.0))

    def spots(self, places: Sequence[tuple[float, float, str]]) -> list[Spot]:
        """Latitude, longitude and name of each site, placed on a map of 640 by 400: an
        equirectangular projection about the middle, the same scale both ways.
        """
        if not places:
            return []
        south, north = min(p[0] for p in places), max(p[0] for p in places)
        west, east = min(p[1] for p in places), max(p[1] for p in places)
        shrink = math.cos(math.radians((south + north) / 2))
        scale = min(
            (_MAP_WIDTH - 2 * _MAP_EDGE) / max((east - west) * shrink, _SMALLEST_SPAN),
            (_MAP_HEIGHT - 2 * _MAP_EDGE) / max(north - south, _SMALLEST_SPAN),
        )
        points = [
            (
                _MAP_WIDTH / 2 + (longitude - (west + east) / 2) * shrink * scale,
                _MAP_HEIGHT / 2 - (latitude - (south + north) / 2) * scale,
            )
            for latitude, longitude, _ in places
        ]
        taken = [(x - 20, y - 20, x + 20, y + 20) for x, y in points]
        spots = []
        for (x, y), (_, _, name) in zip(points, places, strict=True):
            label = _room(x, y, name, taken)
            spots.append(Spot(x, y, label))
        return spots

    def graph(self, title: str, nodes: Sequence[Node], edges: Sequence[Edge]) -> Markup:
        """Who met whom: the person asked for in the middle, a ring for each hop.

        Within a ring lines are left out where there are many: everyone of a shift met everyone.
        """
        rings = max((node.ring for node in nodes), default=0)
        at: dict[str, tuple[float, float]] = {}
        turned: dict[str, float] = {}  # degrees
        for ring in range(rings + 1):
            some = [node for node in nodes if node.ring == ring]
            reach = ring * 400.0 / max(rings, 1) if ring or len(some) < 2 else 40.0
            for number, node in enumerate(some):
                # a ring begins between the spokes of the one within
                turn = 360.0 * (number + ring * 0.5) / max(len(some), 1) - 90.0
                turned[node.key] = turn
                at[node.key] = (
                    reach * math.cos(math.radians(turn)), reach * math.sin(math.radians(turn)),
                )  # fmt: skip
        ring_of = {node.key: node.ring for node in nodes}
        across = [edge for edge in edges if ring_of[edge.one] != ring_of[edge.other]]
        shown = edges if len(edges) <= _MOST_EDGES else across
        marks = [_edge(edge, at[edge.one], at[edge.other]) for edge in shown]
        size = 15 if len(nodes) <= 25 else 9
        marks += [
            _node(node, at[node.key], turned[node.key], 26 if node.ring == 0 else size)
            for node in nodes
        ]
        return Markup(
            '<svg class="chart graph" viewBox="-620 -620 1240 1240" role="img" '
            'aria-label="{}">{}</svg>'
        ).format(title, Markup("").join(marks))

    def _grid(self, low: float, high: float, unit: str = "") -> list[Markup]:
        marks = []
        for part in range(5):
            value = low + (high - low) * part / 4
            y = _y(value, low, high)
            digits = 0 if (high - low) % 4 == 0 else 1
            text = f"{self._number(value, digits)}{' ' + unit if unit and part == 4 else ''}"
            marks.append(
                Markup('<line class="grid" x1="{}" x2="{}" y1="{:.1f}" y2="{:.1f}"/>'
                       '<text x="{}" y="{:.1f}" text-anchor="end">{}</text>')
                .format(_LEFT, WIDTH - _RIGHT, y, y, _LEFT - 6, y + 4, text)
            )  # fmt: skip
        return marks

    def _number(self, value: float, digits: int = 0) -> str:
        text = f"{value:,.{digits}f}"
        return text if self.language == "en" else text.translate(str.maketrans(",.", ".,"))


def _edge(edge: Edge, one: tuple[float, float], other: tuple[float, float]) -> Markup:
    return Markup(
        '<line class="edge" x1="{:.0f}" y1="{:.0f}" x2="{:.0f}" y2="{:.0f}" '
        'stroke-width="{:.1f}"><title>{}</title></line>'
    ).format(*one, *other, 1 + 7 * edge.weight, edge.title)


def _node(node: Node, at: tuple[float, float], turn: float, size: int) -> Markup:
    """A dot with its name: outwards from its ring, never upside down."""
    x, y = at
    circle = Markup('<circle class="node ring{}" cx="{:.0f}" cy="{:.0f}" r="{}"/>').format(
        min(node.ring, 3), x, y, size
    )
    if node.ring == 0:
        text = Markup('<text x="{:.0f}" y="{:.0f}" text-anchor="middle">{}</text>')
        return circle + text.format(x, y + size + 22, node.label)
    left = 90 < turn % 360 < 270
    text = Markup(
        '<text transform="translate({:.0f} {:.0f}) rotate({:.1f})" x="{}" y="6" '
        'text-anchor="{}">{}</text>'
    )
    return circle + text.format(
        x, y, turn + 180 if left else turn, -size - 6 if left else size + 6,
        "end" if left else "start", node.label,
    )  # fmt: skip


def _figure(title: str, series: Sequence[Series], marks: Markup) -> Markup:
    keys = Markup("").join(
        Markup('<li><svg class="key" viewBox="0 0 10 10" aria-hidden="true"><rect class="s{}" '
               'width="10" height="10"/></svg>{}</li>').format(one.style, one.name)
        for one in series
    )  # fmt: skip
    return Markup(
        '<div class="figure"><ul class="keys">{}</ul><svg class="chart" viewBox="0 0 {} {}" '
        'role="img" aria-label="{}">{}</svg></div>'
    ).format(keys, WIDTH, HEIGHT, title, marks)


def _labels(labels: Sequence[str], step: float) -> list[Markup]:
    named = [(at, label) for at, label in enumerate(labels) if label]
    every = max(1, math.ceil(len(named) / _MOST_LABELS))
    return [
        # a phone has room for every second one
        Markup('<text class="{}" x="{:.1f}" y="{}" text-anchor="middle">{}</text>').format(
            "odd" if number % 2 else "even", _LEFT + step * (at + 0.5), HEIGHT - 10, label
        )
        for number, (at, label) in enumerate(named[::every])
    ]


def _y(value: float, low: float, high: float) -> float:
    return HEIGHT - _BOTTOM - (value - low) / (high - low) * (HEIGHT - _TOP - _BOTTOM)


def _nice(highest: float) -> float:
    """A round number at or above it that four steps part well."""
    if highest <= 4:
        return 4
    size = math.pow(10, math.floor(math.log10(highest)))
    return next(
        size * step for step in (1, 1.2, 1.6, 2, 2.4, 3.2, 4, 6, 8, 10) if size * step >= highest
    )


def _runs(values: Sequence[float | None]) -> list[list[tuple[int, float]]]:
    runs: list[list[tuple[int, float]]] = [[]]
    for at, value in enumerate(values):
        if value is not None:
            runs[-1].append((at, value))
        elif runs[-1]:
            runs.append([])
    return [run for run in runs if len(run) > 1]


def _room(
    x: float, y: float, name: str, taken: list[tuple[float, float, float, float]]
) -> tuple[float, float, str] | None:
    width = len(name) * _LETTER
    for dx, dy, anchor in (
        (22, 6, "start"),
        (-22, 6, "end"),
        (0, -26, "middle"),
        (0, 40, "middle"),
    ):
        left = x + dx - {"start": 0.0, "end": width, "middle": width / 2}[anchor]
        box = (left, y + dy - _LABEL_HEIGHT, left + width, y + dy + 6)
        inside = box[0] >= 0 and box[2] <= _MAP_WIDTH and box[1] >= 0 and box[3] <= _MAP_HEIGHT
        own = (x - 20, y - 20, x + 20, y + 20)
        if inside and not any(_cross(box, other) for other in taken if other != own):
            taken.append(box)
            return x + dx, y + dy, anchor
    return None


def _cross(
    one: tuple[float, float, float, float], other: tuple[float, float, float, float]
) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
