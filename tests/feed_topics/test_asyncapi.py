"""feed/asyncapi.yaml describes what is really sent: every kind of record and every message."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft7Validator, ValidationError

from edge.mqtt.discovery import discovery_message
from feed.codec import encode, erase_sealed
from feed.messages import (
    Command,
    Fault,
    GateState,
    MessageError,
    OrderSummary,
    ReaderSummary,
    Receipt,
    RecordsSummary,
    Reply,
    Summary,
    decode_command,
    decode_receipt,
    decode_reply,
    decode_state,
    encode_message,
)
from feed.record import (
    Clock,
    Decision,
    Happening,
    Kind,
    Outcome,
    Person,
    Reading,
    Record,
    Sealed,
    Token,
)
from feed.topics import ADDRESSES, Channel
from tests.mqtt.support import config

DOCUMENT: dict[str, Any] = yaml.safe_load(
    (Path(__file__).parents[2] / "feed" / "asyncapi.yaml").read_text(encoding="utf-8")
)
# asyncapi 3.0: schemas are JSON Schema draft 7
DRAFT = "http://json-schema.org/draft-07/schema#"
COMPARED = settings(max_examples=30, suppress_health_check=[HealthCheck.too_slow], deadline=None)


@cache
def schema(name: str) -> Draft7Validator:
    part = {"$schema": DRAFT, "$ref": f"#/components/schemas/{name}"}
    return Draft7Validator(part | {"components": DOCUMENT["components"]})


# --- the document itself --------------------------------------------------------------------


def nodes(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        yield node
    children = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    for child in children:
        yield from nodes(child)


def resolve(reference: str) -> Any:
    assert reference.startswith("#/")
    found: Any = DOCUMENT
    for key in reference.removeprefix("#/").split("/"):
        found = found[key]
    return found


def test_every_reference_leads_somewhere() -> None:
    references = [node["$ref"] for node in nodes(DOCUMENT) if "$ref" in node]
    assert len(references) > 50
    for reference in references:
        resolve(reference)


def test_every_part_is_used() -> None:
    used = {node["$ref"] for node in nodes(DOCUMENT) if "$ref" in node}
    for kind, parts in DOCUMENT["components"].items():
        for name in parts:
            assert f"#/components/{kind}/{name}" in used


def test_each_topic_has_its_channel_and_each_channel_its_topic() -> None:
    addresses = {name: channel["address"] for name, channel in DOCUMENT["channels"].items()}
    assert addresses == {str(channel): address for channel, address in ADDRESSES.items()}


def test_each_channel_declares_the_names_in_its_address_and_is_used() -> None:
    used = {operation["channel"]["$ref"] for operation in DOCUMENT["operations"].values()}
    for name, channel in DOCUMENT["channels"].items():
        named = {part[1:-1] for part in channel["address"].split("/") if part.startswith("{")}
        assert set(channel["parameters"]) == named
        assert f"#/channels/{name}" in used


def test_schemas_are_valid_and_examples_keep_to_them() -> None:
    for name in DOCUMENT["components"]["schemas"]:
        Draft7Validator.check_schema(DOCUMENT["components"]["schemas"][name])
    for message in DOCUMENT["components"]["messages"].values():
        name = message["payload"]["$ref"].rpartition("/")[2]
        for example in message.get("examples", ()):
            schema(name).validate(example["payload"])


def test_examples_are_what_the_code_reads() -> None:
    def examples(name: str) -> list[bytes]:
        found = DOCUMENT["components"]["messages"][name]["examples"]
        return [json.dumps(example["payload"]).encode() for example in found]

    for decode, name in (
        (decode_state, "state"),
        (decode_receipt, "receipt"),
        (decode_command, "command"),
        (decode_reply, "reply"),
    ):
        for raw in examples(name):
            decode(raw)


# --- records --------------------------------------------------------------------------------

characters = st.characters(exclude_categories=["Cs"])
text = st.text(characters, max_size=12)
some_name = st.text("abc-_.0", min_size=1, max_size=8)
celsius = st.floats(-40, 125).map(lambda value: round(value, 2))
details = st.dictionaries(
    text, text | st.integers(-(2**53), 2**53) | celsius | st.booleans() | st.none(), max_size=3
)
hashes = st.text("0123456789abcdef", min_size=64, max_size=64)
times = st.integers(0, 4_102_444_800_000).map(lambda ms: datetime.fromtimestamp(ms / 1000, UTC))


def maybe(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | strategy


people = st.builds(
    Person,
    scheme=text,
    token=maybe(st.builds(Token, kid=text, scope=text, v=text)),
    category=maybe(text),
    sealed=maybe(st.builds(Sealed, kid=text, alg=text, ct=text)),
    plain=maybe(details),
    flags=maybe(st.lists(text, max_size=2).map(tuple)),
)
readings = st.builds(
    Reading,
    verdict=text,
    estimate_c=maybe(celsius),
    object_c=maybe(celsius),
    ambient_c=maybe(celsius),
    samples=st.integers(0, 100),
    spread_c=maybe(celsius),
)
reasons = st.lists(text, max_size=3).map(tuple)
decisions = st.builds(Decision, result=st.sampled_from(["granted", "denied"]), reasons=reasons)
outcomes = st.builds(
    Outcome,
    result=st.sampled_from(["opened", "withheld", "passed", "not_passed", "held_open"]),
    reasons=reasons,
)
events = st.builds(Happening, name=text, detail=maybe(details))
ranges = st.lists(st.tuples(st.integers(1, 99), st.integers(1, 99), text), max_size=3).map(tuple)
clocks = st.builds(
    Clock,
    state=st.sampled_from(["synced", "unsynced"]),
    boot=text,
    uptime_s=st.floats(0, 1e9),
)


@st.composite
def records(draw: st.DrawFn, kind: str) -> Record:
    """A record of this kind; what the kind needs is always there, everything else at random."""

    def part(strategy: st.SearchStrategy[Any], *kinds: Kind) -> Any:
        return draw(strategy if kind in kinds else maybe(strategy))

    return Record(
        kind=kind,
        stream=draw(some_name),
        seq=draw(st.integers(1, 2**53)),
        prev=draw(maybe(hashes)),
        park=draw(some_name),
        site=draw(some_name),
        gate=draw(some_name),
        at=draw(times),
        clock=draw(clocks),
        reader=draw(maybe(text)),
        direction=draw(maybe(st.sampled_from(["in", "out"]))),
        ref=part(st.integers(1, 99), Kind.OUTCOME),
        person=draw(maybe(people)),
        reading=draw(maybe(readings)),
        declaration=draw(maybe(details)),
        decision=part(decisions, Kind.PASSAGE),
        outcome=part(outcomes, Kind.OUTCOME),
        event=part(events, Kind.ALARM),
        ranges=part(ranges, Kind.LOSS),
        sig=draw(maybe(text)),
    )


@pytest.mark.parametrize("kind", [*Kind, "a_kind_of_tomorrow"])
@COMPARED
@given(data=st.data())
def test_every_record_that_is_encoded_keeps_to_the_schema(kind: str, data: st.DataObject) -> None:
    raw = encode(data.draw(records(str(kind))))
    schema("record").validate(json.loads(raw))
    schema("record").validate(json.loads(erase_sealed(raw)))
    if kind == Kind.ALARM:
        schema("alarm").validate(json.loads(raw))


@pytest.mark.parametrize(
    "change",
    [
        {"seq": "2"},
        {"seq": 0},
        {"at": "2021-08-23T07:15:02Z"},
        {"at": "2021-08-23T14:15:02.041+07:00"},
        {"prev": "abc"},
        {"direction": "up"},
        {"clock": {"state": "good", "boot": "b", "uptime_s": 1}},
        {"reading": {"verdict": "normal", "estimate_c": "36.6"}},
        {"decision": {"result": "maybe", "reasons": []}},
        {"decision": None},
        {"person": {"token": {}}},
        {"kind": "outcome"},
        {"kind": "loss"},
    ],
)
def test_the_schema_refuses_what_is_no_record(change: dict[str, Any]) -> None:
    good = DOCUMENT["components"]["messages"]["record"]["examples"][0]["payload"]
    schema("record").validate(good)
    with pytest.raises(ValidationError):
        schema("record").validate(good | change)


def test_a_record_of_another_kind_is_no_alarm() -> None:
    good = DOCUMENT["components"]["messages"]["record"]["examples"][0]["payload"]
    with pytest.raises(ValidationError):
        schema("alarm").validate(good)


# --- the small messages ---------------------------------------------------------------------

milliseconds = times.map(lambda at: at.replace(microsecond=at.microsecond // 1000 * 1000))
orders = st.builds(
    OrderSummary,
    since=milliseconds,
    reason=maybe(text),
    until=maybe(milliseconds),
    by=maybe(text),
)
summaries = st.builds(
    Summary,
    phase=text,
    door=st.sampled_from(["open", "closed", "unknown"]),
    lock=st.sampled_from(["secured", "released", "unknown"]),
    fire=st.booleans(),
    closed=maybe(st.just(True)),
    order=maybe(orders),
    granted=st.integers(0, 99),
    denied=st.integers(0, 99),
    readers=st.lists(
        st.builds(
            ReaderSummary,
            name=text,
            direction=st.sampled_from(["in", "out"]),
            phase=maybe(text),
            ambient_c=maybe(celsius),
        ),
        max_size=2,
    ).map(tuple),
    faults=st.lists(
        st.builds(Fault, device=text, cause=text, reader=maybe(text), detail=maybe(text)),
        max_size=2,
    ).map(tuple),
)
states = st.builds(
    GateState,
    status=st.sampled_from(["online", "offline"]),
    version=maybe(text),
    since=maybe(milliseconds),
    at=maybe(milliseconds),
    gate=maybe(summaries),
    records=maybe(
        st.builds(
            RecordsSummary,
            stream=text,
            seq=st.integers(0, 99),
            confirmed=st.integers(0, 99),
            oldest_unconfirmed_at=maybe(milliseconds),
        )
    ),
)
receipts = st.builds(
    Receipt, stream=text, upto=st.integers(0, 2**53), epoch=text, head=maybe(hashes)
)
arguments = st.dictionaries(
    text.filter(lambda key: key not in {"id", "command"}), text | st.integers(-9, 9), max_size=3
)
commands = st.builds(
    Command,
    id=st.text(characters, min_size=1, max_size=128),
    command=text.filter(lambda name: name not in {"resend", "close", "reopen"}),
    args=arguments,
)
replies = st.builds(
    Reply, id=maybe(text), ok=st.just(True), error=st.none(), result=maybe(details)
) | st.builds(Reply, id=maybe(text), ok=st.just(False), error=text, result=maybe(details))


@COMPARED
@given(states)
def test_every_state_keeps_to_the_schema_and_is_read_back(state: GateState) -> None:
    raw = encode_message(state)
    schema("state").validate(json.loads(raw))
    assert decode_state(raw) == state


@pytest.mark.parametrize(
    "wrong",
    [
        {"records": {"stream": "s", "seq": 10**30, "confirmed": 0}},
        {"records": {"stream": "s", "seq": 3, "confirmed": -1}},
        {"gate": {"phase": "idle", "granted": 10**400, "denied": 0}},
    ],
)
def test_a_number_that_no_store_holds_is_no_state(wrong: dict[str, object]) -> None:
    """It would stop every answer about the gate's site."""
    with pytest.raises(MessageError):
        decode_state(json.dumps({"v": 1, "status": "online", **wrong}).encode())


@COMPARED
@given(receipts)
def test_every_receipt_keeps_to_the_schema_and_is_read_back(receipt: Receipt) -> None:
    raw = encode_message(receipt)
    schema("receipt").validate(json.loads(raw))
    assert decode_receipt(raw) == receipt


@COMPARED
@given(commands)
def test_every_command_keeps_to_the_schema_and_is_read_back(command: Command) -> None:
    raw = encode_message(command)
    schema("command").validate(json.loads(raw))
    assert decode_command(raw) == command


@COMPARED
@given(replies)
def test_every_reply_keeps_to_the_schema_and_is_read_back(reply: Reply) -> None:
    raw = encode_message(reply)
    schema("reply").validate(json.loads(raw))
    assert decode_reply(raw) == reply


def test_the_discovery_message_keeps_to_the_schema() -> None:
    _, raw = discovery_message(config(1883), version="1")
    schema("discovery").validate(json.loads(raw))


def test_each_channel_of_the_code_has_a_schema_of_its_own() -> None:
    for channel in Channel:
        messages = DOCUMENT["channels"][channel]["messages"]
        assert list(messages) == [str(channel)]
