"""Tokens: the same person gives the same one, and it doesn't tell who.

A token is Argon2id (RFC 9106) of the canonical identity under the park's key, so that records of
one person can be linked without holding an identity, and a stolen key still leaves an expensive
search. docs/explanation/identity.md has the reasons, and what that search costs.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import threading
from collections import OrderedDict
from dataclasses import dataclass

from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from identity.keys import TOKEN_KEY_BYTES

# A change of any of these changes every token: it needs a new key id.
# 16 MiB in one pass: 11-16 ms on a 3 GHz x86 core, which makes 44-96 ms on a Raspberry Pi 4 (four
# to six times slower); at most 100 ms is allowed there. Of what fits into that time, this makes a
# search with graphics cards dearest (docs/explanation/identity.md).
MEMORY_KIB = 16_384
PASSES = 1
LANES = 1
TOKEN_BYTES = 16  # 128 bits: two of 10^8 people share a token with odds of 1 in 10^22

_LABEL = b"edge-gate token 1"
_CACHED = 512  # tokens: the shifts of a factory's gate


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """`v` is base64url without padding; it can only be compared within one `kid` and `scope`."""

    kid: str
    scope: str
    v: str


class Tokeniser:
    """Takes tokens under one key and scope. May be used from several threads.

    The last few hundred tokens are kept in memory, under a hash with a key of this process, so
    that a person who comes again costs nothing.
    """

    def __init__(self, key: bytes, *, key_id: str, scope: str) -> None:
        """`key` is 32 random bytes (identity.keys.read_token_key). Raises ValueError otherwise."""
        if len(key) != TOKEN_KEY_BYTES:
            raise ValueError(f"a token key is {TOKEN_KEY_BYTES} bytes, not {len(key)}")
        self._key_id = key_id
        self._scope = scope
        self._salt = hmac.digest(key, b"\0".join([_LABEL, scope.encode()]), hashlib.sha256)
        self._cache_key = os.urandom(32)
        self._cache: OrderedDict[bytes, Token] = OrderedDict()
        self._lock = threading.Lock()

    def token(self, canonical: str) -> Token:
        """The token of a canonical identity; slow, except for who was here lately.

        Raises MemoryError where 16 MiB can't be had, UnicodeEncodeError for text that is not
        Unicode. Other threads run meanwhile.
        """
        identity = canonical.encode()
        place = hashlib.blake2b(identity, key=self._cache_key, digest_size=16).digest()
        with self._lock:
            known = self._cache.get(place)
            if known is not None:
                self._cache.move_to_end(place)
                return known
        taken = Token(kid=self._key_id, scope=self._scope, v=self._derive(identity))
        with self._lock:
            self._cache[place] = taken
            while len(self._cache) > _CACHED:
                self._cache.popitem(last=False)
        return taken

    def _derive(self, identity: bytes) -> str:
        argon = Argon2id(
            salt=self._salt,
            length=TOKEN_BYTES,
            iterations=PASSES,
            lanes=LANES,
            memory_cost=MEMORY_KIB,
        )
        return base64.urlsafe_b64encode(argon.derive(identity)).rstrip(b"=").decode()
