"""The hub against a real broker: what it acknowledges, what it says, and what it hears."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from feed.codec import record_hash
from hub.commands.serve import make
from hub.config import load
from hub.ingest import service
from hub.link import Link, LinkError
from hub.store.base import Store, StoreError
from hub.store.sqlite import SqliteStore
from hub.store.status import read_status
from tests.hub.support import PLACE, Chain, alarms, give, loss
from tests.mqtt.support import Broker, wait_until
from tests.mqtt.watcher import Watcher

CONFIG = """
[store]
path = "hub.db"
{kept}
[mqtt]
host = "127.0.0.1"
port = {port}
reconnect_longest_s = 0.1
{mqtt}
[ingest]
receipt_ms = 0
gap_patience_s = 0.3
{ingest}
"""


class Hub:
    """A service in a thread of the test's."""

    def __init__(
        self, folder: Path, port: int, *, kept: str = "", mqtt: str = "", ingest: str = ""
    ) -> None:
        path = folder / "hub.toml"
        path.write_text(CONFIG.format(port=port, kept=kept, mqtt=mqtt, ingest=ingest))
        self.path = folder / "hub.db"
        self.error: BaseException | None = None
        self._made = threading.Event()
        self._thread = threading.Thread(target=self._run, args=[path])
        self._thread.start()
        assert self._made.wait(20)

    def _run(self, path: Path) -> None:
        # all in one thread, as SQLite wants it
        self.service, self.store = make(load(path))
        self._made.set()
        try:
            self.service.run()
        except LinkError as error:
            self.error = error
        finally:
            self.store.close()

    def stop(self) -> None:
        self.service.stop()
        self._thread.join(20)
        assert not self._thread.is_alive()


@pytest.fixture(autouse=True)
def listen_shortly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "LISTEN_S", 0.2)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Hub]]:
    started: list[Hub] = []

    def make_hub(port: int, **options: Any) -> Hub:
        for hub in started:
            hub.stop()
        started[:] = [Hub(tmp_path, port, **options)]
        return started[0]

    yield make_hub
    for hub in started:
        hub.stop()


@pytest.fixture
def watcher(broker: Broker) -> Iterator[Watcher]:
    made = Watcher(broker.port)
    yield made
    made.stop()


def receipts(watcher: Watcher, chain: Chain) -> list[dict[str, Any]]:
    topic = chain.place.receipt(chain.stream)
    return [json.loads(payload) for payload in watcher.payloads(topic)]


def told(watcher: Watcher, chain: Chain, upto: int) -> bool:
    """Whether a receipt up to there came."""
    return wait_until(lambda: [r["upto"] for r in receipts(watcher, chain)][-1:] == [upto])


def send(watcher: Watcher, chain: Chain, *seqs: int) -> None:
    for seq in seqs:
        watcher.send(chain.place.record, chain.raws[seq])


def running(start: Callable[..., Hub], broker: Broker, watcher: Watcher, **options: Any) -> Hub:
    """A hub that the broker let in: a first record came through."""
    hub = start(broker.port, **options)
    probe = Chain("probe").grow(1)

    def arrives() -> bool:
        send(watcher, probe, 1)
        return wait_until(lambda: bool(receipts(watcher, probe)), 0.3)

    assert wait_until(arrives)
    return hub


def of(hub: Hub, chain: Chain) -> dict[str, Any]:
    streams = read_status(hub.path)["streams"]
    return next((one for one in streams if one["stream"] == chain.stream), {})


Start = Callable[..., Hub]


def test_a_receipt_says_what_is_stored(
    broker: Broker, start: Start, watcher: Watcher, chain: Chain
) -> None:
    hub = running(start, broker, watcher)
    send(watcher, chain.grow(3), 1, 2, 3)
    assert told(watcher, chain, 3)
    last = receipts(watcher, chain)[-1]
    assert last["head"] == record_hash(chain.raws[3])
    assert last["epoch"] == read_status(hub.path)["epoch"]
    late = Watcher(broker.port)  # retained, for a gate that comes later
    assert late.wait_json(PLACE.receipt(chain.stream), lambda said: said == last)
    late.stop()


