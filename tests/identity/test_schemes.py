"""Codes understood. Every person here is made up."""

from __future__ import annotations

import pickle
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from identity.credential import Credential, Scheme
from identity.flags import CONTRADICTIONS, DAMAGE, Flag
from identity.schemes import opaque, parsers, understand
from identity.schemes.code import Code, NotMine
from tests.identity.signing import Dcc, shc
from tests.passmaker import Park

NUMBER = "001187000001"  # Hà Nội, a woman born in 1987
CCCD = f"{NUMBER}|012345678|Trần Thị Thử|18011987|Nữ|1 Phố Thử, Hà Nội|01012022"
CAN_CUOC = f"{CCCD}||||"
PC_COVID = f"{NUMBER}|TRAN THI THU|1987-01-18|0|162900000000000001|<2<00<0900000001"
PC_MASKED = "******000001|TRAN THI THU|1987-**-**|0|162900000000000001|<2<00<0900000001"
NAME_HEX = "Trần Thị Thử".encode().hex()
BHYT_15 = (
    f"DN4010123456789|{NAME_HEX}|18/01/1987|2|-|01 - 001|01/01/2021|-|01/01/2021|"
    f"01234|-|4| 01/01/2026|0123456789abcdef-7102|$"
)
BHYT_10 = f"DN4010123456789|{NAME_HEX}|18/1/1987|2|-|01\u2013001|01/01/2021|31/12/2021|-|$"
BHYT_17 = (
    f"0123456789|{NAME_HEX}|18/01/1987|2|-|01 001|01/01/2021|-|01/01/2021|01234|-|4|01/01/2026|"
    f"0123456789abcdef-7102|1|{'Hà Nội'.encode().hex()}|$"
)
HC1 = Dcc().code()
EG1 = Park().code().decode()
SHC = shc()
VALID = [CCCD, CAN_CUOC, PC_COVID, PC_MASKED, BHYT_10, BHYT_15, BHYT_17, EG1, SHC]


def read(text: str) -> Credential:
    return understand(text.encode())


def stated(credential: Credential) -> tuple[str | None, ...]:
    holder = credential.holder
    assert holder is not None
    return holder.name, holder.birth_date, holder.sex, holder.document


def replaced(code: str, index: int, value: str) -> str:
    fields = code.split("|")
    fields[index] = value
    return "|".join(fields)


# --- whole codes ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "scheme", "canonical", "holder"),
    [
        (CCCD, "cccd", f"cccd:{NUMBER}", ("Trần Thị Thử", "1987-01-18", "female", NUMBER)),
        (CAN_CUOC, "cccd", f"cccd:{NUMBER}", ("Trần Thị Thử", "1987-01-18", "female", NUMBER)),
        (
            PC_COVID,
            "pc-covid",
            f"cccd:{NUMBER}",
            ("TRAN THI THU", "1987-01-18", "female", NUMBER),
        ),
        (
            BHYT_10,
            "bhyt",
            "bhyt:0123456789",
            ("Trần Thị Thử", "1987-01-18", "female", "DN4010123456789"),
        ),
        (
            BHYT_15,
            "bhyt",
            "bhyt:0123456789",
            ("Trần Thị Thử", "1987-01-18", "female", "DN4010123456789"),
        ),
        (
            BHYT_17,
            "bhyt",
            "bhyt:0123456789",
            ("Trần Thị Thử", "1987-01-18", "female", "0123456789"),
        ),
    ],
)
def test_a_whole_code_is_understood_without_a_flag(
    code: str, scheme: str, canonical: str, holder: tuple[str, ...]
) -> None:
    credential = read(code)
    assert (credential.scheme, credential.canonical) == (scheme, canonical)
    assert stated(credential) == holder
    assert credential.flags == ()
    assert credential.proved == ()


def test_both_cards_and_the_app_give_one_identity() -> None:
    """Otherwise a person who changes the card would become two."""
    assert {read(code).canonical for code in (CCCD, CAN_CUOC, PC_COVID)} == {f"cccd:{NUMBER}"}


def test_the_old_and_the_new_insurance_card_give_one_identity() -> None:
    assert {read(code).canonical for code in (BHYT_10, BHYT_15, BHYT_17)} == {"bhyt:0123456789"}


@pytest.mark.parametrize("padding", ["\0", "\0\0\0", "\r\n", "  "])
@pytest.mark.parametrize("code", [CCCD, CAN_CUOC, PC_COVID, BHYT_15])
def test_padding_behind_the_last_field_changes_nothing(code: str, padding: str) -> None:
    assert read(code + padding) == read(code)


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_a_name_is_the_same_however_its_accents_are_composed(form: str) -> None:
    code = unicodedata.normalize(form, CCCD)  # type: ignore[arg-type]
    assert read(code) == read(CCCD)


