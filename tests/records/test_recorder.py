"""The recorder: answers to every request, in order, whatever the disk does meanwhile."""

from __future__ import annotations

import errno
import queue
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from edge.clock import SystemClock
from edge.gate.events import Durable, Event, Faulted, NotDurable, Recovered, Write
from edge.gate.reasons import Cause, Device
from edge.records.journal import Journal
from edge.records.recorder import Recorder, WriteQueue
from edge.records.simdisk import SimDisk
from feed.backoff import Backoff
from tests.records.support import Bench, small


class Gate:
    """What the gate thread sees: its inbox."""

    def __init__(self, bench: Bench) -> None:
        self.inbox: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self.writes = WriteQueue(self.inbox.put, capacity=5)
        self.bench = bench
        self.wakes: queue.SimpleQueue[int] = queue.SimpleQueue()

    def ask(self, request: int, text: str = "", ref_request: int | None = None) -> None:
        draft = small(text or str(request))
        write = Write(request=request, draft=draft, ref_request=ref_request)
        self.writes.put(write, at=self.bench.clock.now(), clock=self.bench.clock.stamp())

    def hear(self) -> Event:
        return self.inbox.get(timeout=20)

    @contextmanager
    def recorder(self, journal: Journal) -> Iterator[Recorder]:
        recorder = Recorder(
            journal,
            self.writes,
            self.inbox.put,
            clock=SystemClock(),
            on_written=lambda: self.wakes.put(journal.last_seq),
            backoff=Backoff(first_s=0.01, longest_s=0.02),
            drain_s=0.5,
        )
        recorder.start()
        try:
            yield recorder
        finally:
            assert recorder.stop()
            assert recorder.error is None


@pytest.fixture
def gate(bench: Bench) -> Gate:
    return Gate(bench)


def test_each_request_is_answered_with_the_seq_of_its_record(bench: Bench, gate: Gate) -> None:
    journal = bench.open()
    with gate.recorder(journal):
        for request in (7, 8, 9):
            gate.ask(request)
        assert [gate.hear() for _ in range(3)] == [
            Durable(request=request, seq=seq) for seq, request in enumerate((7, 8, 9), 1)
        ]
        assert gate.wakes.get(timeout=20) >= 1


def test_a_reference_to_an_earlier_request_becomes_its_seq(
    bench: Bench, gate: Gate, caplog: pytest.LogCaptureFixture
) -> None:
    journal = bench.open()
    with gate.recorder(journal):
        gate.ask(1)
        gate.ask(2, ref_request=1)
        gate.ask(3, ref_request=99)
        for _ in range(3):
            gate.hear()
    assert [document.get("ref") for document in journal.all()] == [None, 1, None]
    assert "request 99" in caplog.text


@pytest.mark.parametrize(
    ("number", "cause"),
    [
        (errno.ENOSPC, Cause.DISK_FULL),
        (errno.EROFS, Cause.READ_ONLY),
        (errno.EIO, Cause.IO_ERROR),
    ],
)
def test_a_failed_write_is_repeated_in_order_until_the_disk_works(
    bench: Bench, gate: Gate, texts: Callable[[Journal], list[str]], number: int, cause: Cause
) -> None:
    disk = SimDisk()
    journal = bench.open(disk=disk)
    with gate.recorder(journal):
        gate.ask(1)
        assert gate.hear() == Durable(request=1, seq=1)
        disk.broken = number
        gate.ask(2)
        fault = gate.hear()
        assert isinstance(fault, Faulted)
        assert (fault.device, fault.cause) == (Device.RECORDER, cause)
        assert gate.hear() == NotDurable(request=2, cause=cause)
        gate.ask(3)
        assert gate.hear() == NotDurable(request=3, cause=cause)
        disk.broken = None
        heard = [gate.hear() for _ in range(3)]
        assert heard[0] == Durable(request=2, seq=2)
        assert {Durable(request=3, seq=3), Recovered(device=Device.RECORDER)} == set(heard[1:])
    assert texts(journal) == ["1", "2", "3"]


