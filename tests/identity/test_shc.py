"""SMART Health Cards: checked with the issuer's keys, refused with a reason."""

from __future__ import annotations

import json
import zlib
from datetime import UTC, datetime
from pathlib import Path

import pytest

from identity.credential import Credential, Scheme
from identity.schemes import parsers, understand
from identity.trust import NO_TRUST, Trust, load_trust
from tests.identity import signing

TRUST = Trust(shc={(signing.ISSUER, "k"): (signing.spki(signing.p256()),)})


def read(code: str, trust: Trust = TRUST) -> Credential:
    return understand(code.encode(), parsers(trust))


def test_a_genuine_card_proves_its_signature_and_states_its_holder() -> None:
    credential = read(signing.shc())
    assert credential.scheme is Scheme.SHC
    assert (credential.proved, credential.flags) == (("signature",), ())
    assert credential.issuer == signing.ISSUER
    assert (credential.valid_from, credential.valid_until) == (signing.ISSUED, None)
    assert credential.holder is not None
    assert credential.holder.name == "Nguyễn Thị Thử"
    assert credential.holder.birth_date == "1987-01-18"


def test_an_expiry_is_kept() -> None:
    assert read(signing.shc(signing.shc_payload(exp=2**31))).valid_until == datetime(
        2038, 1, 19, 3, 14, 8, tzinfo=UTC
    )


def test_keys_come_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "issuers.json"
    path.write_text(json.dumps({signing.ISSUER: {"keys": [signing.jwk(signing.p256())]}}))
    trust = load_trust(dcc_signers=None, dcc_revocations=None, shc_keys=path)
    assert read(signing.shc(), trust).proved == ("signature",)


def revoked(folder: Path, *rids: str, kid: str = "k") -> Trust:
    (folder / "issuers.json").write_text(
        json.dumps({signing.ISSUER: {"keys": [signing.jwk(signing.p256())]}})
    )
    lists = folder / "crl"
    lists.mkdir()
    (lists / f"{kid}.json").write_text(
        json.dumps({"kid": kid, "method": "rid", "ctr": 1, "rids": rids})
    )
    return load_trust(
        dcc_signers=None,
        dcc_revocations=None,
        shc_keys=folder / "issuers.json",
        shc_revocations=lists,
    )


def card(rid: str | None, **parts: object) -> str:
    payload = signing.shc_payload(**parts)
    payload["vc"] |= {} if rid is None else {"rid": rid}
    return signing.shc(payload)


ISSUED_S = int(signing.ISSUED.timestamp())


@pytest.mark.parametrize("entry", ["MKyCxh7p6uQ", f"MKyCxh7p6uQ.{ISSUED_S + 1}"])
def test_a_revoked_card_proves_nothing(tmp_path: Path, entry: str) -> None:
    credential = read(card("MKyCxh7p6uQ"), revoked(tmp_path, "other", entry))
    assert (credential.proved, credential.flags) == ((), ("revoked",))


@pytest.mark.parametrize(
    "entry",
    [
        "other",
        f"MKyCxh7p6uQ.{ISSUED_S}",  # revoked are those from before then
        f"MKyCxh7p6uQ.{ISSUED_S - 1}",
        "mkycxh7p6uq",
    ],
)
def test_a_card_that_the_list_does_not_mean_stays_good(tmp_path: Path, entry: str) -> None:
    credential = read(card("MKyCxh7p6uQ"), revoked(tmp_path, entry))
    assert (credential.proved, credential.flags) == (("signature",), ())


def test_a_list_of_another_key_says_nothing_of_a_card(tmp_path: Path) -> None:
    trust = revoked(tmp_path, "MKyCxh7p6uQ", kid="other")
    assert read(card("MKyCxh7p6uQ"), trust).proved == ("signature",)


def test_a_card_without_a_revocation_id_is_in_no_list(tmp_path: Path) -> None:
    trust = revoked(tmp_path, "MKyCxh7p6uQ")
    assert read(card(None), trust).proved == ("signature",)


def test_a_forged_card_is_forged_whatever_its_revocation_id(tmp_path: Path) -> None:
    trust = revoked(tmp_path, "MKyCxh7p6uQ")
    payload = signing.shc_payload()
    payload["vc"]["rid"] = "MKyCxh7p6uQ"
    assert read(signing.shc(payload, key=signing.p256(8)), trust).flags == ("signature_invalid",)


def test_without_keys_everything_is_a_claim() -> None:
    credential = read(signing.shc(), NO_TRUST)
    assert (credential.proved, credential.flags) == ((), ("unverified",))


@pytest.mark.parametrize(
    ("code", "flags"),
    [
        (signing.shc(key=signing.p256(8)), ("signature_invalid",)),
        (
            signing.shc(signing.shc_payload(iss="https://else.example")),
            ("unverified", "signer_unknown"),
        ),
        (
            signing.shc(header={"zip": "DEF", "alg": "ES256", "kid": "other"}),
            ("unverified", "signer_unknown"),
        ),
        (signing.shc(header={"zip": "DEF", "alg": "none", "kid": "k"}), ("signature_invalid",)),
    ],
)
def test_a_card_that_is_not_the_issuers_proves_nothing(code: str, flags: tuple[str, ...]) -> None:
    credential = read(code)
    assert (credential.proved, credential.flags) == ((), flags)


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("shc:/", "bad_encoding"),
        ("shc:/567", "bad_encoding"),
        ("shc:/99", "bad_encoding"),
        ("shc:/56x6", "bad_alphabet"),
        ("shc:/5656", "bad_encoding"),
        (signing.digits("a.b.c"), "bad_encoding"),
        (signing.digits(f"{signing.url64(b'[]')}.e30.e30"), "bad_content"),
        (signing.digits(f"{signing.url64(b'[' * 60_000)}.e30.e30"), "bad_content"),
        (signing.digits(f"{signing.url64(b'9' * 60_000)}.e30.e30"), "bad_content"),
        (signing.shc(packed=zlib.compress(b"{}")), "bad_encoding"),
        (signing.shc(packed=zlib.compress(bytes(3_000_000), 9)[2:]), "too_large"),
        (signing.shc({"iss": signing.ISSUER}), "bad_content"),
        (signing.shc(signing.shc_payload(nbf="now")), "bad_content"),
    ],
)
def test_a_card_that_is_not_whole_says_why(code: str, reason: str) -> None:
    credential = read(code)
    assert "damaged" in credential.flags
    assert reason in credential.flags


def test_one_part_of_several_is_refused_as_such() -> None:
    assert read("shc:/1/2/5676").flags == ("multi_part", "unverified")


def test_no_altered_digit_is_accepted() -> None:
    code = signing.shc()
    whole = read(code)
    for place in range(len("shc:/"), len(code), 3):
        changed = code[:place] + str((int(code[place]) + 1) % 10) + code[place + 1 :]
        credential = read(changed)
        # the last bits of base64 may carry nothing
        assert credential.proved == () or credential.holder == whole.holder