def test_every_repetition_is_answered(
    broker: Broker, start: Start, watcher: Watcher, chain: Chain
) -> None:
    """A gate that sends again has lost the receipt, and waits for another."""
    running(start, broker, watcher)
    send(watcher, chain.grow(2), 1, 2)
    assert told(watcher, chain, 2)
    watcher.forget()
    send(watcher, chain, 1)
    assert told(watcher, chain, 2)


def test_a_lasting_gap_is_asked_for_and_filled(
    broker: Broker, start: Start, watcher: Watcher, chain: Chain
) -> None:
    hub = running(start, broker, watcher)
    send(watcher, chain.grow(6), 1, 2, 5, 6)
    wanted = watcher.wait_json(PLACE.command, lambda said: said["command"] == "resend")
    assert (wanted["from"], wanted["to"]) == (3, 4)
    assert of(hub, chain)["gaps"] == [[3, 4]]
    send(watcher, chain, 3, 4)
    assert told(watcher, chain, 6)


def test_a_gap_that_an_earlier_life_left_is_asked_for(
    broker: Broker, start: Start, watcher: Watcher, chain: Chain
) -> None:
    hub = running(start, broker, watcher)
    send(watcher, chain.grow(3), 1, 3)
    assert wait_until(lambda: of(hub, chain).get("gaps") == [[2, 2]])
    hub.stop()
    watcher.forget()
    start(broker.port)
    wanted = watcher.wait_json(PLACE.command, lambda said: said["command"] == "resend")
    assert (wanted["from"], wanted["to"]) == (2, 2)


def test_a_loss_is_answered_like_what_it_names(
    broker: Broker, start: Start, watcher: Watcher, chain: Chain
) -> None:
    running(start, broker, watcher)
    chain.grow(4)
    chain.add(loss((2, 4)))
    send(watcher, chain, 1, 5)
    assert told(watcher, chain, 5)


def test_what_can_not_be_understood_does_not_come_back_for_ever(
    broker: Broker, start: Start, watcher: Watcher, chain: Chain
) -> None:
    running(start, broker, watcher)
    for raw in (b"garbage", b"\xff", b"[" * 1_000):
        watcher.send(PLACE.record, raw)
    send(watcher, chain.grow(1), 1)
    assert told(watcher, chain, 1)
    hub = start(broker.port)  # the session is the broker's: what was not acknowledged comes again
    send(watcher, chain.grow(1), 2)
    assert told(watcher, chain, 2)
    letters = read_status(hub.path)["dead_letters"]
    assert [one["deliveries"] for one in letters] == [1, 1, 1]
    assert all("not a record" in one["reason"] for one in letters)


def test_two_records_under_one_key_are_told(
    broker: Broker, start: Start, watcher: Watcher, chain: Chain
) -> None:
    hub = running(start, broker, watcher)
    other = Chain(chain.stream)
    other.add(kind="other", event=None)
    send(watcher, chain.grow(1), 1)
    send(watcher, other, 1)
    assert wait_until(lambda: alarms(hub.path) == [("conflict", 1)])
    assert of(hub, chain)["upto"] == 1


def test_a_broker_that_is_away_at_the_start_and_later_is_no_error(
    broker: Broker, start: Start, chain: Chain
) -> None:
    broker.stop()
    hub = start(broker.port)
    for seq in (1, 2):
        broker.start()
        watcher = Watcher(broker.port)
        chain.grow(1)

        def stored_now(watcher: Watcher = watcher, seq: int = seq) -> bool:
            send(watcher, chain, seq)
            return wait_until(lambda: of(hub, chain).get("upto") == seq, 0.3)

        assert wait_until(stored_now)
        watcher.stop()
        broker.restart()
        broker.stop()
    assert hub.error is None
    broker.start()


def test_a_broker_that_forgot_everything_is_told_the_receipts_again(
    broker: Broker, start: Start, watcher: Watcher, chain: Chain
) -> None:
    running(start, broker, watcher)
    send(watcher, chain.grow(2), 1, 2)
    assert told(watcher, chain, 2)
    watcher.forget()
    broker.restart()
    assert told(watcher, chain, 2)


