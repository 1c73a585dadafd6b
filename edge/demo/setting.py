"""The demo's gates: their configurations and the people who come."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from edge.config.model import Config
from edge.demo.broker import free_port
from edge.drivers.sim.world import StagedCrowd, Visit
from identity.keys import make_token_key

EVERY_S = 6.0
_OUT = "cong-1-out"
PARK = "demo"

# a fever, a hat, two codes at once and a slow leaver are rare: the demo shows each early
_STAGED: dict[tuple[str, int], dict[str, Any]] = {
    ("cong-1-in", 1): {"core_c": 38.9},
    ("cong-1-out", 0): {"surface_c": 30.5},
    ("cong-2-in", 1): {"second_code": b"NV-0007"},
    ("cong-2-in", 2): {"passing": "holds_door"},
    ("cong-1-in", 3): {"passing": "stays"},
}


class DayCrowd(StagedCrowd):
    """Who comes in by either gate goes out by the first one, some slots later, in turns: so the
    hub sees visits, and people who were inside together.
    """

    def visit(self, reader: str, number: int) -> Visit:
        """The visit of slot `number`; on the way out with the code that was shown on the way in."""
        visit = super().visit(reader, number)
        if reader != _OUT or number == 0:
            return visit
        came = ("cong-2-in", number - 1) if number % 2 else ("cong-1-in", number - 2)
        return replace(visit, code=super().visit(*came).code, surface_c=None, core_c=36.6)


def make_crowd(seed: int) -> DayCrowd:
    """Who comes to the readers of both gates."""
    return DayCrowd(seed, EVERY_S, _STAGED)


def make_keys(folder: Path) -> None:
    """A park's key and a tracing authority's public key, for this demo alone."""
    make_token_key(folder / "park.key")
    public = X25519PrivateKey.generate().public_key()
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (folder / "authority.pem").write_bytes(pem)


def make_configs(folder: Path, port: int, *, hub: bool) -> list[Config]:
    """A gate with two readers, and a second gate with one; `hub` says whether one confirms."""
    return [
        _config(folder, port, "cong-1", ("in", "out"), hub=hub),
        _config(folder, port, "cong-2", ("in",), hub=hub),
    ]


def _config(
    folder: Path, port: int, gate: str, directions: tuple[str, ...], *, hub: bool
) -> Config:
    tables: dict[str, Any] = {
        "gate": {"park": PARK, "site": "nha-may-a", "gate": gate},
        "door": {"driver": "sim", "lock": "fail_secure", "held_open_s": 6.0},
        "reader": [_reader(gate, direction, 4 * n) for n, direction in enumerate(directions)],
        "identity": {
            "key_file": folder / "park.key",
            "seal_key_file": folder / "authority.pem",
        },
        "timeouts": {"measuring_s": 3.0},
        "records": {"path": folder / gate},
        "mqtt": {
            "host": "127.0.0.1",
            "port": port,
            "confirm": "hub" if hub else "broker",
        },
        "kiosk": {"listen": f"127.0.0.1:{free_port()}", "show_camera": True},
        "log": {"level": "warning"},
    }
    return Config.model_validate(tables)


def _reader(gate: str, direction: str, first_pin: int) -> dict[str, Any]:
    return {
        "name": f"{gate}-{direction}",
        "direction": direction,
        "camera": {"driver": "sim"},
        "thermometer": {"driver": "sim"},
        "signals": {
            "driver": "sim",
            "green_pin": first_pin,
            "red_pin": first_pin + 1,
            "buzzer_pin": first_pin + 2,
        },
    }
