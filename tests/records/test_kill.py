"""kill -9 in the middle of writing: what the process had said was written is there."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import pytest

from tests.records.support import Bench

ROOT = Path(__file__).parents[2]

WRITER = """
import sys
from pathlib import Path
from tests.records.support import Bench
bench = Bench(Path(sys.argv[1]))
journal = bench.open(segment_bytes=8192, max_mib=64)
number = journal.last_seq
while True:
    number += 1
    seq = bench.add(journal, "x" * (number * 37 % 1500))
    print(seq, flush=True)
    if number % 7 == 0:
        journal.confirm(seq - 3)
    if number % 50 == 0:
        journal.settle()
        journal.prepare()
"""


def rounds(bench: Bench, count: int) -> None:
    chance = random.Random(5)
    command = [sys.executable, "-c", WRITER, str(bench.path)]
    told = 0
    for _ in range(count):
        with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT, text=True) as writer:
            assert writer.stdout is not None
            for _ in range(chance.randrange(1, 120)):
                told = int(writer.stdout.readline())
            writer.kill()
            rest = writer.stdout.read().split("\n")
        told = max([told, *(int(line) for line in rest[:-1])])
        journal = bench.open(segment_bytes=8192, max_mib=64)
        assert journal.last_seq in {told, told + 1}  # one may have been under way
        told = journal.last_seq
        assert [stored.seq for stored in journal.read(1, told + 9)] == list(range(1, told + 1))
        assert (journal.unreported, journal.set_aside) == ((), 0)
        assert journal.confirmed_upto <= told
        journal.close()


def test_a_process_killed_in_mid_write_keeps_its_word(bench: Bench) -> None:
    rounds(bench, 4)


@pytest.mark.proof
@pytest.mark.timeout(1200)
def test_a_process_killed_two_hundred_times_keeps_its_word(bench: Bench) -> None:
    rounds(bench, 200)
