"""The order of Vietnamese words, as a dictionary and a list of names have it.

By letters first, of which Vietnamese has more than A to Z, then by tones: none, huyền, hỏi, ngã,
sắc, nặng.
"""

from __future__ import annotations

import unicodedata

_LETTERS = {letter: at for at, letter in enumerate("aăâbcdđeêfghijklmnoôơpqrstuưvwxyz")}
_TONES = {tone: at for at, tone in enumerate("\u0300\u0309\u0303\u0301\u0323", 1)}
_MARK, _LETTER, _FOREIGN = range(3)

Key = tuple[tuple[tuple[int, int], ...], tuple[int, ...]]


def vietnamese(text: str) -> Key:
    """What to sort a text by. Digits and marks come before letters, other alphabets after them."""
    letters, tones = [], []
    for char in unicodedata.normalize("NFC", text.casefold()):
        parts = unicodedata.normalize("NFD", char)
        bare = unicodedata.normalize("NFC", "".join(part for part in parts if part not in _TONES))
        letters.append(_place(bare))
        tones.append(max((_TONES.get(part, 0) for part in parts), default=0))
    return tuple(letters), tuple(tones)


def _place(bare: str) -> tuple[int, int]:
    if bare in _LETTERS:
        return _LETTER, _LETTERS[bare]
    at = ord(bare[0]) if bare else 0
    return (_FOREIGN if bare.isalpha() else _MARK), at
