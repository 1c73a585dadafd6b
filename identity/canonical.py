"""Canonical identities: the texts that tokens are taken of.

`<kind>:<value>`, the kind being the document, not the code that showed it: a citizen card, an
identity card of 2024 and an unmasked PC-Covid code of one person all give `cccd:<12 digits>`.
Changing any of these forms changes every token made of it.
"""

from __future__ import annotations

import hashlib

from identity.credential import Scheme

# longest opaque code that is kept as text: a badge number, a URL; the rest stands as its digest
LONGEST_TEXT = 200  # characters


def citizen(number: str) -> str:
    """12 digits: the personal identification number (số định danh cá nhân)."""
    return f"cccd:{number}"


def old_citizen(number: str) -> str:
    """9 digits: the people's identity card (CMND), which no number of today follows from."""
    return f"cmnd:{number}"


def passport(number: str) -> str:
    """A passport number, capitals."""
    return f"passport:{number.upper()}"


def insured(number: str) -> str:
    """A health-insurance number, 2 letters + 13 digits or 10 digits.

    The last ten of both are the social-insurance number, which stays with the person: the letters
    and digits before it are the group, the benefit level and the province, which change
    (Decisions 1351/QĐ-BHXH of 2015 and 1666/QĐ-BHXH of 2020).
    """
    return f"bhyt:{number[-10:]}"


def platform(qid: str) -> str:
    """The number that the national platform of 2021 gave (QID)."""
    return f"pc-covid:{qid}"


def pass_holder(park: str, holder: str) -> str:
    """A holder by the park's own id: the same for every pass that the park gives them."""
    return f"pass:{park}/{holder}"


def opaque(text: str) -> str | None:
    """A short printable text itself; None for what has to stand as its digest."""
    if text.isprintable() and 0 < len(text) <= LONGEST_TEXT:
        return f"opaque:{text}"
    return None


def digest(scheme: Scheme, payload: bytes) -> str:
    """The code's SHA-256, where no number can be taken out of it."""
    return f"{scheme}-sha256:{hashlib.sha256(payload).hexdigest()}"
