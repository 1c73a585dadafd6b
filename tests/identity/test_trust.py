"""Files of trust: what is taken, and the one line about what is not."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from identity.trust import (
    TrustFileError,
    read_dcc_revocations,
    read_dcc_signers,
    read_shc_keys,
    read_shc_revocations,
    revocation_hashes,
)
from tests.identity import signing


def b64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def der(encoding: Encoding = Encoding.DER) -> bytes:
    return signing.certificate().public_bytes(encoding)


def saved(folder: Path, content: object) -> Path:
    path = folder / "list.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def test_a_folder_a_bundle_and_json_give_the_same_signers(tmp_path: Path) -> None:
    folder = tmp_path / "signers"
    folder.mkdir()
    (folder / "a.pem").write_bytes(der(Encoding.PEM))
    (folder / "b.der").write_bytes(der())
    (folder / "README").write_text("not looked at")
    bundle = tmp_path / "all.pem"
    bundle.write_bytes(der(Encoding.PEM) + der(Encoding.PEM))
    listed = saved(tmp_path, [{"certificate": b64(der())}])
    first = read_dcc_signers(folder)
    assert first == read_dcc_signers(bundle) == read_dcc_signers(listed)
    ((kid, (signer,)),) = first.items()
    assert len(kid) == 8
    assert (signer.valid_from, signer.valid_until) == (signing.BEGIN, signing.END)


@pytest.mark.parametrize("name", ["certificate", "rawData"])
def test_an_entry_may_name_its_own_key_id(tmp_path: Path, name: str) -> None:
    path = saved(tmp_path, [{"kid": b64(signing.KID), name: b64(der()), "country": "VN"}])
    assert list(read_dcc_signers(path)) == [signing.KID]


def test_a_bare_public_key_is_taken_with_its_key_id(tmp_path: Path) -> None:
    spki = signing.spki(signing.p256())
    path = saved(tmp_path, [{"kid": b64(signing.KID), "publicKey": b64(spki)}])
    assert read_dcc_signers(path)[signing.KID][0].spki == spki


def test_two_signers_of_one_key_id_are_both_kept(tmp_path: Path) -> None:
    entries = [
        {"kid": b64(signing.KID), "publicKey": b64(signing.spki(key))}
        for key in (signing.p256(), signing.p256(8), signing.p256())
    ]
    assert len(read_dcc_signers(saved(tmp_path, entries))[signing.KID]) == 2


EDWARDS = ed25519.Ed25519PrivateKey.from_private_bytes(bytes(32)).public_key()
OTHER_KIND = EDWARDS.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "is no JSON"),
        ("[" * 100_000, "is no JSON"),
        ({}, "is no list of certificates"),
        ([], "holds no certificate"),
        ([1], "entry 1: is no"),
        ([{"kid": "AAAA"}], "entry 1: has neither"),
        ([{"certificate": "AAAA"}], "entry 1: is no certificate"),
        ([{"certificate": "?"}], "entry 1: is no certificate"),
        ([{"certificate": 1}], "entry 1: is no certificate"),
        ([{"kid": b64(b"k"), "publicKey": b64(OTHER_KIND)}], "neither ECDSA nor RSA"),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "is no certificate"),
    ],
)
def test_a_list_of_signers_that_is_none_says_why(tmp_path: Path, content: Any, says: str) -> None:
    path = saved(tmp_path, content)
    with pytest.raises(TrustFileError, match=says) as caught:
        read_dcc_signers(path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_a_list_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(TrustFileError, match="can't be read: No such file"):
        read_dcc_signers(tmp_path / "nowhere")


def test_revocations_are_identifiers_or_hashes(tmp_path: Path) -> None:
    path = tmp_path / "revoked.txt"
    path.write_text(f"# of August\n{signing.UVCI}\r\n\n{'AB' * 32}\n{'cd' * 16}\n")
    found = read_dcc_revocations(path)
    assert len(found) == 3
    assert {"ab" * 16, "cd" * 16} < found
    assert revocation_hashes(signing.UVCI, "VN", b"") & found
    assert not revocation_hashes("URN:UVCI:01:VN:OTHER", "VN", b"") & found
    assert read_dcc_revocations(saved(tmp_path, [signing.UVCI, "AB" * 32, "cd" * 16])) == found


def crl(*rids: object, **parts: object) -> dict[str, object]:
    return {"kid": "k", "method": "rid", "ctr": 1, "rids": rids, **parts}


def test_revoked_cards_are_read_from_one_list_or_many(tmp_path: Path) -> None:
    assert read_shc_revocations(saved(tmp_path, crl("a", "b.7"))) == {
        ("k", "a"): None, ("k", "b"): 7,
    }  # fmt: skip
    many = saved(tmp_path, [crl("a.5", "a.9", "b", "b.3"), crl("a", kid="l")])
    assert read_shc_revocations(many) == {("k", "a"): 9, ("k", "b"): None, ("l", "a"): None}


@pytest.mark.parametrize(
    "content",
    [
        {}, [1], crl(1), crl("a.b"), crl("a.-1"), crl(""), crl("a" * 25), crl("a b"),
        crl(kid=None), crl(method="other"), crl(rids="abc"),
    ],
)  # fmt: skip
def test_a_list_of_revoked_cards_that_is_none_says_so(tmp_path: Path, content: object) -> None:
    with pytest.raises(TrustFileError, match=r"is no \{\"kid\"|rid 1 is none"):
        read_shc_revocations(saved(tmp_path, content))


def test_a_folder_without_lists_of_revoked_cards_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(TrustFileError, match="holds no list"):
        read_shc_revocations(tmp_path)


def test_revocations_that_are_none_say_why(tmp_path: Path) -> None:
    with pytest.raises(TrustFileError, match="entry 1 is no text"):
        read_dcc_revocations(saved(tmp_path, [1]))
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    with pytest.raises(TrustFileError, match="no text in UTF-8"):
        read_dcc_revocations(tmp_path / "binary")


def test_issuers_give_their_keys_by_key_id(tmp_path: Path) -> None:
    rsa = {"kty": "RSA", "kid": "r"}
    keys = [signing.jwk(signing.p256()), signing.jwk(signing.p256(8), "l"), rsa]
    found = read_shc_keys(saved(tmp_path, {signing.ISSUER: {"keys": keys}}))
    assert set(found) == {(signing.ISSUER, "k"), (signing.ISSUER, "l")}
    assert found[signing.ISSUER, "k"] == (signing.spki(signing.p256()),)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ([], "is no"),
        ({"x": {}}, "x: has no list of keys"),
        ({"x": {"keys": [1]}}, "x: key 1 is no JWK"),
        ({"x": {"keys": [{"kty": "EC", "crv": "P-256", "x": "AAAA"}]}}, "x: key 1: is no point"),
        ({"x": {"keys": [{"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"}]}}, "is no point"),
    ],
)
def test_issuers_that_are_none_say_why(tmp_path: Path, content: object, says: str) -> None:
    with pytest.raises(TrustFileError, match=says):
        read_shc_keys(saved(tmp_path, content))
