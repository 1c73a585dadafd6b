"""What the camera of a gate sees: the wall behind, a person, and what they hold into the frame.

A picture is a pure function of (seed, size, visit, time): the same moment of the same world looks
the same in every process. Lengths on things are in millimetres, in the picture in pixels. Light,
background, people and what they hold are drawn once and kept; a frame costs a warp, a blur and
an addition of noise.
"""

from __future__ import annotations

import math
import random
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.drivers.camera import GrayImage
from edge.drivers.sim.held import Held, draw_ellipse, draw_held, draw_rectangle
from edge.drivers.sim.world import Visit

Weights = NDArray[np.float32]  # shape [height, width], 0..1

# A reader's lens, 28° vertically: focal length over the frame's height
FOCAL = 2.0
EXPOSURE_S = 0.008
NOISE_SIGMA = 4.0  # gray levels, a small sensor in a lit entrance
WRIST_DEG, WRIST_HZ = 3.0, 0.3
COVERED_LEVEL = 10  # gray level behind a covered lens

ENTER_S, LEAVE_S = 0.4, 0.3  # the hand's way into the frame and out of it
WALK_S = 0.6  # the person's way into the frame and out of it


class Renderer:
    """Pictures of one reader's camera."""

    def __init__(self, size: tuple[int, int], seed: str) -> None:
        self.size = size
        self.seed = seed
        width, height = size
        rng = random.Random(f"{seed}/scene")
        self._unit = height / 480  # lengths of Grip are told at 480 lines
        self._light = _light(size, rng)
        self._empty = _background(size, rng, self._light)
        noise = np.random.default_rng(rng.getrandbits(64))
        sigmas = noise.standard_normal((height + 64, width + 64), np.float32)
        self._noise = np.clip(NOISE_SIGMA * sigmas, -127, 127).astype(np.int8)
        self._base: tuple[object, GrayImage] = (None, self._empty)
        self._held: tuple[Visit | None, Held | None] = (None, None)

    def render(self, visit: Visit | None, now_s: float) -> GrayImage:
        """The picture at `now_s` after the world's epoch: uint8 [height, width], a new array."""
        frame = self._behind(visit, now_s).copy()
        if visit is not None and visit.shows_code(now_s):
            self._hold(frame, visit, now_s)
        return self._grain(frame, now_s)

    def covered(self, now_s: float) -> GrayImage:
        """The picture while something covers the lens."""
        return self._grain(np.full_like(self._empty, COVERED_LEVEL), now_s)

    def _grain(self, frame: GrayImage, now_s: float) -> GrayImage:
        rng = random.Random(f"{self.seed}/{now_s:.6f}")
        row, column = rng.randrange(64), rng.randrange(64)
        height, width = frame.shape
        noise = self._noise[row : row + height, column : column + width]
        cv2.add(frame, noise, dst=frame, dtype=cv2.CV_8U)
        return frame

    def _behind(self, visit: Visit | None, now_s: float) -> GrayImage:
        """The background with the person before it, kept while they stand still."""
        if visit is None:
            return self._empty
        shift = self._walk_px(visit, now_s)
        key = (visit, shift)
        if self._base[0] != key:
            self._base = (key, self._with_person(visit, shift))
        return self._base[1]

    def _walk_px(self, visit: Visit, now_s: float) -> int:
        """How far beside their place the person is: they come from one side, leave to the other."""
        since_s, left_s = now_s - visit.at_s, visit.at_s + visit.stay_s - now_s
        away = _away(since_s, left_s, visit.stay_s, WALK_S, WALK_S)[0]
        side = 1 if random.Random(f"{self.seed}/{visit.at_s}/side").random() < 0.5 else -1
        if left_s < since_s:
            side = -side
        sway = 0.006 * math.sin(2 * math.pi * 0.15 * since_s)
        return round((side * away * 1.1 + sway) * self.size[0])

    def _with_person(self, visit: Visit, shift: int) -> GrayImage:
        gray, cover = _person(self.size, f"{self.seed}/{visit.at_s}")
        to = np.array([[1, 0, shift], [0, 1, 0]], np.float32)
        gray = _gray(cv2.warpAffine(gray, to, self.size, flags=cv2.INTER_NEAREST))
        cover = _weights(cv2.warpAffine(cover, to, self.size, flags=cv2.INTER_NEAREST))
        lit = _gray(cv2.multiply(gray, self._light, scale=1 / 255))
        return _gray(cv2.blendLinear(self._empty, lit, 1 - cover, cover))

    def _hold(self, frame: GrayImage, visit: Visit, now_s: float) -> None:
        """Draw what the person holds into `frame`."""
        if self._held[0] is not visit:
            self._held = (visit, draw_held(visit, self.size[1]))
        held = self._held[1]
        if held is None:
            return
        centre, speed = self._reach(visit, held, now_s)
        warp = self._pose(visit, held, centre, now_s)
        box = _box(warp, held.layers.shape, self.size)
        if box is None:
            return
        left, top, right, bottom = box
        warp = np.array([[1, 0, -left], [0, 1, -top], [0, 0, 1]]) @ warp
        part = (right - left, bottom - top)
        gray, cover = cv2.split(cv2.warpPerspective(held.layers, warp, part))
        weights = _gray(cover) * np.float32(1 / 255)
        light = self._light[top:bottom, left:right]
        if not held.shines:
            gray = _gray(cv2.multiply(gray, light, scale=1 / 255))
        window = frame[top:bottom, left:right]
        behind = np.ascontiguousarray(window)
        mixed = _gray(cv2.blendLinear(behind, gray, 1 - weights, weights))
        if visit.grip.glare > 0:
            mixed = self._glare(mixed, visit, (centre[0] - left, centre[1] - top))
        defocus = visit.grip.blur_px * self._unit
        # a uniform smear of length L has the variance L²/12
        sigma_x, sigma_y = (math.hypot(defocus, v * EXPOSURE_S / math.sqrt(12)) for v in speed)
        if max(sigma_x, sigma_y) > 0.15:
            sigma_x, sigma_y = max(sigma_x, 0.15), max(sigma_y, 0.15)
            mixed = _gray(cv2.GaussianBlur(mixed, (0, 0), sigmaX=sigma_x, sigmaY=sigma_y))
        window[:] = mixed

    def _reach(
        self, visit: Visit, held: Held, now_s: float
    ) -> tuple[tuple[float, float], tuple[float, float]]:
        """Centre of the code (px) and its speed (px/s): the hand rises, then trembles."""
        width, height = self.size
        rng = random.Random(f"{self.seed}/{visit.at_s}/reach")
        since_s = now_s - visit.at_s - visit.code_from_s
        view_s = visit.stay_s - visit.code_from_s
        if visit.code_s is not None:
            view_s = min(view_s, visit.code_s)
        away, rate = _away(since_s, view_s - since_s, view_s, ENTER_S, LEAVE_S)
        x = width * (0.5 + rng.uniform(-0.05, 0.05))
        y = height * (0.5 + rng.uniform(-0.04, 0.04)) + away * height * 1.1
        speed_x, speed_y = 0.0, rate * height * 1.1
        x -= (held.span_mm - held.code_mm) / 2 / held.code_mm * self._code_px(visit, held)
        for hertz, share in ((0.4, 0.6), (3.1, 0.25), (8.7, 0.15)):  # sway and tremor of a hand
            reach = visit.grip.shake_px * self._unit * share
            turn = 2 * math.pi * hertz
            for axis in "xy":
                phase = turn * since_s + rng.uniform(0, 2 * math.pi)
                if axis == "x":
                    x += reach * math.sin(phase)
                    speed_x += reach * turn * math.cos(phase)
                else:
                    y += reach * math.sin(phase)
                    speed_y += reach * turn * math.cos(phase)
        return (x, y), (speed_x, speed_y)

    def _code_px(self, visit: Visit, held: Held) -> float:
        """The code's side in the picture; two codes are held further off so that both are in it."""
        code_px = visit.grip.fill * self.size[1]
        return min(code_px, 0.8 * self.size[0] * held.code_mm / held.span_mm)

    def _pose(
        self, visit: Visit, held: Held, centre: tuple[float, float], now_s: float
    ) -> NDArray[np.float64]:
        """The homography from the held thing's pixels to the picture's: a pinhole camera."""
        focal = FOCAL * self.size[1]
        distance = focal * held.code_mm / self._code_px(visit, held)
        rng = random.Random(f"{self.seed}/{visit.at_s}/pose")
        # a wrist gives way slowly, by some degrees
        tilt, turn, roll = (
            math.radians(
                angle + WRIST_DEG * math.sin(2 * math.pi * (WRIST_HZ * now_s + rng.uniform(0, 1)))
            )
            for angle in (visit.grip.tilt_deg, visit.grip.turn_deg, rng.uniform(-5, 5))
        )
        around_x = np.array(
            [[1, 0, 0], [0, math.cos(tilt), -math.sin(tilt)], [0, math.sin(tilt), math.cos(tilt)]]
        )
        around_y = np.array(
            [[math.cos(turn), 0, math.sin(turn)], [0, 1, 0], [-math.sin(turn), 0, math.cos(turn)]]
        )
        around_z = np.array(
            [[math.cos(roll), -math.sin(roll), 0], [math.sin(roll), math.cos(roll), 0], [0, 0, 1]]
        )
        rotation = around_z @ around_y @ around_x
        lens = np.array([[focal, 0, centre[0]], [0, focal, centre[1]], [0, 0, 1]])
        plane = np.column_stack((rotation[:, 0], rotation[:, 1], (0, 0, distance)))
        to_mm = np.array(
            [
                [1 / held.scale, 0, -held.origin[0] / held.scale],
                [0, 1 / held.scale, -held.origin[1] / held.scale],
                [0, 0, 1],
            ]
        )
        return np.asarray(lens @ plane @ to_mm, np.float64)

    def _glare(self, part: GrayImage, visit: Visit, centre: tuple[float, float]) -> GrayImage:
        """A lamp's reflection, which burns out what lies under it."""
        rng = random.Random(f"{self.seed}/{visit.at_s}/glare")
        radius = (0.12 + 0.25 * visit.grip.glare) * self.size[1]
        x = centre[0] + rng.uniform(-0.25, 0.25) * self.size[1]
        y = centre[1] + rng.uniform(-0.25, 0.25) * self.size[1]
        strength = 255 * visit.grip.glare
        height, width = part.shape
        across = np.exp(-(((np.arange(width) - x) / radius) ** 2)).astype(np.float32)
        down = np.exp(-(((np.arange(height) - y) / (0.6 * radius)) ** 2)).astype(np.float32)
        return _gray(cv2.add(part, np.outer(down * strength, across), dtype=cv2.CV_8U))


