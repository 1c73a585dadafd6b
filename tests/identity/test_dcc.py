"""Health certificates: what is proved, what is only claimed, what is refused and why."""

from __future__ import annotations

import base64
import hashlib
import json
import pickle
import random
import zlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from identity import base45
from identity.credential import Credential, Scheme
from identity.flags import Flag
from identity.schemes import parsers, understand
from identity.trust import NO_TRUST, Signer, Trust, load_trust
from identity.validity import Now, judged
from tests.identity import signing
from tests.identity.signing import Dcc

TRUST = signing.trusting()


def read(code: str, trust: Trust = TRUST) -> Credential:
    return understand(code.encode(), parsers(trust))


def at(moment: datetime, *, synced: bool = True) -> Now:
    return Now(at=moment, synced=synced)


def test_a_genuine_certificate_proves_its_signature_and_states_its_holder() -> None:
    credential = read(Dcc().code())
    assert credential.scheme is Scheme.DCC
    assert credential.proved == ("signature",)
    assert credential.flags == ()
    assert credential.issuer == "VN"
    assert (credential.valid_from, credential.valid_until) == (signing.BEGIN, signing.EXPIRES)
    holder = credential.holder
    assert holder is not None
    assert (holder.name, holder.birth_date) == ("Nguyễn Thị Thử", "1987-01-18")
    assert holder.document == signing.UVCI


@pytest.mark.parametrize(
    "made",
    [
        Dcc(tagged=False),
        Dcc(compressed=False),
        Dcc(issued=signing.ISSUED.timestamp() + 0.25),
        Dcc(protected={1: -7}, unprotected={4: signing.KID}),
        Dcc(unprotected={4: b"another!"}),
        Dcc(content={**signing.DCC, "v": None, "t": signing.DCC["v"]}),
        Dcc(content={**signing.DCC, "v": [], "r": signing.DCC["v"]}),
    ],
)
def test_every_form_that_issuers_use_is_taken(made: Dcc) -> None:
    credential = read(made.code())
    assert (credential.proved, credential.flags) == (("signature",), ())


def test_rsa_signatures_are_taken() -> None:
    trust = signing.trusting(Signer(spki=signing.spki(signing.rsa_key())))
    assert read(Dcc(key=signing.rsa_key()).code(), trust).proved == ("signature",)


def test_every_key_of_one_kid_is_tried() -> None:
    signers = [
        Signer(spki=signing.spki(key))
        for key in (signing.p256(9), signing.rsa_key(), signing.p256())
    ]
    assert read(Dcc().code(), signing.trusting(*signers)).proved == ("signature",)


@pytest.mark.parametrize(
    ("born", "stated", "flags"),
    [
        ("1987", "1987", ()),
        ("1987-01", "1987-01", ()),
        ("", None, ()),
        ("1987-01-18T00:00:00", "1987-01-18", ()),
        ("1987-02-30", None, ("damaged", "bad_birth_date")),
        (None, None, ("damaged", "bad_birth_date")),
        (1987, None, ("damaged", "bad_birth_date")),
    ],
)
def test_birth_dates_keep_what_they_state(
    born: object, stated: str | None, flags: tuple[str, ...]
) -> None:
    credential = read(Dcc(content={**signing.DCC, "dob": born}).code())
    assert credential.holder is not None
    assert credential.holder.birth_date == stated
    assert credential.flags == flags


@pytest.mark.parametrize(
    ("names", "name"),
    [
        ({"fnt": "NGUYEN", "gnt": "THI<THU"}, "NGUYEN THI THU"),
        ({"fn": "Nguye\u0302\u0303n", "fnt": "NGUYEN"}, "Nguyễn"),
        ({"gnt": "THU"}, "THU"),
        ({"fn": "a\0b"}, None),
        ({}, None),
        ("NGUYEN", None),
    ],
)
def test_names_are_whole_and_in_one_form(names: object, name: str | None) -> None:
    holder = read(Dcc(content={**signing.DCC, "nam": names}).code()).holder
    assert holder is not None
    assert holder.name == name


def test_without_a_list_everything_is_a_claim() -> None:
    credential = read(Dcc().code(), NO_TRUST)
    assert (credential.proved, credential.flags) == ((), ("unverified",))
    assert credential.holder is not None


def test_a_signer_that_is_not_on_the_list_is_told_from_a_forger() -> None:
    unknown = read(Dcc().code(), signing.trusting(kid=b"12345678"))
    assert (unknown.proved, unknown.flags) == ((), ("unverified", "signer_unknown"))
    forged = read(Dcc(key=signing.p256(8)).code())
    assert (forged.proved, forged.flags) == ((), ("signature_invalid",))
    assert forged.holder is None


