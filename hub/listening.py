"""Addresses to listen on."""

from __future__ import annotations

import errno


def why_not_bound(error: OSError | OverflowError) -> str:
    """What is wrong with an address to listen on, and how to mend it."""
    if not isinstance(error, OSError):
        return str(error)
    hint = {
        errno.EADDRINUSE: "; give another port, or stop the program that has it",
        errno.EADDRNOTAVAIL: "; give an address of this machine, or 0.0.0.0 for all of them",
        errno.EACCES: "; give a port from 1024 on",
    }.get(error.errno or 0, "")
    return f"{error.strerror}{hint}"
