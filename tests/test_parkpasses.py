"""Passes at a gate, from the bytes of a code to the record: let in, or refused with the reason."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from edge.clock import ManualClock
from edge.config.rules import to_rules
from edge.gate.events import CodeSeen, Noted
from edge.gate.rules import Rules
from edge.identify import TrustConfigError, Understander
from edge.parkpasses import ParkPasses
from edge.scan.presentation import Presentations
from feed.lists import REVOKED_PASSES, SignedList, sign_list
from feed.record import Draft
from identity.credential import Scheme
from identity.passes.claims import Declaration
from identity.passes.code import sign_pass, write_code
from identity.passes.keys import key_id
from identity.schemes.park_pass import step_at
from tests.acceptance.gates import config
from tests.gate.gatebench import Bench
from tests.passmaker import NOW, Park

TOPIC = f"gate/v1/song-than/list/{REVOKED_PASSES}"


class Gate:
    """One gate of the park: its own keys, lists, clock and memory."""

    def __init__(self, folder: Path, park: Park, site: str = "cong-chinh", **trust: Any) -> None:
        folder.mkdir()
        keys = folder / "park.pub.pem"
        keys.write_bytes(
            park.key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        )
        self.config = config(
            folder / "records",
            gate={"park": "song-than", "site": site, "gate": "g1"},
            reader={"mode": "code_only"},
            trust={"park_keys": keys, "lists_path": folder / "lists", **trust},
        )
        self.clock = ManualClock(NOW)
        self.noted: list[Noted] = []
        self.passes = ParkPasses(self.config, self.clock, self.noted.append)
        self.passes.load()
        understand = Understander.load(self.config.trust, self.clock, park_pass=self.passes.parse)
        self.presentations = Presentations("in", understand, gap_s=1.5, max_code_bytes=3000)
        rules = to_rules(self.config)
        self.bench = Bench(replace(rules, repeat_s=0.0))

    def shown(self, payload: bytes) -> tuple[str, ...]:
        """Hold a code before the camera and go away: the reasons of the record."""
        before = len(self.passages)
        seen = self.presentations.frame(self.clock.monotonic(), [payload])
        assert isinstance(seen, CodeSeen)
        self.bench.send(seen)
        self.wait(5)
        (record,) = self.passages[before:]
        assert record.decision is not None
        assert (record.decision.result == "granted") == self._lets_in(record)
        return record.decision.reasons

    @staticmethod
    def _lets_in(record: Draft) -> bool:
        assert record.decision is not None
        return set(record.decision.reasons) <= {"code_accepted", "code_flagged"}

    def wait(self, seconds: float) -> None:
        self.clock.advance(seconds)
        self.bench.after(seconds)
        self.bench.after(30)  # until the lane is free again; the time of day stands still meanwhile

    @property
    def passages(self) -> list[Draft]:
        return [draft for draft, _ in self.bench.drafts.values() if draft.kind == "passage"]

    def revoke(self, park: Park, *ids: str, version: int = 1) -> None:
        one = SignedList(park="song-than", name=REVOKED_PASSES, version=version, at=NOW, items=ids)
        raw = sign_list(one, park.key, key_id=key_id(park.key.public_key()).hex())
        assert self.passes.lists is not None
        self.passes.lists.take(TOPIC, raw)


@pytest.fixture
def park() -> Park:
    return Park()


@pytest.fixture
def gate(tmp_path: Path, park: Park) -> Gate:
    return Gate(tmp_path / "one", park)


def test_a_badge_lets_its_holder_in_with_category_and_declaration(gate, park) -> None:
    declared = Declaration(date=date(2021, 8, 22), answers={"fever": False})
    assert gate.shown(park.code(declaration=declared)) == ("code_accepted",)
    (record,) = gate.passages
    assert record.declaration == {"date": "2021-08-22", "fever": False}


@pytest.mark.parametrize(
    ("parts", "reason"),
    [
        ({"expires": NOW - timedelta(seconds=1)}, "code_expired"),
        ({"not_before": NOW + timedelta(minutes=5)}, "code_not_yet_valid"),
        ({"sites": ("kho-3",)}, "code_wrong_site"),
        ({"park": "another"}, "code_wrong_site"),
        ({"pass_id": bytes(8)}, "code_revoked"),
    ],
    ids=["expired", "not yet valid", "wrong site", "another park", "revoked"],
)
def test_a_genuine_pass_that_does_not_count_is_refused(gate, park, parts, reason) -> None:
    gate.revoke(park, bytes(8).hex())
    assert gate.shown(park.code(**parts)) == (reason,)


def test_a_forged_pass_is_refused_whoever_signed_it(gate, park) -> None:
    stranger = Ed25519PrivateKey.from_private_bytes(bytes(32))
    forged = write_code(sign_pass(park.one(), stranger)).encode()
    assert gate.shown(forged) == ("code_unproved",)


def test_an_altered_pass_is_refused(gate, park) -> None:
    message = bytearray(sign_pass(park.one(), park.key))
    message[-1] ^= 1
    assert gate.shown(write_code(bytes(message)).encode()) == ("code_signature_invalid",)


def test_a_photographed_pass_is_refused_after_its_time_at_this_gate_and_another(
    gate, park, tmp_path
) -> None:
    other = Gate(tmp_path / "other", park, site="cong-phu")
    photograph = park.rotating()
    assert gate.shown(photograph) == ("code_accepted",)
    assert gate.shown(photograph) == ("code_replayed",)
    gate.wait(25)
    other.wait(25)
    assert gate.shown(photograph) == ("code_stale",)
    assert other.shown(photograph) == ("code_stale",)
    # its owner comes again
    assert gate.shown(park.rotating(gate.clock.now())) == ("code_accepted",)


def test_within_its_time_another_gate_takes_a_photograph(park, tmp_path) -> None:
    """Said in the documentation: gates don't tell each other which codes they took."""
    one, other = (Gate(tmp_path / name, park) for name in ("one", "other"))
    assert one.shown(park.rotating()) == ("code_accepted",)
    assert other.shown(park.rotating()) == ("code_accepted",)


