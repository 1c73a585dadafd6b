"""Hubs on PostgreSQL: a server that goes away, and several hubs side by side.

Every test ends the same: every record of the gates stands in the store, once.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import server_or_skip
from tests.hub.support import rows
from tests.integration.crowd import Crowd
from tests.integration.support import WAIT_S, Gate, HubProcess, assert_each_once
from tests.mqtt.support import Broker, wait_until
from tests.pgcluster import Cluster

StartGate = Callable[..., Gate]
TROUBLE = "nothing is acknowledged until the store works"


@pytest.fixture
def server() -> Iterator[Cluster]:
    """A server of this test's own, which may stop it; everything is synced as in earnest."""
    server_or_skip()
    made = Cluster(durable=True)
    yield made
    made.remove()


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT])
def test_a_database_that_goes_away_in_the_middle_and_comes_back(
    broker: Broker, server: Cluster, start_gate: StartGate, tmp_path: Path, how: signal.Signals
) -> None:
    hub = HubProcess(tmp_path, broker.port, store=server.database())
    try:
        hub.start().connected()
        gate = start_gate(broker.port, before=300)
        assert wait_until(lambda: gate.journal.confirmed_upto > 0, WAIT_S), hub.log
        server.stop(how)
        gate.put(100)
        gate.written()
        assert wait_until(lambda: TROUBLE in hub.log, WAIT_S), hub.log
        server.start()
        assert gate.all_confirmed(), hub.log
        assert_each_once(gate, hub)
    finally:
        hub.stop()


def test_a_database_that_is_away_at_the_start_is_one_line(
    broker: Broker, server: Cluster, tmp_path: Path
) -> None:
    url = server.database()
    server.stop()
    hub = HubProcess(tmp_path, broker.port, store=url).start()
    assert hub.process.wait(WAIT_S) == 2
    assert len(hub.log.splitlines()) == 1
    assert "No such file or directory" in hub.log
    hub.stop()


def two_hubs(
    broker: Broker, server: Cluster, folder: Path, *, records: int, gates: int, timeout_s: float
) -> None:
    """Two hubs share the feed of many gates; one is killed in the middle of a batch."""
    url = server.database()
    names = ("one", "two")
    hubs = [HubProcess(folder, broker.port, store=url, name=name, share="hubs") for name in names]
    for hub in hubs:
        hub.start().connected()
    crowd = Crowd(broker.port, gates=gates, each=records // gates)
    try:
        assert crowd.start().wait(lambda: crowd.confirmed >= records // 5, timeout_s), hubs[0].log
        hubs[0].kill()
        # it comes back only when everything is there: nothing of it is needed
        assert crowd.wait(lambda: crowd.done, timeout_s), (crowd.confirmed, hubs[1].log[-2000:])
        total = rows(url, "SELECT count(*), count(DISTINCT (stream, seq)) FROM records")
        assert total == [(records, records)]
        uptos = rows(url, "SELECT count(*), min(upto), max(upto) FROM streams")
        assert uptos == [(gates, records // gates, records // gates)]
        assert rows(url, "SELECT * FROM islands") == []
        assert rows(url, "SELECT name FROM alarms") == []
        assert rows(url, "SELECT reason FROM dead_letters") == []
        raws = rows(url, "SELECT streams.stream, seq, raw FROM records JOIN streams"
                         " ON streams.id = records.stream")  # fmt: skip
        assert all(crowd.raw(stream, seq) == raw for stream, seq, raw in raws)
    finally:
        crowd.stop()
        for hub in hubs:
            hub.stop()


@pytest.mark.timeout(600)
def test_two_hubs_of_which_one_is_killed(broker: Broker, cluster: Cluster, tmp_path: Path) -> None:
    two_hubs(broker, cluster, tmp_path, records=5_000, gates=100, timeout_s=250)


@pytest.mark.proof
@pytest.mark.timeout(3600)
def test_two_hubs_of_which_one_is_killed_with_a_thousand_gates(
    broker: Broker, server: Cluster, tmp_path: Path
) -> None:
    two_hubs(broker, server, tmp_path, records=200_000, gates=1_000, timeout_s=1800)
