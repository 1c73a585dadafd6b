"""Every system call of the journal that changes the disk, in one place: tests stand in for it."""

from __future__ import annotations

import contextlib
import errno
import os
from pathlib import Path

from edge.gate.reasons import Cause

_ZEROS = bytes(1 << 16)
_CAUSES = {
    errno.ENOSPC: Cause.DISK_FULL,
    errno.EDQUOT: Cause.DISK_FULL,
    errno.EROFS: Cause.READ_ONLY,
    errno.EACCES: Cause.PERMISSION,
    errno.EPERM: Cause.PERMISSION,
    errno.ENOENT: Cause.NOT_FOUND,
    errno.ENOTDIR: Cause.NOT_FOUND,
}


class JournalError(OSError):
    """The journal can't be read or written now: why, and what was being done.

    Nothing of the record that was being written counts as written; later the same call may work.
    """

    def __init__(self, cause: Cause, detail: str) -> None:
        super().__init__(detail)
        self.cause = cause
        self.detail = detail

    def __str__(self) -> str:
        return f"{self.detail} ({self.cause})"


def journal_error(error: OSError, doing: str) -> JournalError:
    """A system call's error as a JournalError."""
    if isinstance(error, JournalError):
        return error
    cause = _CAUSES.get(error.errno or 0, Cause.IO_ERROR)
    return JournalError(cause, f"{doing}: {error.strerror or error}")


class Disk:
    """The real one. Every method raises OSError as the system call does."""

    def make_folder(self, path: Path) -> None:
        """Make a folder; not durable before `sync_folder` of its parent."""
        path.mkdir(mode=0o750)

    def create(self, path: Path) -> int:
        """A new, empty file, open for writing. Replaces one of the same name."""
        flags = os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
        return os.open(path, flags, 0o640)

    def open(self, path: Path) -> int:
        """An existing file, open for reading and writing."""
        return os.open(path, os.O_RDWR | os.O_CLOEXEC)

    def write(self, fd: int, data: bytes, offset: int) -> None:
        """All of `data` at `offset`."""
        view = memoryview(data)
        while view:
            done = os.pwrite(fd, view, offset)
            view = view[done:]
            offset += done

    def sync(self, fd: int) -> None:
        """What was written to this file is on the device (fdatasync: size and data)."""
        os.fdatasync(fd)

    def sync_folder(self, path: Path) -> None:
        """Names made, renamed and removed in this folder are on the device."""
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)

    def rename(self, old: Path, new: Path) -> None:
        """Give a file or folder another name in one step, replacing what had it."""
        old.rename(new)

    def remove(self, path: Path) -> None:
        """Remove a file."""
        path.unlink()

    def remove_folder(self, path: Path) -> None:
        """Remove an empty folder."""
        path.rmdir()

    def read_back(self, fd: int, size: int) -> bytes:
        """What the device holds, past the page cache as far as the kernel lets go of it.

        Synced pages are clean, so POSIX_FADV_DONTNEED drops them (posix_fadvise(2)).
        """
        with contextlib.suppress(OSError):  # only advice; some file systems don't take it
            os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
        return os.pread(fd, size, 0)

    def identity(self, path: Path) -> tuple[int, int]:
        """A file's inode, and when that was last changed, in ns: a copy differs in one of them.

        Nothing but the clock sets an inode's change time (stat(2)).
        """
        status = path.stat()
        return status.st_ino, status.st_ctime_ns

    def close(self, fd: int) -> None:
        """Let the file go."""
        os.close(fd)


def fill_zeros(disk: Disk, fd: int, size: int) -> None:
    """Real zeros up to `size`: an unwritten extent would cost metadata at every later sync."""
    for offset in range(0, size, len(_ZEROS)):
        disk.write(fd, _ZEROS[: size - offset], offset)
