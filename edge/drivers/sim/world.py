"""The people of a simulated world: who stands before which reader, when, and how they behave;
and what befalls the devices meanwhile.

A world is a pure function of time, so that the camera in its own process, the thermometer and the
door see the same person and the same fault at the same moment: all they share is the table, the
readers' names and `epoch_s`, the monotonic second at which the world began (time.monotonic counts
for the whole machine on Linux).

A script is a JSON object {"visits": [...], "faults": [...]}, or just the list of visits, with the
fields of Visit (`code_base64` for bytes that are no text) and of Fault. Without one, people arrive
at random by seed, one in each slot of `every_s`.
"""

from __future__ import annotations

import base64
import json
import math
import random
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Literal, Protocol, TypeVar, get_args

from edge.gate.reasons import Device

_Item = TypeVar("_Item")

Passing = Literal["passes", "stays", "holds_door", "tailgated"]
Medium = Literal["card", "phone", "dark_phone"]

LONGEST_CODE = 2953  # bytes: version 40 at level L, ISO/IEC 18004 table 7

# What can befall each simulated device
FAULT_KINDS: Mapping[Device, tuple[str, ...]] = {
    # off the bus or the socket; delivers nothing; blocks inside the driver for as long as it
    # lasts, whatever the timeout; delivers, with something before the lens
    Device.CAMERA: ("unplugged", "frozen", "hung", "covered"),
    # no answer on the bus; wrong bits that PEC finds; 0xFFFF in every register; SDA held low
    Device.THERMOMETER: ("unplugged", "bit_flips", "stuck", "bus_held_low"),
    # the leaf stays where it is; the contact reads what it read; pushed open without a grant; the
    # fire input is active; the exit button is pressed; the relay's pin stays as it is; every pin
    # gives an error
    Device.DOOR: (
        "jammed",
        "contact_stuck",
        "forced",
        "fire",
        "exit_pressed",
        "relay_stuck",
        "pin_error",
    ),
    # every pin gives an error
    Device.SIGNALS: ("pin_error",),
}


# Part of the way from body to air at which the forehead's surface lies: the heat that it gives to
# the air equals what blood and tissue bring. 0.18 is what normal people of Wang et al. 2023 (doi
# 10.13026/3bhc-9065) show, 2.3 °C below the mouth at 24 °C.
SKIN_SHARE = 0.18


