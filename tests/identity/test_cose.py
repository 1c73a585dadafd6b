"""COSE_Sign1 and CWT: what signed codes are made of."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime

import cbor2
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from hypothesis import given
from hypothesis import strategies as st

from identity import cose

# RFC 9052, appendix C.2.1 (its key "11")
EXAMPLE = bytes.fromhex(
    "d28443a10126a10442313154546869732069732074686520636f6e74656e742e58408eb33e4ca31d1c465ab05aac34"
    "cc6b23d58fef5c083106c4d25a91aef0b0117e2af9a291aa32e14ab834dc56ed2a223444547e01f11d3b0916e5a4c3"
    "45cacb36"
)
EXAMPLE_KEY = ec.EllipticCurvePublicNumbers(
    int("bac5b11cad8f99f9c72b05cf4b9e26d244dc189f745228255a219a86d6a09eff", 16),
    int("20138bf82dc1b6d562be0fa54ab7804a3a64b6d72ccfed6b6fb6ed28bbfc117e", 16),
    ec.SECP256R1(),
).public_key()
P256 = ec.derive_private_key(7, ec.SECP256R1())
ED25519 = ed25519.Ed25519PrivateKey.from_private_bytes(bytes(range(32)))


def test_the_standards_example_verifies() -> None:
    signed = cose.read(EXAMPLE)
    assert (signed.algorithm, signed.key_id) == (cose.Algorithm.ES256, b"11")
    assert signed.payload == b"This is the content."
    assert cose.verified(signed, EXAMPLE_KEY)


@pytest.mark.parametrize("key", [P256, ED25519])
def test_what_was_signed_verifies_with_its_key_only(key: cose.PrivateKey) -> None:
    message = cose.sign(b"payload", key, key_id=b"kid", aad=b"park")
    signed = cose.read(message)
    assert (signed.payload, signed.key_id) == (b"payload", b"kid")
    assert cose.verified(signed, key.public_key(), aad=b"park")
    assert not cose.verified(signed, key.public_key())
    assert not cose.verified(signed, EXAMPLE_KEY, aad=b"park")


@pytest.mark.parametrize("key", [P256, ED25519])
def test_no_bit_of_a_message_can_be_altered(key: cose.PrivateKey) -> None:
    message = cose.sign(b"payload", key, key_id=b"kid")
    whole = cose.read(message)
    for bit in range(len(message) * 8):
        altered = bytearray(message)
        altered[bit // 8] ^= 1 << bit % 8
        try:
            signed = cose.read(bytes(altered))
        except cose.CoseError:
            continue
        same = (signed.payload, signed.protected) == (whole.payload, whole.protected)
        # the unprotected headers are not covered, and hold nothing that is believed
        assert not cose.verified(signed, key.public_key()) or same


def test_ps256_verifies() -> None:
    key = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
    protected = cbor2.dumps({1: -37})
    covered = cbor2.dumps(["Signature1", protected, b"", b"payload"])
    signature = key.sign(covered, padding.PSS(padding.MGF1(hashes.SHA256()), 32), hashes.SHA256())
    signed = cose.read(cbor2.dumps([protected, {}, b"payload", signature]))
    assert cose.verified(signed, key.public_key())
    assert not cose.verified(signed, P256.public_key())


def test_only_p256_signs_but_a_signature_on_p384_verifies() -> None:
    key = ec.derive_private_key(7, ec.SECP384R1())
    with pytest.raises(ValueError, match="P-256"):
        cose.sign(b"", key, key_id=b"")
    protected = cbor2.dumps({1: -7})
    covered = cbor2.dumps(["Signature1", protected, b"", b"payload"])
    halves = decode_dss_signature(key.sign(covered, ec.ECDSA(hashes.SHA256())))
    signature = b"".join(half.to_bytes(48, "big") for half in halves)
    signed = cose.read(cbor2.dumps([protected, {}, b"payload", signature]))
    assert cose.verified(signed, key.public_key())
    assert not cose.verified(signed, P256.public_key())


def test_the_protected_key_id_wins() -> None:
    protected = cbor2.dumps({1: -7, 4: b"protected"})
    assert cose.read(cbor2.dumps([protected, {4: b"other"}, b"", b""])).key_id == b"protected"
    assert cose.read(cbor2.dumps([b"", {1: -7, 4: b"other"}, b"", b""])).key_id == b"other"
    assert cose.read(cbor2.dumps([protected, {}, b"", b""])) == cose.read(
        cbor2.dumps(cbor2.CBORTag(61, cbor2.CBORTag(18, [protected, {}, b"", b""])))
    )


def test_critical_headers_are_not_passed_over() -> None:
    protected = cbor2.dumps({1: -7, 2: [99], 99: 1})
    with pytest.raises(cose.CoseError):
        cose.read(cbor2.dumps([protected, {}, b"", b""]))


def test_claims_keep_their_times() -> None:
    claims = cose.Claims(
        issuer="VN",
        subject="staff-42",
        expires=datetime(2031, 1, 1, tzinfo=UTC),
        not_before=datetime(2030, 1, 1, tzinfo=UTC),
        issued=datetime(2030, 1, 1, 1, tzinfo=UTC),
        others={-260: {1: {}}},
    )
    assert cose.read_claims(cose.write_claims(claims)) == claims
    assert cose.read_claims(cbor2.dumps({6: 1.5})).issued == datetime(
        1970, 1, 1, 0, 0, 1, 500_000, tzinfo=UTC
    )


@pytest.mark.parametrize("time", [float("nan"), float("inf"), 2**63, -1, 1e300, True, "soon", [1]])
def test_what_is_no_time_is_refused(time: object) -> None:
    with pytest.raises(cose.CoseError):
        cose.read_claims(cbor2.dumps({4: time}))


@pytest.mark.parametrize(
    "bomb",
    [
        b"\x81" * 100_000,
        b"\xd2" * 100_000,
        b"\xc0" * 100_000,
        bytes.fromhex("9b00ffffffffffffff"),
        bytes.fromhex("bb00ffffffffffffff"),
        bytes.fromhex("5b00ffffffffffffff"),
        bytes.fromhex("c5821a000f424001"),  # 2 to the million
        bytes.fromhex("d81c81d81d00"),  # a list that holds itself
        bytes.fromhex("d82368282828282828282a"),  # a regular expression
    ],
)
def test_cbor_that_would_exhaust_the_gate_is_refused(bomb: bytes) -> None:
    with pytest.raises(cose.CoseError):
        cose.decode(bomb)


@given(st.binary())
def test_no_bytes_raise_anything_else(data: bytes) -> None:
    for take in (cose.read, cose.read_claims):
        with contextlib.suppress(cose.CoseError):
            take(data)
