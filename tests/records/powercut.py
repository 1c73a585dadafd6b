"""What the tests of power cuts share: the states of a workload, and a look at each."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from edge.records.simdisk import Cut, Op, cuts

# operations up to the cut, the cut, the journal's folder, where the device is laid out
Complaints = Callable[[Sequence[Op], Cut, Path, Path], list[str]]


def states(ops: Sequence[Op]) -> list[tuple[int, Cut]]:
    """Every state that a power cut may leave, as how many operations were done, and the cut."""
    return [(done, cut) for done in range(len(ops) + 1) for cut in cuts(ops[:done])]


def bad_states(
    ops: Sequence[Op],
    chosen: Sequence[tuple[int, Cut]],
    complaints: Complaints,
    root: Path,
    fast: Path,
) -> list[str]:
    """What is wrong in any of the chosen states."""
    bad = []
    for done, cut in chosen:
        into = fast / "device"
        wrong = complaints(ops[:done], cut, root, into)
        bad += [f"after {done} {ops[done - 1].what}, {cut}: {one}" for one in wrong]
        shutil.rmtree(into)
    return bad


def sample(ops: Sequence[Op], count: int) -> list[tuple[int, Cut]]:
    """So many of them, by chance but always the same."""
    every = states(ops)
    return random.Random(1).sample(every, min(count, len(every)))
