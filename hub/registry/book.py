"""The registry in the store: taking a file in, giving it out again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, and_, delete, func, select, tuple_, update

from hub.registry.columns import Kind, exported, key_of
from hub.registry.faults import Fault, RegistryError
from hub.registry.files import Listing
from hub.store.schema import gates, links, people, roster, sites
from hub.store.sql import insert_new, upsert
from hub.words import Words
from identity.token import Token, Tokeniser

# Argon2 runs outside the interpreter's lock
_TOKEN_THREADS = 2
_KEYS_AT_ONCE = 400


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import did. `removed` only where what the file lacks was taken out."""

    kind: Kind
    added: int
    changed: int
    unchanged: int
    removed: int = 0


@dataclass(frozen=True, slots=True)
class Counts:
    """How much of a park is registered; `unregistered_gates` were heard without being listed."""

    park: str
    sites: int
    gates: int
    people: int
    people_with_token: int
    unregistered_sites: int
    unregistered_gates: int


Tokens = Mapping[str, Token]


def take_tokens(listing: Listing, tokeniser: Tokeniser | None) -> Tokens:
    """The token of each credential in the file: some 15 ms each. Raises RegistryError."""
    identities = sorted({one for entry in listing.entries for one in entry.identities})
    if not identities:
        return {}
    if tokeniser is None:
        line = next(entry.line for entry in listing.entries if entry.identities)
        heading = listing.headings["credential"]
        what, mend = Words("what.no_key"), Words("mend.give_key")
        raise RegistryError([Fault(listing.file, line, heading, what, mend)])
    with ThreadPoolExecutor(_TOKEN_THREADS) as pool:
        return dict(zip(identities, pool.map(tokeniser.token, identities), strict=True))


def take(
    connection: Connection, listing: Listing, tokens: Tokens, *, at_ms: int, replace: bool = False
) -> Imported:
    """Put the file's entries into the registry, in the caller's transaction.

    Columns that the file lacks keep their values. With `replace`, what the parks of the file have
    beyond it is taken out. Raises RegistryError.
    """
    before = _keyed(listing.kind, read(connection, listing.kind))
    if listing.kind is Kind.SITES:
        _take_sites(connection, listing)
    elif listing.kind is Kind.GATES:
        _take_gates(connection, listing)
    else:
        _take_roster(connection, listing, tokens, at_ms)
    removed = _remove(connection, listing, before) if replace else 0
    after = _keyed(listing.kind, read(connection, listing.kind))
    added = sum(key not in before for key in after)
    changed = sum(key in before and before[key] != row for key, row in after.items())
    unchanged = len(listing.entries) - added - changed
    return Imported(listing.kind, added, changed, unchanged, removed)


def read(
    connection: Connection, kind: Kind, *, park: str | None = None
) -> Iterator[dict[str, Any]]:
    """The registered entries, by the columns of an export, in order of their keys."""
    if kind is Kind.SITES:
        found = select(*(sites.c[name] for name in exported(kind))).where(sites.c.registered)
        owner = sites.c.park
    elif kind is Kind.GATES:
        found = (
            select(sites.c.park, sites.c.site, gates.c.gate, gates.c.name)
            .join(sites, gates.c.site == sites.c.id)
            .where(gates.c.registered)
        )
        owner = sites.c.park
    else:
        token = people.c.kid + ":" + people.c.scope + ":" + people.c.token
        found = select(
            roster.c.park, roster.c.holder, roster.c.name, roster.c.category, roster.c.phone,
            token.label("token"),
        ).join(people, roster.c.person == people.c.id, isouter=True)  # fmt: skip
        owner = roster.c.park
    if park is not None:
        found = found.where(owner == park)
    rows = connection.execute(found).mappings().all()
    key = key_of(kind)
    yield from (dict(row) for row in sorted(rows, key=lambda row: tuple(row[name] for name in key)))


def counts(connection: Connection) -> list[Counts]:
    """What is registered, by park."""

    def grouped(statement: Any) -> dict[str, int]:
        return {str(park): int(number) for park, number in connection.execute(statement)}

    def of_sites(registered: bool) -> Any:  # noqa: FBT001
        where = sites.c.registered.is_(registered)
        return select(sites.c.park, func.count()).where(where).group_by(sites.c.park)

    def of_gates(registered: bool) -> Any:  # noqa: FBT001
        joined = select(sites.c.park, func.count()).join(gates, gates.c.site == sites.c.id)
        return joined.where(gates.c.registered.is_(registered)).group_by(sites.c.park)

    persons = select(roster.c.park, func.count()).group_by(roster.c.park)
    known = persons.where(roster.c.person.is_not(None))
    tables = [
        grouped(one)
        for one in (of_sites(True), of_gates(True), persons, known, of_sites(False),
                    of_gates(False))
    ]  # fmt: skip
    parks = sorted(set().union(*tables))
    return [Counts(park, *(table.get(park, 0) for table in tables)) for park in parks]


# --- one kind after the other ---------------------------------------------------------------


def _take_sites(connection: Connection, listing: Listing) -> None:
    rows = [entry.values | {"registered": True} for entry in listing.entries]
    _upsert(connection, sites, listing, rows, key=("park", "site"), more=("registered",))


