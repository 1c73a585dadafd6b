"""What every scheme's parser takes and answers.

A parser is a total function of a `Code`: it never raises, whatever the bytes. It answers with a
`Credential` (understood, or `damaged` with the reasons in its flags) or with `NotMine`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from identity.credential import Credential


@dataclass(frozen=True, slots=True)
class Code:
    """A decoded code: the bytes untouched, and the text in them.

    `text` is strict UTF-8, which is what every scheme here prescribes. Where the bytes are not
    (`is_utf8` False) the offending ones stand as U+FFFD: what else can be read still is, but
    nothing is guessed, because a guessed encoding invents names.
    """

    payload: bytes
    text: str
    is_utf8: bool

    @classmethod
    def read(cls, payload: bytes) -> Code:
        """The code of these bytes."""
        try:
            return cls(payload, payload.decode(), is_utf8=True)
        except UnicodeDecodeError:
            return cls(payload, payload.decode(errors="replace"), is_utf8=False)


@dataclass(frozen=True, slots=True)
class NotMine:
    """Not a code of this scheme, and why."""

    reason: str


Parser = Callable[[Code], Credential | NotMine]