def forehead_c(core_c: float, ambient_c: float) -> float:
    """The surface of a bare, acclimatised forehead, °C."""
    return core_c - SKIN_SHARE * (core_c - ambient_c)


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

    def __post_init__(self) -> None:
        if self.medium not in get_args(Medium):
            raise ValueError(f"medium '{self.medium}' is none of {', '.join(get_args(Medium))}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """One person at one reader, from `at_s` for `stay_s` seconds (after the world's epoch).

    The code is in view from `code_from_s` after arrival to the end of the stay (`code_s` limits
    it), the face before the thermometer from `face_from_s`. `core_c` is the body's temperature,
    which the forehead follows as forehead_c says; `surface_c` stands for whatever else is before
    the sensor: a hat, a cup.
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
    core_c: float = 36.6
    surface_c: float | None = None
    passing: Passing = "passes"
    grip: Grip = field(default_factory=Grip)

    def __post_init__(self) -> None:
        if not (math.isfinite(self.at_s) and self.stay_s > 0):
            raise ValueError("at_s is a number of seconds, and stay_s one above 0")
        for code in (self.code, self.second_code):
            if code is not None and not 1 <= len(code) <= LONGEST_CODE:
                raise ValueError(f"a QR code holds 1 to {LONGEST_CODE} bytes, not {len(code)}")
        if self.passing not in get_args(Passing):
            raise ValueError(f"passing '{self.passing}' is none of {', '.join(get_args(Passing))}")

    def seen_c(self, ambient_c: float) -> float:
        """The surface that the thermometer sees in such air, °C."""
        if self.surface_c is not None:
            return self.surface_c
        return forehead_c(self.core_c, ambient_c)

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Something befalls a device from `from_s` until `to_s` (after the world's epoch).

    `reader` is None for the door, or for the device of every reader. `kind` is one of
    FAULT_KINDS[device].
    """

    device: Device
    kind: str
    from_s: float
    to_s: float = math.inf
    reader: str | None = None

    def __post_init__(self) -> None:
        kinds = FAULT_KINDS.get(self.device, ())
        if self.kind not in kinds:
            raise ValueError(f"{self.device} knows no '{self.kind}', only: {', '.join(kinds)}")
        if not self.from_s < self.to_s:
            raise ValueError(f"from_s {self.from_s} is not before to_s {self.to_s}")

    def holds(self, device: Device, reader: str | None, now_s: float) -> bool:
        """Whether it befalls this device at `now_s` after the epoch."""
        return (
            self.device == device
            and self.reader in {None, reader}
            and self.from_s <= now_s < self.to_s
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
            visits_of_reader = self._by_reader.setdefault(visit.reader, [])
            if visits_of_reader and _end_s(visits_of_reader[-1]) > visit.at_s:
                raise ValueError(f"two visits overlap at reader '{visit.reader}' at {visit.at_s} s")
            visits_of_reader.append(visit)

    def at(self, reader: str, now_s: float) -> Visit | None:
        visits = self._by_reader.get(reader, [])
        place = bisect_right(visits, now_s, key=lambda visit: visit.at_s) - 1
        if place < 0 or now_s >= _end_s(visits[place]):
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
        return visit if visit.at_s <= now_s < _end_s(visit) else None

    def visit(self, reader: str, number: int) -> Visit:
        """The visit of slot `number`: arrives in its first tenth, leaves before its last tenth."""
        rng = random.Random(f"{self.seed}/{reader}/{number}")
        return Visit(
            reader=reader,
            at_s=(number + rng.uniform(0.0, 0.1)) * self.every_s,
            stay_s=0.8 * self.every_s,
            name=f"{reader}-{number}",
            code=_random_code(rng),
            **_random_temperature(rng),
            passing=rng.choices(("passes", "stays", "holds_door"), (0.94, 0.04, 0.02))[0],
            face_from_s=rng.uniform(0.1, 0.2) * self.every_s,
            grip=_random_grip(rng),
        )


class StagedCrowd(RandomCrowd):
    """A random crowd in which some visits are changed: `changes` maps (reader, slot) to parts."""

    def __init__(
        self, seed: int, every_s: float, changes: Mapping[tuple[str, int], Mapping[str, Any]]
    ) -> None:
        super().__init__(seed, every_s)
        self.changes = changes

    def visit(self, reader: str, number: int) -> Visit:
        return replace(super().visit(reader, number), **self.changes.get((reader, number), {}))


@dataclass(frozen=True, slots=True)
class World:
    """A crowd placed in time: `epoch_s` is the monotonic second of its zero.

    Made of plain values, so that it can be pickled into a spawned process.
    """

    crowd: Crowd
    epoch_s: float
    ambient_c: float = 26.0
    faults: tuple[Fault, ...] = ()

    def now_s(self, monotonic_s: float) -> float:
        """Seconds since the epoch."""
        return monotonic_s - self.epoch_s

    def at(self, reader: str, monotonic_s: float) -> Visit | None:
        """Who stands before a reader at a monotonic second."""
        return self.crowd.at(reader, self.now_s(monotonic_s))

    def fault(self, device: Device, reader: str | None, monotonic_s: float) -> str | None:
        """The kind of fault a device has at a monotonic second (the first one planned), or None.

        `reader` is None for the door.
        """
        now_s = self.now_s(monotonic_s)
        return next(
            (fault.kind for fault in self.faults if fault.holds(device, reader, now_s)), None
        )


@dataclass(frozen=True, slots=True)
class Script:
    """What a script file holds."""

    visits: tuple[Visit, ...]
    faults: tuple[Fault, ...] = ()


def make_world(
    *, seed: int, script: Path | None, every_s: float, ambient_c: float, epoch_s: float
) -> World:
    """The world of a [sim] table. Raises ValueError that names a script's bad visit or fault."""
    if script is None:
        return World(RandomCrowd(seed, every_s), epoch_s, ambient_c)
    read = read_script(script)
    return World(ScriptedCrowd(read.visits), epoch_s, ambient_c, read.faults)


def read_script(path: Path) -> Script:
    """Read a script. Raises ValueError with the file and the visit's or fault's number."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(f"{path}: {error}") from error
    parts = {"visits": content} if isinstance(content, list) else content
    if not isinstance(parts, dict) or set(parts) - {"visits", "faults"}:
        raise ValueError(f"{path}: not a list of visits nor an object of visits and faults")
    script = Script(
        tuple(_each(path, "visit", parts.get("visits", []), visit_from_json)),
        tuple(_each(path, "fault", parts.get("faults", []), fault_from_json)),
    )
    try:
        ScriptedCrowd(script.visits)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    return script


def write_script(path: Path, visits: Sequence[Visit], faults: Sequence[Fault] = ()) -> None:
    """The reverse of read_script."""
    content = {
        "visits": [visit_to_json(visit) for visit in visits],
        "faults": [fault_to_json(fault) for fault in faults],
    }
    path.write_text(json.dumps(content, ensure_ascii=False, indent=1), encoding="utf-8")


def _each(
    path: Path, what: str, items: Any, read: Callable[[Mapping[str, Any]], _Item]
) -> Iterator[_Item]:
    if not isinstance(items, list):
        raise ValueError(f"{path}: {what}s is not a list")  # noqa: TRY004 - what a reader gets
    for number, item in enumerate(items, 1):
        try:
            yield read(item)
        except (TypeError, ValueError) as error:
            raise ValueError(f"{path}: {what} {number}: {error}") from error


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


def fault_from_json(item: Mapping[str, Any]) -> Fault:
    """One fault of a script. Raises TypeError or ValueError."""
    item = dict(item)
    if "device" in item:
        item["device"] = Device(item["device"])
    return Fault(**item)


def fault_to_json(fault: Fault) -> dict[str, Any]:
    """The reverse of fault_from_json; a fault without an end has no `to_s`."""
    item = {part.name: getattr(fault, part.name) for part in fields(fault)}
    if math.isinf(fault.to_s):
        del item["to_s"]
    return item


def _end_s(visit: Visit) -> float:
    return visit.at_s + visit.stay_s


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


def _random_temperature(rng: random.Random) -> dict[str, Any]:
    """Mostly well, some with fever, some with a hat."""
    kind = rng.choices(("well", "fever", "hat"), (0.9, 0.06, 0.04))[0]
    if kind == "hat":
        return {"surface_c": round(rng.uniform(28.5, 31.0), 2)}
    low_c, high_c = {"well": (36.2, 36.9), "fever": (38.4, 39.6)}[kind]
    return {"core_c": round(rng.uniform(low_c, high_c), 2)}


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
