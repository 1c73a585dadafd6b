"""A pass as the text of a code, and back."""

from __future__ import annotations

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from identity import base45, cose
from identity.passes.claims import Pass, PassError, read_pass, write_pass
from identity.passes.keys import key_id

PREFIX = "EG1:"
# The longest pass (16 sites, names, a declaration) has about 1,700 bytes; QR version 40 at level L
# takes 4,296 characters, which is 2,861 bytes
LARGEST_BYTES = 2_864

# Not compressed, unlike HC1: of 231 bytes 105 are random (id, key, signature), and zlib made every
# pass longer (docs/adr/0008-passes.md)


def write_code(message: bytes) -> str:
    """The text of a code: a pass as it was signed, or what a phone signed."""
    return PREFIX + base45.encode(message)


def read_code(text: str) -> bytes:
    """The COSE_Sign1 in the text of a code. Raises Base45Error, PassError."""
    if not text.startswith(PREFIX):
        raise PassError(f"is no pass: a pass begins with {PREFIX}")
    body = text.removeprefix(PREFIX)
    if len(body) > LARGEST_BYTES // 2 * 3:
        raise PassError(f"is longer than any pass: {len(body)} characters")
    return base45.decode(body)


def sign_pass(one: Pass, key: Ed25519PrivateKey) -> bytes:
    """The pass signed by the park: a tagged COSE_Sign1."""
    return cose.sign(write_pass(one), key, key_id=key_id(key.public_key()))


def look_into(text: str) -> Pass:
    """What a code claims, without checking anything. Raises PassError."""
    try:
        signed = cose.read(read_code(text))
        if signed.algorithm == cose.Algorithm.ES256:
            from identity.passes.phone import read_rotating

            signed = cose.read(read_rotating(signed).sealed_pass)
        return read_pass(signed.payload)
    except (cose.CoseError, base45.Base45Error) as error:
        raise PassError(f"is no pass: {error}") from error
