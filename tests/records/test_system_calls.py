"""The power cuts are simulated on what SimDisk was told: here the kernel says that this is all.

The same workload runs on the real disk under strace, and every system call that changes
something below the journal's folder must be one that SimDisk noted, in the same order.
"""

from __future__ import annotations

import itertools
import re
import secrets
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from edge.records.simdisk import Op, SimDisk
from tests.records.support import CopiedDisk
from tests.records.test_power_cut_streams import workload

ROOT = Path(__file__).parents[2]

PROGRAM = """
import sys
from pathlib import Path
from tests.records.test_system_calls import NotedDisk, fix_ids, workload
fix_ids()
workload(NotedDisk(), Path(sys.argv[1]))
"""

_READS = {
    "access", "close", "dup", "epoll_create1", "faccessat", "faccessat2", "fadvise64", "fcntl",
    "flock", "fstat", "fstatfs", "getdents64", "ioctl", "lseek", "lstat", "newfstatat", "pread64",
    "read", "readlink", "readlinkat", "stat", "statfs", "statx",
}  # fmt: skip
_CALL = re.compile(r"^(?:\d+\s+)?(\w+)\((.*)\)\s+= (-?\d+)")
_FILE = re.compile(r"\d+<([^>]*)>")
_QUOTED = re.compile(r'"([^"]*)"')

Step = tuple[object, ...]


class NotedDisk(CopiedDisk):
    """The real disk; the workload's notes go nowhere."""

    def __init__(self) -> None:
        self.ops: list[Op] = []

    def note(self, note: object) -> None:
        """Left out."""


def fix_ids() -> None:
    """The streams of both runs have the same names."""
    numbers = itertools.count(1)
    secrets.token_hex = lambda nbytes=None: f"{next(numbers):0{2 * (nbytes or 8)}x}"


def noted(ops: Iterable[Op], root: Path) -> Iterator[Step]:
    """What SimDisk was told."""
    names: dict[int, Path] = {}
    for op in ops:
        match op.what:
            case "create":
                names[op.file] = op.path.relative_to(root)
                yield "create", names[op.file]
            case "write" if op.data:
                yield "write", names[op.file], op.offset, len(op.data)
            case "sync":
                yield "fdatasync", names[op.file]
            case "sync_folder":
                yield "fsync", op.path.relative_to(root)
            case "rename":
                old, new = op.path.relative_to(root), op.to.relative_to(root)
                for file, name in names.items():
                    if name == old or old in name.parents:
                        names[file] = new / name.relative_to(old)
                yield "rename", old, new
            case "make_folder" | "remove" | "remove_folder":
                yield op.what, op.path.relative_to(root)


def traced(lines: Iterable[str], root: Path) -> Iterator[Step]:
    """What the kernel was asked to change below `root`."""
    for line in lines:
        call = _CALL.match(line)
        if call is None or str(root) not in line or int(call[3]) < 0:
            continue
        name, arguments = call[1], call[2]
        held = [Path(path) for path in _FILE.findall(arguments)]
        paths = [Path(path) for path in _QUOTED.findall(arguments)]
        inside = [path.relative_to(root) for path in [*held, *paths] if path.is_relative_to(root)]
        if not inside or inside == [Path("lock")] or name in _READS:
            continue
        match name:
            case "pwrite64":
                length, offset = map(int, arguments.rsplit(", ", 2)[1:])
                yield "write", inside[0], offset, length
            case "open" | "openat":
                if "O_CREAT" in arguments or "O_TRUNC" in arguments:
                    yield "create", inside[-1]
            case "rename" | "renameat" | "renameat2":
                yield "rename", inside[0], inside[1]
            case "unlinkat" if "AT_REMOVEDIR" in arguments:
                yield "remove_folder", inside[0]
            case "unlink" | "unlinkat":
                yield "remove", inside[0]
            case "rmdir":
                yield "remove_folder", inside[0]
            case "mkdir" | "mkdirat":
                yield "make_folder", inside[0]
            case "mmap" if "PROT_WRITE" not in arguments:
                pass
            case "fchown":  # whose the file is, changes nothing of what is in it
                pass
            case _:
                yield name, *inside


def test_the_kernel_is_asked_for_nothing_that_the_simulated_disk_does_not_know(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if shutil.which("strace") is None:
        pytest.skip("needs strace: apt-get install strace")
    real, simulated, log = tmp_path / "real", tmp_path / "simulated", tmp_path / "log"
    trace = ["strace", "-f", "-qq", "-y", "-s", "0", "-e", "trace=%file,%desc", "-o", str(log)]
    done = subprocess.run(
        [*trace, sys.executable, "-c", PROGRAM, str(real)],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if "ptrace" in done.stderr and "not permitted" in done.stderr:
        pytest.skip("strace may not trace here: the container needs SYS_PTRACE")
    assert done.returncode == 0, done.stderr
    monkeypatch.setattr(secrets, "token_hex", secrets.token_hex)
    fix_ids()
    known = list(noted(workload(SimDisk(), simulated), simulated))
    [made, *asked] = traced(log.read_text().splitlines(), real)
    assert made == ("make_folder", Path()), "the journal's own folder, once and for all"
    assert len(known) > 200
    assert asked == known


@pytest.mark.parametrize(
    ("line", "step"),
    [
        ("ftruncate(3</r/a.log>, 0) = 0", ("ftruncate", Path("a.log"))),
        ("12 fallocate(3</r/a.log>, 0, 0, 9) = 0", ("fallocate", Path("a.log"))),
        ("sync_file_range(3</r/a.log>, 0, 9, 0) = 0", ("sync_file_range", Path("a.log"))),
        ('openat(AT_FDCWD</x>, "/r/a", O_WRONLY|O_TRUNC) = 3</r/a>', ("create", Path("a"))),
        ('unlinkat(AT_FDCWD</x>, "/r/a", AT_REMOVEDIR) = 0', ("remove_folder", Path("a"))),
        ('renameat(AT_FDCWD</x>, "/r/a", AT_FDCWD</x>, "/r/b") = 0',
         ("rename", Path("a"), Path("b"))),
        ('write(3</r/a.log>, ""..., 5) = 5', ("write", Path("a.log"))),
    ],
)  # fmt: skip
def test_a_call_that_goes_past_the_simulated_disk_is_told(line: str, step: Step) -> None:
    assert list(traced([line], Path("/r"))) == [step]
