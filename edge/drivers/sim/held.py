"""The things that people hold before a camera: badges and phones with codes, drawn once a visit."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

import cv2
import numpy as np
import segno
from numpy.typing import NDArray
from segno import DataOverflowError

from edge.drivers.camera import GrayImage
from edge.drivers.sim.world import Visit

QUIET_MODULES = 4  # ISO/IEC 18004, quiet zone


@dataclass(frozen=True, slots=True)
class Held:
    """A flat thing in a hand.

    `layers` is uint8 [height, width, 2]: gray, and cover (255 where it hides what is behind), in
    one array so that one pass warps both; `scale` is pixels to a millimetre; `origin` the pixel
    of the first code's centre; `code_mm` the side of a code and `span_mm` from the first code's
    outer edge to the last one's; `shines` says whether it has a light of its own.
    """

    layers: NDArray[np.uint8]
    scale: float
    origin: tuple[float, float]
    code_mm: float
    span_mm: float
    shines: bool


@dataclass(frozen=True, slots=True)
class Layout:
    """A medium's edges in millimetres from its code's centre; `corner` is their radius."""

    left: float
    top: float
    right: float
    bottom: float
    code_mm: float
    corner: float


# A badge of about A7. Vietnam asked for personal codes of 5 x 5 cm at least in 2021
CARD = Layout(-72, -38, 37, 38, 50, 3)
SECOND_CARD = Layout(-37, -38, 37, 38, 50, 3)
PHONE = Layout(-36, -70, 36, 80, 44, 9)


def draw_held(visit: Visit, lines: int) -> Held | None:
    """What `visit` holds, for a picture of so many lines; None for empty hands."""
    if visit.code is None:
        return None
    codes = [qr_modules(code) for code in (visit.code, visit.second_code) if code is not None]
    phone = visit.grip.medium != "card"
    layout, second = (PHONE, PHONE) if phone else (CARD, SECOND_CARD)
    # so many whole pixels to a module that a picture only ever reduces them
    module_px = max(2, math.ceil(visit.grip.fill * lines / codes[0].shape[0]))
    scale = codes[0].shape[0] * module_px / layout.code_mm
    step = layout.right - second.left + 3
    right = layout.right if len(codes) == 1 else step + second.right
    canvas = _Canvas(layout.left - 25, layout.top - 2, right + 10, layout.bottom + 60, scale)
    rng = random.Random(f"{visit.at_s}/{visit.name}/held")
    skin = rng.randint(120, 185)
    canvas.blob((layout.left + 20, layout.bottom + 45), (38, 60), -15, skin - 20)  # palm, behind
    for number, modules in enumerate(codes):
        if phone:
            _draw_phone(canvas, number * step, modules, dark=visit.grip.medium == "dark_phone")
        else:
            _draw_card(canvas, CARD if number == 0 else SECOND_CARD, number * step, modules, rng)
    canvas.blob((layout.left + 3, layout.bottom - 6), (9, 20), 60, skin)  # thumb, before
    return Held(
        np.dstack((canvas.gray, cv2.GaussianBlur(canvas.cover, (0, 0), 0.8))),
        scale,
        canvas.origin,
        layout.code_mm,
        layout.code_mm + step * (len(codes) - 1),
        phone,
    )


def qr_modules(code: bytes) -> GrayImage:
    """A QR code's modules, 1 for dark: uint8 [n, n], without the quiet zone.

    The bytes stand as they are (byte mode, no ECI), at error level M, or L where M is too small.
    Raises ValueError when no QR code holds them: see edge.drivers.sim.world.LONGEST_CODE.
    """
    for level in ("m", "l"):
        try:
            symbol = segno.make_qr(code, error=level, mode="byte", boost_error=False)
        except DataOverflowError:
            continue
        return np.array([list(row) for row in symbol.matrix], np.uint8)
    raise ValueError(f"no QR code holds {len(code)} bytes")


def draw_ellipse(
    image: GrayImage,
    centre: tuple[int, int],
    axes: tuple[int, int],
    level: int,
    *,
    angle_deg: float = 0,
    from_deg: float = 0,
) -> None:
    """A filled ellipse; `from_deg` 180 leaves its upper half."""
    cv2.ellipse(image, centre, axes, angle_deg, from_deg, 360, (level,), -1)


def draw_rectangle(
    image: GrayImage, left_top: tuple[int, int], right_bottom: tuple[int, int], level: int
) -> None:
    """A filled rectangle."""
    cv2.rectangle(image, left_top, right_bottom, (level,), -1)


class _Canvas:
    """A drawing in millimetres, with the first code's centre as origin."""

    def __init__(self, left: float, top: float, right: float, bottom: float, scale: float) -> None:
        self.scale = scale
        self._left, self._top = left, top
        shape = (math.ceil((bottom - top) * scale), math.ceil((right - left) * scale))
        self.gray = np.zeros(shape, np.uint8)
        self.cover = np.zeros(shape, np.uint8)

    @property
    def origin(self) -> tuple[float, float]:
        return -self._left * self.scale, -self._top * self.scale

    def px(self, x: float, y: float) -> tuple[int, int]:
        return round((x - self._left) * self.scale), round((y - self._top) * self.scale)

    def plate(self, layout: Layout, x: float, level: int, inset: float = 0) -> None:
        """A layout's outline as a plate with round corners, which hides what is behind it."""
        left, top = layout.left + x + inset, layout.top + inset
        right, bottom = layout.right + x - inset, layout.bottom - inset
        radius = max(layout.corner - inset, 0.5)
        round_px = (round(radius * self.scale), round(radius * self.scale))
        across = (self.px(left, top + radius), self.px(right, bottom - radius))
        down = (self.px(left + radius, top), self.px(right - radius, bottom))
        for image, value in ((self.gray, level), (self.cover, 255)):
            draw_rectangle(image, *across, value)
            draw_rectangle(image, *down, value)
            for corner_x in (left + radius, right - radius):
                for corner_y in (top + radius, bottom - radius):
                    draw_ellipse(image, self.px(corner_x, corner_y), round_px, value)

    def bar(self, left: float, top: float, right: float, bottom: float, level: int) -> None:
        draw_rectangle(self.gray, self.px(left, top), self.px(right, bottom), level)

    def blob(
        self, centre: tuple[float, float], axes: tuple[float, float], angle_deg: float, level: int
    ) -> None:
        axes_px = (round(axes[0] * self.scale), round(axes[1] * self.scale))
        for image, value in ((self.gray, level), (self.cover, 255)):
            draw_ellipse(image, self.px(*centre), axes_px, value, angle_deg=angle_deg)

    def code(self, modules: GrayImage, x: float, code_mm: float, dark: int, bright: int) -> None:
        """A code's modules with the quiet zone around them, centred at (x, 0)."""
        quiet = code_mm / 2 * (1 + 2 * QUIET_MODULES / modules.shape[0])
        self.bar(x - quiet, -quiet, x + quiet, quiet, bright)
        left, top = self.px(x - code_mm / 2, -code_mm / 2)
        side = round(code_mm * self.scale)
        drawn = np.where(modules == 1, dark, bright).astype(np.uint8)
        self.gray[top : top + side, left : left + side] = cv2.resize(
            drawn, (side, side), interpolation=cv2.INTER_NEAREST
        )