def _gray(image: object) -> GrayImage:
    return np.asarray(image, np.uint8)


def _weights(image: object) -> Weights:
    return np.asarray(image, np.float32)


def _away(
    since_s: float, left_s: float, whole_s: float, enter_s: float, leave_s: float
) -> tuple[float, float]:
    """How far away from its place a thing is (1 far, 0 there) and how fast that changes (1/s).

    It comes in `enter_s`, is still, and goes in `leave_s`; a short stay shortens both.
    """
    enter_s, leave_s = min(enter_s, whole_s / 4), min(leave_s, whole_s / 4)
    if since_s < enter_s:
        part, sign, span_s = since_s / enter_s, -1.0, enter_s
    elif left_s < leave_s:
        part, sign, span_s = left_s / leave_s, 1.0, leave_s
    else:
        return 0.0, 0.0
    part = max(part, 0.0)
    return 1 - part * part * (3 - 2 * part), sign * 6 * part * (1 - part) / span_s


def _box(
    warp: NDArray[np.float64], shape: tuple[int, ...], size: tuple[int, int]
) -> tuple[int, int, int, int] | None:
    """Left, top, right, bottom of a warped image inside the frame; None when it is outside."""
    height, width = shape[:2]
    corners = np.array([[[0, 0], [width, 0], [width, height], [0, height]]], np.float64)
    points = cv2.perspectiveTransform(corners, warp)[0]
    low, high = np.floor(points.min(axis=0)), np.ceil(points.max(axis=0))
    left, top = (max(0, int(low[axis])) for axis in (0, 1))
    right, bottom = (min(size[axis], int(high[axis])) for axis in (0, 1))
    return (left, top, right, bottom) if left < right and top < bottom else None


