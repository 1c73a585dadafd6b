"""Names to ids and back: people, sites, gates."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from typing import Any

from sqlalchemy import Connection, bindparam, func, select

from hub.derive import people as groups
from hub.store.schema import LINKED, gates, people, roster, sites
from hub.store.sql import Prepared, among, given, listed, wanted
from hub.trace.answers import MINUTE_MS, Place, Who
from hub.words import Words

_LEAST_PREFIX = 6  # characters of a token


def _people(*those: Any) -> Any:
    """Tokens, and what the roster has of each."""
    both = people.outerjoin(roster, roster.c.person == people.c.id)
    return (
        select(people.c.id, people.c.same_as, people.c.token, people.c.kid, people.c.scope)
        .add_columns(roster.c.id.label("listed"), roster.c.name, roster.c.holder, roster.c.category)
        .select_from(both)
        .where(*those)
    )


def _of_ids(dialect: str) -> Any:
    wanted_ = given(dialect, "site")
    return select(sites).join_from(wanted_, sites, sites.c.id == wanted_.c.site)


_OF_IDS = Prepared(_of_ids)
_HEADS = Prepared(lambda dialect: _people(among(dialect, people.c.id)))
_OTHERS = Prepared(
    lambda dialect: _people(
        among(dialect, people.c.same_as), LINKED, people.c.id != people.c.same_as
    )
)
_LONGEST = Prepared(lambda _: select(func.max(sites.c.derived_stay_min)))


class UnknownError(Exception):
    """A person, site or gate that is not there, or that is not the only one. One line."""

    def __init__(self, what: Words) -> None:
        super().__init__(str(what))
        self.what = what


def _ids_of_token(connection: Connection, text: str) -> list[int]:
    exact = select(people.c.id).where(people.c.token == text)
    found = list(connection.execute(exact).scalars())
    if not found and len(text) >= _LEAST_PREFIX:
        begin = select(people.c.id).where(people.c.token.startswith(text, autoescape=True))
        # LIKE of SQLite takes capitals and small letters for the same
        exactly = func.substr(people.c.token, 1, len(text)) == text
        found = list(connection.execute(begin.where(exactly).limit(50)).scalars())
    if not found and len(text) < _LEAST_PREFIX:
        raise UnknownError(Words("unknown.short_token", token=text, least=_LEAST_PREFIX))
    if not found:
        raise UnknownError(Words("unknown.token", token=text))
    return found


def id_of_token(connection: Connection, text: str) -> int:
    """The id of one token, not of a person. Raises UnknownError."""
    found = _ids_of_token(connection, text)
    if len(found) > 1:
        raise UnknownError(Words("unknown.token_of_several", token=text, n=len(found)))
    return found[0]


def by_token(connection: Connection, text: str) -> Who:
    """The person of a token, or of the beginning of one. Raises UnknownError."""
    found = _ids_of_token(connection, text)
    heads = set(groups.roots(connection, found).values())
    if len(heads) > 1:
        raise UnknownError(Words("unknown.people_of_several", token=text, n=len(heads)))
    return whos(connection, heads)[heads.pop()]


def by_ids(connection: Connection, ids: Iterable[int]) -> tuple[Who, ...]:
    """The people of these ids of tokens, each once."""
    heads = set(groups.roots(connection, ids).values())
    return tuple(one for _, one in sorted(whos(connection, heads).items()))


def whos(connection: Connection, heads: Collection[int]) -> dict[int, Who]:
    """The people by the ids that stand for them, with names where the roster has them."""
    members: defaultdict[int, list[Any]] = defaultdict(list)
    for row in _HEADS.rows(connection, listed(connection, heads)):
        members[row.id].append(row)
    linked = [head for head, rows in members.items() if rows[0].same_as]
    for row in _OTHERS.rows(connection, listed(connection, linked)) if linked else ():
        members[row.same_as].append(row)
    return {head: _who(head, members[head]) for head in heads if head in members}


def _who(head: int, rows: list[Any]) -> Who:
    if len(rows) > 1:  # several tokens, or several entries of the roster: the first tells
        rows.sort(key=lambda row: (row.id, row.listed or 0))
    _, _, token, kid, scope, *_ = rows[0]
    name, holder, category = next((row[6:] for row in rows if row.listed), (None, None, None))
    tokens = tuple({row.id: row.token for row in rows}.values()) if len(rows) > 1 else (token,)
    return Who(head, token, kid, scope, tokens, name, holder, category)


def place(connection: Connection, text: str) -> Place:
    """A site by its name, with its park's in front (park/site) or alone. Raises UnknownError."""
    park, slash, site = text.rpartition("/")
    query = select(sites).where(sites.c.site == site)
    if slash:
        query = query.where(sites.c.park == park)
    found = connection.execute(query.order_by(sites.c.park)).all()
    if not found:
        raise UnknownError(Words("unknown.site", site=text))
    if len(found) > 1:
        names = ", ".join(f"{row.park}/{row.site}" for row in found[:5])
        raise UnknownError(Words("unknown.several_sites", site=text, names=names))
    return _place(found[0])


def places(connection: Connection, ids: Iterable[int] | None = None) -> dict[int, Place]:
    """Sites by id: these, or all."""
    if ids is None:
        return {row.id: _place(row) for row in connection.execute(select(sites))}
    values = wanted(connection, zip(sorted(set(ids))), "site")
    return {row.id: _place(row) for row in _OF_IDS.rows(connection, values)}


def longest_ms(connection: Connection) -> int:
    """No visit of any site is longer."""
    ((found,),) = _LONGEST.rows(connection, {})
    return (found or 0) * MINUTE_MS


def gate(connection: Connection, where: Place, name: str) -> int:
    """The id of a gate. Raises UnknownError."""
    query = select(gates.c.id).where(gates.c.site == where.id, gates.c.gate == name)
    found = connection.execute(query).scalar()
    if found is None:
        raise UnknownError(Words("unknown.gate", gate=name, place=where.path))
    return int(found)


def gate_names(connection: Connection, site_ids: Iterable[int]) -> dict[int, str]:
    """Names of the gates of these sites, by id."""
    query = select(gates.c.id, gates.c.gate).where(
        gates.c.site.in_(bindparam("ids", expanding=True))
    )
    return dict(connection.execute(query, {"ids": sorted(set(site_ids))}).tuples().all())


def _place(row: Any) -> Place:
    return Place(row.id, row.park, row.site, row.name, (row.derived_stay_min or 0) * MINUTE_MS)
