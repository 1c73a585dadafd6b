"""A simulated disk: real files as the page cache, and a device behind it that can fail.

Writes reach the device with the next sync only, as on a card. A sync that fails loses them, while
the cache goes on showing them (what Linux does after an I/O error). `power_cut` lays out what the
device may hold after the power went.
"""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from edge.records.disk import Disk
from edge.records.lines import SECTOR_BYTES


@dataclass(frozen=True, slots=True)
class Op:
    """One thing that was done: `write`, `sync`, a change of names, `sync_folder`, or a `note`."""

    what: str
    path: Path = Path()
    file: int = 0
    offset: int = 0
    data: bytes = b""
    to: Path = Path()
    note: object = None


@dataclass
class SimDisk(Disk):
    """Faults are switched on and off while it runs.

    `broken` is the errno that every change gives (ENOSPC, EROFS, EIO), None for a disk that
    works; `fails` holds the names of single methods that give EIO. `free_bytes` is the room for
    new files. `stalled` holds every sync until it is set again.
    """

    broken: int | None = None
    fails: set[str] = field(default_factory=set)
    free_bytes: int = 1 << 40
    stalled: threading.Event = field(default_factory=threading.Event)
    ops: list[Op] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.stalled.set()
        self._files: dict[int, int] = {}  # by file descriptor
        self._names: dict[Path, int] = {}
        self._made = 0
        self._lost: set[int] = set()  # places in `ops` of writes that a failed sync lost

    def note(self, note: object) -> None:
        """Remember something between the operations: what was promised to whom."""
        self.ops.append(Op("note", note=note))

    def make_folder(self, path: Path) -> None:
        self._check("make_folder", path)
        super().make_folder(path)
        self.ops.append(Op("make_folder", path))

    def create(self, path: Path) -> int:
        self._check("create", path)
        fd = super().create(path)
        self._made += 1
        self._names[path] = self._files[fd] = self._made
        self.ops.append(Op("create", path, self._made))
        return fd

    def open(self, path: Path) -> int:
        fd = super().open(path)
        if path not in self._names:  # from before this disk: all of it on the device
            self._made += 1
            self._names[path] = self._made
            self.ops.append(Op("create", path, self._made))
            self.ops.append(Op("write", file=self._made, data=path.read_bytes()))
            self.ops.append(Op("sync", file=self._made))
        self._files[fd] = self._names[path]
        return fd

    def write(self, fd: int, data: bytes, offset: int) -> None:
        self._check("write", Path())
        growth = offset + len(data) - os.fstat(fd).st_size
        if growth > self.free_bytes:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self.free_bytes -= max(growth, 0)
        super().write(fd, data, offset)
        self.ops.append(Op("write", file=self._files[fd], offset=offset, data=bytes(data)))

    def sync(self, fd: int) -> None:
        self.stalled.wait()
        file = self._files[fd]
        if self.broken is not None or "sync" in self.fails:
            self._lost |= set(_unsynced(self.ops, file)) - self._lost
            self._check("sync", Path())
        super().sync(fd)
        self.ops.append(Op("sync", file=file))

    def sync_folder(self, path: Path) -> None:
        self._check("sync_folder", path)
        super().sync_folder(path)
        self.ops.append(Op("sync_folder", path))

    def rename(self, old: Path, new: Path) -> None:
        self._check("rename", old)
        super().rename(old, new)
        for path in [path for path in self._names if path == old or old in path.parents]:
            self._names[new / path.relative_to(old)] = self._names.pop(path)
        self.ops.append(Op("rename", old, to=new))

    def remove(self, path: Path) -> None:
        self._check("remove", path)
        size = path.stat().st_size
        super().remove(path)
        self.free_bytes += size
        self._names.pop(path, None)
        self.ops.append(Op("remove", path))

    def remove_folder(self, path: Path) -> None:
        self._check("remove_folder", path)
        super().remove_folder(path)
        self.ops.append(Op("remove_folder", path))

    def identity(self, path: Path) -> tuple[int, int]:
        path.stat()
        return 1, 0  # a disk laid out anew by `power_cut` is still the same one

    def read_back(self, fd: int, size: int) -> bytes:
        content = bytearray()
        for index, op in enumerate(self.ops):
            if op.what == "write" and op.file == self._files[fd] and index not in self._lost:
                _apply(content, op.offset, op.data)
        return bytes(content[:size])

    def close(self, fd: int) -> None:
        self._files.pop(fd, None)
        super().close(fd)

    def _check(self, method: str, path: Path) -> None:
        number = self.broken or (errno.EIO if method in self.fails else None)
        if number is not None:
            raise OSError(number, os.strerror(number), str(path))