def test_an_old_number_may_be_missing() -> None:
    assert read(replaced(CCCD, 1, "")).flags == ()


@pytest.mark.parametrize(
    ("written", "birth_date"),
    [("00001950", "1950"), ("00071950", "1950-07"), ("29022024", "2024-02-29")],
)
def test_a_birth_date_is_cut_short_where_parts_are_not_known(written: str, birth_date: str) -> None:
    assert stated(read(replaced(CCCD, 3, written)))[1] == birth_date


# --- masked and proxy codes of PC-Covid -----------------------------------------------------


def test_a_masked_code_is_known_by_the_platform_number() -> None:
    credential = read(PC_MASKED)
    assert credential.canonical == "pc-covid:162900000000000001"
    assert credential.flags == ("masked",)
    assert stated(credential) == ("TRAN THI THU", "1987", "female", "******000001")


def test_a_masked_date_leaves_the_identity_as_it_is() -> None:
    credential = read(replaced(PC_COVID, 2, "1987-01-**"))
    assert credential.canonical == f"cccd:{NUMBER}"
    assert credential.flags == ("masked",)
    assert stated(credential)[1] == "1987-01"


def test_a_child_does_not_get_the_identity_of_the_parent_who_declared() -> None:
    credential = read(replaced(PC_COVID, 3, "1"))
    assert credential.canonical == "pc-covid:162900000000000001"
    assert credential.flags == ("proxy",)


@pytest.mark.parametrize(
    ("document", "canonical"),
    [
        ("012345678", "cmnd:012345678"),
        ("b1234567", "passport:B1234567"),
        ("", "pc-covid:162900000000000001"),
    ],
)
def test_other_documents_have_identities_of_their_own(document: str, canonical: str) -> None:
    credential = read(replaced(PC_COVID, 0, document))
    assert credential.canonical == canonical
    assert credential.flags == ()


@pytest.mark.parametrize(
    ("ext", "sex"),
    [
        ("<1<00<0900000001", "male"),
        ("1<0900000001", "male"),
        ("\u20392\u20390900000001", "female"),
        ("162900000000000002<2<DN4010123456789", "female"),
        ("0900000001<DN4010123456789<1", "male"),
        ("<0<0900000001", None),
        ("<00<0900000001", None),
        ("", None),
    ],
)
def test_parts_of_the_extension_are_known_by_shape(ext: str, sex: str | None) -> None:
    credential = read(replaced(replaced(PC_COVID, 0, "012345678"), 5, ext))
    assert stated(credential)[2] == sex
    assert credential.flags == ()


def test_the_extension_may_be_missing() -> None:
    assert read(PC_MASKED.rpartition("|")[0]).flags == ("masked",)


# --- what contradicts itself ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "flag"),
    [
        (replaced(CCCD, 4, "Nam"), Flag.SEX_DIFFERS),
        (replaced(CCCD, 3, "18011988"), Flag.BIRTH_YEAR_DIFFERS),
        (replaced(CCCD, 0, "001387000001"), Flag.BIRTH_YEAR_DIFFERS),
        (replaced(CCCD, 0, "003187000001"), Flag.PROVINCE_UNKNOWN),
        (replaced(PC_COVID, 2, "1978-**-**"), Flag.BIRTH_YEAR_DIFFERS),
        (replaced(PC_COVID, 5, "<1<"), Flag.SEX_DIFFERS),
    ],
)
def test_a_card_whose_number_says_otherwise_is_contradictory(code: str, flag: Flag) -> None:
    credential = read(code)
    assert {Flag.CONTRADICTORY, flag} <= set(credential.flags)
    assert not credential.damaged


def test_a_citizen_born_abroad_is_no_contradiction() -> None:
    assert read(replaced(CCCD, 0, "126187000001")).flags == ()


@pytest.mark.parametrize(
    ("number", "born", "sex"),
    [
        ("001099000001", "1999", "Nam"),
        ("096201000001", "2001", "Nam"),
        ("079310000001", "2010", "Nữ"),
    ],
)
def test_century_and_sex_are_read_out_of_the_number(number: str, born: str, sex: str) -> None:
    code = replaced(replaced(replaced(CCCD, 0, number), 3, f"0101{born}"), 4, sex)
    assert read(code).flags == ()


