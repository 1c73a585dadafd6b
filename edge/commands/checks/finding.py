"""What a check found."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum


class Status(StrEnum):
    """How a thing is: `skip` where it could not be looked at and need not be."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"
    SKIP = "skip"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing, how it is, what was seen, and what to do about it."""

    name: str
    status: Status
    detail: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Check:
    """A name to show while it runs, and the looking itself, which never raises what it expects."""

    name: str
    look: Callable[[], Iterator[Finding]]
