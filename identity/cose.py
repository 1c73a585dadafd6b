"""COSE_Sign1 (RFC 9052) and the claims of a CWT (RFC 8392), as signed codes hold them.

Signatures: ES256 and PS256 (RFC 9053 and 8230, what health certificates use) and EdDSA with
Ed25519 (RFC 9053, what the park's own passes use). Whatever the bytes, reading ends in an answer
or in a CoseError, within bounded time and memory.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import IntEnum
from typing import Any

import cbor2
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)

PublicKey = ec.EllipticCurvePublicKey | rsa.RSAPublicKey | ed25519.Ed25519PublicKey
PrivateKey = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey

SIGN1_TAG = 18  # RFC 9052, section 2
CWT_TAG = 61  # RFC 8392, section 6: may stand before it
# IANA, COSE header parameters and CWT claims
_ALG, _CRIT, _KID = 1, 2, 4
_ISS, _SUB, _EXP, _NBF, _IAT = 1, 2, 4, 5, 6

_DEEPEST = 16  # containers in each other; a health certificate has 5
_P256_BYTES = 32  # of each half of a signature on it
_LARGEST_RSA_BITS = 8_192  # a check stays below some milliseconds
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAST_S = 253_402_300_799  # 9999-12-31T23:59:59Z


class CoseError(ValueError):
    """Bytes that are no COSE_Sign1, or no claims, as the standards write them."""


class Algorithm(IntEnum):
    """Signature algorithms by their COSE numbers."""

    ES256 = -7
    EDDSA = -8
    ED25519 = -19  # RFC 9864: the same with its curve named
    PS256 = -37


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """A COSE_Sign1 taken apart. Nothing in it is proved before `verified` says so.

    `algorithm` is the number in the headers, perhaps one that is not known here; `key_id` the
    protected one where there are two (hcert-spec 1.0.8, section 3.2).
    """

    algorithm: int | None
    key_id: bytes | None
    payload: bytes = field(repr=False)
    protected: bytes = field(repr=False)
    signature: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """The claims of a CWT; `others` holds what is not named here, by number or name."""

    issuer: str | None = None
    subject: str | None = None
    expires: datetime | None = None
    not_before: datetime | None = None
    issued: datetime | None = None
    others: Mapping[Any, Any] = field(default_factory=dict, repr=False)


def read(message: bytes) -> Signed:
    """The parts of a COSE_Sign1, tagged or not. Raises CoseError."""
    parts = decode(message)
    for tag in (CWT_TAG, SIGN1_TAG):
        if isinstance(parts, cbor2.CBORTag) and parts.tag == tag:
            parts = parts.value
    if not isinstance(parts, list | tuple) or len(parts) != 4:
        raise CoseError("is no COSE_Sign1: not four parts")
    protected, unprotected, payload, signature = parts
    if not (isinstance(protected, bytes) and isinstance(unprotected, Mapping)):
        raise CoseError("is no COSE_Sign1: headers of another kind")
    if not (isinstance(payload, bytes) and isinstance(signature, bytes)):
        raise CoseError("is no COSE_Sign1: payload or signature of another kind")
    trusted = _map(decode(protected)) if protected else {}
    if _CRIT in trusted:
        raise CoseError("demands headers that are not known here")
    algorithm = trusted.get(_ALG, unprotected.get(_ALG))
    key_id = trusted.get(_KID, unprotected.get(_KID))
    return Signed(
        algorithm=_whole(algorithm),
        key_id=key_id if isinstance(key_id, bytes) else None,
        payload=payload,
        protected=protected,
        signature=signature,
    )


def verified(signed: Signed, key: PublicKey, *, aad: bytes = b"") -> bool:
    """Whether `key` made the signature, with the algorithm that the headers name.

    A key of another kind than the algorithm's makes none. `aad` is the externally supplied data
    (RFC 9052, section 4.3).
    """
    covered = _covered(signed.protected, signed.payload, aad)
    try:
        match signed.algorithm, key:
            case Algorithm.ES256, ec.EllipticCurvePublicKey():
                return es256_verified(key, signed.signature, covered)
            case Algorithm.PS256, rsa.RSAPublicKey() if key.key_size <= _LARGEST_RSA_BITS:
                pss = padding.PSS(padding.MGF1(hashes.SHA256()), hashes.SHA256.digest_size)
                key.verify(signed.signature, covered, pss, hashes.SHA256())
            case Algorithm.EDDSA | Algorithm.ED25519, ed25519.Ed25519PublicKey():
                key.verify(signed.signature, covered)
            case _:
                return False
    except InvalidSignature:
        return False
    return True


def sign(payload: bytes, key: PrivateKey, *, key_id: bytes, aad: bytes = b"") -> bytes:
    """A tagged COSE_Sign1 of `payload`: ES256 by a P-256 key, EdDSA by an Ed25519 key.

    Raises ValueError for a key on another curve.
    """
    protected = cbor2.dumps({_ALG: int(_algorithm_of(key)), _KID: key_id}, canonical=True)
    covered = _covered(protected, payload, aad)
    if isinstance(key, ed25519.Ed25519PrivateKey):
        signature = key.sign(covered)
    else:
        halves = decode_dss_signature(key.sign(covered, ec.ECDSA(hashes.SHA256())))
        signature = b"".join(half.to_bytes(_P256_BYTES, "big") for half in halves)
    return cbor2.dumps(cbor2.CBORTag(SIGN1_TAG, [protected, {}, payload, signature]))


def es256_verified(key: ec.EllipticCurvePublicKey, signature: bytes, covered: bytes) -> bool:
    """Whether the two halves in `signature` are `key`'s ECDSA of `covered`, with SHA-256.

    The curve is the key's: RFC 9053, section 2.1, suggests P-256 for ES256 and forbids no other,
    and there are health certificates signed on P-384.
    """
    size = (key.curve.key_size + 7) // 8
    if len(signature) != 2 * size:
        return False
    halves = (signature[:size], signature[size:])
    encoded = encode_dss_signature(*(int.from_bytes(half, "big") for half in halves))
    try:
        key.verify(encoded, covered, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        return False
    return True


def read_claims(payload: bytes) -> Claims:
    """The claims in the payload of a CWT. Raises CoseError.

    Times are seconds since 1970, whole or not (RFC 8392, section 2).
    """
    claims = _map(decode(payload))
    named = {_ISS, _SUB, _EXP, _NBF, _IAT}
    return Claims(
        issuer=_text(claims.get(_ISS)),
        subject=_text(claims.get(_SUB)),
        expires=moment(claims.get(_EXP)),
        not_before=moment(claims.get(_NBF)),
        issued=moment(claims.get(_IAT)),
        others={key: value for key, value in claims.items() if key not in named},
    )


def write_claims(claims: Claims) -> bytes:
    """The payload of a CWT; times are written as whole seconds."""
    times = {_EXP: claims.expires, _NBF: claims.not_before, _IAT: claims.issued}
    values: dict[Any, Any] = {_ISS: claims.issuer, _SUB: claims.subject}
    values |= {key: at and int(at.timestamp()) for key, at in times.items()}
    stated = {key: value for key, value in values.items() if value is not None}
    return cbor2.dumps(stated | dict(claims.others), canonical=True)


def decode(data: bytes) -> Any:
    """The one CBOR item in `data`: what JSON has, bytes, and unknown tags. Raises CoseError.

    Tags that would build objects (dates, decimals, references, patterns) are not followed: a date
    stays the text or number it is, the others are refused.
    """
    try:
        return cbor2.loads(data, max_depth=_DEEPEST, semantic_decoders=_TAGS)
    except (cbor2.CBORError, ValueError, TypeError, OverflowError, RecursionError) as error:
        raise CoseError(f"is no CBOR of this kind: {type(error).__name__}") from None


def moment(seconds: object) -> datetime | None:
    """Seconds since 1970 as UTC, None for None. Raises CoseError for what is no time."""
    if seconds is None:
        return None
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        raise CoseError("a time is no number")
    if not (math.isfinite(seconds) and 0 <= seconds <= _LAST_S):
        raise CoseError("a time lies outside of the calendar")
    return _EPOCH + timedelta(seconds=seconds)


def _left_as_it_is(value: Any, _immutable: bool) -> Any:  # noqa: FBT001 - cbor2 calls it so
    return value


def _refused(_value: Any, _immutable: bool) -> Any:  # noqa: FBT001 - cbor2 calls it so
    raise ValueError("a tag that no certificate needs")


# all that cbor2 would follow by itself (its documentation, "Tag support")
_OBJECTS = (2, 3, 4, 5, 25, 28, 29, 30, 35, 36, 37, 52, 54, 100, 256, 258, 260, 261, 1004, 43000)
_TAGS = {
    **dict.fromkeys((0, 1), _left_as_it_is),
    **dict.fromkeys((*_OBJECTS, 55799), _refused),
}


def _covered(protected: bytes, payload: bytes, aad: bytes) -> bytes:
    """What the signature is taken of (RFC 9052, section 4.4)."""
    return cbor2.dumps(["Signature1", protected, aad, payload])


def _algorithm_of(key: PrivateKey) -> Algorithm:
    match key:
        case ed25519.Ed25519PrivateKey():
            return Algorithm.EDDSA
        case ec.EllipticCurvePrivateKey(curve=ec.SECP256R1()):
            return Algorithm.ES256
    raise ValueError(f"ES256 needs a key on P-256, not on {key.curve.name}")


def _map(value: object) -> Mapping[Any, Any]:
    if not isinstance(value, Mapping):
        raise CoseError("has no map where one must stand")
    return value


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
