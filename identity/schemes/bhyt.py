"""The health-insurance card (thẻ BHYT): fields between `|`, the last of them `$`.

10, 15 and 17 fields (counting `$`) are seen. Names are the hexadecimal of UTF-8; dates are
dd/mm/yyyy, also with one-digit parts; `-` stands for what is not stated. The check string's
algorithm is not public: the code proves nothing by itself.
"""

from __future__ import annotations

import re

from identity import canonical
from identity.credential import Credential, Holder, Scheme
from identity.flags import Flag, chosen, summarise
from identity.schemes import parts
from identity.schemes.code import Code, NotMine

_FIELDS = frozenset({10, 15, 17})
_NUMBER = re.compile(r"[A-Z]{2}[0-9]{13}|[0-9]{10}")
_DATE = re.compile(r"(?:(?:([0-9]{1,2})/)?([0-9]{1,2})/)?([0-9]{4})")
_HOSPITAL = re.compile(r"[0-9]{2} ?[-\u2013 ] ?[0-9]{3}")
_SEXES = {"1": "male", "2": "female"}
_DATES = (6, 7, 8, 12)  # valid from, valid to, issued, five continuous years
_END = "$"


def parse(code: Code) -> Credential | NotMine:
    """The credential on a health-insurance card."""
    fields = parts.fields(code.text.rstrip(parts.PADDING))
    if not _recognised(fields):
        return NotMine("no insurance number among fields of an insurance card")
    number = fields[0].upper()
    birth_date = _date(parts.at(fields, 2))
    sex = _SEXES.get(parts.at(fields, 3))
    name = parts.hexadecimal_name(parts.at(fields, 1))
    numbered = _NUMBER.fullmatch(number) is not None
    dates = [parts.at(fields, index) for index in _DATES]
    found = chosen(
        {
            Flag.NOT_UTF8: not code.is_utf8,
            Flag.FIELD_COUNT: len(fields) not in _FIELDS or fields[-1] != _END,
            Flag.BAD_NUMBER: not numbered,
            Flag.BAD_NAME: name is None,
            Flag.BAD_BIRTH_DATE: birth_date is None,
            Flag.BAD_SEX: sex is None,
            Flag.BAD_DATE: not all(_date_or_nothing(text) for text in dates),
        }
    )
    return Credential(
        scheme=Scheme.BHYT,
        canonical=canonical.insured(number)
        if numbered
        else canonical.digest(Scheme.BHYT, code.payload),
        holder=Holder(
            name=name, birth_date=birth_date, sex=sex, document=number if numbered else None
        ),
        flags=summarise(found),
    )


def _recognised(fields: list[str]) -> bool:
    """By several marks at once, so that a code with one part damaged is still told from others."""
    marks = [
        fields[-1] == _END,
        parts.hexadecimal_name(parts.at(fields, 1)) is not None,
        "/" in parts.at(fields, 2) and _date(fields[2]) is not None,
        _HOSPITAL.fullmatch(parts.at(fields, 5)) is not None,
    ]
    needed = 1 if _NUMBER.fullmatch(fields[0].upper()) else 3
    return len(fields) > 4 and sum(marks) >= needed


def _date(text: str) -> str | None:
    match = _DATE.fullmatch(text)
    return parts.iso_date(match[3], match[2] or "", match[1] or "") if match else None


def _date_or_nothing(text: str) -> bool:
    return text in {"", "-", _END} or _date(text) is not None
