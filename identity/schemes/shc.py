"""The SMART Health Card: `shc:/` + two digits a character (ord - 45) of a compact JWS.

The payload is raw DEFLATE of JSON: {iss, nbf, vc: {credentialSubject: {fhirBundle}}} with a FHIR
Patient; signed with ES256 by a key of the issuer's JWKS (SMART Health Cards Framework 1.4.0).
`shc:/C/N/` in front is one part of several codes, a form that is deprecated: refused.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec

from identity import canonical, cose, inflate
from identity.credential import Credential, Holder, Scheme
from identity.flags import Flag, chosen, summarise
from identity.schemes import parts, signed
from identity.schemes.code import Code, NotMine
from identity.trust import NO_TRUST, Trust, public_key

PREFIX = "shc:/"

_PART = re.compile(r"[0-9]+/[0-9]+/")
_DIGITS = re.compile(r"[0-9]*")
_BASE = 45  # base64url, "." and "-" lie within "-" .. "z"
_LARGEST = ord("z") - _BASE
_BIRTH_DATE = re.compile(r"([0-9]{4})(?:-([0-9]{2})(?:-([0-9]{2}))?)?")
_SEXES = frozenset({"male", "female"})


@dataclass(frozen=True, slots=True)
class _Jws:
    covered: bytes
    signature: bytes
    header: Mapping[str, Any]
    payload: Mapping[str, Any]


def parse(code: Code, trust: Trust = NO_TRUST) -> Credential | NotMine:
    """The credential of a SMART Health Card, checked against `trust`."""
    if not code.text.startswith(PREFIX):
        return NotMine(f"no {PREFIX} in front")
    body = code.text.removeprefix(PREFIX)
    if _PART.match(body):
        return signed.damaged(Scheme.SHC, code, Flag.MULTI_PART)
    try:
        jws = _opened(_characters(body))
        begin, end = (_moment(jws.payload.get(name)) for name in ("nbf", "exp"))
    except signed.DamagedError as error:
        return signed.damaged(Scheme.SHC, code, error.flag)
    holder, damage = _holder(jws.payload)
    doubts = _doubts(jws, trust)
    return Credential(
        scheme=Scheme.SHC,
        canonical=canonical.digest(Scheme.SHC, code.payload),
        holder=None if Flag.SIGNATURE_INVALID in doubts else holder,
        proved=() if doubts else ("signature",),
        flags=summarise([*damage, *doubts]),
        valid_from=begin,
        valid_until=end,
        issuer=parts.name(_text(jws.payload.get("iss"))),
    )


def _characters(digits: str) -> str:
    if not _DIGITS.fullmatch(digits):
        raise signed.DamagedError(Flag.BAD_ALPHABET)
    pairs = [digits[start : start + 2] for start in range(0, len(digits), 2)]
    if len(digits) % 2 or not pairs or any(int(pair) > _LARGEST for pair in pairs):
        raise signed.DamagedError(Flag.BAD_ENCODING)
    return "".join(chr(int(pair) + _BASE) for pair in pairs)


def _opened(jws: str) -> _Jws:
    """RFC 7515, section 7.1."""
    encoded = jws.split(".")
    if len(encoded) != 3:
        raise signed.DamagedError(Flag.BAD_ENCODING)
    header, payload, signature = (_base64(part) for part in encoded)
    stated = _json(header)
    if stated.get("zip") == "DEF":
        try:
            payload = inflate.unpacked(payload, raw=True)
        except inflate.InflateError as error:
            flag = Flag.TOO_LARGE if error.too_large else Flag.BAD_ENCODING
            raise signed.DamagedError(flag) from error
    return _Jws(".".join(encoded[:2]).encode(), signature, stated, _json(payload))


def _base64(text: str) -> bytes:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise signed.DamagedError(Flag.BAD_ENCODING) from error


def _json(raw: bytes) -> Mapping[str, Any]:
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise signed.DamagedError(Flag.BAD_CONTENT) from error
    if not isinstance(value, dict):
        raise signed.DamagedError(Flag.BAD_CONTENT)
    return value


def _moment(seconds: object) -> Any:
    try:
        return cose.moment(seconds)
    except cose.CoseError as error:
        raise signed.DamagedError(Flag.BAD_CONTENT) from error


# --- what it states, and whether it is genuine ----------------------------------------------


def _holder(payload: Mapping[str, Any]) -> tuple[Holder, list[Flag]]:
    patient = next(_patients(payload), {})
    name = _name(patient)
    born = _birth_date(patient.get("birthDate"))
    sex = patient.get("gender")
    found = chosen(
        {
            Flag.BAD_CONTENT: not patient,
            Flag.BAD_NAME: name is None,
            Flag.BAD_BIRTH_DATE: born is None,
        }
    )
    stated = _text(sex) if sex in _SEXES else None
    return Holder(name=name, birth_date=born, sex=stated), found


def _patients(payload: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    at: Any = payload
    for name in ("vc", "credentialSubject", "fhirBundle"):
        at = _map(_map(at).get(name))
    for entry in _list(at.get("entry")):
        resource = _map(_map(entry).get("resource"))
        if resource.get("resourceType") == "Patient":
            yield resource


def _name(patient: Mapping[str, Any]) -> str | None:
    """Family name first, as identity.schemes.dcc has it."""
    stated = next(map(_map, _list(patient.get("name"))), {})
    given = [one for one in _list(stated.get("given")) if isinstance(one, str)]
    return parts.name(" ".join([_text(stated.get("family")), *given]) or _text(stated.get("text")))


def _birth_date(text: object) -> str | None:
    match = _BIRTH_DATE.fullmatch(_text(text))
    return parts.iso_date(match[1], match[2] or "", match[3] or "") if match else None


def _doubts(jws: _Jws, trust: Trust) -> list[Flag]:
    if not trust.shc:
        return [Flag.UNVERIFIED]
    issuer, kid = _text(jws.payload.get("iss")), _text(jws.header.get("kid"))
    known = trust.shc.get((issuer, kid), ())
    if not known:
        return [Flag.UNVERIFIED, Flag.SIGNER_UNKNOWN]
    keys = [public_key(spki) for spki in known]
    genuine = jws.header.get("alg") == "ES256" and any(
        isinstance(key, ec.EllipticCurvePublicKey)
        and cose.es256_verified(key, jws.signature, jws.covered)
        for key in keys
    )
    if not genuine:
        return [Flag.SIGNATURE_INVALID]
    return [Flag.REVOKED] if _revoked(jws, kid, trust) else []


def _revoked(jws: _Jws, kid: str, trust: Trust) -> bool:
    """By its `rid`, of cards issued before the list's time where it names one ("Revocation")."""
    place = (kid, _text(_map(jws.payload.get("vc")).get("rid")))
    if place not in trust.shc_revoked:
        return False
    before_s, issued_s = trust.shc_revoked[place], jws.payload.get("nbf")
    # a card that doesn't say when it was issued can't be one of the later ones
    return before_s is None or not isinstance(issued_s, int | float) or issued_s < before_s


def _map(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
