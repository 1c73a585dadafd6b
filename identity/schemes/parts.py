"""Parts that several schemes share: names, dates, fields."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from datetime import date

# seen behind the last field of citizen cards; never inside base45, which holds the space
PADDING = "\0 \t\r\n"

_SPACES = re.compile(r"\s+")


def fields(text: str) -> list[str]:
    """The fields between `|`, trimmed, without padding behind the last."""
    return [part.strip(PADDING) for part in text.split("|")]


def at(parts: Sequence[str], index: int) -> str:
    """The field at `index`, empty where the code ends before."""
    return parts[index] if index < len(parts) else ""


def name(text: str) -> str | None:
    """A name as NFC with single spaces; None where there is none or it is not readable."""
    clean = _SPACES.sub(" ", unicodedata.normalize("NFC", text)).strip()
    readable = clean.isprintable() and "\ufffd" not in clean
    return clean if clean and readable else None


def hexadecimal_name(text: str) -> str | None:
    """A name written as the hexadecimal of its UTF-8; None where it is not readable."""
    try:
        return name(bytes.fromhex(text).decode())
    except ValueError:  # no hexadecimal, or no UTF-8 in it
        return None


def iso_date(year: str, month: str = "", day: str = "") -> str | None:
    """ISO 8601 of decimal parts, cut short where month or day is not stated ("", "00").

    None for a date that no calendar has.
    """
    stated = [int(part or "0") for part in (year, month, day)]
    try:
        whole = date(stated[0], stated[1] or 1, stated[2] or 1)
    except ValueError:
        return None
    if not stated[1]:
        return None if stated[2] else whole.isoformat()[:4]
    return whole.isoformat() if stated[2] else whole.isoformat()[:7]
