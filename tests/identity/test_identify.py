"""The person of a record: what stands in it, and what never does."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from edge.clock import ManualClock
from edge.config.model import IdentityTable, TrustTable
from edge.identify import (
    Identifier,
    IdentifyError,
    IdentityConfigError,
    TrustConfigError,
    Understander,
)
from feed.codec import encode
from feed.record import Clock, Person, Record
from feed.record import Sealed as SealedPart
from identity.keys import make_token_key
from identity.schemes import understand
from identity.seal import Identity, Opener, Sealed
from tests.identity import signing

CODES = [
    "001187000001|012345678|Trần Thị Thử|18011987|Nữ|1 Phố Thử, Hà Nội|01012022",
    "001187000001|TRAN THI THU|1987-01-18|0|162900000000000001|<2<00<0900000001",
    "******000001|TRAN THI THU|1987-**-**|0|162900000000000001|<2<00<0900000001",
    f"0123456789|{'Trần Thị Thử'.encode().hex()}|18/01/1987|2|-|01 001|01/01/2021|-|-|$",
    "STAFF-000001 TRAN",
]
CLEAR = ["000001", "012345678", "1629000", "0123456789", "Tr", "TRAN", "1987", "STAFF"]


def table(**parts: Any) -> IdentityTable:
    return IdentityTable(**parts)


def record_of(person: Person) -> bytes:
    return encode(
        Record(
            kind="passage",
            person=person,
            stream="s",
            seq=1,
            park="p",
            site="s",
            gate="g",
            at=datetime(2021, 8, 23, tzinfo=UTC),
            clock=Clock(state="synced", boot="b", uptime_s=1.0),
        )
    )


@pytest.mark.parametrize("code", CODES)
def test_no_record_holds_an_identity_in_clear(
    code: str, token_key_file: Path, public_file: Path
) -> None:
    identifier = Identifier.load(table(key_file=token_key_file, seal_key_file=public_file))
    credential = understand(code.encode())
    raw = record_of(identifier.identify(credential)).decode()
    for part in ('"token":{', '"sealed":{'):
        assert part in raw
    assert "plain" not in raw
    # base64 may hold two letters by chance: longer ones and the parts around it may not
    shown = raw.replace(raw.split('"ct":"')[1].split('"')[0], "")
    for clear in CLEAR:
        assert clear not in shown
        assert len(clear) < 5 or clear not in raw


def test_the_authority_learns_who_it_was(
    token_key_file: Path, public_file: Path, authority: X25519PrivateKey
) -> None:
    identifier = Identifier.load(
        table(key_file=token_key_file, seal_key_file=public_file, seal_key_id="s9")
    )
    credential = understand(CODES[0].encode())
    part = identifier.identify(credential).sealed
    assert isinstance(part, SealedPart)
    opened = Opener(authority, key_id="s9").open(Sealed(kid=part.kid, alg=part.alg, ct=part.ct))
    assert opened == Identity.of(credential)


def test_a_card_and_the_app_of_one_person_are_one_token(token_key_file: Path) -> None:
    identifier = Identifier.load(table(key_file=token_key_file, key_id="k7", scope="province-01"))
    card, app = (identifier.identify(understand(code.encode())) for code in CODES[:2])
    assert card.token == app.token
    assert card.token is not None
    assert (card.token.kid, card.token.scope) == ("k7", "province-01")
    assert (card.scheme, app.scheme) == ("cccd", "pc-covid")
    assert card.sealed is None


def test_what_is_odd_about_a_code_stands_in_the_record(token_key_file: Path) -> None:
    identifier = Identifier.load(table(key_file=token_key_file))
    assert identifier.identify(understand(CODES[2].encode())).flags == ("masked",)
    assert identifier.identify(understand(CODES[0].encode())).flags is None


def test_plain_mode_says_who_it_was() -> None:
    person = Identifier.load(table(mode="plain")).identify(understand(CODES[0].encode()))
    assert person.plain == {
        "canonical": "cccd:001187000001",
        "name": "Trần Thị Thử",
        "birth_date": "1987-01-18",
        "sex": "female",
        "document": "001187000001",
    }
    assert person.token is None


def test_plain_mode_with_a_key_is_linked_like_the_others(token_key_file: Path) -> None:
    credential = understand(b"STAFF-42")
    plain = Identifier.load(table(mode="plain", key_file=token_key_file)).identify(credential)
    token = Identifier.load(table(mode="token", key_file=token_key_file)).identify(credential)
    assert plain.plain == {"canonical": "opaque:STAFF-42"}
    assert plain.token == token.token


def test_without_token_and_sealing_the_scheme_is_left() -> None:
    person = Identifier.bare(understand(CODES[2].encode()))
    assert person == Person(scheme="pc-covid", flags=("masked",))


def test_an_identity_that_fails_is_said_without_telling_it(
    token_key_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    identifier = Identifier.load(table(key_file=token_key_file))

    def no_memory(canonical: str) -> None:
        raise MemoryError(canonical)

    monkeypatch.setattr(identifier._tokeniser, "token", no_memory)
    with pytest.raises(IdentifyError) as caught:
        identifier.identify(understand(CODES[0].encode()))
    assert str(caught.value) == "no token or sealing: MemoryError"
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("key", ["key_file", "seal_key_file"])
def test_a_key_file_that_is_missing_is_named_with_its_key(
    key: str, token_key_file: Path, tmp_path: Path
) -> None:
    files = {"key_file": token_key_file} | {key: tmp_path / "nowhere"}
    with pytest.raises(IdentityConfigError) as caught:
        Identifier.load(table(**files))
    said = str(caught.value)
    assert (
        said
        == f"[identity] {key}: {tmp_path / 'nowhere'}: can't be read: No such file or directory"
    )


def test_while_keys_change_both_tokens_stand_in_the_record(
    tmp_path: Path, token_key_file: Path
) -> None:
    new = tmp_path / "new.key"
    make_token_key(new)
    before = Identifier.load(table(key_file=token_key_file, key_id="k1"))
    between = Identifier.load(
        table(key_file=new, key_id="k2", previous_key_file=token_key_file, previous_key_id="k1")
    )
    credential = understand(CODES[0].encode())
    old, both = before.identify(credential), between.identify(credential)
    assert both.token_before == old.token
    assert both.token is not None
    assert both.token.kid == "k2"
    assert old.token_before is None


def test_a_code_is_judged_by_the_gates_clock(tmp_path: Path) -> None:
    kid, spki = (base64.b64encode(raw) for raw in (signing.KID, signing.spki(signing.p256())))
    entry = {"kid": kid.decode(), "publicKey": spki.decode()}
    listed = tmp_path / "signers.json"
    listed.write_text(json.dumps([entry]))
    clock = ManualClock(signing.ISSUED)
    judge = Understander.load(TrustTable(dcc_trust_list=listed), clock)
    code = signing.Dcc().code().encode()
    assert judge(code).proved == ("signature",)
    clock.set(signing.EXPIRES + timedelta(days=1))
    assert judge(code).flags == ("expired",)
    clock.state = "unsynced"
    assert judge(code).flags == ("clock_unsure", "expired")
    assert judge(code).proved == ()


def test_a_list_that_can_not_be_used_is_one_line(tmp_path: Path) -> None:
    missing = TrustTable(shc_keys=tmp_path / "nowhere.json")
    with pytest.raises(TrustConfigError, match=r"^\[trust\] .*nowhere.json: can't be read"):
        Understander.load(missing, ManualClock())


def test_the_category_of_a_pass_stands_in_the_record(token_key_file: Path) -> None:
    credential = replace(understand(b"STAFF-42"), category="staff")
    identifier = Identifier.load(table(key_file=token_key_file))
    assert identifier.identify(credential).category == "staff"
    assert Identifier.bare(credential).category == "staff"
