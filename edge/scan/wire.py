"""What goes between the daemon and a scan process.

Orders go down once. What the process has to tell comes up through a pipe, one line of JSON each:
JSON and not pickle, because it takes in pictures of whatever strangers hold up, and must not be
able to make the daemon run code. Bytes travel as Base64.
"""

from __future__ import annotations

import base64
import json
import logging
from dataclasses import asdict, dataclass
from typing import Any

from edge.drivers.base import DeviceError
from edge.gate.reasons import Cause, Device
from edge.scan.pictures import JPEG_BEGINS

LONGEST_LINE = 1 << 20  # bytes; a frame full of the longest codes needs a tenth of it


@dataclass(frozen=True, slots=True, kw_only=True)
class Orders:
    """What a scan process is started with, pickled by the daemon into its standard input.

    `camera` is the reader's camera table, `world` the simulated world where there is one.
    """

    reader: str
    camera: Any
    world: Any = None
    log_level: int = logging.INFO


@dataclass(frozen=True, slots=True)
class Opening:
    """The camera is being opened, or waited for: the process is alive."""


@dataclass(frozen=True, slots=True)
class Taken:
    """A frame has arrived and is being decoded."""


@dataclass(frozen=True, slots=True)
class Looked:
    """What a frame held. `taken_s` is monotonic seconds, one clock for the whole machine.

    An empty payload stands for a code that was read and holds nothing by itself. `decoded` is
    False for a frame that was like the empty one before and went by without decoding.
    """

    taken_s: float
    payloads: tuple[bytes, ...] = ()
    decoded: bool = True


@dataclass(frozen=True, slots=True)
class Failed:
    """The camera, or the decoder's library, does not work."""

    device: Device
    cause: Cause
    detail: str

    @classmethod
    def of(cls, error: DeviceError) -> Failed:
        """The message of a driver's error, with its hint."""
        detail = f"{error.detail}; {error.hint}" if error.hint else error.detail
        return cls(error.device, error.cause, detail)


@dataclass(frozen=True, slots=True)
class Pictured:
    """A small picture of what the camera sees, JPEG: told only when it was asked for."""

    jpeg: bytes


Message = Opening | Taken | Looked | Failed | Pictured


def encode(message: Message) -> bytes:
    """One line."""
    item = {"kind": type(message).__name__, **asdict(message)}
    if isinstance(message, Looked):
        item["payloads"] = [base64.b64encode(code).decode() for code in message.payloads]
    if isinstance(message, Pictured):
        item["jpeg"] = base64.b64encode(message.jpeg).decode()
    return json.dumps(item).encode() + b"\n"


def decode(line: bytes) -> Message:
    """The reverse of encode. Raises ValueError for anything else."""
    try:
        item = json.loads(line)
        kind = item.pop("kind")
        if kind == "Looked":
            codes = (base64.b64decode(code, validate=True) for code in item["payloads"])
            return Looked(float(item["taken_s"]), tuple(codes), bool(item["decoded"]))
        if kind == "Failed":
            return Failed(Device(item["device"]), Cause(item["cause"]), str(item["detail"]))
        if kind == "Pictured":
            return Pictured(_jpeg(item["jpeg"]))
        plain: dict[str, type[Opening | Taken]] = {"Opening": Opening, "Taken": Taken}
        return plain[kind]()
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"not a message of a scan process: {line[:80]!r}") from error


def _jpeg(text: str) -> bytes:
    jpeg = base64.b64decode(text, validate=True)
    if not jpeg.startswith(JPEG_BEGINS):
        raise ValueError("not a JPEG")
    return jpeg


class Lines:
    """Cuts what arrives into lines, whatever pieces it comes in."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, piece: bytes) -> list[bytes]:
        """The lines that are whole now. Raises ValueError for one that never ends."""
        *lines, self._rest = (self._rest + piece).split(b"\n")
        if len(self._rest) > LONGEST_LINE:
            raise ValueError(f"a line longer than {LONGEST_LINE} bytes")
        return lines
