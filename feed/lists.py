"""Lists for all gates of a park: revoked passes, roster, watch list. Signed and versioned.

One JSON object on the retained topic `gate/v1/{park}/list/{name}`. The signature is Ed25519
(RFC 8032) over a label and the object without `sig`, written canonically: keys in the order of
their code points, no spaces, text as UTF-8. There are no fractions in a list, so this is RFC 8785
for what can stand here.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from pydantic import AwareDatetime, TypeAdapter, ValidationError

from feed.codec import format_time

REVOKED_PASSES = "revoked-passes"

# what a gate takes in one packet, less the topic
LARGEST_BYTES = 1_000_000
LAST_VERSION = 2**53 - 1  # the largest whole number that every JSON reader keeps

_LABEL = b"edge-gate list 1\0"
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
_PARTS = ("v", "park", "name", "version", "at", "items", "kid", "sig")
_AT: TypeAdapter[datetime] = TypeAdapter(AwareDatetime)


class ListError(ValueError):
    """Bytes that are no list, on one line; `forged` where its signature does not hold."""

    def __init__(self, message: str, *, forged: bool = False) -> None:
        super().__init__(message)
        self.forged = forged


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedList:
    """A list whose signature held. `version` rises with every change; `at` says when, UTC."""

    park: str
    name: str
    version: int
    at: datetime
    items: tuple[str, ...] = field(repr=False)

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ListError("name: not a-z, 0-9 and '-', at most 64")
        if not 1 <= self.version <= LAST_VERSION:
            raise ListError("version: not 1 or more")
        if not all(isinstance(item, str) for item in self.items):
            raise ListError("items: not all of them text")


def sign_list(one: SignedList, key: Ed25519PrivateKey, *, key_id: str) -> bytes:
    """The list as bytes to publish. Raises ListError for one that is too long."""
    body: dict[str, Any] = {
        "v": 1,
        "park": one.park,
        "name": one.name,
        "version": one.version,
        "at": format_time(one.at),
        "items": list(one.items),
        "kid": key_id,
    }
    signature = base64.urlsafe_b64encode(key.sign(_covered(body))).rstrip(b"=").decode()
    raw = json.dumps(body | {"sig": signature}, ensure_ascii=False, separators=(",", ":")).encode()
    if len(raw) > LARGEST_BYTES:
        raise ListError(f"{len(raw)} bytes: a gate takes {LARGEST_BYTES} at most")
    return raw


def read_list(raw: bytes, keys: Mapping[str, Ed25519PublicKey]) -> SignedList:
    """The list in these bytes, signed by one of `keys` (by key id). Raises ListError."""
    if len(raw) > LARGEST_BYTES:
        raise ListError(f"{len(raw)} bytes: a list has {LARGEST_BYTES} at most")
    try:
        body = json.loads(raw, parse_float=_no_fraction, parse_constant=_no_fraction)
    except (ValueError, RecursionError) as error:
        raise ListError("is no JSON that a list can be") from error
    if not isinstance(body, dict) or not set(_PARTS) <= body.keys():
        raise ListError(f"is no list: not an object with {', '.join(_PARTS)}")
    signature = _signature(body.pop("sig"))
    key = keys.get(body["kid"]) if isinstance(body["kid"], str) else None
    if key is None:
        raise ListError("is signed with a key that is not known here", forged=True)
    try:
        key.verify(signature, _covered(body))
    except InvalidSignature as error:
        raise ListError("has a signature that does not hold", forged=True) from error
    return _checked(body)


def _checked(body: dict[str, Any]) -> SignedList:
    version, items = body["version"], body["items"]
    if body["v"] != 1:
        raise ListError(f"is of version {body['v']!r} of this format, this software reads 1")
    if not isinstance(version, int) or isinstance(version, bool) or not isinstance(items, list):
        raise ListError("is no list: version or items of another kind")
    try:
        at = _AT.validate_json(json.dumps(body["at"]), strict=True)
    except ValidationError as error:
        raise ListError("is no list: at is no time") from error
    return SignedList(
        park=str(body["park"]), name=str(body["name"]), version=version, at=at, items=tuple(items)
    )


def _covered(body: Mapping[str, Any]) -> bytes:
    try:
        text = json.dumps(
            body, ensure_ascii=False, separators=(",", ":"), sort_keys=True, allow_nan=False
        )
        return _LABEL + text.encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise ListError("holds what can't be written as JSON") from error


def _signature(text: object) -> bytes:
    try:
        padded = str(text) + "=" * (-len(str(text)) % 4)
        return base64.b64decode(padded, altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise ListError("has a signature that is no base64url", forged=True) from error


def _no_fraction(_text: str) -> Any:
    raise ValueError("a list holds no fractions")
