"""The witness of the demo: it must not count too much, nor stay away silently."""

from __future__ import annotations

import pytest

from edge.mqtt.tap import RecordTap
from feed.topics import GateTopics
from tests.mqtt.support import Broker, free_port
from tests.mqtt.watcher import Watcher


def test_distinct_records_are_counted_and_missing_ones_named(
    broker: Broker, tap: RecordTap, watcher: Watcher
) -> None:
    topic = GateTopics("park-1", "s", "g").record
    for seq in (1, 2, 2, 5):
        watcher.publish(topic, b'{"stream":"a","seq":%d}' % seq)
    for bad in (b"", b"[]", b'{"stream":"a"}', b'{"stream":"a","seq":"6"}'):
        watcher.publish(topic, bad)
    watcher.publish(GateTopics("park-2", "s", "g").record, b'{"stream":"a","seq":3}')
    watcher.publish(topic, b'{"stream":"b","seq":1}')
    assert tap.wait_for("b", 1)
    assert tap.missing("a", 5) == [3, 4]
    assert (tap.received, tap.deliveries, tap.malformed) == (4, 9, 4)
    assert not tap.wait_for("a", 5, timeout_s=0.01)


def test_a_broker_that_is_not_there_is_an_error() -> None:
    with pytest.raises(TimeoutError, match="no subscription"):
        RecordTap("127.0.0.1", free_port()).start(timeout_s=0.2)
