"""Tokens: one person, one token, and nobody's name in it."""

from __future__ import annotations

import threading

import pytest

from identity.token import Token, Tokeniser

KEY = bytes(range(100, 132))
WHO = "cccd:001187000001"


@pytest.fixture(scope="module")
def park() -> Tokeniser:
    return Tokeniser(KEY, key_id="k1", scope="park")


def test_the_token_of_a_person_never_changes(park: Tokeniser) -> None:
    """A changed parameter would make everyone a stranger: it needs a new key id."""
    assert park.token(WHO) == Token(kid="k1", scope="park", v="VawdUgVEd7fLgoxtEUJzeg")


def test_gates_that_share_key_and_scope_give_one_token(park: Tokeniser) -> None:
    assert Tokeniser(KEY, key_id="k1", scope="park").token(WHO) == park.token(WHO)


def test_people_keys_and_scopes_give_tokens_of_their_own(park: Tokeniser) -> None:
    values = {
        park.token(WHO).v,
        park.token("cccd:001187000002").v,
        Tokeniser(KEY, key_id="k1", scope="province").token(WHO).v,
        Tokeniser(bytes(32), key_id="k1", scope="park").token(WHO).v,
    }
    assert len(values) == 4


def test_a_token_holds_nothing_of_the_identity(park: Tokeniser) -> None:
    token = park.token(WHO)
    assert "001187" not in repr(token)
    assert len(token.v) == 22  # 128 bits in base64url


def test_any_text_has_a_token(park: Tokeniser) -> None:
    assert len({park.token(text).v for text in ("", "\0", "x" * 5_000, "Trần")}) == 4


def test_who_comes_again_is_not_derived_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A badge shown all day must not cost the gate 100 ms each time."""
    tokeniser = Tokeniser(KEY, key_id="k1", scope="park")
    derived: list[bytes] = []

    def derive(identity: bytes) -> str:
        derived.append(identity)
        return identity.decode()

    monkeypatch.setattr(tokeniser, "_derive", derive)
    for _ in range(3):
        tokeniser.token("a")
        tokeniser.token("b")
    assert derived == [b"a", b"b"]


def test_the_oldest_tokens_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    tokeniser = Tokeniser(KEY, key_id="k1", scope="park")
    derived: list[bytes] = []

    def derive(identity: bytes) -> str:
        derived.append(identity)
        return identity.decode()

    monkeypatch.setattr(tokeniser, "_derive", derive)
    tokeniser.token("regular")
    tokeniser.token("once")
    for number in range(511):
        tokeniser.token(str(number))
        tokeniser.token("regular")
    tokeniser.token("regular")
    assert derived.count(b"regular") == 1
    tokeniser.token("once")
    assert derived.count(b"once") == 2
    assert len(tokeniser._cache) == 512


def test_the_memory_of_tokens_holds_no_identity(park: Tokeniser) -> None:
    park.token(WHO)
    assert not any(b"001187" in place for place in park._cache)


def test_two_readers_may_ask_at_once(park: Tokeniser) -> None:
    names = [f"bhyt:{number:010}" for number in range(4)]
    answers: dict[int, list[Token]] = {}

    def ask(reader: int) -> None:
        answers[reader] = [park.token(name) for name in names]

    threads = [threading.Thread(target=ask, args=(reader,)) for reader in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert answers[0] == answers[1] == answers[2]


@pytest.mark.parametrize("key", [b"", b"short", bytes(31), bytes(33)])
def test_a_key_of_another_size_is_refused(key: bytes) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        Tokeniser(key, key_id="k1", scope="park")
