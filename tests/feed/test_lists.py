"""Signed lists as bytes: only what the park signed, whole and unaltered."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from feed.lists import ListError, SignedList, read_list, sign_list

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
KEYS = {"0a0b0c0d": KEY.public_key()}
ONE = SignedList(
    park="song-than",
    name="revoked-passes",
    version=3,
    at=datetime(2021, 8, 23, 7, tzinfo=UTC),
    items=("9f2c61d0a35be874", "ánh-tuyết"),
)


def signed(one: SignedList = ONE) -> bytes:
    return sign_list(one, KEY, key_id="0a0b0c0d")


@given(st.lists(st.text(max_size=20), max_size=10), st.integers(1, 2**53 - 1))
def test_what_is_signed_is_what_is_read(items: list[str], version: int) -> None:
    clean = [item.encode(errors="replace").decode() for item in items]
    one = SignedList(park="p", name="n", version=version, at=ONE.at, items=tuple(clean))
    assert read_list(signed(one), KEYS) == one


def test_the_order_and_the_spaces_of_the_json_do_not_matter() -> None:
    """A broker's bridge may write it anew."""
    parts = json.loads(signed())
    turned = json.dumps(dict(reversed(parts.items())), indent=2).encode()
    assert read_list(turned, KEYS) == ONE


@pytest.mark.parametrize("part", ["park", "name", "version", "at", "items", "kid", "extra", "sig"])
def test_any_part_altered_is_forged(part: str) -> None:
    parts = json.loads(signed())
    parts[part] = {"version": 4, "items": [], "sig": "AAAA"}.get(part, "other")
    with pytest.raises(ListError) as caught:
        read_list(json.dumps(parts).encode(), KEYS)
    assert caught.value.forged


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"[]",
        b"{}",
        b"\xff",
        b'{"v":1}',
        b"[" * 100_000,
        b'{"v":NaN}',
        signed().replace(b'"version":3', b'"version":3.5'),
        signed().replace(b'"version":3', b'"version":' + b"9" * 5000),
    ],
    ids=range(9),
)
def test_what_is_no_list_is_an_error_and_no_crash(raw: bytes) -> None:
    with pytest.raises(ListError):
        read_list(raw, KEYS)


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=5),
                    lambda inner: st.lists(inner, max_size=3), max_leaves=5),
       st.sampled_from(["v", "park", "name", "version", "at", "items", "kid", "sig"]))  # fmt: skip
def test_any_json_is_a_list_or_an_error(value, part: str) -> None:
    parts = json.loads(signed())
    parts[part] = value
    with pytest.raises(ListError):
        read_list(json.dumps(parts).encode(), KEYS)


def test_an_endless_list_is_neither_signed_nor_read() -> None:
    long = SignedList(park="p", name="n", version=1, at=ONE.at, items=("x" * 1_000_000,))
    with pytest.raises(ListError, match="at most"):
        signed(long)
    with pytest.raises(ListError, match="at most"):
        read_list(b" " * 1_000_001, KEYS)


@pytest.mark.parametrize("parts", [{"name": "A/b"}, {"version": 0}, {"version": 2**53}])
def test_what_can_be_no_list_is_refused_when_it_is_made(parts) -> None:
    given = {"park": "p", "name": "n", "version": 1, "at": ONE.at, "items": ()}
    with pytest.raises(ListError):
        SignedList(**given | parts)
