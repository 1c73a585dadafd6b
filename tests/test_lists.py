"""A gate's lists: taken when the park signed them, only forwards, and there after a reboot."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edge.gate.events import Noted
from edge.lists import MOST_LISTS, Lists
from feed.lists import SignedList, sign_list
from feed.record import Kind

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
TOPIC = "gate/v1/song-than/list/revoked-passes"


def raw(version: int, *items: str, key: Ed25519PrivateKey = KEY, **parts: Any) -> bytes:
    given: dict[str, Any] = {
        "park": "song-than",
        "name": "revoked-passes",
        "at": datetime(2021, 8, 23, tzinfo=UTC),
    }
    return sign_list(SignedList(**given | parts, version=version, items=items), key, key_id="k")


class Gate:
    def __init__(self, folder: Path) -> None:
        self.noted: list[Noted] = []
        self.lists = Lists(
            folder, {"k": KEY.public_key()}, park="song-than", note=self.noted.append
        )
        self.lists.load()

    @property
    def told(self) -> list[str]:
        assert all(noted.kind is Kind.AUDIT for noted in self.noted)
        return [noted.name for noted in self.noted]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "lists"


@pytest.fixture
def gate(folder: Path) -> Gate:
    return Gate(folder)


def test_a_list_is_taken_and_told(gate) -> None:
    gate.lists.take(TOPIC, raw(1, "9f2c61d0a35be874"))
    assert gate.lists.revoked("9f2c61d0a35be874")
    assert not gate.lists.revoked("0000000000000000")
    assert gate.told == ["list_taken"]
    assert gate.noted[0].detail == {"list": "revoked-passes", "version": 1, "items": 1}


def test_a_gate_that_starts_without_a_network_knows_its_lists(gate, folder) -> None:
    gate.lists.take(TOPIC, raw(4, "9f2c61d0a35be874"))
    again = Gate(folder)
    assert again.lists.revoked("9f2c61d0a35be874")
    assert again.told == []
    again.lists.take(TOPIC, raw(3))
    assert again.told == ["list_rolled_back"]
    assert again.lists.revoked("9f2c61d0a35be874")


def test_an_older_version_is_refused_and_told_once(gate) -> None:
    gate.lists.take(TOPIC, raw(2, "aa"))
    for _ in range(3):
        gate.lists.take(TOPIC, raw(1))
    assert gate.told == ["list_taken", "list_rolled_back"]
    assert gate.lists.revoked("aa")
    gate.lists.take(TOPIC, raw(3))
    gate.lists.take(TOPIC, raw(1))
    assert gate.told[2:] == ["list_taken", "list_rolled_back"]


def test_another_list_of_the_same_version_is_refused(gate) -> None:
    gate.lists.take(TOPIC, raw(2, "aa"))
    gate.lists.take(TOPIC, raw(2, "bb"))
    assert gate.told == ["list_taken", "list_conflicting"]
    assert gate.lists.revoked("aa")


def test_the_same_list_again_is_nothing_new(gate) -> None:
    for _ in range(3):
        gate.lists.take(TOPIC, raw(2, "aa"))
    assert gate.told == ["list_taken"]


@pytest.mark.parametrize(
    ("payload", "told"),
    [
        (raw(9, key=Ed25519PrivateKey.from_private_bytes(bytes(32))), "list_forged"),
        (raw(9).replace(b'"version":9', b'"version":8'), "list_forged"),
        (raw(9, park="another"), "list_forged"),
        (raw(9, name="roster"), "list_forged"),
        (b"{}", "list_unreadable"),
        (b"\xff", "list_unreadable"),
    ],
    ids=["another key", "altered", "another park", "another list", "no list", "no text"],
)
def test_what_the_park_did_not_sign_for_here_is_refused(gate, payload, told) -> None:
    gate.lists.take(TOPIC, raw(1, "aa"))
    gate.lists.take(TOPIC, payload)
    assert gate.told == ["list_taken", told]
    assert gate.lists.versions() == {"revoked-passes": 1}


def test_an_emptied_topic_takes_nothing_away(gate) -> None:
    gate.lists.take(TOPIC, raw(1, "aa"))
    gate.lists.take(TOPIC, b"")
    assert gate.lists.revoked("aa")


def test_a_damaged_file_is_told_and_the_next_list_heals_it(gate, folder) -> None:
    gate.lists.take(TOPIC, raw(1, "aa"))
    (folder / "revoked-passes.json").write_bytes(b"{")
    again = Gate(folder)
    assert again.told == ["list_unreadable"]
    again.lists.take(TOPIC, raw(1, "aa"))
    assert again.lists.revoked("aa")
    assert Gate(folder).lists.revoked("aa")


def test_a_write_that_was_cut_leaves_the_list_before(gate, folder) -> None:
    gate.lists.take(TOPIC, raw(1, "aa"))
    (folder / ".revoked-passes.json.new").write_bytes(raw(2)[:40])
    assert Gate(folder).lists.versions() == {"revoked-passes": 1}


def test_a_list_that_can_not_be_kept_counts_until_the_restart(tmp_path) -> None:
    (tmp_path / "lists").write_text("a file where the folder should be")
    gate = Gate(tmp_path / "lists")
    gate.lists.take(TOPIC, raw(1, "aa"))
    assert gate.lists.revoked("aa")
    assert gate.noted[0].detail == {
        "list": "revoked-passes", "version": 1, "items": 1, "kept": False,
    }  # fmt: skip


def test_lists_of_many_names_do_not_fill_the_disk(gate, folder) -> None:
    for number in range(MOST_LISTS + 3):
        gate.lists.take(f"gate/v1/song-than/list/l{number}", raw(1, name=f"l{number}"))
    assert len(list(folder.glob("*.json"))) == MOST_LISTS


def test_another_topic_is_no_list(gate) -> None:
    gate.lists.take("gate/v1/song-than/a/b/record", raw(1))
    assert gate.told == []
