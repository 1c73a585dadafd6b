"""What signed codes are checked against: signers, revocations; and the files that hold them.

- Signers of health certificates (`HC1:`): a folder of certificates (PEM or DER), a PEM file, or
  JSON: a list of `{"kid": base64, "certificate": base64 DER}`. `rawData`, as the EU gateway calls
  it, stands for `certificate`, `publicKey` (base64 SubjectPublicKeyInfo) may replace it. Without
  `kid` it is the first 8 bytes of the certificate's SHA-256 (hcert-spec 1.0.8, section 3.2).
- Revoked health certificates: a line each, or a JSON list of texts: the certificate's identifier
  (UVCI), or 32 or 64 hexadecimal digits of a SHA-256, of which the first 16 bytes count. That is
  of the identifier, with or without `URN:UVCI:` in front, of the country followed by the
  identifier, or of the signature (its first half for ECDSA), as the EU's lists have them
  (Implementing Decision (EU) 2022/483).
- Issuers of SMART Health Cards: JSON, `{issuer URL: its JWKS}`.
- Revoked SMART Health Cards: the issuers' lists as they publish them under
  `/.well-known/crl/{kid}.json`, `{"kid": ..., "method": "rid", "ctr": 1, "rids": [...]}`: a folder
  of such files, or a file with one or a list of them (SMART Health Cards Framework 1.4.0,
  "Revocation").
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_der_public_key,
)

from identity.cose import PublicKey

KID_BYTES = 8
HASH_DIGITS = 32  # 16 bytes of a SHA-256 in hexadecimal

_LARGEST = 64 * 1024 * 1024  # bytes of a list; the EU's signers take 2 MB
_CERTIFICATES = frozenset({".pem", ".cer", ".crt", ".der"})
_PEM = b"-----BEGIN CERTIFICATE-----"
_HASH = re.compile(r"[0-9A-Fa-f]{32}(?:[0-9A-Fa-f]{32})?")
# at most 24 characters of base64url; behind a dot the time, in s since 1970
_RID = re.compile(r"([A-Za-z0-9_-]{1,24})(?:\.([0-9]{1,12}))?")
# extended key usages that limit a signer to tests, vaccinations or recoveries (hcert-spec 1.0.8,
# section 3.3.2; both branches are in use)
_USES = {
    f"1.3.6.1.4.1.{branch}1847.2021.1.{number}": kind
    for branch in ("", "0.")
    for number, kind in ((1, "t"), (2, "v"), (3, "r"))
}


class TrustFileError(ValueError):
    """A list that can't be used: one line saying which, what is wrong, how to mend it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """A key that signs health certificates.

    `spki` is its SubjectPublicKeyInfo in DER; `uses` holds the kinds it may sign ("v", "t", "r"),
    none for all; the times are its certificate's.
    """

    spki: bytes = field(repr=False)
    valid_from: datetime | None = None
    valid_until: datetime | None = None
    uses: frozenset[str] = frozenset()

    def may_sign(self, kind: str) -> bool:
        """Whether its certificate allows certificates of this kind."""
        return not self.uses or kind in self.uses


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """Everything that codes are checked against. Plain data: it may go to another process.

    `dcc` has signers by key id, `shc` keys (SubjectPublicKeyInfo) by issuer and key id,
    `dcc_revoked` first halves of hashes (`revocation_hashes`). `shc_revoked` holds, by key id and
    revocation id, before when a card was issued that is revoked, in s since 1970; None: whenever.
    """

    dcc: Mapping[bytes, tuple[Signer, ...]] = field(default_factory=dict, repr=False)
    dcc_revoked: frozenset[str] = field(default=frozenset(), repr=False)
    shc: Mapping[tuple[str, str], tuple[bytes, ...]] = field(default_factory=dict, repr=False)
    shc_revoked: Mapping[tuple[str, str], int | None] = field(default_factory=dict, repr=False)


NO_TRUST = Trust()


@lru_cache(maxsize=1024)
def public_key(spki: bytes) -> PublicKey:
    """The key in a SubjectPublicKeyInfo of a Trust."""
    key = load_der_public_key(spki)
    assert isinstance(key, ec.EllipticCurvePublicKey | rsa.RSAPublicKey), "checked when read"
    return key


def revocation_hashes(uvci: str, country: str, signature: bytes) -> frozenset[str]:
    """The entries that would revoke this certificate; `signature` is its first half for ECDSA."""
    short = uvci.removeprefix("URN:UVCI:")
    texts = {uvci, short, f"URN:UVCI:{short}", country + uvci, country + short}
    return frozenset(_hash(one) for one in [*(text.encode() for text in texts), signature])


def load_trust(
    *,
    dcc_signers: Path | None,
    dcc_revocations: Path | None,
    shc_keys: Path | None,
    shc_revocations: Path | None = None,
) -> Trust:
    """The lists that are given. Raises TrustFileError."""
    return Trust(
        dcc=read_dcc_signers(dcc_signers) if dcc_signers else {},
        dcc_revoked=read_dcc_revocations(dcc_revocations) if dcc_revocations else frozenset(),
        shc=read_shc_keys(shc_keys) if shc_keys else {},
        shc_revoked=read_shc_revocations(shc_revocations) if shc_revocations else {},
    )


# --- signers of health certificates ---------------------------------------------------------


def read_dcc_signers(path: Path) -> Mapping[bytes, tuple[Signer, ...]]:
    """Signers by key id; several may share one. Raises TrustFileError."""
    found: dict[bytes, list[Signer]] = {}
    for kid, signer in _signers(path):
        signers = found.setdefault(kid, [])
        if signer not in signers:
            signers.append(signer)
    if not found:
        raise TrustFileError(f"{path}: holds no certificate; without signers leave the key away")
    return {kid: tuple(signers) for kid, signers in found.items()}


def _signers(path: Path) -> Iterator[tuple[bytes, Signer]]:
    if path.is_dir():
        for file in sorted(path.iterdir()):
            if file.suffix.lower() in _CERTIFICATES:
                yield from _certificates(file, _read(file))
        return
    raw = _read(path)
    if _PEM in raw or raw[:1] == b"\x30":  # PEM, or DER's SEQUENCE
        yield from _certificates(path, raw)
        return
    entries = _json(path, raw)
    if not isinstance(entries, list):
        raise TrustFileError(f"{path}: is no list of certificates: JSON, PEM or a folder of PEM")
    for number, entry in enumerate(entries, 1):
        yield _entry(f"{path}: entry {number}", entry)


def _certificates(path: Path, raw: bytes) -> Iterator[tuple[bytes, Signer]]:
    try:
        pem = _PEM in raw
        loaded = x509.load_pem_x509_certificates(raw) if pem else [_der_certificate(raw)]
        for certificate in loaded:
            yield _kid(certificate), _signer(certificate)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise TrustFileError(f"{path}: is no certificate that can be used: {error}") from error


def _entry(where: str, entry: object) -> tuple[bytes, Signer]:
    if not isinstance(entry, Mapping):
        raise TrustFileError(f'{where}: is no {{"kid": ..., "certificate": ...}}')
    encoded, key = entry.get("certificate") or entry.get("rawData"), entry.get("publicKey")
    if not encoded and not (key and entry.get("kid")):
        raise TrustFileError(f"{where}: has neither a certificate nor a kid with its publicKey")
    try:
        kid = _base64(entry["kid"]) if entry.get("kid") else None
        if kid is not None and not encoded:
            return kid, Signer(spki=_spki(load_der_public_key(_base64(key))))
        certificate = _der_certificate(_base64(encoded))
        return kid or _kid(certificate), _signer(certificate)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise TrustFileError(f"{where}: is no certificate that can be used: {error}") from error


def _der_certificate(der: bytes) -> x509.Certificate:
    return x509.load_der_x509_certificate(der)


def _kid(certificate: x509.Certificate) -> bytes:
    return hashlib.sha256(certificate.public_bytes(Encoding.DER)).digest()[:KID_BYTES]


def _signer(certificate: x509.Certificate) -> Signer:
    return Signer(
        spki=_spki(certificate.public_key()),
        valid_from=certificate.not_valid_before_utc,
        valid_until=certificate.not_valid_after_utc,
        uses=frozenset(_uses(certificate)),
    )


def _uses(certificate: x509.Certificate) -> Iterator[str]:
    try:
        usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage)
    except (x509.ExtensionNotFound, ValueError):
        # ValueError: extensions that are not strictly DER, as a country's real ones are
        return
    for oid in usage.value:
        if oid.dotted_string in _USES:
            yield _USES[oid.dotted_string]


def _spki(key: object) -> bytes:
    if not isinstance(key, ec.EllipticCurvePublicKey | rsa.RSAPublicKey):
        raise ValueError("its key is neither ECDSA nor RSA")  # noqa: TRY004 - of the file
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


# --- revocations ----------------------------------------------------------------------------


def read_dcc_revocations(path: Path) -> frozenset[str]:
    """What is revoked, as `revocation_hashes` has it. Raises TrustFileError."""
    raw = _read(path)
    entries: Iterable[object]
    if raw.lstrip().startswith(b"["):
        entries = _json(path, raw)
    else:
        try:
            entries = [line.strip() for line in raw.decode("utf-8-sig").splitlines()]
        except UnicodeDecodeError as error:
            raise TrustFileError(f"{path}: is no text in UTF-8") from error
    return frozenset(_revoked(path, entries))


def _revoked(path: Path, entries: Iterable[object]) -> Iterator[str]:
    for number, entry in enumerate(entries, 1):
        if not isinstance(entry, str):
            raise TrustFileError(f"{path}: entry {number} is no text")
        if not entry or entry.startswith("#"):
            continue
        yield entry[:HASH_DIGITS].lower() if _HASH.fullmatch(entry) else _hash(entry.encode())


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:HASH_DIGITS]


# --- issuers of SMART Health Cards ----------------------------------------------------------


def read_shc_keys(path: Path) -> Mapping[tuple[str, str], tuple[bytes, ...]]:
    """Keys by issuer and key id. Raises TrustFileError.

    Keys of other algorithms than ES256 are passed over: cards have no other (SMART Health Cards
    Framework 1.4.0, "Signing Health Cards").
    """
    issuers = _json(path, _read(path))
    if not isinstance(issuers, Mapping):
        raise TrustFileError(f'{path}: is no {{"https://issuer": {{"keys": [...]}}}}')
    found: dict[tuple[str, str], tuple[bytes, ...]] = {}
    for issuer, jwks in issuers.items():
        keys = jwks.get("keys") if isinstance(jwks, Mapping) else None
        if not isinstance(keys, list):
            raise TrustFileError(f"{path}: {issuer}: has no list of keys")
        for number, jwk in enumerate(keys, 1):
            if not isinstance(jwk, Mapping):
                raise TrustFileError(f"{path}: {issuer}: key {number} is no JWK")
            if (jwk.get("kty"), jwk.get("crv")) != ("EC", "P-256"):
                continue
            place = (issuer, str(jwk.get("kid")))
            found[place] = (*found.get(place, ()), _jwk(f"{path}: {issuer}: key {number}", jwk))
    return found


def read_shc_revocations(path: Path) -> Mapping[tuple[str, str], int | None]:
    """Revoked cards, as `Trust.shc_revoked` has them. Raises TrustFileError."""
    files = sorted(path.glob("*.json")) if path.is_dir() else [path]
    if not files:
        raise TrustFileError(f"{path}: holds no list, a file that ends in .json")
    found: dict[tuple[str, str], int | None] = {}
    for file in files:
        lists = _json(file, _read(file))
        for one in lists if isinstance(lists, list) else [lists]:
            for place, before_s in _rids(file, one):
                # revoked twice: what reaches further holds
                known = found.get(place, 0)
                later = None if known is None or before_s is None else max(known, before_s)
                found[place] = later
    return found


def _rids(path: Path, stated: object) -> Iterator[tuple[tuple[str, str], int | None]]:
    crl = stated if isinstance(stated, Mapping) else {}
    kid, rids = crl.get("kid"), crl.get("rids")
    if not isinstance(kid, str) or crl.get("method") != "rid" or not isinstance(rids, list):
        raise TrustFileError(f'{path}: is no {{"kid": ..., "method": "rid", "rids": [...]}}')
    for number, entry in enumerate(rids, 1):
        match = _RID.fullmatch(entry) if isinstance(entry, str) else None
        if match is None:
            raise TrustFileError(f"{path}: rid {number} is none, or its time is no whole seconds")
        yield (kid, match[1]), None if match[2] is None else int(match[2])


def _jwk(where: str, jwk: Mapping[str, Any]) -> bytes:
    """RFC 7518, section 6.2.1."""
    try:
        x, y = (int.from_bytes(_base64(jwk[name]), "big") for name in ("x", "y"))
        return _spki(ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key())
    except (KeyError, TypeError, ValueError) as error:
        raise TrustFileError(f"{where}: is no point on P-256") from error


# --------------------------------------------------------------------------------------------


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            raw = file.read(_LARGEST + 1)
    except OSError as error:
        raise TrustFileError(f"{path}: can't be read: {error.strerror}") from error
    if len(raw) > _LARGEST:
        raise TrustFileError(f"{path}: is larger than {_LARGEST >> 20} MiB: not such a list")
    return raw


def _json(path: Path, raw: bytes) -> Any:
    try:
        return json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise TrustFileError(f"{path}: is no JSON: {error}") from error


def _base64(text: object) -> bytes:
    """Base64 in either alphabet, with padding or without. Raises ValueError, TypeError."""
    if not isinstance(text, str):
        raise TypeError("no text where base64 must stand")
    plain = "".join(text.split()).replace("-", "+").replace("_", "/").rstrip("=")
    try:
        return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except binascii.Error as error:
        raise ValueError(f"no base64: {error}") from error
