"""What health certificates and health cards have in common.

A signature that was not checked leaves a code `unverified`: what it states is claimed, not proved.
"""

from __future__ import annotations

from identity import base45, canonical, inflate
from identity.credential import Credential, Scheme
from identity.flags import Flag, summarise
from identity.schemes.code import Code

# zlib, deflate, window of at most 32 KiB, no dictionary: the levels that exist (RFC 1950)
_ZLIB = tuple(bytes([0x78, second]) for second in (0x01, 0x5E, 0x9C, 0xDA))


class DamagedError(ValueError):
    """A part of a signed code that is not what its scheme prescribes, as the flag says."""

    def __init__(self, flag: Flag) -> None:
        super().__init__(flag.value)
        self.flag = flag


def unpacked(body: str) -> bytes:
    """The bytes behind the prefix: base45, compressed or not. Raises DamagedError."""
    try:
        packed = base45.decode(body)
        if not packed:
            raise DamagedError(Flag.BAD_ENCODING)
        return inflate.unpacked(packed) if packed.startswith(_ZLIB) else packed
    except base45.Base45Error as error:
        raise DamagedError(Flag.BAD_ALPHABET if error.alphabet else Flag.BAD_ENCODING) from error
    except inflate.InflateError as error:
        raise DamagedError(Flag.TOO_LARGE if error.too_large else Flag.BAD_ENCODING) from error


def damaged(scheme: Scheme, code: Code, *found: Flag) -> Credential:
    """The credential of a code that states nothing that could be read."""
    return Credential(
        scheme=scheme,
        canonical=canonical.digest(scheme, code.payload),
        flags=summarise([*found, Flag.UNVERIFIED]),
    )
