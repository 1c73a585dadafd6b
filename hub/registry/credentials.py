"""From the credential in a roster to the canonical identity that its token is taken of.

The same identities as gates make of codes, so that the roster's person is the records' person.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from hub.registry.values import ValueFaultError
from hub.words import Words
from identity import canonical
from identity.credential import Scheme
from identity.schemes import understand
from identity.schemes.citizen import NUMBER, contradictions

_DIGITS = re.compile(r"[0-9]+")
_NAMED: Mapping[str, tuple[re.Pattern[str], Callable[[str], str]]] = {
    "cccd": (NUMBER, canonical.citizen),
    "cmnd": (re.compile(r"[0-9]{9}"), canonical.old_citizen),
    "passport": (re.compile(r"[A-Za-z0-9]{5,20}"), canonical.passport),
    "bhyt": (re.compile(r"[A-Za-z]{2}[0-9]{13}|[0-9]{10}"), canonical.insured),
}
_OWN_PASS = "pass"  # noqa: S105 - a word in a file
_FORMS = Words("mend.credential")


def canonicals(text: str, *, park: str, holder: str) -> list[str]:
    """The identities of a cell, parted by spaced ' ; '. Raises ValueFaultError.

    The fault never quotes the cell: it would carry a citizen number into logs.
    """
    return [
        _canonical(part.strip(), park=park, holder=holder)
        for part in text.split(" ; ")
        if part.strip()
    ]


def _canonical(text: str, *, park: str, holder: str) -> str:
    if text.lower() == _OWN_PASS:
        return canonical.pass_holder(park, holder)
    kind, colon, value = text.partition(":")
    if colon and kind.lower() in _NAMED:
        pattern, make = _NAMED[kind.lower()]
        if not pattern.fullmatch(value.strip()):
            raise ValueFaultError(Words("what.no_number_of", kind=kind.lower()), _FORMS)
        return make(value.strip())
    if _DIGITS.fullmatch(text):
        return canonical.citizen(_citizen(text))
    found = understand(text.encode())
    if found.scheme is Scheme.OPAQUE and re.fullmatch(r"[0-9.,]+[eE]\+[0-9]+", text):
        raise ValueFaultError(Words("what.cut_number"), Words("mend.format_text"))
    return found.canonical


def _citizen(digits: str) -> str:
    # the numbers of Vietnam's provinces begin with 0, which spreadsheets eat
    number = digits.zfill(12) if 10 <= len(digits) < 12 else digits
    if not NUMBER.fullmatch(number) or contradictions(number, None, None):
        raise ValueFaultError(Words("what.no_citizen", digits=len(digits)), _FORMS)
    return number