def _draw_card(
    canvas: _Canvas, layout: Layout, x: float, modules: GrayImage, rng: random.Random
) -> None:
    canvas.plate(layout, x, 228)
    head = rng.randint(60, 130)
    canvas.bar(layout.left + x, layout.top + 2, layout.right + x, layout.top + 4, head)
    if layout is CARD:
        left = layout.left + 6
        canvas.bar(left, -24, left + 26, 8, 170)
        canvas.blob((left + 13, -12), (6, 6), 0, 90)
        shoulders = (round(11 * canvas.scale), round(12 * canvas.scale))
        draw_ellipse(canvas.gray, canvas.px(left + 13, 8), shoulders, 80, from_deg=180)
        for row in range(4):
            canvas.bar(left, 13 + 5 * row, left + rng.uniform(14, 30), 15 + 5 * row, 110)
    canvas.code(modules, x, layout.code_mm, 35, 228)


def _draw_phone(canvas: _Canvas, x: float, modules: GrayImage, *, dark: bool) -> None:
    canvas.plate(PHONE, x, 30)
    screen, ink = (28, 225) if dark else (236, 22)
    canvas.plate(PHONE, x, screen, inset=3)
    canvas.bar(x - 20, -58, x + 20, -54, ink)
    for row in range(3):
        canvas.bar(x - 24, 42 + 8 * row, x + 24 - 9 * row, 45 + 8 * row, 128)
    canvas.code(modules, x, PHONE.code_mm, ink, screen)
