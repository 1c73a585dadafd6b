"""A gate in this process, with a world of its own: its configuration, and what came of it."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from edge.app import Gate
from edge.config.model import Config
from edge.drivers.sim.world import Visit
from feed.codec import decode
from feed.record import Record


def config(folder: Path, **tables: Any) -> Config:
    """One reader with simulated devices; `tables` replace or add, `reader` adds to the reader."""
    key = folder.parent / "park.key"
    if not key.exists():
        key.touch(mode=0o600)
        key.write_bytes(os.urandom(32))
    reader = {
        "name": "in",
        "direction": "in",
        "camera": {"driver": "sim"},
        "thermometer": {"driver": "sim"},
        "signals": {"driver": "sim", "green_pin": 5, "red_pin": 6},
    }
    return Config.model_validate(
        {
            "gate": {"park": "kcn", "site": "nha-may-a", "gate": folder.name},
            "door": {"driver": "sim", "lock": "fail_secure"},
            "reader": [reader | tables.pop("reader", {})],
            "identity": {"key_file": key},
            "records": {"path": folder},
            "mqtt": {"host": "127.0.0.1", "port": 1},
            **tables,
        }
    )


def person(at_s: float, number: int, **parts: Any) -> Visit:
    """Somebody with a citizen card who comes at `at_s` and is well."""
    code = f"0790870000{number:02d}||Lê Văn Tú|18011987|Nam|Thủ Đức|01062021".encode()
    visit = Visit(reader="in", at_s=at_s, stay_s=6.0, code=code)
    return replace(visit, **parts)


@dataclass
class Case:
    """A gate, and its records when it was ended."""

    gate: Gate
    records: list[Record]

    def of_kind(self, kind: str) -> list[Record]:
        return [record for record in self.records if record.kind == kind]

    @property
    def decisions(self) -> list[tuple[str, tuple[str, ...]]]:
        return [(r.decision.result, r.decision.reasons) for r in self.records if r.decision]

    @property
    def outcomes(self) -> list[tuple[str, tuple[str, ...]]]:
        return [(r.outcome.result, r.outcome.reasons) for r in self.records if r.outcome]

    @property
    def faults(self) -> list[tuple[Any, Any, Any]]:
        """Device, cause and state of each fault alarm."""
        details = [
            record.event.detail or {}
            for record in self.of_kind("alarm")
            if record.event is not None and record.event.name == "device_fault"
        ]
        return [(d.get("device"), d.get("cause"), d.get("state")) for d in details]


def ended(gate: Gate) -> Case:
    """End a gate's threads; its journal stays open for a look."""
    gate.supervisor.stop(10)
    stored = gate.journal.read(1, gate.journal.last_seq)
    return Case(gate, [decode(record.raw) for record in stored])
