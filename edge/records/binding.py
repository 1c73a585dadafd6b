"""What tells a journal from a copy of it: the device it was made on, and the file it was made as.

A card put into a second device, or copied back from a backup file by file, would go on giving
seqs that are given elsewhere already. Each segment's header therefore says what the journal was
bound to; when that has changed, new records go into a new stream, and what is unconfirmed in the
old one is still delivered, under its own keys. A new stream without need does no harm.

An image of the whole card written back to the same device looks the same from here: the hub's
receipt tells (Journal.receipt).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from edge.records.disk import Disk

# of the processor, on every Raspberry Pi: not on the card, unlike /etc/machine-id
_SERIAL = Path("/proc/device-tree/serial-number")
_MACHINE_ID = Path("/etc/machine-id")


def device_id() -> str:
    """This device: a digest of the processor's serial number, else of /etc/machine-id."""
    for path in (_SERIAL, _MACHINE_ID):
        with suppress(OSError):
            if text := path.read_bytes().strip(b"\0\n "):
                return hashlib.sha256(path.name.encode() + text).hexdigest()[:16]
    return "unknown"


def bind(identity: Path, device: str, disk: Disk) -> dict[str, str]:
    """What a journal with this identity file on this device is bound to. Raises OSError."""
    inode, changed_ns = disk.identity(identity)
    return {"device": device, "inode": str(inode), "changed": str(changed_ns)}


def is_same(bound: Mapping[str, str], now: Mapping[str, str]) -> bool:
    """Whether a journal is where it was made; small file systems keep whole seconds only."""
    if any(bound.get(part) != now[part] for part in ("device", "inode")):
        return False
    before, after = int(bound.get("changed", 0)), int(now["changed"])
    whole = 10**9
    return before == after or (after % whole == 0 and before // whole == after // whole)
