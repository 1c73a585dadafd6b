"""Health certificates and cards made here, with keys that are nobody's."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

import cbor2
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID

from identity import base45, cose
from identity.trust import Signer, Trust

BEGIN = datetime(2021, 6, 1, tzinfo=UTC)
END = datetime(2023, 6, 1, tzinfo=UTC)
ISSUED = datetime(2021, 8, 1, tzinfo=UTC)
EXPIRES = datetime(2022, 8, 1, tzinfo=UTC)
ISSUED_S, EXPIRES_S = ISSUED.timestamp(), EXPIRES.timestamp()
KID = bytes(range(8))
UVCI = "URN:UVCI:01:VN:THU/0001#K"
NAMES = {"fn": "Nguyễn", "fnt": "NGUYEN", "gn": "Thị Thử", "gnt": "THI<THU"}
DCC: Mapping[str, Any] = {
    "ver": "1.3.0",
    "nam": NAMES,
    "dob": "1987-01-18",
    "v": [{"tg": "840539006", "dn": 2, "sd": 2, "dt": "2021-07-03", "co": "VN", "ci": UVCI}],
}
ISSUER = "https://shc.example.vn"
PATIENT = {
    "resourceType": "Patient",
    "name": [{"family": "Nguyễn", "given": ["Thị", "Thử"]}],
    "birthDate": "1987-01-18",
}


@cache
def p256(number: int = 7) -> ec.EllipticCurvePrivateKey:
    return ec.derive_private_key(number, ec.SECP256R1())


@cache
def rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65_537, key_size=2_048)


def spki(key: Any) -> bytes:
    raw: bytes = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return raw


@cache
def certificate(key: Any = None, *, uses: tuple[str, ...] = ()) -> x509.Certificate:
    """Self-signed; `uses` are object identifiers of extended key usages."""
    key = key or p256()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a signer of tests")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(BEGIN)
        .not_valid_after(END)
    )
    if uses:
        usage = x509.ExtendedKeyUsage([x509.ObjectIdentifier(oid) for oid in uses])
        made = made.add_extension(usage, critical=False)
    return made.sign(key, hashes.SHA256())


def trusting(*signers: Signer, kid: bytes = KID, revoked: frozenset[str] = frozenset()) -> Trust:
    found = signers or (Signer(spki=spki(p256()), valid_from=BEGIN, valid_until=END),)
    return Trust(dcc={kid: found}, dcc_revoked=revoked)


@dataclass(frozen=True)
class Dcc:
    """How to make a health certificate; every part may be left as it is."""

    content: Any = None
    key: Any = None
    issued: Any = ISSUED_S
    expires: Any = EXPIRES_S
    not_before: Any = None
    protected: Mapping[int, Any] | None = None
    unprotected: Mapping[int, Any] | None = None
    tagged: bool = True
    compressed: bool = True

    def message(self) -> bytes:
        key = self.key or p256()
        claims = {
            1: "VN",
            4: self.expires,
            5: self.not_before,
            6: self.issued,
            -260: {1: DCC if self.content is None else self.content},
        }
        stated = {name: value for name, value in claims.items() if value is not None}
        payload = cbor2.dumps(stated)
        algorithm = -37 if isinstance(key, rsa.RSAPrivateKey) else -7
        headers = {1: algorithm, 4: KID} if self.protected is None else self.protected
        protected = cbor2.dumps(headers)
        covered = cbor2.dumps(["Signature1", protected, b"", payload])
        parts = [protected, self.unprotected or {}, payload, signature(key, covered)]
        return cbor2.dumps(cbor2.CBORTag(cose.SIGN1_TAG, parts) if self.tagged else parts)

    def code(self) -> str:
        message = self.message()
        return hc1(zlib.compress(message) if self.compressed else message)


def hc1(packed: bytes) -> str:
    return "HC1:" + base45.encode(packed)


def signature(key: Any, covered: bytes) -> bytes:
    if isinstance(key, rsa.RSAPrivateKey):
        pss = padding.PSS(padding.MGF1(hashes.SHA256()), 32)
        return key.sign(covered, pss, hashes.SHA256())
    size = (key.curve.key_size + 7) // 8
    halves = decode_dss_signature(key.sign(covered, ec.ECDSA(hashes.SHA256())))
    return b"".join(half.to_bytes(size, "big") for half in halves)


def url64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def jwk(key: ec.EllipticCurvePrivateKey, kid: str = "k") -> dict[str, str]:
    numbers = key.public_key().public_numbers()
    x, y = (url64(number.to_bytes(32, "big")) for number in (numbers.x, numbers.y))
    return {"kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": kid, "x": x, "y": y}


def shc_payload(**parts: Any) -> dict[str, Any]:
    bundle = {"resourceType": "Bundle", "entry": [{"fullUrl": "resource:0", "resource": PATIENT}]}
    content = {"fhirVersion": "4.0.1", "fhirBundle": bundle}
    return {"iss": ISSUER, "nbf": ISSUED.timestamp(), "vc": {"credentialSubject": content}, **parts}


def shc(
    payload: Any = None,
    *,
    key: Any = None,
    header: Mapping[str, Any] | None = None,
    packed: bytes | None = None,
) -> str:
    if packed is None:
        machine = zlib.compressobj(wbits=-15)
        plain = json.dumps(shc_payload() if payload is None else payload).encode()
        packed = machine.compress(plain) + machine.flush()
    headers = {"zip": "DEF", "alg": "ES256", "kid": "k"} if header is None else header
    covered = f"{url64(json.dumps(headers).encode())}.{url64(packed)}"
    return digits(f"{covered}.{url64(signature(key or p256(), covered.encode()))}")


def digits(jws: str) -> str:
    return "shc:/" + "".join(f"{ord(character) - 45:02}" for character in jws)
