"""Records as bytes: nothing is lost, nothing is let in that could not be written again."""

from __future__ import annotations

import hashlib
import json
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feed.codec import CodecError, decode, encode, erase_sealed, format_time, record_hash
from feed.record import (
    Clock,
    Decision,
    Detail,
    Happening,
    Kind,
    Outcome,
    Person,
    Reading,
    Record,
    Sealed,
    Token,
)

AT = datetime(2021, 8, 23, 7, 15, 2, 41_000, tzinfo=UTC)

text = st.text(max_size=20)
finite = st.floats(allow_nan=False, allow_infinity=False)
details: st.SearchStrategy[dict[str, Detail]] = st.dictionaries(
    text, st.none() | st.booleans() | st.integers() | finite | text, max_size=4
)
sealed_values = st.builds(Sealed, kid=text, alg=text, ct=text)


def maybe(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | strategy


tokens = st.builds(Token, kid=text, scope=text, v=text)
people = st.builds(
    Person,
    scheme=text,
    token=maybe(tokens),
    token_before=maybe(tokens),
    category=maybe(text),
    sealed=maybe(sealed_values | text),
    plain=maybe(details),
    flags=maybe(st.lists(text, max_size=3).map(tuple)),
)
readings = st.builds(
    Reading,
    verdict=text,
    estimate_c=maybe(finite),
    object_c=maybe(finite),
    ambient_c=maybe(finite),
    samples=st.integers(0, 100),
    spread_c=maybe(finite),
    rounds_c=maybe(st.lists(finite, max_size=3).map(tuple)),
    flags=maybe(st.lists(text, max_size=3).map(tuple)),
)
reasons = st.lists(text, max_size=3).map(tuple)
records = st.builds(
    Record,
    kind=st.sampled_from([kind.value for kind in Kind]) | text,
    reader=maybe(text),
    direction=maybe(st.sampled_from(["in", "out"])),
    ref=maybe(st.integers(1)),
    person=maybe(people),
    reading=maybe(readings),
    declaration=maybe(details),
    decision=maybe(
        st.builds(Decision, result=st.sampled_from(["granted", "denied"]), reasons=reasons)
    ),
    outcome=maybe(
        st.builds(Outcome, result=st.sampled_from(["opened", "held_open"]), reasons=reasons)
    ),
    event=maybe(st.builds(Happening, name=text, detail=maybe(details))),
    ranges=maybe(st.lists(st.tuples(st.integers(1), st.integers(1), text), max_size=3).map(tuple)),
    stream=text,
    seq=st.integers(1),
    prev=maybe(text),
    park=text,
    site=text,
    gate=text,
    at=st.datetimes(
        min_value=datetime(1900, 1, 1),  # noqa: DTZ001 - hypothesis adds the zone
        timezones=st.timezones() | st.just(UTC),
    ),
    clock=st.builds(
        Clock, state=st.sampled_from(["synced", "unsynced"]), boot=text, uptime_s=finite
    ),
    sig=maybe(text),
)


def a_record(**parts: Any) -> Record:
    whole: dict[str, Any] = {
        "kind": "passage",
        "stream": "5f1c",
        "seq": 7,
        "park": "park",
        "site": "site",
        "gate": "gate",
        "at": AT,
        "clock": Clock(state="synced", boot="b", uptime_s=1.5),
    }
    return Record(**(whole | parts))


def altered(**parts: Any) -> bytes:
    """The bytes of a record whose JSON says something else in places."""
    return json.dumps(json.loads(encode(a_record())) | parts).encode()


@given(records)
def test_a_record_survives_its_bytes(record: Record) -> None:
    raw = encode(record)
    again = decode(raw)
    assert encode(again) == raw
    assert again == replace(record, at=again.at)
    assert timedelta(0) <= record.at - again.at < timedelta(milliseconds=1)


def test_no_part_of_a_record_is_left_out_of_its_bytes() -> None:
    token = Token(kid="k", scope="s", v="v")
    whole = a_record(
        prev="p",
        reader="r",
        direction="in",
        ref=1,
        person=Person(
            scheme="dcc",
            token=token,
            token_before=token,
            category="staff",
            sealed=Sealed(kid="k", alg="a", ct="c"),
            plain={"name": "Trần"},
            flags=("masked",),
        ),
        reading=Reading(
            verdict="normal",
            estimate_c=36.6,
            object_c=34.5,
            ambient_c=28.0,
            samples=5,
            spread_c=0.1,
            rounds_c=(34.5, 34.6),
            flags=("ambient_out_of_range",),
        ),
        declaration={"fever": False},
        decision=Decision(result="granted", reasons=("ok",)),
        outcome=Outcome(result="opened", reasons=("used",)),
        event=Happening(name="opened", detail={"by": "button"}),
        ranges=((1, 2, "dropped"),),
        sig="s",
    )
    raw = encode(whole)
    assert decode(raw) == whole
    for part in (whole, whole.clock, token, whole.person, whole.reading, whole.event):
        for field in fields(part):  # type: ignore[arg-type] # none is None here
            assert getattr(part, field.name) is not None, f"set {field.name} in this test"
            assert f'"{field.name}":'.encode() in raw


@given(records)
def test_a_record_is_one_line(record: Record) -> None:
    assert b"\n" not in encode(record)


def test_the_encoding_is_what_the_feed_documents() -> None:
    record = a_record(
        person=Person(scheme="cccd", token=Token(kid="k1", scope="park", v="abc")),
        reading=Reading(verdict="normal", estimate_c=36.52, samples=5),
        decision=Decision(result="granted", reasons=("code_accepted",)),
    )
    assert encode(record) == (
        b'{"v":1,"stream":"5f1c","seq":7,"park":"park","site":"site","gate":"gate",'
        b'"kind":"passage","at":"2021-08-23T07:15:02.041Z",'
        b'"clock":{"state":"synced","boot":"b","uptime_s":1.5},'
        b'"person":{"scheme":"cccd","token":{"kid":"k1","scope":"park","v":"abc"}},'
        b'"reading":{"verdict":"normal","estimate_c":36.52,"samples":5},'
        b'"decision":{"result":"granted","reasons":["code_accepted"]}}'
    )


def test_a_question_left_unanswered_stays_in_the_declaration() -> None:
    assert decode(encode(a_record(declaration={"fever": None}))).declaration == {"fever": None}


def test_a_record_of_another_zone_is_written_in_utc() -> None:
    at = AT.astimezone(timezone(timedelta(hours=7)))
    assert b'"at":"2021-08-23T07:15:02.041Z"' in encode(a_record(at=at))


@pytest.mark.parametrize(
    "parts",
    [
        {"declaration": {"answer": float("nan")}},
        {"reading": Reading(verdict="normal", estimate_c=float("inf"))},
        {"stream": "\ud800"},
        {"declaration": {"\udfff": 1}},
        {"at": AT.replace(tzinfo=None)},
        {"at": datetime(9999, 12, 31, 23, tzinfo=timezone(timedelta(hours=-12)))},
    ],
)
def test_what_a_reader_could_not_decode_is_not_written(parts: dict[str, Any]) -> None:
    with pytest.raises(CodecError) as caught:
        encode(a_record(**parts))
    assert "\n" not in str(caught.value)
    assert "record 7" in str(caught.value)


@pytest.mark.parametrize(
    "parts",
    [
        {"at": "2021-08-23T07:15:02.041"},  # a time without a zone
        {"at": 1_629_702_902},
        {"seq": "7"},
        {"seq": 0},
        {"seq": 1.5},
        {"v": True},
        {"clock": {"state": "synced", "boot": "b", "uptime_s": float("nan")}},
        {"clock": {"state": "synced", "boot": "b", "uptime_s": float("inf")}},
        {"clock": {"state": "perhaps", "boot": "b", "uptime_s": 1.0}},
        {"declaration": {"two\nlines": {"nested": 1}}},
        {"ranges": [[1, 2]]},
        {"person": {"token": None}},
    ],
)
def test_what_was_never_written_is_refused_on_one_line(parts: dict[str, Any]) -> None:
    with pytest.raises(CodecError) as caught:
        decode(altered(**parts))
    assert len(str(caught.value).splitlines()) == 1


@given(st.binary(max_size=200))
def test_bytes_that_are_no_record_are_refused(raw: bytes) -> None:
    with pytest.raises(CodecError) as caught:
        decode(raw)
    assert len(str(caught.value).splitlines()) == 1


@given(records, st.data())
def test_a_torn_record_is_refused(record: Record, data: st.DataObject) -> None:
    raw = encode(record)
    with pytest.raises(CodecError):
        decode(raw[: data.draw(st.integers(0, len(raw) - 1))])


def test_a_number_too_large_for_a_float_is_refused() -> None:
    with pytest.raises(CodecError):
        decode(encode(a_record()).replace(b'"uptime_s":1.5', b'"uptime_s":1e999'))


def test_kinds_and_keys_of_newer_versions_pass() -> None:
    record = decode(altered(kind="weather", v=2, mood={"deep": [1, {"sealed": 2}]}))
    assert (record.kind, record.v, record.seq) == ("weather", 2, 7)


def test_a_time_without_a_zone_has_no_text() -> None:
    with pytest.raises(ValueError, match="no time zone"):
        format_time(AT.replace(tzinfo=None))


# --- the chain ------------------------------------------------------------------------------

SEALED = Sealed(kid="s1", alg="hpke", ct="AAAA")


def test_the_chain_holds_when_an_identity_is_erased() -> None:
    raw = encode(a_record(person=Person(scheme="cccd", sealed=SEALED)))
    erased = erase_sealed(raw)
    assert b"AAAA" not in erased
    assert record_hash(erased) == record_hash(raw)
    assert erase_sealed(erased) == erased
    person = decode(erased).person
    assert person is not None
    digest = hashlib.sha256(b'{"kid":"s1","alg":"hpke","ct":"AAAA"}').hexdigest()
    assert person.sealed == f"sha256:{digest}"


def test_a_record_without_a_sealed_identity_is_hashed_as_it_is() -> None:
    raw = encode(a_record())
    assert erase_sealed(raw) == raw
    assert record_hash(raw) == hashlib.sha256(raw).hexdigest()


def test_another_identity_in_its_place_breaks_the_chain() -> None:
    first = encode(a_record(person=Person(scheme="cccd", sealed=SEALED)))
    other = encode(a_record(person=Person(scheme="cccd", sealed=replace(SEALED, ct="AAAB"))))
    assert record_hash(first) != record_hash(other)


@given(records, sealed_values)
def test_erasing_takes_the_sealed_identity_and_nothing_else(record: Record, sealed: Sealed) -> None:
    """Whatever stands in the strings: braces, quotes, backslashes, `"sealed":{`."""
    person = Person(scheme="cccd", sealed=sealed)
    raw = encode(replace(record, person=person))
    erased = erase_sealed(raw)
    assert record_hash(erased) == record_hash(raw)
    before, after = decode(raw), decode(erased)
    assert after.person is not None
    assert isinstance(after.person.sealed, str)
    assert replace(after, person=None) == replace(before, person=None)


HOSTILE = [
    '"sealed":{',
    ',"sealed":{"kid":"x"}',
    '{"sealed":{',
    '\\","sealed":{"ct":"',
    '\\\\","sealed":{',
    "}",
    '"}',
    '\n"sealed":{}',
]


@pytest.mark.parametrize("hostile", HOSTILE)
def test_text_that_looks_like_a_sealed_identity_is_no_identity(hostile: str) -> None:
    raw = encode(
        a_record(
            reader=hostile,
            declaration={hostile: hostile},
            event=Happening(name=hostile, detail={"sealed": hostile}),
        )
    )
    assert erase_sealed(raw) == raw


@pytest.mark.parametrize("hostile", HOSTILE)
def test_hostile_text_does_not_shield_the_sealed_identity(hostile: str) -> None:
    sealed = Sealed(kid=hostile, alg=hostile, ct=hostile + "SECRET" + hostile)
    raw = encode(
        a_record(stream=hostile, reader=hostile, person=Person(scheme=hostile, sealed=sealed))
    )
    erased = erase_sealed(raw)
    assert b"SECRET" not in erased
    assert decode(erased).reader == hostile


def test_an_identity_sealed_in_a_newer_form_is_erased_whole() -> None:
    raw = altered(
        person={"scheme": "pass", "sealed": {"kid": "s1", "to": [{"sealed": {"ct": "SECRET"}}]}},
        escort={"sealed": {"kid": "s2", "ct": "SECRET"}},
    )
    erased = erase_sealed(raw)
    assert b"SECRET" not in erased
    assert json.loads(erased)["person"]["sealed"].startswith("sha256:")
    assert json.loads(erased)["escort"]["sealed"].startswith("sha256:")
    assert record_hash(erased) == record_hash(raw)


@pytest.mark.parametrize(
    "raw",
    [b'{"sealed":{"kid"', b'{"sealed":{', b"\xff", b'{"sealed":' + b'{"a":' * 100_000],
)
def test_a_torn_record_has_no_hash(raw: bytes) -> None:
    with pytest.raises(CodecError):
        record_hash(raw)


@given(st.binary())
def test_hashing_any_bytes_answers_or_refuses(raw: bytes) -> None:
    try:
        answer = record_hash(raw)
    except CodecError as error:
        answer = str(error)
    assert len(answer.splitlines()) == 1
