"""The park's signing key: Ed25519 in PEM files. The private half never lies on a gate.

Several public keys are valid at a time, so that a new one can be brought to every gate before the
first pass is signed with it. A key's id is the beginning of its SHA-256.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from identity.keys import KeyFileError

PUBLIC_SUFFIX = ".pub.pem"
KEY_ID_BYTES = 4  # enough to choose among a park's few keys; all that fit are tried

_LARGEST = 65_536  # bytes of any key file
_OTHERS = 0o077  # the park's signing key is its owner's alone


def key_id(key: Ed25519PublicKey) -> bytes:
    """The id that stands in passes and lists beside the signature."""
    raw = key.public_bytes(Encoding.Raw, PublicFormat.Raw)
    return hashlib.sha256(raw).digest()[:KEY_ID_BYTES]


class ParkKeys:
    """The public keys whose passes and lists count."""

    def __init__(self, keys: Iterable[Ed25519PublicKey]) -> None:
        self._keys = tuple((key_id(key), key) for key in keys)

    def __bool__(self) -> bool:
        return bool(self._keys)

    def named(self, wanted: bytes | None) -> tuple[Ed25519PublicKey, ...]:
        """The keys of this id."""
        return tuple(key for name, key in self._keys if name == wanted)

    def by_id(self) -> dict[str, Ed25519PublicKey]:
        """The keys by their ids in hexadecimal, as lists name them."""
        return {name.hex(): key for name, key in self._keys}

    @classmethod
    def read(cls, path: Path) -> ParkKeys:
        """The keys in a PEM file, one or several, or in a folder's `.pub.pem` files.

        Raises KeyFileError, also where there is none.
        """
        if not path.is_dir():
            return cls(read_park_public(path))
        files = sorted(path.glob(f"*{PUBLIC_SUFFIX}"))
        if not files:
            raise KeyFileError(f"{path}: holds no {PUBLIC_SUFFIX} file: `edge-hub pass key`")
        return cls(key for file in files for key in read_park_public(file))


def make_park_keys(private: Path, public: Path) -> Ed25519PrivateKey:
    """A new key pair in two new files, the private one for its owner only. Raises KeyFileError."""
    key = Ed25519PrivateKey.generate()
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    shown = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    _write_new(private, secret, 0o600)
    _write_new(public, shown, 0o644)
    return key


def read_park_private(path: Path) -> Ed25519PrivateKey:
    """The park's signing key. Raises KeyFileError, also where others on the machine may read it."""
    raw, mode = _read(path)
    if mode & _OTHERS:
        raise KeyFileError(
            f"{path}: others on this machine may read it (mode {mode & 0o777:04o}): "
            f"`chmod 600 {path}`, and make a new key if they did"
        )
    try:
        key = load_pem_private_key(raw, None)
    except (TypeError, ValueError, UnsupportedAlgorithm) as error:
        raise KeyFileError(f"{path}: is no private key in PEM without a password") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise KeyFileError(f"{path}: is not an Ed25519 key: make one with `edge-hub pass key`")
    return key


def read_park_public(path: Path) -> tuple[Ed25519PublicKey, ...]:
    """The public keys in a file, at least one. Raises KeyFileError."""
    raw, _ = _read(path)
    if b"PRIVATE KEY" in raw:
        raise KeyFileError(
            f"{path}: is the park's private key, which must not lie on a gate: take it away and "
            "give the .pub.pem beside it"
        )
    end = b"-----END PUBLIC KEY-----"
    blocks = [part + end for part in raw.split(end)[:-1]]
    try:
        keys = tuple(load_pem_public_key(block) for block in blocks)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise KeyFileError(f"{path}: is no public key in PEM") from error
    park = tuple(key for key in keys if isinstance(key, Ed25519PublicKey))
    if len(park) != len(keys) or not park:
        raise KeyFileError(f"{path}: is not an Ed25519 public key: `edge-hub pass key` makes one")
    return park


def _read(path: Path) -> tuple[bytes, int]:
    try:
        with path.open("rb") as file:
            return file.read(_LARGEST), os.fstat(file.fileno()).st_mode
    except OSError as error:
        raise KeyFileError(f"{path}: can't be read: {error.strerror}") from error


def _write_new(path: Path, content: bytes, mode: int) -> None:
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise KeyFileError(f"{path}: can't be made: {error.strerror}") from error
