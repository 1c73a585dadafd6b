"""What a cell of a registry file may hold, column by column."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Callable, Mapping

from feed.topics import TopicError, check_name
from hub.sheets import Cell

# E.164: country code and number have at most 15 digits together
_LONGEST_PHONE = 15
_COUNTRY = "84"
# Vietnam's numbers since 2018, without the leading zero: mobile 3, 5, 7, 8, 9 and 8 digits more,
# fixed lines 2 and 9 digits more (Circular 22/2014/TT-BTTTT; Plan 798/KH-BTTTT of 2018)
_NATIONAL = re.compile(r"[35789][0-9]{8}|2[0-9]{9}")
_OLD_MOBILE = re.compile(r"1[0-9]{9}")
_SCIENTIFIC = re.compile(r"[0-9][.,]?[0-9]*[eE][+][0-9]+")
_LONGEST_TEXT = 500
_LONGEST_STAY_MIN = 7 * 24 * 60

Value = str | int | float | None


class ValueFaultError(ValueError):
    """What is wrong with a cell, and how to mend it."""

    def __init__(self, what: str, mend: str) -> None:
        super().__init__(f"{what}; {mend}")
        self.what = what
        self.mend = mend


def parse(column: str, cell: Cell) -> Value:
    """The value in a cell; None for an empty one. Raises ValueFaultError."""
    if cell.spoiled is not None:
        raise ValueFaultError(
            cell.spoiled, "format the column as text in the spreadsheet and enter it again"
        )
    if not cell.text:
        return None
    return _PARSERS.get(column, _text)(cell)


def phone(text: str) -> str:
    """A number as digits with the country's code: 84912345678. Vietnamese numbers also without
    the leading zero, which spreadsheets eat. Raises ValueFaultError.
    """
    mend = "write it as 0912345678 or +84912345678, in a column formatted as text"
    if _SCIENTIFIC.fullmatch(text):
        raise ValueFaultError(f"'{text}' is a number whose last digits a spreadsheet cut", mend)
    bare = re.sub(r"[\s().\u2011\u2013-]", "", text)
    international = bare.startswith(("+", "00"))
    digits = bare.removeprefix("+").removeprefix("00") if international else bare
    if not digits.isascii() or not digits.isdigit():
        raise ValueFaultError(f"'{text[:40]}' is no phone number", mend)
    if digits.startswith(_COUNTRY):
        national = digits.removeprefix(_COUNTRY).removeprefix("0")
        if _NATIONAL.fullmatch(national):
            return _COUNTRY + national
    if international and not digits.startswith(_COUNTRY):
        if 8 <= len(digits) <= _LONGEST_PHONE and digits[0] != "0":
            return digits
        raise ValueFaultError(f"'{text[:40]}' is no phone number", mend)
    national = digits.removeprefix("0")
    if _NATIONAL.fullmatch(national):
        return _COUNTRY + national
    if _OLD_MOBILE.fullmatch(national):
        raise ValueFaultError(
            f"'{text}' is a mobile number of 11 digits, which ended in 2018",
            "enter the number that replaced it",
        )
    raise ValueFaultError(f"'{text[:40]}' has {len(digits)} digits, a phone number 10", mend)


def _text(cell: Cell) -> str:
    text = unicodedata.normalize("NFC", " ".join(cell.text.split()))
    if not text.isprintable() or "\ufffd" in text:
        raise ValueFaultError("holds unreadable characters", "save the file as UTF-8 and look")
    if len(text) > _LONGEST_TEXT:
        raise ValueFaultError(f"has {len(text)} characters", f"at most {_LONGEST_TEXT}")
    return text


def _level(cell: Cell) -> str:
    text = _text(cell)
    try:
        check_name(text)
    except TopicError:
        raise ValueFaultError(
            f"'{text[:60]}' holds +, # or /", "write it as the gate's configuration does"
        ) from None
    return text


def _phone(cell: Cell) -> str:
    return phone(cell.text)


def _minutes(cell: Cell) -> int:
    text = cell.text
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= _LONGEST_STAY_MIN):
        raise ValueFaultError(
            f"'{text[:40]}' is no number of minutes", f"give 1 to {_LONGEST_STAY_MIN}, such as 960"
        )
    return int(text)


def _degrees(limit: float) -> Callable[[Cell], float]:
    def parsed(cell: Cell) -> float:
        try:
            # spreadsheets set to Vietnamese write a decimal comma
            value = float(cell.text.replace(",", "."))
        except ValueError:
            value = math.nan
        if not abs(value) <= limit:
            raise ValueFaultError(
                f"'{cell.text[:40]}' is no number of degrees", f"give {-limit:g} to {limit:g}"
            )
        return value

    return parsed


def _token(cell: Cell) -> str:
    parts = cell.text.split(":")
    if len(parts) != 3 or not all(parts):
        raise ValueFaultError(
            f"'{cell.text[:40]}' is no token", "leave the column as an export wrote it"
        )
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
