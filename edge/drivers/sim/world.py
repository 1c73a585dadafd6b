"""The people of a simulated world: who stands before which reader, when, and how they behave.

A world is a pure function of time, so that the camera in its own process, the thermometer and the
door see the same person at the same moment: all they share is the table, the readers' names and
`epoch_s`, the monotonic second at which the world began.

A script is a JSON list of visits with the fields of Visit (`code_base64` for bytes that are no
text). Without one, people arrive at random by seed, one in each slot of `every_s`.
"""

from __future__ import annotations

import base64
import json
import random
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, Protocol

Passing = Literal["passes", "stays", "holds_door", "tailgated"]
Medium = Literal["card", "phone", "dark_phone"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Grip:
    """How a badge or phone is held into the frame.

    `fill` is the code's side as a part of the frame's height; angles in degrees; `blur_px` the
    sigma of defocus, `shake_px` the amplitude of hand shake, both at 480 lines; `glare` 0..1.
    """

    medium: Medium = "card"
    fill: float = 0.5
    tilt_deg: float = 8.0
    turn_deg: float = 5.0
    blur_px: float = 0.4
    shake_px: float = 2.0
    glare: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """One person at one reader, from `at_s` for `stay_s` seconds (after the world's epoch).

    The code is in view from `code_from_s` after arrival to the end of the stay (`code_s` limits
    it), the face before the thermometer from `face_from_s`. `surface_c` is the forehead's surface.
    """

    reader: str
    at_s: float
    stay_s: float = 4.0
    name: str = ""
    code: bytes | None = None
    second_code: bytes | None = None
    code_from_s: float = 0.2
    code_s: float | None = None
    face_from_s: float | None = 0.6
    surface_c: float = 36.3
    passing: Passing = "passes"
    grip: Grip = field(default_factory=Grip)

    def shows_code(self, now_s: float) -> bool:
        """Whether the code is in view at `now_s` after the epoch."""
        since_s = now_s - self.at_s - self.code_from_s
        stay_s = self.stay_s - self.code_from_s
        return self.code is not None and 0 <= since_s < min(
            stay_s, stay_s if self.code_s is None else self.code_s
        )

    def shows_face(self, now_s: float) -> bool:
        """Whether the face is before the thermometer at `now_s` after the epoch."""
        return self.face_from_s is not None and (
            self.face_from_s <= now_s - self.at_s < self.stay_s
        )


class Crowd(Protocol):
    """A source of visits."""

    def at(self, reader: str, now_s: float) -> Visit | None:
        """Who stands before a reader, or nobody."""
        ...


class ScriptedCrowd:
    """Visits given one by one; those of one reader may not overlap."""

    def __init__(self, visits: Sequence[Visit]) -> None:
        self.visits = tuple(sorted(visits, key=lambda visit: visit.at_s))
        self._by_reader: dict[str, list[Visit]] = {}
        for visit in self.visits:
            self._by_reader.setdefault(visit.reader, []).append(visit)

    def at(self, reader: str, now_s: float) -> Visit | None:
        visits = self._by_reader.get(reader, [])
        place = bisect_right(visits, now_s, key=lambda visit: visit.at_s) - 1
        if place < 0 or now_s >= visits[place].at_s + visits[place].stay_s:
            return None
        return visits[place]


class RandomCrowd:
    """One person in each slot of `every_s` at each reader, made from the seed alone."""

    def __init__(self, seed: int, every_s: float) -> None:
        self.seed = seed
        self.every_s = every_s

    def at(self, reader: str, now_s: float) -> Visit | None:
        if now_s < 0:
            return None
        visit = self.visit(reader, int(now_s // self.every_s))
        return visit if visit.at_s <= now_s < visit.at_s + visit.stay_s else None

    def visit(self, reader: str, number: int) -> Visit:
        """The visit of slot `number`: arrives in its first tenth, leaves before its last tenth."""
        rng = random.Random(f"{self.seed}/{reader}/{number}")
        return Visit(
            reader=reader,
            at_s=(number + rng.uniform(0.0, 0.1)) * self.every_s,
            stay_s=0.8 * self.every_s,
            name=f"{reader}-{number}",
            code=_random_code(rng),
            surface_c=_random_surface_c(rng),
            passing=rng.choices(("passes", "stays", "holds_door"), (0.94, 0.04, 0.02))[0],
            face_from_s=rng.uniform(0.1, 0.2) * self.every_s,
            grip=_random_grip(rng),
        )


@dataclass(frozen=True, slots=True)
class World:
    """A crowd placed in time: `epoch_s` is the monotonic second of its zero."""

    crowd: Crowd
    epoch_s: float
    ambient_c: float = 26.0

    def now_s(self, monotonic_s: float) -> float:
        """Seconds since the epoch."""
        return monotonic_s - self.epoch_s

    def at(self, reader: str, monotonic_s: float) -> Visit | None:
        """Who stands before a reader at a monotonic second."""
        return self.crowd.at(reader, self.now_s(monotonic_s))


def make_world(
    *, seed: int, script: Path | None, every_s: float, ambient_c: float, epoch_s: float
) -> World:
    """The world of a [sim] table. Raises ValueError that names a script's bad visit."""
    crowd: Crowd = RandomCrowd(seed, every_s) if script is None else read_script(script)
    return World(crowd, epoch_s, ambient_c)


def read_script(path: Path) -> ScriptedCrowd:
    """Read a script of visits. Raises ValueError with the file and the visit's number."""
    try:
        items = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(f"{path}: {error}") from error
    visits = []
    for number, item in enumerate(items, 1):
        try:
            visits.append(visit_from_json(item))
        except (TypeError, ValueError) as error:
            raise ValueError(f"{path}: visit {number}: {error}") from error
    return ScriptedCrowd(visits)


def visit_from_json(item: Mapping[str, Any]) -> Visit:
    """One visit of a script. Raises TypeError or ValueError."""
    item = dict(item)
    for key in ("code", "second_code"):
        if f"{key}_base64" in item:
            item[key] = base64.b64decode(item.pop(f"{key}_base64"), validate=True)
        elif isinstance(item.get(key), str):
            item[key] = item[key].encode()
    if "grip" in item:
        item["grip"] = Grip(**item["grip"])
    return Visit(**item)


def visit_to_json(visit: Visit) -> dict[str, Any]:
    """The reverse of visit_from_json."""
    item = {part.name: getattr(visit, part.name) for part in fields(visit)}
    for key in ("code", "second_code"):
        value = item.pop(key)
        if value is not None:
            item[f"{key}_base64"] = base64.b64encode(value).decode()
    item["grip"] = {part.name: getattr(visit.grip, part.name) for part in fields(visit.grip)}
    return item


_FAMILY = ("Nguyễn", "Trần", "Lê", "Phạm", "Hoàng", "Phan", "Vũ", "Đặng", "Bùi", "Đỗ")
_MIDDLE = ("Văn", "Thị", "Hữu", "Đức", "Ngọc", "Minh", "Thanh", "Quốc")
_GIVEN = ("Tú", "Hạnh", "Ánh", "Dũng", "Hương", "Khôi", "Lộc", "Mỹ", "Phượng", "Quỳnh")


def _random_code(rng: random.Random) -> bytes | None:
    """A synthetic code: a citizen card, a PC-Covid code, a factory badge, or none."""
    kind = rng.choices(("cccd", "pc-covid", "badge", "none"), (0.45, 0.2, 0.3, 0.05))[0]
    number = f"0{rng.randint(1, 96):02d}{rng.randint(0, 3)}{rng.randint(60, 99)}"
    number += f"{rng.randint(0, 999_999):06d}"
    name = " ".join((rng.choice(_FAMILY), rng.choice(_MIDDLE), rng.choice(_GIVEN)))
    if kind == "cccd":
        sex = rng.choice(("Nam", "Nữ"))
        return f"{number}||{name}|18011987|{sex}|Khu phố 3, Thủ Đức|01062021".encode()
    if kind == "pc-covid":
        return f"{number[:6]}******|NGUYEN VAN A|1987-**-**|0|{rng.getrandbits(56)}|<1".encode()
    return f"NV-{rng.randint(1, 9999):04d}".encode() if kind == "badge" else None


def _random_surface_c(rng: random.Random) -> float:
    """Forehead surfaces: mostly well, some with fever, some with a hat."""
    kind = rng.choices(("well", "fever", "hat"), (0.9, 0.06, 0.04))[0]
    low_c, high_c = {"well": (35.9, 37.0), "fever": (38.0, 39.2), "hat": (30.5, 32.5)}[kind]
    return round(rng.uniform(low_c, high_c), 2)


def _random_grip(rng: random.Random) -> Grip:
    return Grip(
        medium=rng.choices(("card", "phone"), (0.5, 0.5))[0],
        fill=rng.uniform(0.4, 0.7),
        tilt_deg=rng.uniform(-20, 20),
        turn_deg=rng.uniform(-25, 25),
        blur_px=rng.uniform(0.2, 0.9),
        shake_px=rng.uniform(0.5, 3.0),
        glare=rng.choice((0.0, 0.0, 0.3)),
    )
