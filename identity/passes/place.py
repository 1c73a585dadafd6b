"""Place codes: a site's own codes for those who check in with their phone, signed by the park.

The same form as a pass, and no pass: it names a place and no holder. The model is the signed
venue code of 2020 (`UKC19TRACING:1:` + a JWT): whoever reads it knows that the park put it up.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from identity import base45, cose
from identity.passes.claims import NAME_OF_PLACE, PassError, check_text
from identity.passes.keys import ParkKeys, key_id

PREFIX = "EGP1:"
LONGEST_LABEL = 64  # characters

_PLACE = -65_538  # a private CWT claim; a pass has -65537
_SITE, _POSITION, _LABEL = 1, 2, 3
_LONGEST_TEXT = 2_048


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One position of a site where a code hangs: `position` its stable name, `label` for people."""

    park: str
    site: str
    position: str
    label: str
    issued: datetime

    def __post_init__(self) -> None:
        for what in ("park", "site", "position"):
            if not NAME_OF_PLACE.fullmatch(getattr(self, what)):
                raise PassError(f"{what}: a name is letters, digits, '_', '.', '-', at most 64")
        check_text("label", self.label, LONGEST_LABEL)


def write_place(place: Place, key: Ed25519PrivateKey) -> str:
    """The text of the place's code."""
    named = {_SITE: place.site, _POSITION: place.position, _LABEL: place.label}
    claims = cose.Claims(issuer=place.park, issued=place.issued, others={_PLACE: named})
    message = cose.sign(cose.write_claims(claims), key, key_id=key_id(key.public_key()))
    return PREFIX + base45.encode(message)


def read_place(text: str, keys: ParkKeys) -> Place:
    """The place of a code that one of the park's keys signed. Raises PassError."""
    if not text.startswith(PREFIX) or len(text) > _LONGEST_TEXT:
        raise PassError(f"is no place code: one begins with {PREFIX} and is short")
    try:
        signed = cose.read(base45.decode(text.removeprefix(PREFIX)))
        if not any(cose.verified(signed, key) for key in keys.named(signed.key_id)):
            raise PassError("is no place code of this park: no key of it made the signature")
        claims = cose.read_claims(signed.payload)
    except (base45.Base45Error, cose.CoseError) as error:
        raise PassError(f"is no place code: {error}") from error
    named = claims.others.get(_PLACE)
    if not isinstance(named, Mapping) or claims.issued is None:
        raise PassError("is no place code: it names no place")
    parts = (claims.issuer, *(named.get(key) for key in (_SITE, _POSITION, _LABEL)))
    park, site, position, label = (part if isinstance(part, str) else "" for part in parts)
    return Place(park=park, site=site, position=position, label=label, issued=claims.issued)
