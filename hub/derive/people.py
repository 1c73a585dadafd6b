"""Tokens, and which of them are one person."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from sqlalchemy import Connection, bindparam, func, select, update

from hub.derive.meaning import Name
from hub.store.schema import LINKED, links, people
from hub.store.sql import Prepared, among, insert_new, listed

TOKEN_BEFORE = "token_before"  # noqa: S105 - where a link comes from

# what people of the hub enter: the registry's roster, and `edge-hub link`
ENTERED = ("roster", "authority")

_IN_ONE_QUERY = 5_000


_SAME = select(people.c.id, people.c.same_as)
_OF_ONE = Prepared(lambda dialect: _SAME.where(among(dialect, people.c.id)))
_OF_GROUP = Prepared(lambda dialect: _SAME.where(among(dialect, people.c.same_as), LINKED))


def ids(tx: Connection, names: Iterable[Name]) -> dict[Name, int]:
    """The ids of these tokens; those that are new get one."""
    every = sorted(set(names))
    found = _known(tx, every)
    new = [name for name in every if name not in found]
    if new:
        insert_new(
            tx, people, [{"kid": kid, "scope": scope, "token": token} for kid, scope, token in new]
        )
        found |= _known(tx, new)
    return found


def _known(tx: Connection, names: list[Name]) -> dict[Name, int]:
    found: dict[Name, int] = {}
    query = select(people.c.id, people.c.kid, people.c.scope, people.c.token).where(
        people.c.token.in_(bindparam("tokens", expanding=True))
    )
    for start in range(0, len(names), _IN_ONE_QUERY):
        some = names[start : start + _IN_ONE_QUERY]
        for key, kid, scope, token in tx.execute(query, {"tokens": [one[2] for one in some]}):
            found[kid, scope, token] = key
    return found


def roots(tx: Connection, persons: Iterable[int]) -> dict[int, int]:
    """Who stands for each of these and for everyone who is the same person: members to roots."""
    found = _each(tx, _OF_ONE, list(persons))
    found |= _each(tx, _OF_GROUP, sorted({same for same in found.values() if same}))
    return {key: same or key for key, same in found.items()}


def _each(tx: Connection, query: Prepared, ids: Collection[int]) -> dict[int, int]:
    if not ids:
        return {}
    return dict(query.rows(tx, listed(tx, ids)))  # type: ignore[arg-type]


def link(tx: Connection, pairs: Mapping[tuple[int, int], int]) -> set[int]:
    """Note that the two of each pair are one person, by their records at this time (ms).

    Everyone whose group changed by it.
    """
    insert_new(
        tx,
        links,
        [
            {"person": min(pair), "other": max(pair), "source": TOKEN_BEFORE, "at_ms": at_ms}
            for pair, at_ms in pairs.items()
        ],
    )
    changed: set[int] = set()
    for pair in sorted(pairs):
        found = roots(tx, pair)
        heads = {found[one] for one in pair}
        if len(heads) == 1:
            continue
        tx.execute(
            update(people)
            .where(people.c.id.in_(sorted(heads)) | (people.c.same_as.in_(sorted(heads)) & LINKED))
            .values(same_as=min(heads))
        )
        changed |= found.keys()
    return changed


def signature(tx: Connection) -> tuple[Any, ...]:
    """Changes when a person of the hub adds or takes away a link."""
    query = select(func.count(), func.max(links.c.at_ms)).where(links.c.source.in_(ENTERED))
    return tuple(tx.execute(query).one())


def regroup(tx: Connection) -> set[int]:
    """Make the groups anew from all links. Everyone whose group changed by it."""
    parents: dict[int, int] = {}

    def root_of(one: int) -> int:
        while (above := parents.setdefault(one, one)) != one:
            parents[one] = parents[above]
            one = parents[one]
        return one

    for person, other in tx.execute(select(links.c.person, links.c.other)):
        low, high = sorted((root_of(person), root_of(other)))
        parents[high] = low
    query = select(people.c.id, people.c.same_as).where(LINKED)
    before = dict(tx.execute(query).tuples().all())
    after = {one: root_of(one) for one in list(parents)}
    changes = {
        one: after.get(one, 0)
        for one in before.keys() | after.keys()
        if before.get(one, 0) != after.get(one, 0)
    }
    if not changes:
        return set()
    tx.execute(
        update(people).where(people.c.id == bindparam("who")).values(same_as=bindparam("root")),
        [{"who": one, "root": root} for one, root in changes.items()],
    )
    heads = {groups.get(one, 0) for one in changes for groups in (before, after)} - {0}
    groups_of = {one for groups in (before, after) for one, root in groups.items() if root in heads}
    return groups_of | changes.keys()