# --- damaged codes --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "flag"),
    [
        (replaced(CCCD, 3, "31021987"), Flag.BAD_BIRTH_DATE),
        (replaced(CCCD, 3, "1801198"), Flag.BAD_BIRTH_DATE),
        (replaced(CCCD, 6, "99999999"), Flag.BAD_DATE),
        (replaced(CCCD, 2, ""), Flag.BAD_NAME),
        (replaced(CCCD, 2, "Tr\x01n"), Flag.BAD_NAME),
        (replaced(CCCD, 4, "?"), Flag.BAD_SEX),
        (replaced(CCCD, 1, "12"), Flag.BAD_NUMBER),
        (replaced(CCCD, 0, "00118700000"), Flag.BAD_NUMBER),
        (CCCD.rpartition("|")[0], Flag.FIELD_COUNT),
        (CCCD + "|", Flag.FIELD_COUNT),
        (replaced(PC_COVID, 2, "1987-02-31"), Flag.BAD_BIRTH_DATE),
        (replaced(PC_COVID, 1, ""), Flag.BAD_NAME),
        (replaced(PC_COVID, 3, "7"), Flag.BAD_KIND),
        (replaced(PC_COVID, 4, "x"), Flag.BAD_NUMBER),
        (replaced(PC_COVID, 0, "00118700000"), Flag.BAD_NUMBER),
        (PC_COVID + "|", Flag.FIELD_COUNT),
        (replaced(BHYT_15, 0, "DN40101234567"), Flag.BAD_NUMBER),
        (replaced(BHYT_15, 1, NAME_HEX[:-1]), Flag.BAD_NAME),
        (replaced(BHYT_15, 1, "ff"), Flag.BAD_NAME),
        (replaced(BHYT_15, 2, "31/02/1987"), Flag.BAD_BIRTH_DATE),
        (replaced(BHYT_15, 3, "3"), Flag.BAD_SEX),
        (replaced(BHYT_15, 6, "soon"), Flag.BAD_DATE),
        (replaced(BHYT_15, 12, "99/99/2026"), Flag.BAD_DATE),
        (BHYT_15.rpartition("|")[0], Flag.FIELD_COUNT),
        ("HC1:abc", Flag.BAD_ALPHABET),
        ("HC1:", Flag.BAD_ENCODING),
        ("HC1::::", Flag.BAD_ENCODING),
        ("HC1:6BFO", Flag.BAD_ENCODING),
        ("EG1:\u00e9", Flag.BAD_ALPHABET),
        ("shc:/123", Flag.BAD_ENCODING),
        ("shc:/", Flag.BAD_ENCODING),
        ("shc:/99", Flag.BAD_ENCODING),
        ("shc:/12ab", Flag.BAD_ALPHABET),
    ],
)
def test_a_damaged_code_is_told_from_a_foreign_one(code: str, flag: Flag) -> None:
    credential = read(code)
    assert credential.scheme is not Scheme.OPAQUE
    assert credential.damaged
    assert flag in credential.flags
    assert not CONTRADICTIONS.intersection(credential.flags)


def test_the_number_of_a_card_with_a_damaged_date_still_identifies() -> None:
    assert read(replaced(CCCD, 3, "99999999")).canonical == f"cccd:{NUMBER}"


def test_a_card_without_its_number_is_known_by_its_digest() -> None:
    one, other = read(replaced(CCCD, 0, "0011870")), read(replaced(CCCD, 0, "0011871"))
    assert one.canonical.startswith("cccd-sha256:")
    assert one.canonical != other.canonical
    assert stated(one)[3] is None


def test_bytes_that_are_no_utf8_damage_the_name_and_nothing_else() -> None:
    """A guessed encoding would invent a name."""
    raw = CCCD.encode().replace("Thử".encode(), b"Th\xfb")
    credential = understand(raw)
    assert credential.canonical == f"cccd:{NUMBER}"
    assert credential.flags == ("damaged", "not_utf8", "bad_name")
    assert stated(credential)[0] is None


# --- signed codes ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "scheme"), [(HC1, Scheme.DCC), (EG1, Scheme.PASS), (SHC, Scheme.SHC)]
)
def test_a_signed_code_is_not_believed_before_it_is_checked(code: str, scheme: Scheme) -> None:
    credential = read(code)
    assert credential.scheme is scheme
    assert credential.flags == ("unverified",)
    assert credential.proved == ()


def test_spaces_of_a_certificate_are_part_of_it() -> None:
    assert " " in HC1
    assert read(HC1).flags == ("unverified",)
    assert read(HC1).canonical != read(HC1.replace(" ", "")).canonical