@pytest.mark.parametrize("oid", ["1.3.6.1.4.1.1847.2021.1.1", "1.3.6.1.4.1.0.1847.2021.1.1"])
def test_a_signer_of_tests_that_signs_a_vaccination_is_told(oid: str, tmp_path: Path) -> None:
    path = tmp_path / "signer.pem"
    made = signing.certificate(uses=(oid,))
    path.write_bytes(made.public_bytes(Encoding.PEM))
    trust = load_trust(dcc_signers=path, dcc_revocations=None, shc_keys=None)
    (kid,) = trust.dcc
    headers = {1: -7, 4: kid}
    tested = {**signing.DCC, "v": None, "t": signing.DCC["v"]}
    assert read(Dcc(protected=headers, content=tested).code(), trust).flags == ()
    assert read(Dcc(protected=headers).code(), trust).flags == ("signer_use_differs",)


def test_a_revoked_certificate_proves_nothing() -> None:
    made = Dcc()
    message = made.message()
    half = message[-64:-32]
    short = signing.UVCI.removeprefix("URN:UVCI:")
    for text in (signing.UVCI, short, f"VN{signing.UVCI}", half):
        raw = text if isinstance(text, bytes) else text.encode()
        revoked = frozenset({hashlib.sha256(raw).hexdigest()[:32]})
        code = signing.hc1(zlib.compress(message))
        credential = read(code, signing.trusting(revoked=revoked))
        assert (credential.proved, credential.flags) == ((), ("revoked",))


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("HC1:", "bad_encoding"),
        ("HC1:abc", "bad_alphabet"),
        ("HC1:GGW", "bad_encoding"),
        (signing.hc1(zlib.compress(Dcc().message())[:-9]), "bad_encoding"),
        (signing.hc1(zlib.compress(Dcc().message()) + b"more"), "bad_encoding"),
        (signing.hc1(zlib.compress(b"no cbor")), "bad_content"),
        (signing.hc1(zlib.compress(bytes(3_000_000), 9)), "too_large"),
        (Dcc(content={}).code(), "bad_content"),
        (Dcc(content=[1]).code(), "bad_content"),
        (Dcc(content={**signing.DCC, "t": signing.DCC["v"]}).code(), "bad_content"),
        (Dcc(content={**signing.DCC, "v": "x"}).code(), "bad_content"),
        (Dcc(expires=None).code(), "bad_content"),
        (Dcc(expires="soon").code(), "bad_content"),
        (Dcc(expires=float("nan")).code(), "bad_content"),
    ],
)
def test_a_certificate_that_is_not_whole_says_why(code: str, reason: str) -> None:
    credential = read(code)
    assert "damaged" in credential.flags
    assert reason in credential.flags