def test_a_stalled_disk_keeps_the_order_and_answers_late(bench: Bench, gate: Gate) -> None:
    disk = SimDisk()
    journal = bench.open(disk=disk)
    with gate.recorder(journal):
        disk.stalled.clear()
        for request in (1, 2, 3):
            gate.ask(request)
        disk.stalled.set()
        assert [gate.hear() for _ in range(3)] == [
            Durable(request=request, seq=request) for request in (1, 2, 3)
        ]


def test_beyond_its_capacity_the_queue_says_so_at_once_and_counts(bench: Bench, gate: Gate) -> None:
    for request in range(1, 8):
        gate.ask(request)
    assert [gate.hear() for _ in range(2)] == [
        NotDurable(request=request, cause=Cause.BUSY) for request in (6, 7)
    ]
    assert (len(gate.writes), gate.writes.dropped) == (5, 2)


def test_dropped_requests_stand_in_an_alarm_record(bench: Bench, gate: Gate) -> None:
    journal = bench.open()
    with gate.recorder(journal):
        gate.ask(1, text="\ud800")
        assert gate.hear() == NotDurable(request=1, cause=Cause.BAD_DATA)
        gate.ask(2)
        assert gate.hear() == Durable(request=2, seq=2)
    alarm = journal.get(doc_id=1)
    assert alarm is not None
    assert alarm["event"] == {"name": "record_not_durable", "detail": {"dropped": 1}}


def test_damage_found_at_start_becomes_a_loss_record_and_an_alarm(bench: Bench, gate: Gate) -> None:
    journal = bench.open()
    for text in ("one", "two", "three"):
        bench.add(journal, text)
    journal.close()
    file = bench.segments()[0]
    file.write_bytes(file.read_bytes().replace(b'"two"', b'"twx"'))
    journal = bench.open()
    with gate.recorder(journal):
        gate.ask(1)
        assert gate.hear() == Durable(request=1, seq=7)
    loss, alarm = journal.get(doc_id=4), journal.get(doc_id=5)
    assert loss is not None
    assert loss["ranges"] == [[2, 2, "damaged"]]
    assert alarm is not None
    assert alarm["event"] == {"name": "records_damaged", "detail": {"lost": 1}}
    aside = journal.get(doc_id=6)
    assert aside is not None
    assert aside["event"] == {"name": "records_damaged", "detail": {"set_aside": 1}}


def test_a_stop_drains_what_was_asked_for(bench: Bench, gate: Gate) -> None:
    journal = bench.open()
    for request in range(5):
        gate.ask(request)
    with gate.recorder(journal):
        pass
    assert journal.last_seq == 5


def test_a_stop_does_not_wait_for_a_broken_disk(bench: Bench, gate: Gate) -> None:
    disk = SimDisk()
    journal = bench.open(disk=disk)
    disk.broken = errno.EIO
    gate.ask(1)
    with gate.recorder(journal):
        pass
    assert len(gate.writes) == 1


def test_the_next_recorder_goes_on_with_the_queue_of_one_that_died(
    bench: Bench, gate: Gate
) -> None:
    disk = SimDisk()
    journal = bench.open(disk=disk)
    disk.broken = errno.EIO
    gate.ask(1)
    with gate.recorder(journal):
        assert isinstance(gate.hear(), Faulted)
    disk.broken = None
    with gate.recorder(journal):
        heard = [gate.hear() for _ in range(3)]
    assert heard == [
        NotDurable(request=1, cause=Cause.IO_ERROR),
        Durable(request=1, seq=1),
        Recovered(device=Device.RECORDER),
    ]


def test_a_gate_that_starts_without_its_disk_writes_as_soon_as_it_is_there(
    bench: Bench, gate: Gate
) -> None:
    disk = SimDisk(broken=errno.EROFS)
    journal = bench.open(disk=disk, lenient=True)
    gate.ask(1)
    with gate.recorder(journal):
        assert isinstance(gate.hear(), Faulted)
        assert gate.hear() == NotDurable(request=1, cause=Cause.READ_ONLY)
        disk.broken = None
        assert gate.hear() == Durable(request=1, seq=1)
