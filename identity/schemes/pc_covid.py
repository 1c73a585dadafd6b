"""The unified personal code of PC-Covid, Bluezone, NCOVI and VHD.

`document|NAME|yyyy-mm-dd|0 or 1|QID|EXT` (Decision 1405/QĐ-BTTTT of 2021-09-11). The document's
first six characters are masked with `*` unless the holder chose otherwise; day and month may be
masked too. EXT's parts lie between `<`, some writers use U+2039; their positions vary, so each is
known by its shape. The signature's algorithm is not public: the code proves nothing by itself.
"""

from __future__ import annotations

import re

from identity import canonical
from identity.credential import Credential, Holder, Scheme
from identity.flags import Flag, chosen, summarise
from identity.schemes import citizen, parts
from identity.schemes.code import Code, NotMine

_FIELDS = frozenset({5, 6})  # EXT may be missing
_OLD_NUMBER = re.compile(r"[0-9]{9}")
_PASSPORT = re.compile(r"(?=[A-Z0-9]*[0-9])(?=[A-Z0-9]*[A-Z])[A-Z0-9]{6,12}")
_MASKED_DOCUMENT = re.compile(r"(?=.*\*)[A-Z0-9*]{7,12}")
_DATE = re.compile(r"([0-9]{4})-(?:([0-9]{2})|\*{1,2})-(?:([0-9]{2})|\*{1,2})")
_QID = re.compile(r"[0-9]{6,30}")
_EXT_SEPARATOR = re.compile("[<\u2039]")
_EXT_SEX = {"0": None, "1": "male", "2": "female"}
_SELF, _OTHER = "0", "1"


def parse(code: Code) -> Credential | NotMine:
    """The credential of a personal code."""
    fields = parts.fields(code.text.rstrip(parts.PADDING))
    if not _recognised(fields):
        return NotMine("no document, date and platform number where a personal code has them")
    document = fields[0].upper()
    birth_date = _date(fields[2])
    name = parts.name(fields[1])
    sex = _sex("|".join(fields[5:]))
    whole = _whole_document(document)
    masked = _MASKED_DOCUMENT.fullmatch(document) is not None
    numbered = _QID.fullmatch(fields[4]) is not None
    found = chosen(
        {
            Flag.NOT_UTF8: not code.is_utf8,
            Flag.FIELD_COUNT: len(fields) not in _FIELDS,
            Flag.BAD_NUMBER: not (numbered and (whole or masked or document == "")),
            Flag.BAD_NAME: name is None,
            Flag.BAD_BIRTH_DATE: birth_date is None,
            Flag.BAD_KIND: fields[3] not in {_SELF, _OTHER},
            Flag.MASKED: "*" in document or "*" in fields[2],
            Flag.PROXY: fields[3] == _OTHER,
        }
    )
    if citizen.NUMBER.fullmatch(document):
        found += citizen.contradictions(document, birth_date, sex)
    return Credential(
        scheme=Scheme.PC_COVID,
        canonical=_canonical(code, fields, whole),
        holder=Holder(name=name, birth_date=birth_date, sex=sex, document=document or None),
        flags=summarise(found),
    )


def _recognised(fields: list[str]) -> bool:
    """By several marks at once, so that a code with one part damaged is still told from others."""
    if len(fields) < 5:
        return False
    document = fields[0].upper()
    marks = [
        _whole_document(document) is not None or _MASKED_DOCUMENT.fullmatch(document) is not None,
        _DATE.fullmatch(fields[2]) is not None,
        fields[3] in {_SELF, _OTHER},
        _QID.fullmatch(fields[4]) is not None,
    ]
    return sum(marks) >= 3


def _whole_document(document: str) -> str | None:
    """The canonical identity of an unmasked document."""
    if citizen.NUMBER.fullmatch(document):
        return canonical.citizen(document)
    if _OLD_NUMBER.fullmatch(document):
        return canonical.old_citizen(document)
    if _PASSPORT.fullmatch(document):
        return canonical.passport(document)
    return None


def _canonical(code: Code, fields: list[str], whole: str | None) -> str:
    # someone who declares for a child may have given their own document: never take it for the
    # child's
    if whole and fields[3] == _SELF:
        return whole
    if _QID.fullmatch(fields[4]):
        return canonical.platform(fields[4])
    return canonical.digest(Scheme.PC_COVID, code.payload)


def _date(text: str) -> str | None:
    match = _DATE.fullmatch(text)
    if match is None:
        return None
    month = match[2] or ""
    return parts.iso_date(match[1], month, (match[3] or "") if month else "")


def _sex(ext: str) -> str | None:
    """The one-digit part of EXT; None where there is none or it says "unknown"."""
    stated = [part.strip() for part in _EXT_SEPARATOR.split(ext)]
    return next((_EXT_SEX[part] for part in stated if part in _EXT_SEX), None)