def _light(size: tuple[int, int], rng: random.Random) -> GrayImage:
    """Light over the frame, 255 where it is full: a lamp on one side, and a lens's dark corners."""
    width, height = size
    x = np.linspace(-1, 1, width, dtype=np.float32)
    y = np.linspace(-1, 1, height, dtype=np.float32)[:, np.newaxis]
    bearing = rng.uniform(0, 2 * math.pi)
    side = (x * math.cos(bearing) + y * math.sin(bearing)) / math.sqrt(2)
    light = 0.87 + 0.16 * side - 0.13 * (x * x + y * y) / 2
    return _gray(np.clip(255 * light, 0, 255))


def _background(size: tuple[int, int], rng: random.Random, light: GrayImage) -> GrayImage:
    """A wall, a floor, a fence and a few things on it, out of focus."""
    width, height = size
    wall, floor = rng.randint(120, 160), rng.randint(70, 100)
    scene = np.full((height, width), wall, np.uint8)
    horizon = int(height * rng.uniform(0.7, 0.8))
    scene[horizon:] = floor
    for _ in range(6):
        x, y = rng.randrange(width), rng.randrange(horizon)
        across, down = int(width * rng.uniform(0.05, 0.25)), int(height * rng.uniform(0.1, 0.4))
        corner = (x + across, min(y + down, horizon))
        draw_rectangle(scene, (x, y), corner, rng.randint(50, 190))
    post = width // rng.randint(7, 12)
    for x in range(rng.randrange(post), width, post):
        cv2.line(scene, (x, height // 3), (x, horizon), (60,), max(2, width // 160))
    cv2.line(scene, (0, horizon), (width, horizon), (55,), max(2, height // 100))
    scene = _gray(cv2.GaussianBlur(scene, (0, 0), height / 150))
    return _gray(cv2.multiply(scene, light, scale=1 / 255))


@lru_cache(maxsize=2)
def _person(size: tuple[int, int], seed: str) -> tuple[GrayImage, Weights]:
    """Head, face mask and shoulders half a metre off: gray and cover, of the frame's shape."""
    width, height = size
    rng = random.Random(f"{seed}/person")
    gray = np.zeros((height, width), np.uint8)
    cover = np.zeros((height, width), np.uint8)
    x, y = int(width * rng.uniform(0.42, 0.58)), int(height * rng.uniform(0.3, 0.4))
    face = (int(height * 0.18), int(height * 0.24))
    clothes, skin, hair = rng.randint(40, 150), rng.randint(120, 185), rng.randint(20, 60)

    def part(centre: tuple[int, int], axes: tuple[int, int], level: int) -> None:
        draw_ellipse(gray, centre, axes, level)
        draw_ellipse(cover, centre, axes, 255)

    part((x, int(height * 1.05)), (int(height * 0.52), int(height * 0.42)), clothes)
    part((x, y + face[1]), (int(face[0] * 0.6), face[1] // 2), skin - 25)
    part((x, y - height // 40), (int(face[0] * 1.12), int(face[1] * 1.1)), hair)
    part((x, y + height // 60), face, skin)
    part((x, y - face[1] * 4 // 5), (face[0], face[1] // 2), hair)
    for side in (-1, 1):
        eye = (x + side * face[0] // 2, y - face[1] // 10)
        draw_ellipse(gray, eye, (face[0] // 6, face[1] // 14), 40)
    draw_ellipse(gray, (x, y + face[1] // 2), (int(face[0] * 0.85), face[1] // 2), 205)
    soft = height / 120
    weights = _weights(cv2.GaussianBlur(cover.astype(np.float32) / 255, (0, 0), soft))
    # divided by the cover, so that the edge of a person doesn't darken
    blurred = cv2.GaussianBlur(gray.astype(np.float32), (0, 0), soft) / np.maximum(weights, 1e-3)
    return _gray(np.clip(blurred, 0, 255)), weights