def test_what_was_stored_without_a_word_is_told_at_the_next_start(
    broker: Broker, start: Start, watcher: Watcher, chain: Chain, store: SqliteStore
) -> None:
    give(store, chain.grow(2).arrivals([1, 2]))
    store.close()
    start(broker.port)
    assert told(watcher, chain, 2)


def test_a_restart_with_nothing_new_says_nothing(
    broker: Broker, start: Start, watcher: Watcher, chain: Chain
) -> None:
    running(start, broker, watcher)
    send(watcher, chain.grow(2), 1, 2)
    assert told(watcher, chain, 2)
    watcher.forget()
    other = Chain("other").grow(1)
    start(broker.port)
    send(watcher, other, 1)
    assert told(watcher, other, 1)
    assert receipts(watcher, chain) == []


# --- the epoch ------------------------------------------------------------------------------


def test_a_store_that_was_set_back_begins_a_new_epoch(
    broker: Broker, start: Start, watcher: Watcher, chain: Chain
) -> None:
    """Gates confirmed these records on the hub's word: they have to learn that it forgot."""
    hub = running(start, broker, watcher)
    send(watcher, chain.grow(4), 1, 2)
    assert told(watcher, chain, 2)
    hub.stop()
    backup = hub.path.read_bytes()
    hub = start(broker.port)
    send(watcher, chain, 3, 4)
    assert told(watcher, chain, 4)
    before = receipts(watcher, chain)[-1]
    hub.stop()
    hub.path.write_bytes(backup)
    start(broker.port)
    assert told(watcher, chain, 2)
    assert receipts(watcher, chain)[-1]["epoch"] != before["epoch"]
    send(watcher, chain, 3, 4)
    assert told(watcher, chain, 4)


def test_an_empty_store_tells_the_gates_that_it_knows_nothing(
    broker: Broker, start: Start, watcher: Watcher, chain: Chain
) -> None:
    hub = running(start, broker, watcher)
    send(watcher, chain.grow(2), 1, 2)
    assert told(watcher, chain, 2)
    epoch = read_status(hub.path)["epoch"]
    hub.stop()
    for path in hub.path.parent.glob("hub.db*"):
        path.unlink()
    start(broker.port)
    assert told(watcher, chain, 0)
    assert receipts(watcher, chain)[-1]["epoch"] != epoch


def test_a_restart_keeps_the_epoch(
    broker: Broker, start: Start, watcher: Watcher, chain: Chain
) -> None:
    hub = running(start, broker, watcher)
    chain.place = type(PLACE)("park-1", "site-1", "moved-away")
    send(watcher, chain.grow(2), 1, 2)
    assert told(watcher, chain, 2)
    chain.place = PLACE  # its old receipt stays retained, and must not look like a set-back
    chain.grow(1)
    send(watcher, chain, 3)
    assert told(watcher, chain, 3)
    epoch = read_status(hub.path)["epoch"]
    running(start, broker, watcher)
    assert read_status(hub.path)["epoch"] == epoch


# --- a store that fails ---------------------------------------------------------------------


