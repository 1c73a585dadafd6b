"""From a code to a credential judged by this gate, and from that to the person of a record.

The adapter between `identity`, which knows no clock and no records, and the gate, which has both.
"""

from __future__ import annotations

from dataclasses import asdict

from cryptography.exceptions import UnsupportedAlgorithm

from edge.clock import Clock
from edge.config.model import IdentityTable, TrustTable
from feed import record
from identity.credential import Credential
from identity.keys import KeyFileError, read_public_key, read_token_key
from identity.schemes import parsers, understand
from identity.schemes.code import Parser
from identity.schemes.park_pass import understand_pass
from identity.seal import Identity, Sealer
from identity.token import Tokeniser
from identity.trust import Trust, TrustFileError, load_trust
from identity.validity import Now, judged


class IdentityConfigError(ValueError):
    """A key of [identity] that can't be used, on one line."""


class TrustConfigError(ValueError):
    """A list of [trust] that can't be used, on one line."""


class IdentifyError(RuntimeError):
    """Token or sealing failed; `Identifier.bare` gives what stands without them."""


class Understander:
    """Makes the credential of a code, checked and judged at this moment by the gate's clock.

    Takes some milliseconds for a signed code. Safe from any thread, as its `park_pass` is.
    """

    def __init__(self, trust: Trust, clock: Clock, *, park_pass: Parser = understand_pass) -> None:
        self._parsers = parsers(trust, park_pass)
        self._clock = clock

    @classmethod
    def load(
        cls, table: TrustTable, clock: Clock, *, park_pass: Parser = understand_pass
    ) -> Understander:
        """By the configuration, reading its lists. Raises TrustConfigError."""
        try:
            trust = load_trust(
                dcc_signers=table.dcc_trust_list,
                dcc_revocations=table.dcc_revocations,
                shc_keys=table.shc_keys,
                shc_revocations=table.shc_revocations,
            )
        except TrustFileError as error:
            raise TrustConfigError(f"[trust] {error}") from error
        return cls(trust, clock, park_pass=park_pass)

    def __call__(self, payload: bytes) -> Credential:
        """The credential in the bytes of a code. Never raises for what they hold."""
        return judged(understand(payload, self._parsers), moment(self._clock))


def moment(clock: Clock) -> Now:
    """The clock as credentials are judged by."""
    return Now(at=clock.now(), synced=clock.stamp().state == "synced")


class Identifier:
    """Makes the person of a record. May be used from several threads.

    `before` takes tokens under the key before, while keys change.
    """

    def __init__(
        self,
        *,
        tokeniser: Tokeniser | None,
        sealer: Sealer | None,
        plain: bool,
        before: Tokeniser | None = None,
    ) -> None:
        self._tokeniser = tokeniser
        self._before = before
        self._sealer = sealer
        self._plain = plain

    @classmethod
    def load(cls, table: IdentityTable) -> Identifier:
        """By the configuration, reading its key files. Raises IdentityConfigError."""
        return cls(
            tokeniser=_tokeniser(table, "key_file", table.key_id),
            before=_tokeniser(table, "previous_key_file", table.previous_key_id),
            sealer=_sealer(table),
            plain=table.mode == "plain",
        )

    def identify(self, credential: Credential) -> record.Person:
        """The person that `credential` stands for; takes up to 100 ms, twice that while keys
        change. Raises IdentifyError.
        """
        try:
            return record.Person(
                scheme=credential.scheme.value,
                token=_token(self._tokeniser, credential),
                token_before=_token(self._before, credential),
                category=credential.category,
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
        return record.Person(
            scheme=credential.scheme.value,
            category=credential.category,
            flags=credential.flags or None,
        )

    def _seal(self, credential: Credential) -> record.Sealed | None:
        if self._sealer is None:
            return None
        sealed = self._sealer.seal(Identity.of(credential))
        return record.Sealed(kid=sealed.kid, alg=sealed.alg, ct=sealed.ct)


def _token(tokeniser: Tokeniser | None, credential: Credential) -> record.Token | None:
    if tokeniser is None:
        return None
    token = tokeniser.token(credential.canonical)
    return record.Token(kid=token.kid, scope=token.scope, v=token.v)


def _tokeniser(table: IdentityTable, name: str, key_id: str | None) -> Tokeniser | None:
    path = getattr(table, name)
    if path is None or key_id is None:
        return None
    try:
        key = read_token_key(path)
    except KeyFileError as error:
        raise IdentityConfigError(f"[identity] {name}: {error}") from error
    return Tokeniser(key, key_id=key_id, scope=table.scope)


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
