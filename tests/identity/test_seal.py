"""Sealed identities: only the authority's key opens them, and nothing shows through."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite
from hypothesis import given
from hypothesis import strategies as st

from identity.credential import Holder, Scheme
from identity.schemes import understand
from identity.seal import ALG, Identity, Opener, Sealed, Sealer, UnsealError

CODE = "001187000001|012345678|Trần Thị Thử|18011987|Nữ|1 Phố Thử, Hà Nội|01012022"
WHO = Identity.of(understand(CODE.encode()))
KEY = X25519PrivateKey.from_private_bytes(bytes(range(32)))
SEALER = Sealer(KEY.public_key(), key_id="s1")
OPENER = Opener(KEY, key_id="s1")


def raw(sealed: Sealed) -> bytes:
    return base64.urlsafe_b64decode(sealed.ct + "==")


def holding(plain: bytes) -> Sealed:
    """Any bytes, sealed as an identity would be."""
    suite = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)
    info = f"edge-gate identity 1\0{ALG}\0s1".encode()
    ciphertext = suite.encrypt(plain, KEY.public_key(), info=info)
    return Sealed(kid="s1", alg=ALG, ct=base64.urlsafe_b64encode(ciphertext).decode())


def test_the_authority_opens_what_a_gate_sealed() -> None:
    assert OPENER.open(SEALER.seal(WHO)) == WHO


@given(
    st.builds(
        Identity,
        scheme=st.sampled_from(Scheme),
        canonical=st.text(max_size=300),
        holder=st.none()
        | st.builds(
            Holder,
            name=st.none() | st.text(max_size=900),
            birth_date=st.none() | st.text(max_size=10),
            sex=st.sampled_from([None, "male", "female"]),
            document=st.none() | st.text(max_size=20),
        ),
    )
)
def test_any_identity_comes_back_as_it_was(identity: Identity) -> None:
    assert OPENER.open(SEALER.seal(identity)) == identity


def test_a_value_sealed_by_an_earlier_version_opens() -> None:
    """Records are kept for years: the format never changes under one `alg`."""
    sealed = Sealed(
        kid="s1",
        alg="hpke-x25519-sha256-chacha20poly1305",
        ct=(
            "1Lp1P_d8bgN0jGtALiYqozHJcVBkdMiMDZi3mVC2RyzOfLpr0cto9LZxmVxCBQZuEyt2-6-"
            "JfIVK0ddoqwkTKFnsvJUEPPHfcRuv3eDjRzzxXgusidg6UDDsoUnsYFF8IWrzMWPPtKFKbWS5skK"
            "rek3EO5rCEwxWi3eY-uYFTfdyfoX4MvZOWHgB-lp81V046K3LzLtP1_SKw-e_0ynqiUiycuABDo4"
            "bcJz9pBYxwfejGhJfok0MW5v6iDzSLPyHABgJSWZqk6bqw7lLPtpU9pWveiJyRNZRQ2M22QB48tR"
            "XMseCrpF7iOUnoz-UGBoTN2EeecgYdv3t8b8VKib6zT0en6UVd8-"
            "_9pLaBattjBPQ6FjgmyMiLG_p2pAmYzJjjaiauorv6G8MRY8ME1Ezdg"
        ),
    )
    assert OPENER.open(sealed) == WHO


def test_nothing_of_the_identity_shows() -> None:
    sealed = SEALER.seal(WHO)
    for clear in ("001187000001", "Trần", "1987", "cccd"):
        assert clear not in repr(sealed)
        assert clear.encode() not in raw(sealed)


def test_two_sealings_of_one_person_can_not_be_linked() -> None:
    assert SEALER.seal(WHO).ct != SEALER.seal(WHO).ct


def test_the_length_does_not_tell_the_name() -> None:
    def length(name: str) -> int:
        return len(SEALER.seal(replace(WHO, holder=Holder(name=name))).ct)

    longest = "Công Tằng Tôn Nữ Nguyễn Thị Huyền Trang Phương Anh"
    assert length("Lê Tú") == length(longest) == 406
    assert length("") == 406
    assert length("x" * 300) == length("x" * 400)


@given(st.integers(0, 303), st.integers(1, 255))
def test_one_altered_byte_is_refused(place: int, difference: int) -> None:
    altered = bytearray(raw(SEALER.seal(WHO)))
    altered[place] ^= difference
    sealed = Sealed(kid="s1", alg=ALG, ct=base64.urlsafe_b64encode(altered).decode())
    with pytest.raises(UnsealError):
        OPENER.open(sealed)


@pytest.mark.parametrize("ct", ["", "AAAA", "A", "!!!!", "\u00e9", "A" * 406, "AAAA====", "\n"])
def test_what_is_no_ciphertext_is_refused(ct: str) -> None:
    with pytest.raises(UnsealError) as caught:
        OPENER.open(Sealed(kid="s1", alg=ALG, ct=ct))
    assert len(str(caught.value).splitlines()) == 1


def test_another_key_does_not_open_it() -> None:
    with pytest.raises(UnsealError, match="not the one"):
        Opener(X25519PrivateKey.generate(), key_id="s1").open(SEALER.seal(WHO))


def test_a_value_can_not_be_passed_off_under_another_key_id() -> None:
    sealed = SEALER.seal(WHO)
    with pytest.raises(UnsealError, match="this is key 's1'"):
        OPENER.open(replace(sealed, kid="s2"))
    with pytest.raises(UnsealError, match="altered"):
        Opener(KEY, key_id="s2").open(replace(sealed, kid="s2"))


def test_another_suite_is_named() -> None:
    with pytest.raises(UnsealError, match="sealed with 'rot13'"):
        OPENER.open(replace(SEALER.seal(WHO), alg="rot13"))


@pytest.mark.parametrize(
    "plain",
    [
        b"",
        b"\xff",
        b"[]",
        b"{}",
        b'{"scheme":"cccd"}',
        b'{"scheme":"unheard of","canonical":"x"}',
        b'{"scheme":"cccd","canonical":"x","holder":"y"}',
    ],
)
def test_what_opens_but_holds_no_identity_is_refused(plain: bytes) -> None:
    with pytest.raises(UnsealError, match="holds none"):
        OPENER.open(holding(plain))


def test_parts_of_newer_versions_are_passed_over() -> None:
    plain = {"scheme": "cccd", "canonical": "c", "holder": {"name": "N", "pet": 1}, "new": []}
    identity = OPENER.open(holding(json.dumps(plain).encode()))
    assert identity == Identity(scheme=Scheme.CCCD, canonical="c", holder=Holder(name="N"))


# --- the standard, by another hand ----------------------------------------------------------


def extract(salt: bytes, suite: bytes, label: bytes, key: bytes) -> bytes:
    """LabeledExtract, RFC 9180 section 4."""
    return hmac.digest(salt or bytes(32), b"HPKE-v1" + suite + label + key, hashlib.sha256)


def expand(key: bytes, suite: bytes, label: bytes, info: bytes, size: int) -> bytes:
    """LabeledExpand, RFC 9180 section 4; one block of HKDF-Expand is enough."""
    labelled = size.to_bytes(2, "big") + b"HPKE-v1" + suite + label + info
    return hmac.digest(key, labelled + b"\x01", hashlib.sha256)[:size]


def open_by_the_standard(sealed: bytes, private: X25519PrivateKey, info: bytes) -> bytes:
    """RFC 9180, base mode, single shot: suite 0x0020, 0x0001, 0x0003."""
    kem, suite = b"KEM\x00\x20", b"HPKE\x00\x20\x00\x01\x00\x03"
    enc, ciphertext = sealed[:32], sealed[32:]
    shared = private.exchange(X25519PublicKey.from_public_bytes(enc))
    context = enc + private.public_key().public_bytes_raw()
    secret = expand(extract(b"", kem, b"eae_prk", shared), kem, b"shared_secret", context, 32)
    schedule = b"\0" + extract(b"", suite, b"psk_id_hash", b"")
    schedule += extract(b"", suite, b"info_hash", info)
    secret = extract(secret, suite, b"secret", b"")
    key = expand(secret, suite, b"key", schedule, 32)
    nonce = expand(secret, suite, b"base_nonce", schedule, 12)
    return ChaCha20Poly1305(key).decrypt(nonce, ciphertext, b"")


def test_any_hpke_library_opens_it() -> None:
    """The authority must not depend on this software to read its own records."""
    info = f"edge-gate identity 1\0{ALG}\0s1".encode()
    plain = open_by_the_standard(raw(SEALER.seal(WHO)), KEY, info)
    assert len(plain) == 256
    assert json.loads(plain)["canonical"] == "cccd:001187000001"
