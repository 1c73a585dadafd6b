"""Names to ids and back: people, sites, gates."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, func, or_, select

from hub.derive import people as groups
from hub.store.schema import gates, people, roster, sites
from hub.trace.answers import MINUTE_MS, Place, Who

_LEAST_PREFIX = 6  # characters of a token
_IN_ONE_QUERY = 5_000
_MEMBERS = select(people).where(
    or_(
        people.c.id.in_(bindparam("heads", expanding=True)),
        people.c.same_as.in_(bindparam("linked", expanding=True)),
    )
)
_LISTED = (
    select(roster)
    .where(roster.c.person.in_(bindparam("ids", expanding=True)))
    .order_by(roster.c.id.desc())
)
_OF_IDS = select(sites).where(sites.c.id.in_(bindparam("ids", expanding=True)))


class UnknownError(Exception):
    """A person, site or gate that is not there, or that is not the only one. One line."""


def _ids_of_token(connection: Connection, text: str) -> list[int]:
    exact = select(people.c.id).where(people.c.token == text)
    found = list(connection.execute(exact).scalars())
    if not found and len(text) >= _LEAST_PREFIX:
        begin = select(people.c.id).where(people.c.token.startswith(text, autoescape=True))
        # LIKE of SQLite takes capitals and small letters for the same
        exactly = func.substr(people.c.token, 1, len(text)) == text
        found = list(connection.execute(begin.where(exactly).limit(50)).scalars())
    if not found:
        raise UnknownError(f"token {text}: nobody with it was seen here")
    return found


def id_of_token(connection: Connection, text: str) -> int:
    """The id of one token, not of a person. Raises UnknownError."""
    found = _ids_of_token(connection, text)
    if len(found) > 1:
        raise UnknownError(f"token {text}: {len(found)} begin so; write more of it")
    return found[0]


def by_token(connection: Connection, text: str) -> Who:
    """The person of a token, or of the beginning of one. Raises UnknownError."""
    found = _ids_of_token(connection, text)
    heads = set(groups.roots(connection, found).values())
    if len(heads) > 1:
        raise UnknownError(f"token {text}: {len(heads)} people's begin so; write more of it")
    return whos(connection, heads)[heads.pop()]


def by_ids(connection: Connection, ids: Iterable[int]) -> tuple[Who, ...]:
    """The people of these ids of tokens, each once."""
    heads = set(groups.roots(connection, ids).values())
    return tuple(one for _, one in sorted(whos(connection, heads).items()))


def whos(connection: Connection, heads: Collection[int]) -> dict[int, Who]:
    """The people by the ids that stand for them, with names where the roster has them."""
    members: dict[int, list[Any]] = {head: [] for head in heads}
    every = sorted(heads)
    for start in range(0, len(every), _IN_ONE_QUERY):
        some = every[start : start + _IN_ONE_QUERY]
        for row in connection.execute(_MEMBERS, {"heads": some, "linked": some}):
            members[row.same_as or row.id].append(row)
    listed = _listed(connection, [row.id for rows in members.values() for row in rows])
    return {head: _who(head, rows, listed) for head, rows in members.items() if rows}


def _who(head: int, rows: Sequence[Any], listed: Mapping[int, Any]) -> Who:
    ordered = sorted(rows, key=lambda row: row.id)
    entry = next((listed[row.id] for row in ordered if row.id in listed), None)
    return Who(
        id=head,
        token=ordered[0].token,
        kid=ordered[0].kid,
        scope=ordered[0].scope,
        tokens=tuple(row.token for row in ordered),
        name=entry.name if entry else None,
        holder=entry.holder if entry else None,
        category=entry.category if entry else None,
    )


def _listed(connection: Connection, ids: Sequence[int]) -> dict[int, Any]:
    found = {}
    for start in range(0, len(ids), _IN_ONE_QUERY):
        for row in connection.execute(_LISTED, {"ids": ids[start : start + _IN_ONE_QUERY]}):
            found[row.person] = row
    return found


def place(connection: Connection, text: str) -> Place:
    """A site by its name, with its park's in front (park/site) or alone. Raises UnknownError."""
    park, slash, site = text.rpartition("/")
    query = select(sites).where(sites.c.site == site)
    if slash:
        query = query.where(sites.c.park == park)
    found = connection.execute(query.order_by(sites.c.park)).all()
    if not found:
        raise UnknownError(f"site {text}: no such site; write park/site")
    if len(found) > 1:
        parks = ", ".join(f"{row.park}/{row.site}" for row in found[:5])
        raise UnknownError(f"site {text}: there are several: {parks}")
    return _place(found[0])


def places(connection: Connection, ids: Iterable[int] | None = None) -> dict[int, Place]:
    """Sites by id: these, or all."""
    if ids is None:
        return {row.id: _place(row) for row in connection.execute(select(sites))}
    every = sorted(set(ids))
    return {
        row.id: _place(row)
        for start in range(0, len(every), _IN_ONE_QUERY)
        for row in connection.execute(_OF_IDS, {"ids": every[start : start + _IN_ONE_QUERY]})
    }


def longest_ms(connection: Connection) -> int:
    """No visit of any site is longer."""
    found = connection.execute(select(func.max(sites.c.derived_stay_min))).scalar()
    return (found or 0) * MINUTE_MS


def gate(connection: Connection, where: Place, name: str) -> int:
    """The id of a gate. Raises UnknownError."""
    query = select(gates.c.id).where(gates.c.site == where.id, gates.c.gate == name)
    found = connection.execute(query).scalar()
    if found is None:
        raise UnknownError(f"gate {name}: {where.path} has no such gate")
    return int(found)


def gate_names(connection: Connection, site_ids: Iterable[int]) -> dict[int, str]:
    """Names of the gates of these sites, by id."""
    query = select(gates.c.id, gates.c.gate).where(
        gates.c.site.in_(bindparam("ids", expanding=True))
    )
    return dict(connection.execute(query, {"ids": sorted(set(site_ids))}).tuples().all())


def _place(row: Any) -> Place:
    return Place(row.id, row.park, row.site, row.name, (row.derived_stay_min or 0) * MINUTE_MS)
