"""Topics: built and taken apart without loss, and no name can reach into another's topic."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feed.topics import (
    ADDRESSES,
    ANY,
    Channel,
    GateTopics,
    Topic,
    TopicError,
    build,
    parse,
    topic_filter,
)

names = st.text(
    st.characters(exclude_characters="+#/", exclude_categories=["Cc", "Cs"]), min_size=1, max_size=9
)


def placeholders(channel: Channel) -> list[str]:
    return [part.strip("{}") for part in ADDRESSES[channel].split("/") if part.startswith("{")]


@given(st.data(), st.sampled_from(Channel))
def test_a_topic_is_taken_apart_into_what_it_was_built_of(
    data: st.DataObject, channel: Channel
) -> None:
    parts = {key: data.draw(names) for key in placeholders(channel)}
    assert parse(build(channel, **parts)) == Topic(channel, parts)


def test_the_topics_of_a_gate() -> None:
    gate = GateTopics("p", "s", "g")
    assert gate.record == "gate/v1/p/s/g/record"
    assert gate.alarm == "gate/v1/p/s/g/alarm"
    assert gate.state == "gate/v1/p/s/g/state"
    assert gate.command == "gate/v1/p/s/g/command"
    assert gate.reply == "gate/v1/p/s/g/reply"
    assert gate.receipt("abc") == "gate/v1/p/s/g/receipt/abc"
    assert build(Channel.LIST, park="p", name="roster") == "gate/v1/p/list/roster"
    assert gate.discovery("ha").startswith("ha/device/p_s_g_")


@pytest.mark.parametrize("bad", ["", "a/b", "+", "a#", "a\0b", "a\nb", "\x7f", "\ud800"])
@pytest.mark.parametrize("channel", Channel)
def test_a_name_that_would_be_another_topic_is_refused(channel: Channel, bad: str) -> None:
    for key in placeholders(channel):
        parts = dict.fromkeys(placeholders(channel), "ok") | {key: bad}
        with pytest.raises(TopicError, match=key):
            build(channel, **parts)


def test_a_gate_with_a_bad_name_is_refused_at_once() -> None:
    with pytest.raises(TopicError, match="site"):
        GateTopics("p", "s/x", "g")


def test_a_missing_name_and_a_topic_that_is_too_long_are_refused() -> None:
    with pytest.raises(TopicError, match="gate"):
        build(Channel.RECORD, park="p", site="s")
    with pytest.raises(TopicError, match="too long"):
        build(Channel.LIST, park="p" * 65_536, name="n")


@pytest.mark.parametrize(
    "foreign",
    [
        "",
        "gate/v1",
        "gate/v2/p/s/g/record",
        "gate/v1/p/s/g/records",
        "gate/v1/p/s/record",
        "gate/v1/p//g/record",
        "gate/v1/p/s/g/receipt",
        "gate/v1/p/s/g/record/more",
        "/gate/v1/p/s/g/record",
        "gate/v1/p/s\n/g/record",
        "$SYS/broker/uptime",
    ],
)
def test_a_topic_of_another_feed_is_refused(foreign: str) -> None:
    with pytest.raises(TopicError):
        parse(foreign)


def test_a_site_called_list_is_no_list() -> None:
    assert parse("gate/v1/p/list/g/record").channel is Channel.RECORD
    assert parse("gate/v1/p/list/g").channel is Channel.LIST


def test_filters_leave_open_what_is_not_named() -> None:
    assert topic_filter(Channel.RECORD) == "gate/v1/+/+/+/record"
    assert topic_filter(Channel.RECORD, park="p") == "gate/v1/p/+/+/record"
    assert topic_filter(Channel.RECEIPT, park=ANY, gate="g") == "gate/v1/+/+/g/receipt/+"
    with pytest.raises(TopicError, match="park"):
        topic_filter(Channel.RECORD, park="#")


@given(names, names, names)
def test_object_ids_are_what_home_assistant_takes(park: str, site: str, gate: str) -> None:
    object_id = GateTopics(park, site, gate).object_id
    assert object_id.replace("_", "").replace("-", "").isalnum()
    assert object_id.isascii()
