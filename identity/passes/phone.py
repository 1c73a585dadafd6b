"""The phone's side of a rotating pass: its key, and the code that changes every few seconds.

The code is a COSE_Sign1 with ES256 (RFC 9053) by the phone's key, whose payload is
`[pass, time step]`: the pass as the park signed it, and the number of the step since 1970. What
this module signs, hub/phone/ signs in the browser, byte for byte.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from identity import base45, cose

# a phone's public key: base45 in a code; base64url as text, which messengers leave as it is
KEY_PREFIX = "EGK1:"
KEY_TEXT_PREFIX = "EGK1."

# RFC 9052, section 7.1; RFC 9053, section 7.1.1: an EC2 key with a compressed point
_KTY, _CRV, _X, _Y = 1, -1, -2, -3
_EC2, _P256 = 2, 1
_POINT_BYTES = 33  # compressed: SEC 1, section 2.3.3
_SIGNATURE_BYTES = 64
_KEY_LABEL = b"edge-gate phone key 1"
# the phone is not named: the pass inside says whose key it is
_PROTECTED = cbor2.dumps({1: int(cose.Algorithm.ES256)})


class PhoneKeyError(ValueError):
    """No public key of a phone, on one line."""


@dataclass(frozen=True, slots=True)
class PhoneKey:
    """A phone's public key: a point of P-256, compressed."""

    point: bytes

    def __post_init__(self) -> None:
        if len(self.point) != _POINT_BYTES or self.point[0] not in {2, 3}:
            raise PhoneKeyError(f"not the {_POINT_BYTES} bytes of a compressed point")

    @classmethod
    def of(cls, key: ec.EllipticCurvePublicKey) -> PhoneKey:
        """The key in its short form."""
        return cls(key.public_bytes(Encoding.X962, PublicFormat.CompressedPoint))

    @classmethod
    def from_cose(cls, value: object) -> PhoneKey:
        """From a COSE_Key. Raises PhoneKeyError."""
        if not isinstance(value, Mapping) or (value.get(_KTY), value.get(_CRV)) != (_EC2, _P256):
            raise PhoneKeyError("no key on P-256")
        x, y = value.get(_X), value.get(_Y)
        if not isinstance(x, bytes) or not isinstance(y, bool):
            raise PhoneKeyError("not a compressed point")
        return cls(bytes([3 if y else 2]) + x)

    def cose_key(self) -> dict[int, Any]:
        """As a COSE_Key."""
        return {_KTY: _EC2, _CRV: _P256, _X: self.point[1:], _Y: self.point[0] == 3}

    def public_key(self) -> ec.EllipticCurvePublicKey:
        """For checking signatures. Raises PhoneKeyError for a point that is not on the curve."""
        try:
            return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), self.point)
        except ValueError as error:
            raise PhoneKeyError("a point that is not on P-256") from error


@dataclass(frozen=True, slots=True)
class Rotating:
    """A phone's code taken apart; nothing in it is proved yet."""

    outer: cose.Signed
    sealed_pass: bytes
    step: int


def read_phone_key(text: str) -> PhoneKey:
    """The key that a phone shows for enrolment, with the proof that the phone has its private
    half. Raises PhoneKeyError.
    """
    raw = _proved_key(text.strip("\r\n\t"))
    key = PhoneKey(raw[:_POINT_BYTES])
    signature = raw[_POINT_BYTES:]
    if not cose.es256_verified(key.public_key(), signature, _KEY_LABEL + key.point):
        raise PhoneKeyError("a phone's key that was cut or altered: its proof does not hold")
    return key


def write_phone_key(key: ec.EllipticCurvePrivateKey) -> str:
    """What the phone's page shows for enrolment, as a code holds it."""
    return KEY_PREFIX + base45.encode(_proved_point(key))


def write_phone_key_text(key: ec.EllipticCurvePrivateKey) -> str:
    """The same for people to send."""
    encoded = base64.urlsafe_b64encode(_proved_point(key)).rstrip(b"=").decode()
    return KEY_TEXT_PREFIX + encoded


def write_rotating(sealed_pass: bytes, key: ec.EllipticCurvePrivateKey, step: int) -> bytes:
    """The code's COSE_Sign1 for one time step, as the phone's page makes it."""
    payload = cbor2.dumps([sealed_pass, step])
    covered = cbor2.dumps(["Signature1", _PROTECTED, b"", payload])
    parts = [_PROTECTED, {}, payload, _signature(key, covered)]
    return cbor2.dumps(cbor2.CBORTag(cose.SIGN1_TAG, parts))


def read_rotating(outer: cose.Signed) -> Rotating:
    """The pass and the step inside. Raises CoseError."""
    inner = cose.decode(outer.payload)
    if not isinstance(inner, list | tuple) or len(inner) != 2:
        raise cose.CoseError("is no phone's code: not a pass and a step")
    sealed_pass, step = inner
    if not isinstance(sealed_pass, bytes) or isinstance(step, bool) or not isinstance(step, int):
        raise cose.CoseError("is no phone's code: not a pass and a step")
    if not 0 <= step < 2**40:
        raise cose.CoseError("is no phone's code: a step outside of the calendar")
    return Rotating(outer, sealed_pass, step)


def _proved_key(text: str) -> bytes:
    try:
        if text.startswith(KEY_PREFIX):
            return base45.decode(text.removeprefix(KEY_PREFIX))
        if text.startswith(KEY_TEXT_PREFIX):
            plain = text.removeprefix(KEY_TEXT_PREFIX).strip()
            padded = plain + "=" * (-len(plain) % 4)
            return base64.b64decode(padded, altchars=b"-_", validate=True)
    except ValueError as error:
        raise PhoneKeyError(f"a phone's key that was cut or altered: {error}") from error
    raise PhoneKeyError(f"no phone's key: it begins with {KEY_TEXT_PREFIX} or {KEY_PREFIX}")


def _proved_point(key: ec.EllipticCurvePrivateKey) -> bytes:
    point = PhoneKey.of(key.public_key()).point
    return point + _signature(key, _KEY_LABEL + point)


def _signature(key: ec.EllipticCurvePrivateKey, covered: bytes) -> bytes:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

    halves = decode_dss_signature(key.sign(covered, ec.ECDSA(hashes.SHA256())))
    return b"".join(half.to_bytes(_SIGNATURE_BYTES // 2, "big") for half in halves)
