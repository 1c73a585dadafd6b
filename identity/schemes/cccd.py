"""The chip citizen card (CCCD) and the identity card of 2024 (thẻ căn cước).

`number|old number|full name|ddmmyyyy|Nam or Nữ|address|ddmmyyyy of issue`, UTF-8; the card of 2024
adds four fields, often empty. NUL bytes are seen behind the last field. Nothing is signed: the
code proves nothing by itself.
"""

from __future__ import annotations

import re

from identity import canonical
from identity.credential import Credential, Holder, Scheme
from identity.flags import Flag, chosen, summarise
from identity.schemes import citizen, parts
from identity.schemes.code import Code, NotMine

_FIELDS = 7
_FIELDS_2024 = 10  # "10 or more"
_OLD_NUMBER = re.compile(r"([0-9]{9}|[0-9]{12})?")
_DATE = re.compile(r"([0-9]{2})([0-9]{2})([0-9]{4})")
_SEXES = {"nam": "male", "nữ": "female"}


def parse(code: Code) -> Credential | NotMine:
    """The credential on a citizen card of either kind."""
    fields = parts.fields(code.text.rstrip(parts.PADDING))
    if not _recognised(fields):
        return NotMine("no citizen number among fields of a citizen card")
    number = fields[0]
    birth_date = _date(parts.at(fields, 3))
    sex = _sex(parts.at(fields, 4))
    name = parts.name(parts.at(fields, 2))
    numbered = citizen.NUMBER.fullmatch(number) is not None
    found = chosen(
        {
            Flag.NOT_UTF8: not code.is_utf8,
            Flag.FIELD_COUNT: not _counted(fields),
            Flag.BAD_NUMBER: not (numbered and _OLD_NUMBER.fullmatch(fields[1])),
            Flag.BAD_NAME: name is None,
            Flag.BAD_BIRTH_DATE: birth_date is None,
            Flag.BAD_SEX: sex is None,
            Flag.BAD_DATE: _date(parts.at(fields, 6)) is None,
        }
    )
    if numbered:
        found += citizen.contradictions(number, birth_date, sex)
    return Credential(
        scheme=Scheme.CCCD,
        canonical=canonical.citizen(number)
        if numbered
        else canonical.digest(Scheme.CCCD, code.payload),
        holder=Holder(
            name=name, birth_date=birth_date, sex=sex, document=number if numbered else None
        ),
        flags=summarise(found),
    )


def _recognised(fields: list[str]) -> bool:
    """By several marks at once, so that a code with one part damaged is still told from others."""
    marks = [
        _counted(fields),
        _DATE.fullmatch(parts.at(fields, 3)) is not None,
        _sex(parts.at(fields, 4)) is not None,
        _DATE.fullmatch(parts.at(fields, 6)) is not None,
    ]
    needed = 1 if citizen.NUMBER.fullmatch(fields[0]) else 3
    return len(fields) > 3 and sum(marks) >= needed


def _counted(fields: list[str]) -> bool:
    return len(fields) == _FIELDS or len(fields) >= _FIELDS_2024


def _date(text: str) -> str | None:
    match = _DATE.fullmatch(text)
    return parts.iso_date(match[3], match[2], match[1]) if match else None


def _sex(text: str) -> str | None:
    return _SEXES.get((parts.name(text) or "").casefold())
