"""Charts as shapes in millimetres, drawn alike on paper and on the screen."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Literal

from hub.badges.drawing import DrawingError, width_mm
from hub.reports.document import Chart
from hub.reports.texts import Words

Colour = tuple[int, int, int]
Anchor = Literal["start", "middle", "end"]

# Okabe and Ito, Color Universal Design (2008): told apart by colour-blind readers too
SERIES: tuple[Colour, ...] = ((0, 114, 178), (213, 94, 0), (0, 158, 115))
INK, MUTED, RULE = (33, 37, 41), (95, 102, 110), (222, 226, 230)
WIDTH_MM = 180.0
_COLUMNS_HEIGHT_MM = 62.0
_BAR_MM, _BAR_STEP_MM = 4.2, 6.4
_LABEL_PT, _MM_PER_PT = 8.0, 25.4 / 72
_LONGEST_LABEL_MM = 52.0


@dataclass(frozen=True, slots=True)
class Box:
    x: float
    y: float
    width: float
    height: float
    colour: Colour


@dataclass(frozen=True, slots=True)
class Label:
    """A line of text on its base line."""

    x: float
    y: float
    text: str
    anchor: Anchor = "start"
    colour: Colour = INK
    size_pt: float = _LABEL_PT


@dataclass(frozen=True, slots=True)
class Drawing:
    """Shapes within `WIDTH_MM` and `height`."""

    height: float
    shapes: tuple[Box | Label, ...]


def draw(chart: Chart, words: Words) -> Drawing:
    """The chart without its title."""
    return _columns(chart, words) if chart.form == "columns" else _bars(chart)


def to_svg(drawing: Drawing, title: str) -> str:
    """The drawing as an SVG element to stand in a page."""
    box = f"0 0 {WIDTH_MM:g} {drawing.height:g}"
    told = f'role="img" aria-label="{escape(title)}" width="100%"'
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{box}" {told}>']
    for shape in drawing.shapes:
        if isinstance(shape, Box):
            parts.append(
                f'<rect x="{shape.x:.2f}" y="{shape.y:.2f}" width="{shape.width:.2f}" '
                f'height="{shape.height:.2f}" fill="{_hex(shape.colour)}"/>'
            )
        else:
            parts.append(
                f'<text x="{shape.x:.2f}" y="{shape.y:.2f}" text-anchor="{shape.anchor}" '
                f'font-size="{shape.size_pt * _MM_PER_PT:.2f}" fill="{_hex(shape.colour)}">'
                f"{escape(shape.text)}</text>"
            )
    return "".join([*parts, "</svg>"])


def text_mm(text: str, size_pt: float) -> float:
    """How wide a line is; about, where the font lacks a character."""
    try:
        return width_mm(text, size_pt)
    except DrawingError:
        return len(text) * size_pt * _MM_PER_PT * 0.7


def shortened(text: str, width: float, size_pt: float) -> str:
    """The text, cut with an ellipsis where it is wider than so many millimetres."""
    if text_mm(text, size_pt) <= width:
        return text
    while text and text_mm(f"{text}…", size_pt) > width:
        text = text[:-1].rstrip()
    return f"{text}…"


# --- columns along the days -------------------------------------------------------------------


def _columns(chart: Chart, words: Words) -> Drawing:
    """Series stacked, so that the whole column is the day's decisions."""
    sums = [sum(values) for values in zip(*(one for _, one in chart.series), strict=True)]
    ticks = _ticks(max(sums, default=0.0))
    top_mm, floor_mm = 9.0, _COLUMNS_HEIGHT_MM - 6.0
    left_mm = 4.0 + max(text_mm(words.number(tick), _LABEL_PT) for tick in ticks)
    scale = (floor_mm - top_mm) / ticks[-1]
    shapes: list[Box | Label] = list(_legend(chart))
    for tick in ticks:
        y = floor_mm - tick * scale
        shapes += [
            Box(left_mm, y - 0.1, WIDTH_MM - left_mm, 0.2, RULE),
            Label(left_mm - 1.5, y + 1.0, words.number(tick), "end", MUTED),
        ]
    step = (WIDTH_MM - left_mm) / len(chart.labels)
    bar = min(step * 0.7, 14.0)
    every = _every(chart.labels, step)
    for number, label in enumerate(chart.labels):
        middle = left_mm + (number + 0.5) * step
        y = floor_mm
        for (_, values), colour in zip(chart.series, SERIES, strict=False):
            height = values[number] * scale
            if height > 0:
                y -= height
                shapes.append(Box(middle - bar / 2, y, bar, height, colour))
        if number % every == 0:
            shapes.append(Label(middle, floor_mm + 4.2, label, "middle", MUTED))
    return Drawing(_COLUMNS_HEIGHT_MM, tuple(shapes))


def _legend(chart: Chart) -> list[Box | Label]:
    shapes: list[Box | Label] = []
    x = 0.0
    for (name, _), colour in zip(chart.series, SERIES, strict=False):
        shapes += [Box(x, 1.2, 2.8, 2.8, colour), Label(x + 4.2, 3.7, name)]
        x += 4.2 + text_mm(name, _LABEL_PT) + 7.0
    return shapes


def _ticks(largest: float) -> list[int]:
    """Round numbers from 0 to the largest or beyond: three to six of them."""
    rough = max(largest, 1.0) / 4
    power = 10 ** math.floor(math.log10(rough)) if rough >= 1 else 1
    step = next(
        int(power * n) for n in (1, 2, 2.5, 5, 10) if power * n >= rough and _whole(power * n)
    )
    return list(range(0, step * math.ceil(max(largest, 1.0) / step) + 1, step))


def _whole(value: float) -> bool:
    return float(value).is_integer()


def _every(labels: Sequence[str], step_mm: float) -> int:
    widest = max(text_mm(label, _LABEL_PT) for label in labels) + 2.0
    return max(1, math.ceil(widest / step_mm))


# --- bars of a ranking ------------------------------------------------------------------------


def _bars(chart: Chart) -> Drawing:
    (_, values), *_ = chart.series
    labels = [shortened(label, _LONGEST_LABEL_MM, _LABEL_PT) for label in chart.labels]
    left_mm = max(text_mm(label, _LABEL_PT) for label in labels) + 3.0
    right_mm = max((text_mm(text, _LABEL_PT) for text in chart.beside), default=0.0) + 2.0
    room_mm = WIDTH_MM - left_mm - right_mm
    largest = 1.0 if chart.shares else max(*values, 1.0)
    shapes: list[Box | Label] = []
    for number, (label, value) in enumerate(zip(labels, values, strict=True)):
        y = number * _BAR_STEP_MM + 1.0
        width = room_mm * value / largest
        shapes.append(Label(left_mm - 2.0, y + 3.1, label, "end"))
        if chart.shares:
            shapes.append(Box(left_mm, y, room_mm, _BAR_MM, (241, 243, 245)))
        if width > 0:
            shapes.append(Box(left_mm, y, width, _BAR_MM, SERIES[0]))
        beyond = room_mm if chart.shares else width
        if chart.beside:
            shapes.append(Label(left_mm + beyond + 1.5, y + 3.1, chart.beside[number]))
    return Drawing(len(labels) * _BAR_STEP_MM + 1.0, tuple(shapes))


def _hex(colour: Colour) -> str:
    return "#{:02x}{:02x}{:02x}".format(*colour)
