"""Decompression that a bomb can't exhaust."""

from __future__ import annotations

import zlib

# a code of 2,953 bytes that holds text gives some 10 KB; a bomb gives 3 MB
LARGEST_BYTES = 65_536


class InflateError(ValueError):
    """Not compressed as it should be, cut short, or `too_large` when unpacked."""

    def __init__(self, message: str, *, too_large: bool = False) -> None:
        super().__init__(message)
        self.too_large = too_large


def unpacked(data: bytes, *, raw: bool = False) -> bytes:
    """What zlib (RFC 1950), or with `raw` bare DEFLATE (RFC 1951), packed. Raises InflateError.

    Never takes more memory than `LARGEST_BYTES` and a little.
    """
    machine = zlib.decompressobj(-zlib.MAX_WBITS if raw else zlib.MAX_WBITS)
    try:
        plain = machine.decompress(data, LARGEST_BYTES + 1)
    except zlib.error as error:
        raise InflateError("is not compressed as it should be") from error
    if len(plain) > LARGEST_BYTES:
        raise InflateError(f"unpacks to more than {LARGEST_BYTES} bytes", too_large=True)
    if not machine.eof or machine.unused_data:
        raise InflateError("is cut short, or something follows it")
    return plain
