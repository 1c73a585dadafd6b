"""What a thief pays who has the token key and looks for the person behind a token.

    python -m bench.bench_token_search

Takes tokens of candidates as the thief would, on one core and on all, and extrapolates to the
numbers that fit what is known of the person. docs/explanation/threat-model.md has the results.
"""

from __future__ import annotations

import os
import time
from concurrent.futures import ProcessPoolExecutor
from itertools import count, islice

from identity import canonical
from identity.token import Tokeniser

SAMPLE = 400  # tokens a core
KEY = bytes(range(32))
# 12 digits: 63 provinces, 2 sexes, 100 years of birth, 10**6 endings (identity.schemes.citizen)
SPACES = {
    "province, sex and birth year known": 10**6,
    "sex and birth year known": 63 * 10**6,
    "nothing known": 63 * 2 * 100 * 10**6,
}


def candidates() -> list[str]:
    """Numbers of women born in Hà Nội in 1987."""
    return [canonical.citizen(f"001187{ending:06}") for ending in islice(count(), SAMPLE)]


def search(_: int = 0) -> float:
    """Seconds of one core for the sample. The token's cache is of no use: all are different."""
    tokeniser = Tokeniser(KEY, key_id="k1", scope="park")
    began = time.perf_counter()
    for one in candidates():
        tokeniser.token(one)
    return time.perf_counter() - began


def readable(seconds: float) -> str:
    """A duration in the unit that a person would choose."""
    for unit, length in (("years", 365.25 * 86_400), ("days", 86_400), ("hours", 3_600)):
        if seconds >= length:
            return f"{seconds / length:,.1f} {unit}"
    return f"{seconds:,.0f} s"


def main() -> None:
    cores = os.cpu_count() or 1
    alone = SAMPLE / search()
    with ProcessPoolExecutor(cores) as pool:
        began = time.perf_counter()
        list(pool.map(search, range(cores)))
        together = cores * SAMPLE / (time.perf_counter() - began)
    print(f"one core: {alone:.0f} tokens/s; {cores} cores: {together:.0f} tokens/s")
    for known, size in SPACES.items():
        print(
            f"{known}: {size:,} numbers, one core {readable(size / alone)}, "
            f"{cores} cores {readable(size / together)}"
        )


if __name__ == "__main__":
    main()
