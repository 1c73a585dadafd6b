"""Sealing: an identity that only the tracing authority can read.

HPKE (RFC 9180) in base mode: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, ChaCha20-Poly1305. `ct` is
base64url without padding of the encapsulated key (32 bytes) and the ciphertext. The key id and the
suite are bound through `info`: a value under another `kid` or `alg` doesn't open.
"""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import asdict, dataclass, field
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from identity.credential import Credential, Holder, Scheme

ALG = "hpke-x25519-sha256-chacha20poly1305"

# the sealed length tells the size class only: nearly every card fits into the first
SMALLEST_BYTES = 256

_SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)
_LABEL = "edge-gate identity 1"


class UnsealError(ValueError):
    """A sealed identity that this key does not open, or that holds none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealed:
    """An encrypted identity: which key it is for, how, and the ciphertext."""

    kid: str
    alg: str
    ct: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """What is sealed of a credential."""

    scheme: Scheme
    canonical: str = field(repr=False)
    holder: Holder | None = None

    @classmethod
    def of(cls, credential: Credential) -> Identity:
        """The identity in a credential."""
        return cls(
            scheme=credential.scheme, canonical=credential.canonical, holder=credential.holder
        )


class Sealer:
    """Seals to one public key. May be used from several threads."""

    def __init__(self, public_key: X25519PublicKey, *, key_id: str) -> None:
        self._public_key = public_key
        self._key_id = key_id

    def seal(self, identity: Identity) -> Sealed:
        """The identity, encrypted anew each time: two of one person can't be linked.

        Raises UnicodeEncodeError for text that is not Unicode.
        """
        ciphertext = _SUITE.encrypt(
            _padded(identity), self._public_key, info=_info(self._key_id, ALG)
        )
        encoded = base64.urlsafe_b64encode(ciphertext).rstrip(b"=").decode()
        return Sealed(kid=self._key_id, alg=ALG, ct=encoded)


class Opener:
    """The tracing authority's side."""

    def __init__(self, private_key: X25519PrivateKey, *, key_id: str) -> None:
        self._private_key = private_key
        self._key_id = key_id

    def open(self, sealed: Sealed) -> Identity:
        """The identity in `sealed`. Raises UnsealError."""
        if sealed.kid != self._key_id:
            raise UnsealError(f"sealed for key '{sealed.kid}', this is key '{self._key_id}'")
        if sealed.alg != ALG:
            raise UnsealError(f"sealed with '{sealed.alg}', this version opens '{ALG}' only")
        try:
            plain = _SUITE.decrypt(
                _decoded(sealed.ct), self._private_key, info=_info(sealed.kid, sealed.alg)
            )
        except InvalidTag as error:
            raise UnsealError(
                f"the sealed identity was altered, or key '{self._key_id}' is not the one it was "
                "sealed for"
            ) from error
        return _identity(plain)


def _info(key_id: str, alg: str) -> bytes:
    return f"{_LABEL}\0{alg}\0{key_id}".encode()


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise UnsealError("the sealed identity is no base64url") from error


def _padded(identity: Identity) -> bytes:
    """JSON, filled with spaces (which JSON passes over) to 256, 512, 1024 ... bytes."""
    values: dict[str, Any] = {"scheme": identity.scheme.value, "canonical": identity.canonical}
    if identity.holder is not None:
        stated = asdict(identity.holder)
        values["holder"] = {key: value for key, value in stated.items() if value is not None}
    raw = json.dumps(values, ensure_ascii=False, separators=(",", ":")).encode()
    size = SMALLEST_BYTES
    while size < len(raw):
        size *= 2
    return raw.ljust(size)


def _identity(plain: bytes) -> Identity:
    """What `_padded` wrote; parts of newer versions are passed over."""
    try:
        values = json.loads(plain)
        holder = values.get("holder")
        return Identity(
            scheme=Scheme(values["scheme"]),
            canonical=str(values["canonical"]),
            holder=None if holder is None else _holder(holder),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UnsealError("the sealed identity opens, but holds none that is known") from error


def _holder(values: dict[str, str]) -> Holder:
    return Holder(
        name=values.get("name"),
        birth_date=values.get("birth_date"),
        sex=values.get("sex"),
        document=values.get("document"),
    )
