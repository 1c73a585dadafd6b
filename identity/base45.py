"""Base45 (RFC 9285): bytes in the alphabet of a QR code's alphanumeric mode.

The alphabet holds the space: a text in base45 is never stripped.
"""

from __future__ import annotations

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"
_VALUES = {character: value for value, character in enumerate(ALPHABET)}


class Base45Error(ValueError):
    """A text that is no base45. `alphabet` tells a foreign character from a wrong group."""

    def __init__(self, message: str, *, alphabet: bool = False) -> None:
        super().__init__(message)
        self.alphabet = alphabet


def encode(data: bytes) -> str:
    """`data` in base45: three characters for two bytes, two for a last single one."""
    text = []
    for start in range(0, len(data), 2):
        pair = data[start : start + 2]
        number = int.from_bytes(pair, "big")
        for _ in range(len(pair) + 1):  # the lowest place stands first
            number, value = divmod(number, 45)
            text.append(ALPHABET[value])
    return "".join(text)


def decode(text: str) -> bytes:
    """The bytes in `text`. Raises Base45Error."""
    try:
        values = [_VALUES[character] for character in text]
    except KeyError as error:
        raise Base45Error(f"{error.args[0]!r} is no base45 character", alphabet=True) from error
    decoded = bytearray()
    for start in range(0, len(values), 3):
        decoded += _group(values[start : start + 3])
    return bytes(decoded)


def _group(values: list[int]) -> bytes:
    """Three characters are two bytes, two are one (RFC 9285, section 4)."""
    size = len(values) - 1
    number = 0
    for value in reversed(values):  # the lowest place stands first
        number = number * 45 + value
    if size == 0 or number >= 256**size:
        raise Base45Error("a group of characters that no bytes give")
    return number.to_bytes(size, "big")