def test_one_part_of_a_health_card_says_so() -> None:
    assert read("shc:/1/2/5676").flags == ("multi_part", "unverified")


# --- any other code -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "code",
    [
        "STAFF-0042",
        "https://gate.example.vn/t/abc?x=1|2|3",
        "a|b|c|d|e|f|g",
        "a|b|c|20210101|x|y|z",
        NUMBER,
        "hc1:6BF",
        "Lê Văn Tú",
        " padded ",
    ],
)
def test_any_other_short_text_is_its_own_identity(code: str) -> None:
    credential = read(code)
    assert credential.scheme is Scheme.OPAQUE
    assert credential.canonical == f"opaque:{code}"
    assert credential.flags == ()


@pytest.mark.parametrize(
    "payload", [b"", b"abc\0def\0", b"\xef\xbb\xbfBOM", b"x" * 3_000, b"two\nlines", b"\xff\xfe"]
)
def test_what_is_no_short_text_is_known_by_its_digest(payload: bytes) -> None:
    credential = understand(payload)
    assert credential.scheme is Scheme.OPAQUE
    assert credential.canonical.startswith("opaque-sha256:")


def test_a_text_can_not_pass_for_a_digest() -> None:
    digest = understand(b"\xff").canonical
    assert read(digest).canonical != digest
    assert read(digest.removeprefix("opaque-sha256:")).canonical != digest


# --- totality -------------------------------------------------------------------------------


@given(st.binary(max_size=400) | st.text(max_size=200).map(str.encode))
def test_no_bytes_make_a_parser_raise(payload: bytes) -> None:
    code = Code.read(payload)
    for parse in parsers():
        answer = parse(code)
        assert isinstance(answer, Credential) or answer.reason
    assert opaque.parse(code).scheme is Scheme.OPAQUE


pieces = st.sampled_from(
    [
        *("|", "$", "<", "\u2039", "*", "-", "/", "\0", " ", "0", "1", "Nam", "Nữ"),
        *("HC1:", "EG1:", "shc:/", NUMBER, "18011987", "1987-01-18", "18/1/1987", NAME_HEX),
        *("162900000000000001", "DN4010123456789", "\u0661", "\u00b2", "\uff11", "\ufeff"),
    ]
)


@given(st.lists(pieces, max_size=30).map("".join))
def test_no_mixture_of_parts_makes_a_parser_raise(text: str) -> None:
    read(text)


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A valid code with bytes cut out, put in or changed in one place."""
    raw = draw(st.sampled_from([*VALID, HC1])).encode()
    start = draw(st.integers(0, len(raw)))
    end = draw(st.integers(start, min(len(raw), start + 8)))
    return raw[:start] + draw(st.binary(max_size=4)) + raw[end:]


@given(mutated())
def test_a_mutated_code_is_still_answered(payload: bytes) -> None:
    credential = understand(payload)
    assert credential.canonical
    assert credential.damaged == (not DAMAGE.isdisjoint(credential.flags)) or (
        credential.scheme is Scheme.OPAQUE
    )
    assert set(credential.flags) <= set(Flag)


@given(st.sampled_from(VALID), st.data())
def test_one_changed_character_of_a_field_does_not_make_a_card_foreign(
    code: str, data: st.DataObject
) -> None:
    """A misprinted card is denied or flagged as such, not taken for a visitor's badge."""
    place = data.draw(st.integers(5, len(code) - 1).filter(lambda i: code[i] not in "|$"))
    character = data.draw(st.sampled_from("0aZ?\u1ea1"))
    changed = code[:place] + character + code[place + 1 :]
    assert read(changed).scheme is read(code).scheme


@given(st.sampled_from(VALID))
def test_each_code_belongs_to_one_scheme_only(text: str) -> None:
    answers = [parse(Code.read(text.encode())) for parse in parsers()]
    assert sum(isinstance(answer, Credential) for answer in answers) == 1
    assert all(answer.reason for answer in answers if isinstance(answer, NotMine))


def test_a_credential_crosses_from_the_scanning_process_whole() -> None:
    for code in [*VALID, "STAFF-1"]:
        assert pickle.loads(pickle.dumps(read(code))) == read(code)


def test_a_credential_in_a_log_tells_nobody_s_name() -> None:
    for code in VALID:
        assert NUMBER not in repr(read(code))
        assert "Tr" not in repr(read(code))


def test_every_flag_is_explained_in_the_reference() -> None:
    page = (Path(__file__).parents[2] / "docs" / "reference" / "schemes.md").read_text()
    missing = [flag.value for flag in Flag if f"`{flag.value}`" not in page]
    assert missing == []