def _unsynced(ops: Sequence[Op], file: int) -> list[int]:
    """Places of the writes to a file since its last sync."""
    places: list[int] = []
    for index, op in enumerate(ops):
        if op.file == file and op.what == "sync":
            places = []
        elif op.file == file and op.what == "write":
            places.append(index)
    return places


# --- what a power cut leaves ------------------------------------------------------------------

_NAMING = {"create", "rename", "remove", "make_folder", "remove_folder"}


@dataclass(frozen=True, slots=True)
class Cut:
    """One state of the device: names up to a point, and which unsynced writes arrived."""

    names: int  # how many of the changes of names not yet synced are there
    writes: str  # "none", "all", "last", "but_last", "grown", "torn", "head_lost"
    torn_at: int = 0  # of "torn": bytes of the last write that arrived


def cuts(ops: Sequence[Op]) -> Iterator[Cut]:
    """The states that are worth a look, should the power go right after `ops`."""
    synced = _named(ops)
    pending = sum(1 for op in ops[synced:] if op.what in _NAMING)
    last = next((op for op in reversed(ops) if op.what == "write"), None)
    unsynced = last is not None and bool(_unsynced(ops, last.file))
    for names in sorted({0, pending // 2, pending}):
        yield Cut(names, "all")
        if unsynced and last is not None:
            yield from (Cut(names, how) for how in ("none", "last", "but_last", "grown"))
            length = len(last.data)
            places = {1, 8, 9, length // 2, length - 1}
            places |= {place for place in range(0, length, SECTOR_BYTES) if place}
            for place in sorted(places)[:8]:
                if 0 < place < length:
                    yield Cut(names, "torn", place)
            yield Cut(names, "head_lost")


def power_cut(ops: Sequence[Op], cut: Cut, root: Path, into: Path) -> None:
    """Lay out under `into` what the device holds of `root` after this cut."""
    synced = _named(ops)
    naming = [op for op in ops[:synced] if op.what in _NAMING]
    naming += [op for op in ops[synced:] if op.what in _NAMING][: cut.names]
    names: dict[Path, int | None] = {}
    for op in naming:
        _rename(names, op)
    into.mkdir(parents=True, exist_ok=True)
    for path, file in sorted(names.items()):
        place = into / path.relative_to(root)
        if file is None:
            place.mkdir(parents=True, exist_ok=True)
        else:
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(_content(ops, file, cut))


def _named(ops: Sequence[Op]) -> int:
    """How many operations stand before the newest sync of a folder: a journalling file system
    commits changes of names in their order.
    """
    return max((index + 1 for index, op in enumerate(ops) if op.what == "sync_folder"), default=0)


def _rename(names: dict[Path, int | None], op: Op) -> None:
    if op.what == "create":
        names[op.path] = op.file
    elif op.what == "make_folder":
        names[op.path] = None
    elif op.what == "rename":
        for path in [path for path in names if path == op.path or op.path in path.parents]:
            names[op.to / path.relative_to(op.path)] = names.pop(path)
    else:
        names.pop(op.path, None)


def _content(ops: Sequence[Op], file: int, cut: Cut) -> bytes:
    pending = _unsynced(ops, file)
    durable = [
        index
        for index, op in enumerate(ops)
        if op.file == file and op.what == "write" and index not in set(pending)
    ]
    content = bytearray()
    for index in durable:
        _apply(content, ops[index].offset, ops[index].data)
    for index in _arrived(pending, cut.writes):
        _apply(content, ops[index].offset, ops[index].data)
    if pending and cut.writes in {"torn", "head_lost", "grown"}:
        op = ops[pending[-1]]
        if cut.writes == "grown":
            _apply(content, max(len(content), op.offset + len(op.data)), b"")
        elif cut.writes == "torn":
            _apply(content, op.offset, op.data[: cut.torn_at])
        else:
            skip = SECTOR_BYTES - op.offset % SECTOR_BYTES
            _apply(content, op.offset + skip, op.data[skip:])
    return bytes(content)


def _arrived(pending: Sequence[int], how: str) -> Sequence[int]:
    if how == "all":
        return pending
    if how == "last":
        return pending[-1:]
    if how in {"but_last", "torn", "head_lost"}:
        return pending[:-1]
    return ()


def _apply(content: bytearray, offset: int, data: bytes) -> None:
    if len(content) < offset:
        content.extend(bytes(offset - len(content)))
    content[offset : offset + len(data)] = data
