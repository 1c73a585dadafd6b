"""The folder from which a park issues its passes: keys, register, revocations.

    book.json               the park's name
    2021-08-23.key.pem      a signing key, its owner's alone; the last by name signs
    2021-08-23.pub.pem      its public half, for the gates
    issued.jsonl            what was issued: pass id, holder's id, validity; its owner's alone
    revoked-passes.json     the signed list as it is published

The folder belongs on the hub or on a machine without a network, never on a gate.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from feed.codec import format_time
from feed.lists import REVOKED_PASSES, ListError, SignedList, read_list, sign_list
from feed.topics import TopicError, check_name
from identity.keys import KeyFileError
from identity.passes.claims import PASS_ID_BYTES, Pass
from identity.passes.code import sign_pass
from identity.passes.keys import PUBLIC_SUFFIX, ParkKeys, key_id, make_park_keys, read_park_private

_BOOK = "book.json"
_REGISTER = "issued.jsonl"
_KEY = ".key.pem"
# an expired pass is refused for that, even by a clock that is a day behind
_KEPT_AFTER_EXPIRY = timedelta(days=1)


class PassBookError(Exception):
    """The folder can't be used as it is: one line saying what is wrong, where, how to mend it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    """A line of the register."""

    id: str
    holder: str
    expires: datetime


class PassBook:
    """One park's folder. Raises PassBookError when there is none."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        try:
            self.park: str = json.loads((folder / _BOOK).read_text(encoding="utf-8"))["park"]
        except FileNotFoundError as error:
            raise PassBookError(
                f"{folder}: is no folder of passes: `edge-hub pass key --park NAME` makes one"
            ) from error
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise PassBookError(f"{folder / _BOOK}: can't be used: {error}") from error

    @classmethod
    def begin(cls, folder: Path, park: str) -> PassBook:
        """A folder for a park; one that is there already must be of the same park."""
        try:
            check_name(park, "park")
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not (folder / _BOOK).exists():
                _replace(folder / _BOOK, json.dumps({"park": park}).encode() + b"\n", 0o644)
        except (OSError, TopicError) as error:
            raise PassBookError(f"{folder}: can't be begun: {error}") from error
        book = cls(folder)
        if book.park != park:
            raise PassBookError(f"{folder}: is the folder of park '{book.park}'; name another")
        return book

    # --- keys ---------------------------------------------------------------------------------

    def add_key(self, name: str) -> Path:
        """A new key pair: the path of its public half. The others stay. Raises KeyFileError."""
        public = self._folder / f"{name}{PUBLIC_SUFFIX}"
        make_park_keys(self._folder / f"{name}{_KEY}", public)
        return public

    def signing_key(self, name: str | None = None) -> Ed25519PrivateKey:
        """The key of this name, or the last by name. Raises PassBookError, KeyFileError."""
        if name is not None:
            return read_park_private(self._folder / f"{name}{_KEY}")
        keys = sorted(self._folder.glob(f"*{_KEY}"))
        if not keys:
            raise PassBookError(f"{self._folder}: holds no key: `edge-hub pass key` makes one")
        return read_park_private(keys[-1])

    def public_keys(self) -> ParkKeys:
        """The public halves of all keys. Raises KeyFileError."""
        return ParkKeys.read(self._folder)

    # --- passes -------------------------------------------------------------------------------

    def issue(self, one: Pass, key: Ed25519PrivateKey) -> bytes:
        """Sign a pass; it stands in the register before it is given out.

        Raises PassBookError, PassError.
        """
        signed = sign_pass(one, key)
        entry = {
            "id": one.id,
            "holder": one.holder,
            "category": one.category,
            "not_before": format_time(one.not_before),
            "expires": format_time(one.expires),
            "phone": one.phone is not None,
        }
        line = json.dumps(entry, ensure_ascii=False).encode() + b"\n"
        try:
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
            with os.fdopen(os.open(self._folder / _REGISTER, flags, 0o600), "wb") as file:
                file.write(line)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise PassBookError(f"{self._folder / _REGISTER}: {error.strerror}") from error
        return signed

    def issued(self) -> Iterator[Issued]:
        """What was issued, in order. Raises PassBookError."""
        path = self._folder / _REGISTER
        try:
            lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
            for line in lines:
                entry = json.loads(line)
                expires = datetime.fromisoformat(entry["expires"])
                yield Issued(id=entry["id"], holder=entry["holder"], expires=expires)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise PassBookError(f"{path}: can't be read: {error}") from error

    # --- revocations --------------------------------------------------------------------------

    @property
    def revocations_path(self) -> Path:
        return self._folder / f"{REVOKED_PASSES}.json"

    def revocations(self) -> SignedList | None:
        """The list as it is published, None before the first. Raises PassBookError."""
        path = self.revocations_path
        if not path.exists():
            return None
        try:
            return read_list(path.read_bytes(), self.public_keys().by_id())
        except (OSError, ListError, KeyFileError) as error:
            raise PassBookError(f"{path}: can't be used: {error}") from error

    def revoke(self, ids: set[str], key: Ed25519PrivateKey, *, now: datetime) -> SignedList:
        """The list with these passes in it, one version on, on disk. Passes that have expired
        leave it. Raises PassBookError.
        """
        known = self.revocations()
        gone = {one.id for one in self.issued() if one.expires + _KEPT_AFTER_EXPIRY < now}
        items = sorted((set(known.items if known else ()) | ids) - gone)
        fresh = SignedList(
            park=self.park,
            name=REVOKED_PASSES,
            version=known.version + 1 if known else 1,
            at=now.astimezone(UTC),
            items=tuple(items),
        )
        try:
            raw = sign_list(fresh, key, key_id=key_id(key.public_key()).hex())
            _replace(self.revocations_path, raw, 0o644)
        except (OSError, ListError) as error:
            raise PassBookError(f"{self.revocations_path}: can't be written: {error}") from error
        return fresh


def new_pass_id() -> bytes:
    """Random: it tells nothing, and nobody revokes or meets another pass by guessing."""
    return secrets.token_bytes(PASS_ID_BYTES)


def _replace(path: Path, content: bytes, mode: int) -> None:
    fresh = path.with_name(f".{path.name}.new")
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    with os.fdopen(os.open(fresh, flags, mode), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
