"""Codes that carry a signature, known by their prefix: EU DCC and SMART Health Card.

Nothing in them is believed before the signature is checked, so all of them are `unverified` and
state no holder; the canonical identity is the digest of the code.

- `HC1:` + base45 (hcert-spec 1.0.8, section 4.2)
- `shc:/` + two digits a character, ord - 45 (SMART Health Cards Framework 1.4.0), `shc:/C/N/` in
  the deprecated form in several parts
"""

from __future__ import annotations

import re

from identity import base45, canonical
from identity.credential import Credential, Scheme
from identity.flags import Flag, summarise
from identity.schemes.code import Code, NotMine

DCC_PREFIX = "HC1:"
SHC_PREFIX = "shc:/"

_SHC_PART = re.compile(r"[0-9]+/[0-9]+/")
_SHC_DIGITS = re.compile(r"[0-9]*")
_SHC_LARGEST = ord("z") - 45  # base64url, "." and "-" lie within "-" .. "z"


def parse_dcc(code: Code) -> Credential | NotMine:
    """An EU Digital COVID Certificate, and Vietnam's, which follows it."""
    return _parse_base45(code, DCC_PREFIX, Scheme.DCC)


def parse_shc(code: Code) -> Credential | NotMine:
    """A SMART Health Card."""
    if not code.text.startswith(SHC_PREFIX):
        return NotMine(f"no {SHC_PREFIX} in front")
    body = code.text.removeprefix(SHC_PREFIX)
    several = _SHC_PART.match(body)
    digits = body[several.end() :] if several else body
    found = [Flag.MULTI_PART] if several else []
    return _unverified(Scheme.SHC, code, [*found, *_shc_damage(digits)])


def _parse_base45(code: Code, prefix: str, scheme: Scheme) -> Credential | NotMine:
    if not code.text.startswith(prefix):
        return NotMine(f"no {prefix} in front")
    return _unverified(scheme, code, _base45_damage(code.text.removeprefix(prefix)))


def _base45_damage(body: str) -> list[Flag]:
    try:
        return [] if base45.decode(body) else [Flag.BAD_ENCODING]
    except base45.Base45Error as error:
        return [Flag.BAD_ALPHABET if error.alphabet else Flag.BAD_ENCODING]


def _shc_damage(digits: str) -> list[Flag]:
    if not _SHC_DIGITS.fullmatch(digits):
        return [Flag.BAD_ALPHABET]
    pairs = [digits[start : start + 2] for start in range(0, len(digits), 2)]
    if len(digits) % 2 or not pairs or any(int(pair) > _SHC_LARGEST for pair in pairs):
        return [Flag.BAD_ENCODING]
    return []


def _unverified(scheme: Scheme, code: Code, found: list[Flag]) -> Credential:
    return Credential(
        scheme=scheme,
        canonical=canonical.digest(scheme, code.payload),
        flags=summarise([*found, Flag.UNVERIFIED]),
    )
