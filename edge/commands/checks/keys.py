"""Keys, passwords and certificates that the configuration names."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from edge.commands.checks.finding import Check, Finding, Status
from edge.config.model import Config
from edge.mqtt.security import read_password
from feed.connection import SetupError, tls_context
from identity.keys import KeyFileError, read_public_key, read_token_key
from identity.passes.keys import ParkKeys
from identity.trust import (
    TrustFileError,
    read_dcc_revocations,
    read_dcc_signers,
    read_shc_keys,
    read_shc_revocations,
)


def checks(config: Config) -> Iterator[Check]:
    """One check for the gate's own keys, one for the lists of [trust], one for the broker's."""
    yield Check("identity", lambda: _identity(config))
    yield Check("trust", lambda: _trust(config))
    yield Check("broker keys", lambda: _broker(config))


def _identity(config: Config) -> Iterator[Finding]:
    identity = config.identity
    if identity.mode == "plain":
        hint = 'identity.mode = "token" keeps them off the gate and the feed'
        yield Finding("identity", Status.WARN, "identities stand in records in clear", hint)
    if identity.key_file is not None:
        path = identity.key_file
        yield _tried("token key", lambda: read_token_key(path), f"key {identity.key_id} in {path}")
    if identity.previous_key_file is not None:
        before, name = identity.previous_key_file, identity.previous_key_id
        yield _tried("previous token key", lambda: read_token_key(before), f"{name} in {before}")
    if identity.seal_key_file is not None:
        seal = identity.seal_key_file
        yield _tried(
            "seal key", lambda: read_public_key(seal), f"key {identity.seal_key_id} in {seal}"
        )


def _trust(config: Config) -> Iterator[Finding]:
    table = config.trust
    if table.park_keys is not None:
        keys = table.park_keys
        yield _tried("park's keys", lambda: ParkKeys.read(keys), str(keys))
    if table.dcc_trust_list is not None:
        signers = table.dcc_trust_list
        yield _tried("signers of certificates", lambda: read_dcc_signers(signers), str(signers))
    if table.dcc_revocations is not None:
        revoked = table.dcc_revocations
        yield _tried("revoked certificates", lambda: read_dcc_revocations(revoked), str(revoked))
    if table.shc_keys is not None:
        cards = table.shc_keys
        yield _tried("issuers of health cards", lambda: read_shc_keys(cards), str(cards))
    if table.shc_revocations is not None:
        gone = table.shc_revocations
        yield _tried("revoked health cards", lambda: read_shc_revocations(gone), str(gone))


def _broker(config: Config) -> Iterator[Finding]:
    mqtt = config.mqtt
    if mqtt.password_file is not None or mqtt.password is not None:
        yield _tried("broker password", lambda: read_password(mqtt), f"for {mqtt.username}")
    if mqtt.tls is not None:
        tls = mqtt.tls
        own = "with a client certificate" if tls.cert_file else "without a client certificate"
        yield _tried("broker TLS files", lambda: tls_context(tls), own)


def _tried(name: str, read: Callable[[], object], good: str) -> Finding:
    try:
        read()
    except (KeyFileError, TrustFileError, SetupError) as error:
        return Finding(name, Status.FAIL, str(error))
    return Finding(name, Status.OK, good)
