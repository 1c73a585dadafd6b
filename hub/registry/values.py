"""What a cell of a registry file may hold, column by column."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Callable, Mapping

from feed.topics import TopicError, check_name
from hub.sheets import Cell
from hub.words import Words

# E.164: country code and number have at most 15 digits together
_LONGEST_PHONE = 15
_COUNTRY = "84"
# Vietnam's numbers since 2018, without the leading zero: mobile 3, 5, 7, 8, 9 and 8 digits more,
# fixed lines 2 and 9 digits more (Circular 22/2014/TT-BTTTT; Plan 798/KH-BTTTT of 2018)
_NATIONAL = re.compile(r"[35789][0-9]{8}|2[0-9]{9}")
_OLD_MOBILE = re.compile(r"1[0-9]{9}")
_SCIENTIFIC = re.compile(r"[0-9][.,]?[0-9]*[eE][+][0-9]+")
_LONGEST_TEXT = 500
_QUOTED = 40  # characters of a cell that a fault quotes
_LONGEST_STAY_MIN = 7 * 24 * 60

Value = str | int | float | None


class ValueFaultError(ValueError):
    """What is wrong with a cell, and how to mend it."""

    def __init__(self, what: Words, mend: Words) -> None:
        super().__init__(f"{what}; {mend}")
        self.what = what
        self.mend = mend


def parse(column: str, cell: Cell) -> Value:
    """The value in a cell; None for an empty one. Raises ValueFaultError."""
    if cell.spoiled is not None:
        raise ValueFaultError(cell.spoiled, Words("mend.as_text"))
    if not cell.text:
        return None
    return _PARSERS.get(column, _text)(cell)


def phone(text: str) -> str:
    """A number as digits with the country's code: 84912345678. Vietnamese numbers also without
    the leading zero, which spreadsheets eat. Raises ValueFaultError.
    """
    mend = Words("mend.phone")
    if _SCIENTIFIC.fullmatch(text):
        raise ValueFaultError(Words("what.cut_phone", value=text[:_QUOTED]), mend)
    bare = re.sub(r"[\s().\u2011\u2013-]", "", text)
    international = bare.startswith(("+", "00"))
    digits = bare.removeprefix("+").removeprefix("00") if international else bare
    if not digits.isascii() or not digits.isdigit():
        raise ValueFaultError(Words("what.no_phone", value=text[:_QUOTED]), mend)
    if digits.startswith(_COUNTRY):
        national = digits.removeprefix(_COUNTRY).removeprefix("0")
        if _NATIONAL.fullmatch(national):
            return _COUNTRY + national
    if international and not digits.startswith(_COUNTRY):
        if 8 <= len(digits) <= _LONGEST_PHONE and digits[0] != "0":
            return digits
        raise ValueFaultError(Words("what.no_phone", value=text[:_QUOTED]), mend)
    national = digits.removeprefix("0")
    if _NATIONAL.fullmatch(national):
        return _COUNTRY + national
    if _OLD_MOBILE.fullmatch(national):
        raise ValueFaultError(
            Words("what.old_phone", value=text[:_QUOTED]), Words("mend.new_phone")
        )
    what = Words("what.phone_digits", value=text[:_QUOTED], digits=len(digits))
    raise ValueFaultError(what, mend)


def _text(cell: Cell) -> str:
    text = unicodedata.normalize("NFC", " ".join(cell.text.split()))
    if not text.isprintable() or "\ufffd" in text:
        shown = "".join(one if one.isprintable() else "\ufffd" for one in text[:_QUOTED])
        raise ValueFaultError(Words("what.unreadable", value=shown), Words("mend.utf8_and_look"))
    if len(text) > _LONGEST_TEXT:
        what = Words("what.too_long", value=text[:_QUOTED], length=len(text))
        raise ValueFaultError(what, Words("mend.at_most", most=_LONGEST_TEXT))
    return text


def _level(cell: Cell) -> str:
    text = _text(cell)
    try:
        check_name(text)
    except TopicError:
        what = Words("what.no_level", value=text[:_QUOTED])
        raise ValueFaultError(what, Words("mend.as_gate")) from None
    return text


def _phone(cell: Cell) -> str:
    return phone(cell.text)


def _minutes(cell: Cell) -> int:
    text = cell.text
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= _LONGEST_STAY_MIN):
        what = Words("what.no_minutes", value=text[:_QUOTED])
        raise ValueFaultError(what, Words("mend.minutes", most=_LONGEST_STAY_MIN))
    return int(text)


def _degrees(limit: float) -> Callable[[Cell], float]:
    def parsed(cell: Cell) -> float:
        try:
            # spreadsheets set to Vietnamese write a decimal comma
            value = float(cell.text.replace(",", "."))
        except ValueError:
            value = math.nan
        if not abs(value) <= limit:
            what = Words("what.no_degrees", value=cell.text[:_QUOTED])
            mend = Words("mend.degrees", least=f"{-limit:g}", most=f"{limit:g}")
            raise ValueFaultError(what, mend)
        return value

    return parsed


def _token(cell: Cell) -> str:
    parts = cell.text.split(":")
    if len(parts) != 3 or not all(parts):
        what = Words("what.no_token", value=cell.text[:_QUOTED])
        raise ValueFaultError(what, Words("mend.as_exported"))
    return cell.text


_PARSERS: Mapping[str, Callable[[Cell], Value]] = {
    "park": _level,
    "site": _level,
    "gate": _level,
    "phone": _phone,
    "latitude": _degrees(90),
    "longitude": _degrees(180),
    "longest_stay_min": _minutes,
    "token": _token,
    "credential": lambda cell: cell.text,
}
