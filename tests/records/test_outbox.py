"""The outbox from another thread: the publisher drains while the recorder writes."""

from __future__ import annotations

import threading

from edge.records.outbox import Outbox
from feed.codec import decode
from tests.records.support import Bench

COUNT = 300


def test_a_publisher_beside_the_recorder_sees_every_record_once_in_order(bench: Bench) -> None:
    journal = bench.open()
    outbox: Outbox = journal
    failed: list[BaseException] = []

    def write() -> None:
        try:
            for number in range(COUNT):
                bench.add(journal, str(number))
                if number % 40 == 0:
                    journal.settle()
                    journal.prepare()
        except BaseException as error:
            failed.append(error)
            raise

    writer = threading.Thread(target=write)
    writer.start()
    seen: list[int] = []
    while len(seen) < COUNT and not failed:
        for stored in outbox.unconfirmed(seen[-1] if seen else 0, 7):
            assert decode(stored.raw).seq == stored.seq
            seen.append(stored.seq)
        if len(seen) % 3 == 0:
            outbox.confirm(len(seen))
        outbox.oldest_unconfirmed_at()
    writer.join()
    assert seen == list(range(1, COUNT + 1))
    outbox.confirm(COUNT)
    journal.close()
    assert bench.open().confirmed_upto == COUNT


def test_damage_that_comes_while_the_gate_runs_holds_up_nothing(bench: Bench) -> None:
    journal = bench.open()
    for number in range(60):
        bench.add(journal, str(number))
    file = bench.segments()[0]
    file.write_bytes(file.read_bytes().replace(b'"text":"4"', b'"text":"5"'))
    journal._streams()[0]._sealed.clear()
    waiting = [stored.seq for stored in journal.unconfirmed(0, 100)]
    assert waiting == [seq for seq in range(1, 61) if seq != 5]
    assert journal.unreported == ((5, 5, "damaged"),)
    journal.settle()
    assert journal.set_aside == 1
    assert journal.report_losses(at=bench.clock.now(), clock=bench.clock.stamp()) == 1
    assert not journal.unreported
