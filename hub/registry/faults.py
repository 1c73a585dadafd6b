"""What is wrong with a file, so that a person can mend it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hub.words import Language, Words


@dataclass(frozen=True, slots=True)
class Told:
    """A fault in one language."""

    file: str
    line: int
    column: str | None
    what: str
    mend: str

    def __str__(self) -> str:
        line = f": line {self.line}" if self.line else ""
        column = f": {self.column}" if self.column else ""
        return f"{self.file}{line}{column}: {self.what}; {self.mend}"


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault: file, line (of the file, the heading is 1), column (its heading in the file), what
    is wrong, and how to mend it. Line 0 and column None where it is about the whole.
    """

    file: str
    line: int
    column: str | None
    what: Words
    mend: Words

    def told(self, language: Language = "en") -> Told:
        """The fault in that language."""
        what, mend = self.what.told(language), self.mend.told(language)
        return Told(self.file, self.line, self.column, what, mend)


class RegistryError(ValueError):
    """A file of which nothing was taken: a line for each of `faults`, in the file's order."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__("\n".join(str(fault.told()) for fault in faults))
        self.faults = tuple(faults)
