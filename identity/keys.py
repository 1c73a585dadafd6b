"""Key files: the park's token key, and the tracing authority's key pair.

The token key is 32 random bytes, nothing else, as `openssl rand -out FILE 32` writes them too. The
authority's keys are X25519 in PEM, as `openssl genpkey -algorithm x25519` writes them. No key is
ever written over another.
"""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

TOKEN_KEY_BYTES = 32

_LARGEST = 65_536  # bytes of any key file
_MAKE = "`edge-gate keys make-token FILE` makes one"
_MAKE_AUTHORITY = "`edge-gate keys make-authority PRIVATE PUBLIC` makes a pair"
_OTHERS = stat.S_IROTH | stat.S_IWOTH | stat.S_IXOTH


class KeyFileError(ValueError):
    """A key file that can't be used: one line saying what is wrong, where, how to mend it."""


def read_token_key(path: Path) -> bytes:
    """The park's token key. Raises KeyFileError, also where everyone on the machine may read it."""
    raw, mode = _read(path)
    if len(raw) != TOKEN_KEY_BYTES:
        raise KeyFileError(
            f"{path}: holds {len(raw)} bytes, a token key is {TOKEN_KEY_BYTES} raw bytes "
            f"(neither hexadecimal nor base64): {_MAKE}"
        )
    _check_secret(path, mode)
    return raw


def make_token_key(path: Path) -> bytes:
    """A new token key in a new file that only its owner reads. Raises KeyFileError."""
    key = os.urandom(TOKEN_KEY_BYTES)
    _write_new(path, key, 0o600)
    return key


def make_authority_keys(
    private: Path, public: Path, password: bytes | None = None
) -> X25519PrivateKey:
    """A new key pair of the tracing authority in two new files. Raises KeyFileError.

    The private one is read by its owner only, and encrypted where there is a password.
    """
    if public.exists():
        raise _there(public)
    key = X25519PrivateKey.generate()
    hidden = BestAvailableEncryption(password) if password else NoEncryption()
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, hidden)
    _write_new(private, pem, 0o600)
    try:
        _write_new(public, _public_pem(key.public_key()), 0o644)
    except KeyFileError:
        private.unlink()
        raise
    return key


def fingerprint(key: bytes | X25519PublicKey) -> str:
    """What two copies of one key have in common and nobody gets the key from: 16 hexadecimal
    digits of a SHA-256. A token key has 256 random bits, so its hash gives nothing away.
    """
    raw = key if isinstance(key, bytes) else key.public_bytes_raw()
    return hashlib.sha256(b"edge-gate key\0" + raw).hexdigest()[:16]


def read_public_key(path: Path) -> X25519PublicKey:
    """The tracing authority's public key. Raises KeyFileError."""
    raw, _ = _read(path)
    if b"PRIVATE KEY" in raw:
        raise KeyFileError(
            f"{path}: is a private key, which must not lie on a gate: give the public one, "
            "`openssl pkey -in PRIVATE_FILE -pubout -out FILE`"
        )
    try:
        key = load_pem_public_key(raw)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise KeyFileError(f"{path}: is no public key in PEM") from error
    if not isinstance(key, X25519PublicKey):
        raise KeyFileError(f"{path}: is not an X25519 key: {_MAKE_AUTHORITY}")
    return key


def read_private_key(path: Path, password: bytes | None = None) -> X25519PrivateKey:
    """The tracing authority's private key. Raises KeyFileError, as `read_token_key` does."""
    raw, mode = _read(path)
    try:
        key = load_pem_private_key(raw, password)
    except TypeError as error:  # how the library says that a password lacks, or is too many
        wanted = "needs its password" if password is None else "has no password"
        raise KeyFileError(f"{path}: {wanted}") from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise KeyFileError(f"{path}: is no private key in PEM, or the password is wrong") from error
    if not isinstance(key, X25519PrivateKey):
        raise KeyFileError(f"{path}: is not an X25519 key: {_MAKE_AUTHORITY}")
    _check_secret(path, mode)
    return key


def _public_pem(key: X25519PublicKey) -> bytes:
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def _write_new(path: Path, content: bytes, mode: int) -> None:
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except FileExistsError as error:
        raise _there(path) from error
    except OSError as error:
        raise KeyFileError(f"{path}: can't be made: {error.strerror}") from error


def _there(path: Path) -> KeyFileError:
    return KeyFileError(f"{path}: is there already, and no key is written over another")


def _read(path: Path) -> tuple[bytes, int]:
    """What the file holds, and its mode."""
    try:
        with path.open("rb") as file:
            return file.read(_LARGEST), os.fstat(file.fileno()).st_mode
    except OSError as error:
        raise KeyFileError(f"{path}: can't be read: {error.strerror}") from error


def _check_secret(path: Path, mode: int) -> None:
    """Asked when it is sure to be a key: whoever named /etc/passwd must not be told to close it."""
    if mode & _OTHERS:
        raise KeyFileError(
            f"{path}: is open to everyone on this machine (mode {stat.S_IMODE(mode):04o}): "
            f"`chmod o= {path}`, and make a new key if others use the machine"
        )