def _take_gates(connection: Connection, listing: Listing) -> None:
    known = _ids(connection, sites, ("park", "site"), listing, registered_only=True)
    faults, rows = [], []
    for entry in listing.entries:
        values = dict(entry.values)
        place = (values.pop("park"), values.pop("site"))
        if place in known:
            rows.append(values | {"site": known[place], "registered": True})
        else:
            what = Words("what.no_site", name=f"{place[0]}/{place[1]}")
            heading = listing.headings["site"]
            faults.append(Fault(listing.file, entry.line, heading, what, Words("mend.sites_first")))
    if faults:
        raise RegistryError(faults)
    _upsert(connection, gates, listing, rows, key=("site", "gate"), more=("registered",))


def _take_roster(connection: Connection, listing: Listing, tokens: Tokens, at_ms: int) -> None:
    wanted: dict[int, list[tuple[str, str, str]]] = {}
    for number, entry in enumerate(listing.entries):
        found = [tokens[one] for one in entry.identities]
        keys = [(token.kid, token.scope, token.v) for token in found]
        if (text := entry.values.get("token")) is not None:
            kid, scope, value = str(text).split(":")
            keys.append((kid, scope, value))
        if keys:
            wanted[number] = keys
    persons = _persons(connection, {key for keys in wanted.values() for key in keys})
    rows, same = [], []
    for number, entry in enumerate(listing.entries):
        values = {name: value for name, value in entry.values.items() if name != "token"}
        keys = wanted.get(number, [])
        rows.append(values | ({"person": persons[keys[0]]} if keys else {}))
        for other in keys[1:]:
            low, high = sorted((persons[keys[0]], persons[other]))
            if low != high:
                same.append({"person": low, "other": high, "source": "roster", "at_ms": at_ms})
    insert_new(connection, links, same)  # whoever derives joins the people, and pairs them anew
    # an entry without a credential keeps the person that an earlier import gave it
    for has_person in (True, False):
        some = [row for row in rows if ("person" in row) is has_person]
        more = ("person",) if has_person else ()
        _upsert(connection, roster, listing, some, key=("park", "holder"), more=more)


def _persons(
    connection: Connection, keys: Iterable[tuple[str, str, str]]
) -> dict[tuple[str, str, str], int]:
    wanted = sorted(keys)
    columns = (people.c.kid, people.c.scope, people.c.token)
    rows = [{"kid": kid, "scope": scope, "token": token} for kid, scope, token in wanted]
    upsert(connection, people, rows, key=("kid", "scope", "token"), update=())
    found: dict[tuple[str, str, str], int] = {}
    for start in range(0, len(wanted), _KEYS_AT_ONCE):
        some = wanted[start : start + _KEYS_AT_ONCE]
        query = select(people.c.id, *columns).where(tuple_(*columns).in_(some))
        for person, *key in connection.execute(query):
            found[key[0], key[1], key[2]] = person
    return found


def _upsert(
    connection: Connection,
    table: Any,
    listing: Listing,
    rows: Sequence[dict[str, Any]],
    *,
    key: Sequence[str],
    more: Sequence[str],
) -> None:
    named = [name for name in listing.columns if name in table.c and name not in key]
    update_these = [name for name in named if name not in {"park", "site"}] + list(more)
    # every row has the same keys, as one statement wants them
    whole = [{name: row.get(name) for name in (*key, *update_these)} for row in rows]
    upsert(connection, table, whole, key=key, update=update_these)


def _ids(
    connection: Connection,
    table: Any,
    names: Sequence[str],
    listing: Listing,
    *,
    registered_only: bool,
) -> dict[tuple[Any, ...], int]:
    parks = {entry.values["park"] for entry in listing.entries}
    query = select(table.c.id, *(table.c[name] for name in names)).where(table.c.park.in_(parks))
    if registered_only:
        query = query.where(table.c.registered)
    return {tuple(row[1:]): row[0] for row in connection.execute(query)}


def _remove(connection: Connection, listing: Listing, before: Mapping[tuple[Any, ...], Any]) -> int:
    key = key_of(listing.kind)
    listed = {tuple(entry.values[name] for name in key) for entry in listing.entries}
    parks = {one[0] for one in listed}
    gone = [one for one in before if one[0] in parks and one not in listed]
    for one in gone:
        if listing.kind is Kind.SITES:
            park, site = one
            where = and_(sites.c.park == park, sites.c.site == site)
            # records may lead there: the place stays, it is registered no more
            connection.execute(update(sites).where(where).values(registered=False))
        elif listing.kind is Kind.GATES:
            park, site, gate = one
            place = select(sites.c.id).where(sites.c.park == park, sites.c.site == site)
            where = and_(gates.c.site == place.scalar_subquery(), gates.c.gate == gate)
            connection.execute(update(gates).where(where).values(registered=False))
        else:
            park, holder = one
            where = and_(roster.c.park == park, roster.c.holder == holder)
            connection.execute(delete(roster).where(where))
    return len(gone)


def _keyed(kind: Kind, rows: Iterable[dict[str, Any]]) -> dict[tuple[Any, ...], dict[str, Any]]:
    key = key_of(kind)
    return {tuple(row[name] for name in key): row for row in rows}
