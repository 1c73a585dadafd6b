"""The park's lists on a gate: taken from the feed, kept on disk, asked by whoever needs them.

A list counts when a key of the park signed it, and only forwards: an older version is refused and
told. What was taken is on disk before it is used, so that a gate that starts without a network
still knows whom to refuse.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from edge.gate.events import Noted
from feed.lists import LARGEST_BYTES, REVOKED_PASSES, ListError, SignedList, read_list
from feed.record import Detail, Kind
from feed.topics import Channel, TopicError, parse

log = logging.getLogger(__name__)

MOST_LISTS = 16
_SUFFIX = ".json"


class Lists:
    """The lists of one park. Safe from any thread.

    `keys` are the park's public keys by id. `note` is given an audit record for every list that
    is taken or refused; a refusal of one kind is told once until that list is taken again, so that
    nobody fills the journal with bad lists.
    """

    def __init__(
        self,
        folder: Path,
        keys: Mapping[str, Ed25519PublicKey],
        *,
        park: str,
        note: Callable[[Noted], None],
    ) -> None:
        self._folder = folder
        self._keys = dict(keys)
        self._park = park
        self._note = note
        self._lists: dict[str, SignedList] = {}
        self._raw: dict[str, bytes] = {}
        self._revoked: frozenset[str] = frozenset()
        self._told: set[tuple[str, str]] = set()
        self._lock = threading.Lock()

    def load(self) -> None:
        """Take what lies on disk; a file that can't be taken is told and left where it is."""
        for path in sorted(self._folder.glob(f"*{_SUFFIX}")):
            try:
                with path.open("rb") as file:
                    raw = file.read(LARGEST_BYTES + 1)
                one = self._read(path.stem, raw)
            except (OSError, ListError) as error:
                self._refuse(path.stem, "list_unreadable", str(error))
            else:
                self._hold(one, raw)

    def take(self, topic: str, payload: bytes) -> None:
        """A message of a list topic came. Never raises: what is wrong is told."""
        name = _name(topic)
        if name is None or not payload:  # an emptied topic takes nothing away from a gate
            log.warning("an empty message or a foreign topic is no list: %s", topic)
            return
        with self._lock:
            self._take(name, payload)

    def revoked(self, pass_id: str) -> bool:
        """Whether the pass of this id (hexadecimal) is revoked."""
        return pass_id in self._revoked

    def get(self, name: str) -> SignedList | None:
        """The newest version of a list, or None before the first came."""
        return self._lists.get(name)

    def versions(self) -> dict[str, int]:
        """The version of each list held."""
        return {name: one.version for name, one in sorted(self._lists.items())}

    def _take(self, name: str, raw: bytes) -> None:
        if self._raw.get(name) == raw:  # the broker sends it again with each connection
            return
        try:
            one = self._read(name, raw)
        except ListError as error:
            self._refuse(name, "list_forged" if error.forged else "list_unreadable", str(error))
            return
        known = self._lists.get(name)
        if known is not None and one.version < known.version:
            text = f"version {one.version}, version {known.version} is held"
            self._refuse(name, "list_rolled_back", text)
        elif known is not None and one.version == known.version:
            self._refuse(name, "list_conflicting", f"another version {one.version} is held")
        elif known is None and len(self._lists) >= MOST_LISTS:
            self._refuse(name, "list_unwanted", f"{MOST_LISTS} lists are held already")
        else:
            self._keep(one, raw)

    def _read(self, name: str, raw: bytes) -> SignedList:
        one = read_list(raw, self._keys)
        if (one.park, one.name) != (self._park, name):
            raise ListError(f"is list {one.name!r} of park {one.park!r}", forged=True)
        return one

    def _keep(self, one: SignedList, raw: bytes) -> None:
        detail: dict[str, Detail] = {
            "list": one.name,
            "version": one.version,
            "items": len(one.items),
        }
        try:
            _write(self._folder, f"{one.name}{_SUFFIX}", raw)
        except OSError as error:
            # better known until the next start than not at all
            log.warning("list %s is not kept: %s", one.name, error)
            detail["kept"] = False
        self._hold(one, raw)
        self._told = {(name, why) for name, why in self._told if name != one.name}
        log.info("list %s: version %d, %d items", one.name, one.version, len(one.items))
        self._note(Noted(kind=Kind.AUDIT, name="list_taken", detail=detail))

    def _hold(self, one: SignedList, raw: bytes) -> None:
        self._lists[one.name] = one
        self._raw[one.name] = raw
        if one.name == REVOKED_PASSES:
            self._revoked = frozenset(one.items)

    def _refuse(self, name: str, why: str, text: str) -> None:
        log.warning("list %s is refused: %s", name, text)
        if (name, why) in self._told or len(self._told) >= MOST_LISTS:
            return
        self._told.add((name, why))
        detail: dict[str, Detail] = {"list": name, "why": text}
        self._note(Noted(kind=Kind.AUDIT, name=why, detail=detail))


def _name(topic: str) -> str | None:
    try:
        found = parse(topic)
    except TopicError:
        return None
    return found.names["name"] if found.channel is Channel.LIST else None


def _write(folder: Path, name: str, raw: bytes) -> None:
    """Whole or not at all, also when the power goes."""
    folder.mkdir(parents=True, exist_ok=True)
    fresh = folder / f".{name}.new"
    with fresh.open("wb") as file:
        file.write(raw)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(folder / name)
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
