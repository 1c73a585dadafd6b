"""Badges and phones brought to a simulated camera, and readers that watch them."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np

from bench.readers import (
    Reader,
    ladder,
    plain_pyzbar,
    successive,
    tapirscan_medium,
    zxing_cpp,
)
from edge.drivers.camera import GrayImage
from edge.drivers.sim.render import Renderer
from edge.drivers.sim.world import Grip, RandomCrowd, Visit

LONG_S = 1.5
RATE_HZ = 10
SIZES = ((640, 480), (960, 540))
SEED = "sequence"
AT_S = 100.0
NEAR_S = 1.0  # the hand is where it stays
DIM = 0.4  # part of the sequences, in which light is short
READ_NOISE = 3.0  # gray levels, whatever the light

LADDER, SUCCESSIVE = "ladder, frame by frame", "ladder, successive frames"
NAMES = ("plain pyzbar", "zxing-cpp", "tapirscan medium", LADDER, SUCCESSIVE)


@dataclass(frozen=True)
class Watched:
    """What one reader did with one sequence; `first_s` is None where it read nothing right."""

    first_s: float | None
    wrong: int
    frames: int
    busy_s: float


def sequence(number: int, of: int) -> tuple[bytes, list[GrayImage]]:
    """A payload, and the frames of it being brought to the camera; hard ones have high numbers."""
    hard = 0.3 + 0.8 * number / of
    rng = random.Random(f"{SEED}/{number}")
    renderer = Renderer(SIZES[number % len(SIZES)], f"{SEED}/{number % 10}")
    code = payload(number)
    fill = 0.6 - 0.45 * hard * rng.uniform(0.7, 1.0)
    blur_px = rng.uniform(0.3, 0.5 + 2.0 * hard)
    light = 1.0 if rng.random() > DIM else max(0.06, 1 - 1.1 * hard)
    grip = {
        "medium": rng.choice(("card", "phone", "dark_phone")),
        "tilt_deg": rng.uniform(-50, 50) * hard,
        "turn_deg": rng.uniform(-55, 55) * hard,
        "shake_px": 1 + rng.uniform(2, 14) * hard,
        "glare": rng.choice((0.0, 0.8 * hard)),
    }
    frames = []
    for frame in range(int(LONG_S * RATE_HZ)):
        after_s = frame / RATE_HZ
        near = min(1.0, after_s / NEAR_S)
        held = Grip(fill=fill * (0.5 + 0.5 * near), blur_px=blur_px * (2.5 - 1.5 * near), **grip)  # type: ignore[arg-type]
        visit = Visit(reader="in", at_s=AT_S, code=code, grip=held, stay_s=1.8, code_from_s=0.0)
        frames.append(dimmed(renderer.render(visit, AT_S + after_s), light, number * 100 + frame))
    return code, frames


def payload(number: int) -> bytes:
    """What someone of the simulated crowd shows."""
    crowd = RandomCrowd(2024, 5.0)
    codes = (crowd.visit(SEED, number + 1000 * again).code for again in range(100))
    return next(code for code in codes if code is not None)


def dimmed(gray: GrayImage, light: float, seed: int) -> GrayImage:
    """Less light, and the noise of reading out the sensor, which does not grow less with it."""
    if light == 1:
        return gray
    noise = np.random.default_rng(seed).normal(0, READ_NOISE, gray.shape)
    return np.clip(gray * light + noise, 0, 255).astype(np.uint8)


def watch(read: Reader, code: bytes, frames: Sequence[GrayImage], slower: float) -> Watched:
    """Show a sequence to a reader that takes the newest frame whenever it is free."""
    now_s, busy_s = 0.0, 0.0
    shown, looks, wrong = -1, 0, 0
    while (newest := max(shown + 1, int(now_s * RATE_HZ + 1e-9))) < len(frames):
        shown, now_s = newest, max(now_s, newest / RATE_HZ)
        begin_s = time.thread_time()
        codes = read(frames[newest])
        took_s = (time.thread_time() - begin_s) * slower
        now_s, busy_s, looks = now_s + took_s, busy_s + took_s, looks + 1
        wrong += sum(other != code for other in codes)
        if code in codes:
            return Watched(now_s, wrong, looks, busy_s)
    return Watched(None, wrong, looks, busy_s)


@cache
def readers(slower: float) -> dict[str, Reader]:
    """Those without a memory, once for each process."""
    cv2.setNumThreads(1)
    return {
        "plain pyzbar": plain_pyzbar,
        "zxing-cpp": zxing_cpp,
        "tapirscan medium": tapirscan_medium(),
        LADDER: ladder(slower),
    }


def compared(number: int, of: int, slower: float) -> list[Watched]:
    """All of NAMES on one sequence; the reader with a memory begins anew, as after a pause."""
    each = readers(slower) | {SUCCESSIVE: successive(slower)}
    code, frames = sequence(number, of)
    return [watch(each[name], code, frames, slower) for name in NAMES]
