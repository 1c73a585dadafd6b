"""What is wrong with a file, so that a person can mend it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault: file, line (of the file, the heading is 1), column (its heading), what is wrong,
    and how to mend it. Line 0 and column None where it is about the whole.
    """

    file: str
    line: int
    column: str | None
    what: str
    mend: str

    def __str__(self) -> str:
        line = f": line {self.line}" if self.line else ""
        column = f": {self.column}" if self.column else ""
        return f"{self.file}{line}{column}: {self.what}; {self.mend}"


class RegistryError(ValueError):
    """A file of which nothing was taken: a line for each of `faults`, in the file's order."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__("\n".join(map(str, faults)))
        self.faults = tuple(faults)
