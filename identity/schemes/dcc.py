"""The EU Digital COVID Certificate, and Vietnam's, which follows it (Decision 5772/QĐ-BYT).

`HC1:` + base45 + zlib (some leave it out) + COSE_Sign1 + CWT {1: issuer, 4: expiry, 6: issued,
-260: {1: certificate}} (hcert-spec 1.0.8; eu-dcc-schema 1.3.3). A certificate holds one
vaccination, test or recovery. It is no identity document: it proves that someone of this name and
birth date was certified, not that this is the person who shows it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from identity import canonical, cose
from identity.credential import Credential, Holder, Scheme
from identity.flags import Flag, chosen, summarise
from identity.schemes import parts, signed
from identity.schemes.code import Code, NotMine
from identity.trust import NO_TRUST, Signer, Trust, public_key, revocation_hashes

PREFIX = "HC1:"

_HCERT, _DCC = -260, 1  # CWT claim, and the only kind of certificate in it
_KINDS = ("v", "t", "r")
# also with a time of midnight behind (eu-dcc-schema 1.3.3, dob)
_BIRTH_DATE = re.compile(r"([0-9]{4})(?:-([0-9]{2})(?:-([0-9]{2})(?:T.*)?)?)?")


@dataclass(frozen=True, slots=True)
class _Content:
    """What the certificate states. `kind` is "v", "t", "r", or "" where it is not just one."""

    kind: str
    holder: Holder
    country: str
    damage: list[Flag]


def parse(code: Code, trust: Trust = NO_TRUST) -> Credential | NotMine:
    """The credential of a health certificate, checked against `trust`."""
    if not code.text.startswith(PREFIX):
        return NotMine(f"no {PREFIX} in front")
    try:
        message, claims = _opened(code.text.removeprefix(PREFIX))
    except signed.DamagedError as error:
        return signed.damaged(Scheme.DCC, code, error.flag)
    content = _content(claims)
    signer, doubts = _signer(message, trust)
    odd = [Flag.SIGNER_USE_DIFFERS] if signer and not signer.may_sign(content.kind) else []
    if _revoked(message, content, trust):
        doubts = [Flag.REVOKED, *doubts]
    # the time of issue is no beginning (RFC 7519, section 4.1.6): issuers date ahead
    begin = _stated(claims.not_before, signer.valid_from if signer else None)
    end = _stated(claims.expires, signer.valid_until if signer else None)
    return Credential(
        scheme=Scheme.DCC,
        canonical=canonical.digest(Scheme.DCC, code.payload),
        # what was altered after signing is nobody's word
        holder=None if Flag.SIGNATURE_INVALID in doubts else content.holder,
        proved=() if doubts else ("signature",),
        flags=summarise([*content.damage, *doubts, *odd]),
        valid_from=max(begin, default=None),
        valid_until=min(end, default=None),
        issuer=parts.name(claims.issuer or ""),
    )


def _opened(body: str) -> tuple[cose.Signed, cose.Claims]:
    try:
        message = cose.read(signed.unpacked(body))
        return message, cose.read_claims(message.payload)
    except cose.CoseError as error:
        raise signed.DamagedError(Flag.BAD_CONTENT) from error


def _stated(*moments: datetime | None) -> list[datetime]:
    return [moment for moment in moments if moment is not None]


# --- what it states -------------------------------------------------------------------------


def _content(claims: cose.Claims) -> _Content:
    certificate = _map(_map(claims.others.get(_HCERT)).get(_DCC))
    kinds = [kind for kind in _KINDS if certificate.get(kind)]
    kind = kinds[0] if len(kinds) == 1 else ""
    entry = _first(certificate.get(kind))
    name = _name(_map(certificate.get("nam")))
    birth_date = certificate.get("dob")
    born = _birth_date(birth_date)
    found = chosen(
        {
            # an expiry is obligatory (hcert-spec 1.0.8, section 3.3.3)
            Flag.BAD_CONTENT: not (kind and entry) or claims.expires is None,
            Flag.BAD_NAME: name is None,
            Flag.BAD_BIRTH_DATE: born is None and birth_date != "",
        }
    )
    return _Content(
        kind=kind,
        holder=Holder(name=name, birth_date=born, document=_text(entry.get("ci"))),
        country=_text(entry.get("co")) or "",
        damage=found,
    )


def _name(names: Mapping[Any, Any]) -> str | None:
    """Family name first, as the passport's machine-readable line and Vietnamese names have it."""
    family = _text(names.get("fn")) or _text(names.get("fnt")) or ""
    given = _text(names.get("gn")) or _text(names.get("gnt")) or ""
    return parts.name(f"{family} {given}".replace("<", " "))


def _birth_date(text: object) -> str | None:
    match = _BIRTH_DATE.fullmatch(text) if isinstance(text, str) else None
    return parts.iso_date(match[1], match[2] or "", match[3] or "") if match else None


def _map(value: object) -> Mapping[Any, Any]:
    return value if isinstance(value, Mapping) else {}


def _first(value: object) -> Mapping[Any, Any]:
    return _map(value[0]) if isinstance(value, list | tuple) and value else {}


def _text(value: object) -> str | None:
    return parts.name(value) if isinstance(value, str) else None


# --- whether it is genuine ------------------------------------------------------------------


def _signer(message: cose.Signed, trust: Trust) -> tuple[Signer | None, list[Flag]]:
    """Who signed it, of all that share the key id; None and why not."""
    if not trust.dcc:
        return None, [Flag.UNVERIFIED]
    known = trust.dcc.get(message.key_id or b"", ())
    if not known:
        return None, [Flag.UNVERIFIED, Flag.SIGNER_UNKNOWN]
    for signer in known:
        if cose.verified(message, public_key(signer.spki)):
            return signer, []
    return None, [Flag.SIGNATURE_INVALID]


def _revoked(message: cose.Signed, content: _Content, trust: Trust) -> bool:
    signature = message.signature
    if message.algorithm != cose.Algorithm.PS256:
        signature = signature[: len(signature) // 2]
    hashes = revocation_hashes(content.holder.document or "", content.country, signature)
    return not hashes.isdisjoint(trust.dcc_revoked)
