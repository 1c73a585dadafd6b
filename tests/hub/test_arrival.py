"""What comes on a record topic: kept under its key where it has one, never an exception."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feed.codec import erase_sealed, record_hash
from feed.record import Draft, Kind, Person, Sealed
from hub.arrival import LARGEST_SEQ, Arrival, Unreadable, examine
from tests.hub.support import PLACE, Chain, loss

TOPIC = PLACE.record
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
JSON = st.recursive(LEAVES, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner))


def changed(chain: Chain, **parts: Any) -> bytes:
    return json.dumps(json.loads(chain.add()) | parts).encode()


def unreadable(raw: bytes, topic: str = TOPIC) -> str:
    found = examine(topic, raw)
    assert isinstance(found, Unreadable)
    assert "\n" not in found.reason
    return found.reason


def readable(raw: bytes) -> Arrival:
    found = examine(TOPIC, raw)
    assert isinstance(found, Arrival)
    return found


def test_a_record_is_taken_with_its_bytes_and_hash(chain: Chain) -> None:
    chain.grow(1)
    raw = chain.add()
    found = chain.arrival(2)
    assert (found.raw, found.hash) == (raw, record_hash(raw))
    assert (found.stream, found.seq, found.kind) == (chain.stream, 2, "door")
    assert found.prev == record_hash(chain.raws[1])
    assert (found.problem, found.lost) == (None, ())


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\xff\xfe",
        b"null",
        b"[1]",
        b'"text"',
        b"{}",
        b'{"stream":"s"}',
        b'{"stream":"s","seq":"1"}',
        b'{"stream":"s","seq":true}',
        b'{"stream":7,"seq":1}',
        b"[" * 100_000,
        b'{"seq":' + b"9" * 10_000 + b"}",
    ],
)
def test_what_has_no_key_is_unreadable(raw: bytes) -> None:
    assert unreadable(raw).startswith("not a record")


@pytest.mark.parametrize("seq", [0, -1, LARGEST_SEQ + 1, 10**30])
def test_a_seq_that_no_database_holds_is_unreadable(chain: Chain, seq: int) -> None:
    unreadable(changed(chain, seq=seq))


@pytest.mark.parametrize("stream", ["", "a/b", "+", "#", "\ud800", "\0", "x" * 129])
def test_a_stream_that_no_receipt_topic_can_name_is_unreadable(chain: Chain, stream: str) -> None:
    unreadable(changed(chain, stream=stream))
    unreadable(changed(chain, stream=stream, v="broken"))


@pytest.mark.parametrize("version", [{}, {"v": 2, "clock": "another form"}])
def test_a_record_on_another_gates_topic_is_unreadable(
    chain: Chain, version: dict[str, Any]
) -> None:
    """A gate could otherwise write in another's name: the broker guards topics alone."""
    raw = changed(chain, gate="gate-2", **version)
    assert "park-1/site-1/gate-2 came on the topic of park-1/site-1/gate-1" in unreadable(raw)


@pytest.mark.parametrize("topic", ["gate/v1/p/s/g/alarm", "gate/v1/p/s/record", "x", ""])
def test_another_topic_is_unreadable(chain: Chain, topic: str) -> None:
    unreadable(chain.add(), topic)


def test_a_record_of_a_newer_version_keeps_its_key(chain: Chain) -> None:
    found = readable(changed(chain, v=2, clock="another form", kind="new"))
    assert (found.seq, found.kind) == (1, None)
    assert found.problem is not None
    assert "clock" in found.problem


def test_unknown_kinds_and_keys_are_no_problem(chain: Chain) -> None:
    found = readable(changed(chain, kind="weather", rain=True))
    assert (found.kind, found.problem) == ("weather", None)


def test_an_erased_identity_leaves_the_hash(chain: Chain) -> None:
    sealed = Sealed(kid="k", alg="x", ct="c2VjcmV0")
    raw = chain.add(Draft(kind=Kind.PASSAGE, person=Person(scheme="cccd", sealed=sealed)))
    assert readable(erase_sealed(raw)).hash == readable(raw).hash


def test_a_loss_names_what_it_accounts_for(chain: Chain) -> None:
    chain.grow(9)
    chain.add(loss((2, 3), (7, 7)))
    assert chain.arrival(10).lost == ((2, 3, "damaged"), (7, 7, "damaged"))


@pytest.mark.parametrize("span", [(0, 3), (3, 2), (5, 10), (5, 10**15), (-4, -2)])
def test_a_loss_of_what_it_can_not_know_accounts_for_nothing(
    chain: Chain, span: tuple[int, int]
) -> None:
    """A loss of the future would confirm records that nobody has stored."""
    chain.grow(9)
    chain.add(loss((2, 3), span))
    found = chain.arrival(10)
    assert found.lost == ()
    assert found.problem is not None


@given(st.binary(max_size=200))
def test_any_bytes_are_answered(raw: bytes) -> None:
    examine(TOPIC, raw)


@given(JSON, st.dictionaries(st.sampled_from(["stream", "seq", "prev", "kind", "v"]), JSON))
def test_any_json_is_answered(parts: Any, key: dict[str, Any]) -> None:
    examine(TOPIC, json.dumps(parts).encode())
    base = json.loads(Chain().add())
    examine(TOPIC, json.dumps(base | key).encode())
    examine(TOPIC, json.dumps(base | key, ensure_ascii=False).encode(errors="surrogatepass"))