def test_no_altered_bit_is_accepted() -> None:
    packed = zlib.compress(Dcc().message())
    whole = read(signing.hc1(packed))
    for bit in range(len(packed) * 8):
        altered = bytearray(packed)
        altered[bit // 8] ^= 1 << bit % 8
        credential = read(signing.hc1(bytes(altered)))
        assert credential.proved == () or _same_content(credential, whole)
    for bit in range(len(Dcc().message()) * 8):
        raw = bytearray(Dcc().message())
        raw[bit // 8] ^= 1 << bit % 8
        assert read(signing.hc1(bytes(raw))).proved == ()


def _same_content(one: Credential, other: Credential) -> bool:
    """Bits of compressed data that carry nothing: what was signed is untouched."""
    return replace(one, canonical="") == replace(other, canonical="")


def test_the_trust_goes_to_another_process_whole() -> None:
    assert pickle.loads(pickle.dumps(TRUST)) == TRUST
    credential = read(Dcc().code())
    assert pickle.loads(pickle.dumps(credential)) == credential


# --- the public set -------------------------------------------------------------------------


def _vectors(shared_data: Path) -> list[dict[str, Any]]:
    vectors: list[dict[str, Any]] = json.loads((shared_data / "dcc" / "vectors.json").read_text())
    return vectors


def _trust_of(vector: dict[str, Any], folder: Path) -> Trust:
    """A list that holds the vector's certificate under the key id that its code names."""
    probe = read(vector["code"], NO_TRUST)
    assert probe.scheme is Scheme.DCC
    from identity import cose
    from identity.schemes.signed import unpacked

    kid = cose.read(unpacked(vector["code"].removeprefix("HC1:"))).key_id
    assert kid is not None
    entry = {"kid": base64.b64encode(kid).decode(), "certificate": vector["certificate"]}
    path = folder / "list.json"
    path.write_text(json.dumps([entry]))
    return load_trust(dcc_signers=path, dcc_revocations=None, shc_keys=None)


def test_the_public_set_is_judged_as_expected(shared_data: Path, tmp_path: Path) -> None:
    vectors, named = _vectors(shared_data), 0
    for vector in vectors:
        expected = vector["expected"]
        moment = datetime.fromisoformat(vector["clock"])
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        credential = read(vector["code"], _trust_of(vector, tmp_path))
        genuine = expected["EXPECTEDVERIFY"]
        assert not credential.damaged, vector["id"]
        assert (credential.proved == ("signature",)) == genuine, vector["id"]
        assert ("signature_invalid" in credential.flags) != genuine, vector["id"]
        held = judged(credential, at(moment))
        in_time = expected.get("EXPECTEDEXPIRATIONCHECK", True)
        assert ("expired" not in held.flags) == in_time, vector["id"]
        assert (held.proved == ("signature",)) == (genuine and in_time), vector["id"]
        named += credential.holder is not None and (
            credential.holder.birth_date == vector["payload"]["dob"][:10]
            and (vector["payload"]["nam"].get("fn") or "") in (credential.holder.name or "")
        )
    # of three the signature is false, of some the content beside the code is another one's
    assert named > len(vectors) - 10


def test_what_was_issued_tomorrow_is_not_too_early() -> None:
    ahead = read(Dcc(issued=signing.ISSUED_S).code())
    assert judged(ahead, at(signing.ISSUED - timedelta(days=1))).proved == ("signature",)


def test_the_public_set_altered_by_one_bit_is_refused(shared_data: Path, tmp_path: Path) -> None:
    bits = random.Random(1)
    for vector in _vectors(shared_data):
        trust = _trust_of(vector, tmp_path)
        whole = read(vector["code"], trust)
        packed = base45.decode(vector["code"].removeprefix("HC1:"))
        for _ in range(8):
            altered = bytearray(packed)
            bit = bits.randrange(len(packed) * 8)
            altered[bit // 8] ^= 1 << bit % 8
            credential = read(signing.hc1(bytes(altered)), trust)
            assert credential.proved == () or _same_content(credential, whole), vector["id"]


# --- validity -------------------------------------------------------------------------------


def test_time_takes_the_proof_away() -> None:
    credential = read(Dcc(not_before=signing.ISSUED_S).code())
    inside = judged(credential, at(signing.EXPIRES))
    assert (inside.proved, inside.flags) == (("signature",), ())
    late = judged(credential, at(signing.EXPIRES + timedelta(seconds=1)))
    assert (late.proved, late.flags) == ((), ("expired",))
    early = judged(credential, at(signing.ISSUED - timedelta(hours=1)))
    assert (early.proved, early.flags) == ((), ("not_yet_valid",))
    ahead = judged(credential, at(signing.ISSUED - timedelta(seconds=30)))
    assert ahead.proved == ("signature",)


def test_the_signers_certificate_ends_it_too() -> None:
    signer = Signer(
        spki=signing.spki(signing.p256()),
        valid_from=signing.BEGIN,
        valid_until=signing.EXPIRES - timedelta(days=30),
    )
    credential = read(Dcc().code(), signing.trusting(signer))
    assert credential.valid_until == signer.valid_until


def test_an_unsynced_clock_is_told_and_proves_no_expired_one() -> None:
    credential = read(Dcc().code())
    inside = judged(credential, at(signing.ISSUED, synced=False))
    assert (inside.proved, inside.flags) == (("signature",), ("clock_unsure",))
    late = judged(credential, at(signing.EXPIRES + timedelta(days=1), synced=False))
    assert (late.proved, late.flags) == ((), ("clock_unsure", "expired"))
    behind = judged(credential, at(datetime(1970, 1, 1, tzinfo=UTC), synced=False))
    assert (behind.proved, behind.flags) == (("signature",), ("clock_unsure",))


def test_what_holds_for_ever_needs_no_clock() -> None:
    badge = read("STAFF-1")
    assert judged(badge, at(datetime(1970, 1, 1, tzinfo=UTC), synced=False)) is badge


def test_p384_signers_are_taken_as_they_exist() -> None:
    key = ec.derive_private_key(7, ec.SECP384R1())
    trust = signing.trusting(Signer(spki=signing.spki(key)))
    assert read(Dcc(key=key).code(), trust).proved == ("signature",)
    assert isinstance(signing.certificate(), x509.Certificate)
    assert Flag.SIGNATURE_INVALID in read(Dcc().code(), trust).flags
