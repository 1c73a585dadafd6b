"""Key files: the park's token key, and the tracing authority's key pair.

The token key is 32 random bytes, nothing else: `openssl rand -out FILE 32`. The authority's keys
are X25519 in PEM: `openssl genpkey -algorithm x25519 -out FILE` and, for the gates,
`openssl pkey -in FILE -pubout -out PUBLIC_FILE`.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

TOKEN_KEY_BYTES = 32

_LARGEST = 65_536  # bytes of any key file
_MAKE = f"make one with `openssl rand -out FILE {TOKEN_KEY_BYTES}`"
_OTHERS = stat.S_IROTH | stat.S_IWOTH | stat.S_IXOTH


class KeyFileError(ValueError):
    """A key file that can't be used: one line saying what is wrong, where, how to mend it."""


def read_token_key(path: Path) -> bytes:
    """The park's token key. Raises KeyFileError, also where everyone on the machine may read it."""
    raw = _read(path, secret=True)
    if len(raw) != TOKEN_KEY_BYTES:
        raise KeyFileError(
            f"{path}: holds {len(raw)} bytes, a token key is {TOKEN_KEY_BYTES} raw bytes "
            f"(neither hexadecimal nor base64): {_MAKE}"
        )
    return raw


def make_token_key(path: Path) -> bytes:
    """A new token key in a new file that only its owner reads. Raises KeyFileError."""
    key = os.urandom(TOKEN_KEY_BYTES)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(key)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise KeyFileError(f"{path}: can't be made: {error.strerror}") from error
    return key


def read_public_key(path: Path) -> X25519PublicKey:
    """The tracing authority's public key. Raises KeyFileError."""
    raw = _read(path, secret=False)
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
        raise KeyFileError(f"{path}: is not an X25519 key: `openssl genpkey -algorithm x25519`")
    return key


def read_private_key(path: Path, password: bytes | None = None) -> X25519PrivateKey:
    """The tracing authority's private key. Raises KeyFileError, as `read_token_key` does."""
    raw = _read(path, secret=True)
    try:
        key = load_pem_private_key(raw, password)
    except TypeError as error:  # how the library says that a password lacks, or is too many
        wanted = "needs its password" if password is None else "has no password"
        raise KeyFileError(f"{path}: {wanted}") from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise KeyFileError(f"{path}: is no private key in PEM, or the password is wrong") from error
    if not isinstance(key, X25519PrivateKey):
        raise KeyFileError(f"{path}: is not an X25519 key: `openssl genpkey -algorithm x25519`")
    return key


def _read(path: Path, *, secret: bool) -> bytes:
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            raw = file.read(_LARGEST)
    except OSError as error:
        raise KeyFileError(f"{path}: can't be read: {error.strerror}") from error
    if secret and mode & _OTHERS:
        raise KeyFileError(
            f"{path}: is open to everyone on this machine (mode {stat.S_IMODE(mode):04o}): "
            f"`chmod o= {path}`, and make a new key if others use the machine"
        )
    return raw
