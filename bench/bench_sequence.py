"""How soon a code is read that a person brings to the camera.

    python -m bench sequence
    python bench/bench_sequence.py [--sequences N] [--slower FACTOR]

A badge or phone comes to the camera over 1.5 s, 10 frames a second, in 200 seeded sequences that
grow harder: further away, more out of focus, tilted, shaken, under glare, in the dark. The time
runs from the first frame to the end of the call that returns the right payload. A reader that takes
longer than a frame misses frames, as at a gate; FACTOR makes this machine as slow as a smaller one.
"""

from __future__ import annotations

import argparse
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context

import numpy as np
from rich.console import Console
from rich.table import Table

from bench.sequences import LONG_S, NAMES, Watched, compared

GROUPS = 4


def run(sequences: int, slower: float) -> dict[str, tuple[Watched, ...]]:
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
        one = partial(compared, of=sequences, slower=slower)
        rows = list(pool.map(one, range(sequences), chunksize=4))
    return dict(zip(NAMES, zip(*rows, strict=True), strict=True))


def print_table(results: dict[str, tuple[Watched, ...]], sequences: int) -> None:
    size = -(-sequences // GROUPS)
    ends = [f"{first + 1}-{min(first + size, sequences)}" for first in range(0, sequences, size)]
    table = Table("reader", "read", *ends, "wrong", "median s", "mean s", "ms a frame")
    for name, watched in results.items():
        firsts = [one.first_s for one in watched]
        read = [first_s for first_s in firsts if first_s is not None]
        groups = (firsts[first : first + size] for first in range(0, sequences, size))
        mean_s = np.mean([LONG_S if first_s is None else first_s for first_s in firsts])
        busy_s, frames = sum(one.busy_s for one in watched), sum(one.frames for one in watched)
        table.add_row(
            name,
            str(len(read)),
            *(str(sum(first_s is not None for first_s in group)) for group in groups),
            str(sum(one.wrong for one in watched)),
            f"{np.median(read):.2f}" if read else "",
            f"{mean_s:.2f}",
            f"{1e3 * busy_s / frames:.1f}",
        )
    console = Console(width=120)
    console.print(f"{sequences} sequences of {LONG_S} s, the last ones hardest", table)
    console.print(f"median of those read; in the mean, one that is not read counts as {LONG_S} s")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sequences", type=int, default=200, help="default: %(default)s")
    parser.add_argument("--slower", type=float, default=1.0, help="default: %(default)s")
    arguments = parser.parse_args()
    print_table(run(arguments.sequences, arguments.slower), arguments.sequences)


if __name__ == "__main__":
    main()
