"""From a credential to the person of a record: token, sealed identity, or both left out.

The adapter between `identity`, which knows no records, and `feed.record`, which knows no keys.
"""

from __future__ import annotations

from dataclasses import asdict

from cryptography.exceptions import UnsupportedAlgorithm

from edge.config.model import IdentityTable
from feed import record
from identity.credential import Credential
from identity.keys import KeyFileError, read_public_key, read_token_key
from identity.seal import Identity, Sealer
from identity.token import Tokeniser


class IdentityConfigError(ValueError):
    """A key of [identity] that can't be used, on one line."""


class IdentifyError(RuntimeError):
    """Token or sealing failed; `Identifier.bare` gives what stands without them."""


class Identifier:
    """Makes the person of a record. May be used from several threads."""

    def __init__(self, *, tokeniser: Tokeniser | None, sealer: Sealer | None, plain: bool) -> None:
        self._tokeniser = tokeniser
        self._sealer = sealer
        self._plain = plain

    @classmethod
    def load(cls, table: IdentityTable) -> Identifier:
        """By the configuration, reading its key files. Raises IdentityConfigError."""
        return cls(tokeniser=_tokeniser(table), sealer=_sealer(table), plain=table.mode == "plain")

    def identify(self, credential: Credential) -> record.Person:
        """The person that `credential` stands for; takes up to 100 ms. Raises IdentifyError."""
        try:
            return record.Person(
                scheme=credential.scheme.value,
                token=self._token(credential),
                sealed=self._seal(credential),
                plain=_plain(credential) if self._plain else None,
                flags=credential.flags or None,
            )
        except (MemoryError, ValueError, UnsupportedAlgorithm) as error:
            # the error's own text may quote the identity
            raise IdentifyError(f"no token or sealing: {type(error).__name__}") from None

    @staticmethod
    def bare(credential: Credential) -> record.Person:
        """The person without anything that tells one from another."""
        return record.Person(scheme=credential.scheme.value, flags=credential.flags or None)

    def _token(self, credential: Credential) -> record.Token | None:
        if self._tokeniser is None:
            return None
        token = self._tokeniser.token(credential.canonical)
        return record.Token(kid=token.kid, scope=token.scope, v=token.v)

    def _seal(self, credential: Credential) -> record.Sealed | None:
        if self._sealer is None:
            return None
        sealed = self._sealer.seal(Identity.of(credential))
        return record.Sealed(kid=sealed.kid, alg=sealed.alg, ct=sealed.ct)


def _tokeniser(table: IdentityTable) -> Tokeniser | None:
    if table.key_file is None:
        return None
    try:
        key = read_token_key(table.key_file)
    except KeyFileError as error:
        raise IdentityConfigError(f"[identity] key_file: {error}") from error
    return Tokeniser(key, key_id=table.key_id, scope=table.scope)


def _sealer(table: IdentityTable) -> Sealer | None:
    if table.seal_key_file is None:
        return None
    try:
        key = read_public_key(table.seal_key_file)
    except KeyFileError as error:
        raise IdentityConfigError(f"[identity] seal_key_file: {error}") from error
    return Sealer(key, key_id=table.seal_key_id)


def _plain(credential: Credential) -> dict[str, record.Detail]:
    holder = asdict(credential.holder) if credential.holder is not None else {}
    stated = {"canonical": credential.canonical, **holder}
    return {key: value for key, value in stated.items() if value is not None}
