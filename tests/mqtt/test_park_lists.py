"""Lists on a real broker reach the gate: when they change, and when the gate comes back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edge.gate.events import Noted
from edge.lists import Lists
from edge.mqtt.publisher import Publisher
from feed.lists import REVOKED_PASSES, SignedList, sign_list
from feed.topics import Channel, build
from tests.mqtt.support import PARK, Broker, MemoryOutbox, passage, wait_until
from tests.mqtt.watcher import Watcher

Gate = Callable[..., Publisher]
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
TOPIC = build(Channel.LIST, park=PARK, name=REVOKED_PASSES)


def raw(version: int, *items: str) -> bytes:
    one = SignedList(park=PARK, name=REVOKED_PASSES, version=version,
                     at=datetime(2021, 8, 23, tzinfo=UTC), items=items)  # fmt: skip
    return sign_list(one, KEY, key_id="k")


@pytest.fixture
def noted() -> list[Noted]:
    return []


@pytest.fixture
def lists(tmp_path: Path, noted: list[Noted]) -> Lists:
    made = Lists(tmp_path / "lists", {"k": KEY.public_key()}, park=PARK, note=noted.append)
    made.load()
    return made


def test_a_retained_list_is_there_when_the_gate_connects_and_changes_come(
    broker: Broker, watcher: Watcher, gate: Gate, lists: Lists, noted: list[Noted]
) -> None:
    watcher.publish(TOPIC, raw(1, "aa"), retain=True)
    outbox = MemoryOutbox([passage()])
    gate(broker.port, outbox, on_list=lists.take)
    assert wait_until(lambda: lists.revoked("aa"))
    watcher.publish(TOPIC, raw(2, "aa", "bb"), retain=True)
    assert wait_until(lambda: lists.revoked("bb"))
    watcher.publish(TOPIC, raw(1), retain=True)
    assert wait_until(lambda: len(noted) == 3)
    assert [one.name for one in noted] == ["list_taken", "list_taken", "list_rolled_back"]
    assert lists.revoked("aa")
    # records go on meanwhile
    assert wait_until(lambda: outbox.confirmed_upto == 1)


def test_a_gate_without_the_parks_key_asks_for_no_lists(
    broker: Broker, watcher: Watcher, gate: Gate
) -> None:
    watcher.publish(TOPIC, raw(1), retain=True)
    outbox = MemoryOutbox([passage()])
    worker = gate(broker.port, outbox)
    assert wait_until(lambda: outbox.confirmed_upto == 1)
    assert worker.health().last_error is None
