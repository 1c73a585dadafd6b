"""Passes shown at gates: the good ones, and each way of being refused with its own reason."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from identity import base45
from identity.credential import Credential, Scheme
from identity.passes.claims import Declaration
from identity.passes.code import look_into, sign_pass, write_code
from identity.passes.keys import ParkKeys
from identity.passes.phone import PhoneKey, write_rotating
from identity.schemes import parsers, understand
from identity.schemes.code import Code, NotMine
from identity.schemes.park_pass import Tolerance, step_at, understand_pass, window_s
from tests.passmaker import NOW, Park, shown


def test_a_good_pass_is_proved_by_its_signature(park) -> None:
    declaration = Declaration(date=date(2021, 8, 22), answers={"fever": False})
    found = shown(park.gate(), park.code(declaration=declaration))
    assert found.scheme is Scheme.PASS
    assert found.canonical == "pass:song-than/NV-00123"
    assert found.holder is not None
    assert found.holder.name == "Nguyễn Thị Ánh Tuyết"
    assert found.category == "staff"
    assert found.declaration == {"date": "2021-08-22", "fever": False}
    assert found.proved == ("signature",)
    assert found.flags == ()


def test_a_pass_without_sites_is_good_at_all_of_them(park) -> None:
    assert shown(park.gate("kho-3"), park.code(sites=())).flags == ()


def test_two_passes_of_one_person_are_one_identity(park) -> None:
    first = shown(park.gate(), park.code())
    second = shown(park.gate(), park.code(pass_id=bytes(8), name=None))
    assert first.canonical == second.canonical


@pytest.mark.parametrize(
    ("parts", "flag"),
    [
        ({"expires": NOW}, "expired"),
        ({"not_before": NOW + timedelta(seconds=61)}, "not_yet_valid"),
        ({"sites": ("kho-3",)}, "wrong_site"),
        ({"park": "another"}, "wrong_site"),
        ({"pass_id": bytes(8)}, "revoked"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_genuine_pass_that_does_not_count_here_and_now(park, parts, flag) -> None:
    park.revoked.add(bytes(8).hex())
    found = shown(park.gate(), park.code(**parts))
    assert found.flags == (flag,)
    assert found.canonical.endswith("/NV-00123")


def unproved(found: Credential, *flags: str) -> None:
    assert found.flags == (*flags, "unverified")
    assert found.holder is None
    assert found.category is None
    assert found.proved == ()
    assert found.canonical.startswith("pass-sha256:")


def test_a_pass_of_another_key_is_forged(park) -> None:
    stranger = Ed25519PrivateKey.from_private_bytes(bytes(32))
    unproved(shown(park.gate(), write_code(sign_pass(park.one(), stranger)).encode()),
             "signer_unknown")  # fmt: skip


def test_without_the_parks_key_nothing_is_believed(park) -> None:
    unproved(shown(park.gate(keys=ParkKeys(())), park.code()))
    found = understand_pass(Code.read(park.code()))
    assert isinstance(found, Credential)
    unproved(found)


def test_a_pass_altered_by_one_bit_anywhere_is_refused(park) -> None:
    """Also in the parts that no signature covers: nothing altered is taken."""
    message = sign_pass(park.one(), park.key)
    gate = park.gate()
    for position in range(len(message) * 8):
        altered = bytearray(message)
        altered[position // 8] ^= 1 << position % 8
        found = shown(gate, write_code(bytes(altered)).encode())
        if found.flags:
            assert "unverified" in found.flags
        else:  # the tag, or the empty map of what is not signed: the same pass in other words
            assert look_into(write_code(bytes(altered))) == park.one()
            assert position < 16


def test_keys_overlap_while_they_are_changed(park) -> None:
    fresh = Ed25519PrivateKey.from_private_bytes(bytes(32))
    both = park.gate(keys=ParkKeys([park.key.public_key(), fresh.public_key()]))
    assert shown(both, park.code()).flags == ()
    assert shown(both, write_code(sign_pass(park.one(), fresh)).encode()).flags == ()


# --- rotating -------------------------------------------------------------------------------


def test_a_phone_proves_that_it_has_its_key(park) -> None:
    found = shown(park.gate(), park.rotating())
    assert found.proved == ("signature", "possession")
    assert found.flags == ()
    assert found.canonical == shown(park.gate(), park.code()).canonical


def test_a_photograph_is_refused_at_the_same_gate_after_its_time_and_within_it(park) -> None:
    gate = park.gate()
    photograph = park.rotating()
    assert shown(gate, photograph).flags == ()
    park.later(3)
    assert shown(gate, photograph).flags == ("replayed",)
    park.later(30)
    found = shown(gate, photograph)
    assert found.flags == ("stale",)
    assert found.proved == ("signature",)
    # the owner's next code is taken all the same
    assert shown(gate, park.rotating(park.now.at)).flags == ()


def test_at_another_gate_a_photograph_is_refused_by_its_time_alone(park) -> None:
    one, other = park.gate(), park.gate("cong-phu")
    photograph = park.rotating()
    assert shown(one, photograph).flags == ()
    park.later(15)
    assert shown(other, photograph).flags == ()  # gates don't know of each other's codes
    park.later(30)
    assert shown(park.gate("cong-phu"), photograph).flags == ("stale",)


def test_an_older_code_than_the_one_taken_is_a_replay(park) -> None:
    gate = park.gate()
    before = park.rotating(NOW - timedelta(seconds=10))
    assert shown(gate, park.rotating()).flags == ()
    assert shown(gate, before).flags == ("replayed",)


def test_a_code_that_was_refused_is_not_used_up(park) -> None:
    gate = park.gate()
    park.revoked.add(park.one().id)
    assert shown(gate, park.rotating()).flags == ("revoked",)
    park.revoked.clear()
    assert shown(gate, park.rotating()).flags == ()


@pytest.mark.parametrize(("step_s", "longest_s"), [(10, 22.0), (5, 12.0), (30, 62.0)])
def test_how_long_a_code_lives(park, step_s, longest_s) -> None:
    assert window_s(step_s, Tolerance()) == longest_s
    begin = NOW.timestamp() // step_s * step_s
    code = park.rotating(NOW, step_s=step_s)
    for offset_s, in_time in [
        (-step_s - 2.1, False),
        (-step_s - 1.9, True),
        (longest_s - 0.1, True),
        (longest_s + 0.1, False),
    ]:
        park.later(begin + offset_s - park.now.at.timestamp())
        assert (shown(park.gate(), code).flags == ()) is in_time


def test_a_phones_pass_alone_proves_no_possession(park) -> None:
    """The link with which the pass came to the phone may have been copied."""
    found = shown(park.gate(), write_code(park.phone_pass()).encode())
    assert found.flags == ("not_possessed",)
    assert found.proved == ("signature",)


def test_another_phone_can_not_show_it(park) -> None:
    thief = ec.derive_private_key(99, ec.SECP256R1())
    code = write_code(write_rotating(park.phone_pass(), thief, step_at(NOW, 10))).encode()
    unproved(shown(park.gate(), code), "signature_invalid")


def test_a_step_moved_on_by_hand_is_forged(park) -> None:
    message = bytearray(write_rotating(park.phone_pass(), park.phone, step_at(NOW, 10)))
    marked = (step_at(NOW, 10)).to_bytes(4, "big")
    at = message.index(marked)
    message[at + 3] ^= 1
    unproved(shown(park.gate(), write_code(bytes(message)).encode()), "signature_invalid")


def test_a_pass_for_paper_inside_a_phones_code_is_nothing(park) -> None:
    paper = sign_pass(park.one(), park.key)
    code = write_code(write_rotating(paper, park.phone, step_at(NOW, 10))).encode()
    unproved(shown(park.gate(), code), "damaged", "bad_content")


def test_a_point_that_is_not_on_the_curve_is_an_answer(park) -> None:
    one = park.one(phone=PhoneKey(b"\2" + bytes(31) + b"\1"))
    with pytest.raises(ValueError, match="not on P-256"):
        one.phone.public_key()
    code = write_rotating(sign_pass(one, park.key), park.phone, 1)
    unproved(shown(park.gate(), write_code(code).encode()), "damaged", "bad_content")


# --- a gate without a clock -----------------------------------------------------------------


def test_a_gate_whose_clock_is_unsure_says_so(park) -> None:
    park.unsure()
    assert shown(park.gate(), park.code()).flags == ("clock_unsure",)
    early = shown(park.gate(), park.code(not_before=NOW + timedelta(days=1)))
    assert early.flags == ("clock_unsure",)


def test_without_a_clock_possession_is_not_proved_but_codes_are_taken_once(park) -> None:
    park.unsure()
    gate = park.gate()
    found = shown(gate, park.rotating(NOW - timedelta(hours=5)))
    assert found.flags == ("clock_unsure",)
    assert found.proved == ("signature",)
    again = shown(gate, park.rotating(NOW - timedelta(hours=5)))
    assert again.flags == ("replayed", "clock_unsure")


# --- whatever the bytes ---------------------------------------------------------------------


def test_other_codes_are_not_passes(park) -> None:
    for other in (b"HC1:6BF", b"hello", b"", b"EG2:ABC", b"\xff\xfe"):
        assert isinstance(park.gate().parse(Code.read(other)), NotMine)


@pytest.mark.parametrize(
    ("code", "flags"),
    [
        ("EG1:", ("damaged", "bad_content", "unverified")),
        ("EG1:abc", ("damaged", "bad_alphabet", "unverified")),
        ("EG1:QED8WEX0", ("damaged", "bad_content", "unverified")),
        ("EG1:" + "A" * 5000, ("damaged", "bad_content", "unverified")),
    ],
)
def test_a_damaged_pass_says_why(park, code, flags) -> None:
    assert shown(park.gate(), code.encode()).flags == flags


@given(st.binary(max_size=300))
def test_any_bytes_behind_the_prefix_are_an_answer(raw: bytes) -> None:
    park = Park()
    answer = park.gate().parse(Code.read(("EG1:" + base45.encode(raw)).encode()))
    assert isinstance(answer, Credential)
    assert "unverified" in answer.flags


@given(st.text(max_size=60))
def test_any_text_behind_the_prefix_is_an_answer(text: str) -> None:
    raw = ("EG1:" + text).encode(errors="surrogatepass")
    assert isinstance(Park().gate().parse(Code.read(raw)), Credential)


def test_the_parsers_of_a_gate_check_passes_and_read_the_rest(park) -> None:
    using = parsers(park_pass=park.gate().parse)
    assert understand(park.code(), using).proved == ("signature",)
    assert understand(b"badge 7", using).scheme is Scheme.OPAQUE
    assert understand(park.code()).flags == ("unverified",)
