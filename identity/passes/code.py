"""A pass as the text of a code, and back."""

from __future__ import annotations

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from identity import base45, cose
from identity.passes.claims import Pass, PassError, read_pass, write_pass
from identity.passes.keys import key_id
from identity.passes.phone import read_rotating

PREFIX = "EG1:"
# A code of more than 93 modules is no longer read well across a gate (docs/reference/pass.md)
LARGEST_PASS_BYTES = 600
LARGEST_BYTES = 1_024  # what is looked at: a phone's code has some 130 more than its pass

# Not compressed, unlike HC1: 76 of some 190 bytes are random (signature, ids), and zlib makes every
# pass longer that is not for many sites (docs/adr/0008-passes.md)


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
    """The pass signed by the park, a tagged COSE_Sign1. Raises PassError for too long a one."""
    signed = cose.sign(write_pass(one), key, key_id=key_id(key.public_key()))
    if len(signed) > LARGEST_PASS_BYTES:
        raise PassError(
            f"is too long to be read well, {len(signed)} bytes of {LARGEST_PASS_BYTES}: name fewer "
            "sites (none means all), or leave the name out"
        )
    return signed


def look_into(text: str) -> Pass:
    """What a code claims, without checking anything. Raises PassError."""
    try:
        signed = cose.read(read_code(text))
        if signed.algorithm == cose.Algorithm.ES256:
            signed = cose.read(read_rotating(signed).sealed_pass)
        return read_pass(signed.payload)
    except (cose.CoseError, base45.Base45Error) as error:
        raise PassError(f"is no pass: {error}") from error
