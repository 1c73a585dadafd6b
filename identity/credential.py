"""A code understood: its scheme, whose it is, what it proves and what it only claims."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Scheme(StrEnum):
    """Formats of codes that people show, by the names that stand in records."""

    PASS = "pass"  # noqa: S105 - a pass, not a password
    CCCD = "cccd"
    BHYT = "bhyt"
    PC_COVID = "pc-covid"
    DCC = "dcc"
    SHC = "shc"
    OPAQUE = "opaque"


# identities stay out of reprs (repr=False): exceptions and logs print them


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """What a code says of its holder; each part only where the scheme states it.

    `birth_date` is ISO 8601, cut short where the document masks or lacks a part
    ("1987", "1987-01", "1987-01-18"). `sex` is "male" or "female".
    """

    name: str | None = field(default=None, repr=False)
    birth_date: str | None = field(default=None, repr=False)
    sex: str | None = field(default=None, repr=False)
    document: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """A code after its parser.

    `canonical` is the canonical identity, the text that the token is taken of: the same document
    gives the same text however it was written or decoded. `proved` names what the code proves by
    itself ("signature"); everything else in it is only claimed. `flags` are stable names of what
    is odd about it (identity.flags). `valid_from` and `valid_until`, both UTC and included, are
    the time that the code holds good for, where it states one; identity.validity judges by them.
    `issuer` is who signed it, by the code's own word.

    `category` and `declaration` stand in passes: what the holder
    is to the park (staff, pupil), and a health declaration by short names, its `date` among them.
    """

    scheme: Scheme
    canonical: str = field(repr=False)
    holder: Holder | None = None
    proved: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    valid_from: datetime | None = None
    valid_until: datetime | None = None
    issuer: str | None = None
    category: str | None = None
    declaration: Mapping[str, str | int | bool] | None = field(default=None, repr=False)

    @property
    def damaged(self) -> bool:
        """The scheme is recognised, but a part of the code is not what the scheme prescribes."""
        return "damaged" in self.flags
