"""From what a tracer has in hand (a code, a number, a holder id) to tokens under the park's key."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from sqlalchemy import Connection, select

from hub.derive.meaning import PLAIN_KEY, plain_value
from hub.store.schema import people, roster, streams
from hub.trace import lookup
from hub.trace.answers import Who
from hub.trace.lookup import UnknownError
from hub.words import Words
from identity import canonical
from identity.credential import Scheme
from identity.keys import read_token_key
from identity.schemes import understand
from identity.token import Tokeniser

# numbers that people read off a document, and the identities that they may be
_NUMBERS = (
    (re.compile(r"[0-9]{12}"), canonical.citizen),
    (re.compile(r"[0-9]{9}"), canonical.old_citizen),
    (re.compile(r"[A-Z]{2}[0-9]{13}|[0-9]{10}"), canonical.insured),
    (re.compile(r"[A-Z][0-9]{7,8}"), canonical.passport),
)


def by_credential(connection: Connection, text: str, key_file: Path | None) -> tuple[Who, ...]:
    """The people that the text of a code (HC1:, EG1:, a citizen card's ...) or a number belongs to.

    Raises UnknownError, identity.keys.KeyFileError.
    """
    identities = set(_identities(text))
    return _seen(
        connection, identities, key_file,
        Words("unknown.credential_needs_key"), Words("unknown.credential"),
    )  # fmt: skip


def by_holder(
    connection: Connection, holder: str, park: str | None, key_file: Path | None
) -> tuple[Who, ...]:
    """The people with this staff or pupil id: by the roster, else as the park's passes name them.

    Raises UnknownError, identity.keys.KeyFileError.
    """
    query = select(roster.c.person).where(roster.c.holder == holder, roster.c.person.is_not(None))
    if park is not None:
        query = query.where(roster.c.park == park)
    listed = list(connection.execute(query).scalars())
    if listed and key_file is None:
        return lookup.by_ids(connection, listed)
    parks = [park] if park else connection.execute(select(streams.c.park).distinct()).scalars()
    identities = {canonical.pass_holder(one, holder) for one in parks}
    try:
        found = _seen(
            connection, identities, key_file,
            Words("unknown.holder_needs_key", holder=holder),
            Words("unknown.holder", holder=holder),
        )  # fmt: skip
    except UnknownError:
        if not listed:
            raise
        found = ()
    return lookup.by_ids(connection, [*listed, *(one.id for one in found)])


def _identities(text: str) -> Iterator[str]:
    stripped = text.strip()
    understood = understand(stripped.encode(errors="surrogatepass"))
    yield understood.canonical
    if understood.scheme is Scheme.OPAQUE:
        plain = stripped.upper().replace(" ", "")
        for pattern, of in _NUMBERS:
            if pattern.fullmatch(plain):
                yield of(plain)


def _seen(
    connection: Connection,
    identities: Iterable[str],
    key_file: Path | None,
    needs_key: Words,
    unseen: Words,
) -> tuple[Who, ...]:
    every = list(identities)
    keyed = [
        (kid, scope)
        for kid, scope in connection.execute(select(people.c.kid, people.c.scope).distinct())
        if kid != PLAIN_KEY
    ]
    values = {plain_value(one) for one in every}
    if keyed:
        if key_file is None:
            raise UnknownError(needs_key)
        key = read_token_key(key_file)
        # the key is one of those that gates used: its name isn't in the file, so each is tried
        for scope in sorted({scope for _, scope in keyed}):
            tokeniser = Tokeniser(key, key_id="asked", scope=scope)
            values |= {tokeniser.token(one).v for one in every}
    query = select(people.c.id).where(people.c.token.in_(sorted(values)))
    found = lookup.by_ids(connection, connection.execute(query).scalars().all())
    if not found:
        raise UnknownError(unseen)
    return found