class Stubborn:
    """A store whose disk fails while `fails` is set."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.fails = threading.Event()
        self.tried = threading.Event()

    def transaction(self) -> Any:
        if self.fails.is_set():
            self.tried.set()
            raise StoreError("hub.db: disk I/O error")
        return self._store.transaction()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


def stubborn(hub: Hub) -> Stubborn:
    made = Stubborn(hub.store)
    hub.service._store = made
    return made


def test_nothing_is_acknowledged_or_said_while_the_store_fails(
    broker: Broker, start: Start, watcher: Watcher, chain: Chain
) -> None:
    hub = running(start, broker, watcher)
    disk = stubborn(hub)
    disk.fails.set()
    send(watcher, chain.grow(3), 1, 2, 3)
    assert disk.tried.wait(20)
    hub.stop()  # as if it were killed: nothing of it was acknowledged
    assert receipts(watcher, chain) == []
    start(broker.port)
    assert told(watcher, chain, 3)


def test_the_hub_goes_on_when_the_store_is_back(
    broker: Broker, start: Start, watcher: Watcher, chain: Chain, caplog: Any
) -> None:
    hub = running(start, broker, watcher)
    disk = stubborn(hub)
    disk.fails.set()
    send(watcher, chain.grow(3), 1, 2, 3)
    assert disk.tried.wait(20)
    disk.fails.clear()
    assert told(watcher, chain, 3)
    assert "nothing is acknowledged until the store works" in caplog.text
    assert of(hub, chain)["duplicates"] == 0


def break_connection(link: Link) -> None:
    """Cut it, and wait until there is another."""
    sock: Any = link._paho.socket()
    before = link._connection
    if sock is not None:
        sock.shutdown(socket.SHUT_RDWR)
    assert wait_until(lambda: link._connection > before and link._up)


def test_a_connection_that_breaks_while_the_store_fails_loses_nothing(
    broker: Broker, start: Start, watcher: Watcher, chain: Chain
) -> None:
    hub = running(start, broker, watcher, ingest="batch_records = 2")
    disk = stubborn(hub)
    disk.fails.set()
    chain.grow(30)
    send(watcher, chain, *range(1, 31))
    assert disk.tried.wait(20)
    for _ in range(3):
        break_connection(hub.service._link)
    disk.fails.clear()
    assert told(watcher, chain, 30)
    status = of(hub, chain)
    assert (status["upto"], status["gaps"]) == (30, [])


# --- what is old ----------------------------------------------------------------------------


def test_a_running_hub_drops_what_is_old_and_goes_on_from_there(
    broker: Broker, start: Start, watcher: Watcher, chain: Chain, store: SqliteStore
) -> None:
    give(store, chain.grow(3).arrivals([1, 2]))  # in START's year
    store.close()
    hub = start(broker.port, kept="keep_days = 30")
    assert wait_until(lambda: read_status(hub.path)["records"] == 0)
    assert told(watcher, chain, 2)
    send(watcher, chain, 3)
    assert told(watcher, chain, 3)
    assert alarms(hub.path) == []


# --- several hubs ---------------------------------------------------------------------------


def test_a_shared_subscription_is_used_where_it_is_configured(
    broker: Broker, start: Start, watcher: Watcher, chain: Chain
) -> None:
    running(start, broker, watcher, mqtt='share = "hubs"')
    send(watcher, chain.grow(2), 1, 2)
    assert told(watcher, chain, 2)


def test_a_network_thread_that_died_ends_the_hub(
    broker: Broker, start: Start, watcher: Watcher
) -> None:
    """Better an end, and a new start by the service manager, than a hub that only seems to run."""
    hub = running(start, broker, watcher)
    dead = threading.Thread(target=lambda: None)
    dead.start()
    dead.join()
    hub.service._link._thread = dead
    assert wait_until(lambda: hub.error is not None)
    assert "network thread" in str(hub.error)


def test_a_callback_that_fails_does_not_end_the_connection(
    broker: Broker, start: Start, watcher: Watcher, chain: Chain, monkeypatch: Any
) -> None:
    hub = running(start, broker, watcher)
    from hub import link

    monkeypatch.setattr(link, "_RECORDS", None)  # a bug: no ending of a topic
    send(watcher, chain.grow(1), 1)
    assert wait_until(lambda: hub.service._link.callback_errors == 1)
    monkeypatch.undo()
    monkeypatch.setattr(service, "LISTEN_S", 0.2)
    send(watcher, chain, 1)
    assert told(watcher, chain, 1)


def test_a_flood_is_bounded_also_while_the_store_is_away_and_a_new_connection_is_heard(
    broker: Broker, start: Start, watcher: Watcher
) -> None:
    """What was put aside for later counts: it is in memory as well."""
    link = running(start, broker, watcher).service._link
    assert not link._is_full()
    link.put_aside = 4 * link._window + 1
    assert link._is_full()
    link._up = False  # the broker's answer must be read, or nothing ever goes on
    assert not link._is_full()
    link._up, link.put_aside = True, 0