def test_the_link_of_a_phones_pass_lets_nobody_in(gate, park) -> None:
    assert gate.shown(write_code(park.phone_pass()).encode()) == ("code_not_possessed",)


def test_a_code_that_changes_while_it_is_held_is_one_presentation(gate, park) -> None:
    """Otherwise whoever waits with the phone in hand is refused, or recorded twice."""
    numbers = set()
    codes: dict[int, bytes] = {}
    for _ in range(30):
        step = step_at(gate.clock.now(), 10)
        payload = codes.setdefault(step, park.rotating(gate.clock.now()))
        seen = gate.presentations.frame(gate.clock.monotonic(), [payload])
        if seen is not None:
            assert isinstance(seen, CodeSeen)
            assert "replayed" not in seen.credential.flags
            numbers.add(seen.presentation)
        gate.clock.advance(0.7)
    assert len(codes) == 3
    assert numbers == {"in-1"}


# --- a gate whose clock is not set ----------------------------------------------------------


def test_an_unset_clock_flags_passes_or_refuses_them_as_the_operator_says(park, tmp_path) -> None:
    for policy, reason in (("flag", "code_flagged"), ("deny", "code_clock_unsure")):
        gate = Gate(tmp_path / policy, park, clock_unsure=policy)
        gate.clock.state = "unsynced"
        gate.clock.set(datetime(2021, 8, 1, tzinfo=UTC))
        assert gate.shown(park.code()) == (reason,)
        assert gate.shown(park.rotating()) == (reason,)


def test_where_possession_is_required_an_unset_clock_can_not_prove_it(park, tmp_path) -> None:
    gate = Gate(tmp_path / "strict", park)
    rules = to_rules(gate.config)
    required = {**rules.required, Scheme.PASS: frozenset({"signature", "possession"})}
    gate.bench = Bench(replace(rules, required=required, repeat_s=0.0))
    assert gate.shown(park.rotating()) == ("code_accepted",)
    assert gate.shown(park.code()) == ("code_unproved",)
    gate.wait(10)
    gate.clock.state = "unsynced"
    assert gate.shown(park.rotating(gate.clock.now())) == ("code_unproved",)


# --- the list of revoked passes -------------------------------------------------------------


def test_a_revoked_pass_stays_refused_after_a_restart_without_a_network(
    gate, park, tmp_path
) -> None:
    gate.revoke(park, park.one().id)
    again = ParkPasses(gate.config, gate.clock, gate.noted.append)
    again.load()
    assert again.lists is not None
    assert again.lists.revoked(park.one().id)
    assert [noted.name for noted in gate.noted] == ["list_taken"]


# --- the configuration ----------------------------------------------------------------------


def rules_of(folder: Path, **tables: Any) -> Rules:
    return to_rules(config(folder / "records", **tables))


def test_with_the_parks_key_a_signature_is_always_required(gate, tmp_path) -> None:
    assert to_rules(gate.config).required[Scheme.PASS] == {"signature"}
    assert rules_of(tmp_path).required[Scheme.PASS] == frozenset()


def test_a_gate_that_holds_the_private_key_does_not_start(park, tmp_path) -> None:
    private = tmp_path / "park.key.pem"
    private.write_bytes(park.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    made = config(tmp_path / "records", trust={"park_keys": private})
    with pytest.raises(TrustConfigError, match="must not lie on a gate"):
        ParkPasses(made, ManualClock(), lambda _: None)


def test_possession_can_not_be_required_without_a_key(tmp_path) -> None:
    with pytest.raises(ValueError, match=r"needs trust\.park_keys"):
        rules_of(tmp_path, schemes={"require": {"pass": ["possession"]}})


def test_without_a_key_passes_are_flagged_and_no_lists_are_asked_for(park, tmp_path) -> None:
    made = config(tmp_path / "records")
    passes = ParkPasses(made, ManualClock(), lambda _: None)
    assert passes.lists is None
    understand = Understander.load(made.trust, ManualClock(), park_pass=passes.parse)
    assert understand(park.code()).flags == ("unverified",)
