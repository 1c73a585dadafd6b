"""Stable names of what is odd about a credential. Never renamed, only added.

None of them says anything of the holder, so they may stand in records. docs/reference/schemes.md
holds their meanings, and a test that none is missing there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum


class Flag(StrEnum):
    """What is odd about a credential."""

    # summaries
    DAMAGED = "damaged"
    CONTRADICTORY = "contradictory"
    # what the scheme itself says
    MASKED = "masked"
    UNVERIFIED = "unverified"
    PROXY = "proxy"
    MULTI_PART = "multi_part"
    # what the signature and the lists say
    SIGNER_UNKNOWN = "signer_unknown"
    SIGNER_USE_DIFFERS = "signer_use_differs"
    SIGNATURE_INVALID = "signature_invalid"
    REVOKED = "revoked"
    # what the clock says (identity.validity)
    EXPIRED = "expired"
    NOT_YET_VALID = "not_yet_valid"
    CLOCK_UNSURE = "clock_unsure"
    # what a pass says (identity.schemes.park_pass); the last three of one that is bound to a phone
    WRONG_SITE = "wrong_site"
    NOT_POSSESSED = "not_possessed"
    STALE = "stale"
    REPLAYED = "replayed"
    # why it is damaged
    NOT_UTF8 = "not_utf8"
    FIELD_COUNT = "field_count"
    BAD_NUMBER = "bad_number"
    BAD_KIND = "bad_kind"
    BAD_NAME = "bad_name"
    BAD_BIRTH_DATE = "bad_birth_date"
    BAD_SEX = "bad_sex"
    BAD_DATE = "bad_date"
    BAD_ALPHABET = "bad_alphabet"
    BAD_ENCODING = "bad_encoding"
    BAD_CONTENT = "bad_content"
    TOO_LARGE = "too_large"
    # what the citizen number contradicts
    PROVINCE_UNKNOWN = "province_unknown"
    BIRTH_YEAR_DIFFERS = "birth_year_differs"
    SEX_DIFFERS = "sex_differs"


DAMAGE = frozenset(
    {
        Flag.NOT_UTF8,
        Flag.FIELD_COUNT,
        Flag.BAD_NUMBER,
        Flag.BAD_KIND,
        Flag.BAD_NAME,
        Flag.BAD_BIRTH_DATE,
        Flag.BAD_SEX,
        Flag.BAD_DATE,
        Flag.BAD_ALPHABET,
        Flag.BAD_ENCODING,
        Flag.BAD_CONTENT,
        Flag.TOO_LARGE,
    }
)
CONTRADICTIONS = frozenset({Flag.PROVINCE_UNKNOWN, Flag.BIRTH_YEAR_DIFFERS, Flag.SEX_DIFFERS})


def chosen(checks: Mapping[Flag, bool]) -> list[Flag]:
    """The flags whose check is true."""
    return [flag for flag, is_so in checks.items() if is_so]


def summarise(found: Iterable[Flag]) -> tuple[str, ...]:
    """The flags of a credential: each once, the summaries that follow from them in front."""
    found = list(dict.fromkeys(found))
    summaries = []
    if not DAMAGE.isdisjoint(found):
        summaries.append(Flag.DAMAGED)
    if not CONTRADICTIONS.isdisjoint(found):
        summaries.append(Flag.CONTRADICTORY)
    return tuple(flag.value for flag in [*summaries, *found])
