"""What a look costs and reads: edge.scan.decode beside single decoders, interleaved in one process.

    python -m bench decode
    python bench/bench_decode.py [--frames N] [--photographs FOLDER]

Simulated frames hold one code each; empty ones show the same place with nobody in it. FOLDER holds
images and a manifest.json with the payloads they `expect`; without one, photographs are left out.
Milliseconds are processor time and depend on the machine: compare within one table.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from rich.console import Console
from rich.table import Table

from bench.readers import Reader, ladder, plain_pyzbar, tapirscan_medium, zxing_cpp
from edge.drivers.camera import GrayImage
from edge.drivers.sim.render import Renderer
from edge.drivers.sim.world import RandomCrowd
from edge.scan.child import make_look
from edge.scan.images import load_gray

SIZES = ((640, 480), (1536, 864))
SHARED = Path(__file__).parents[1] / "../shared/data/qr"
EVERY_S = 5.0  # one person in each

Case = tuple[GrayImage, list[frozenset[bytes]]]  # for each code, the bytes that are right


@dataclass
class Score:
    expected: int = 0
    read: int = 0
    wrong: int = 0
    times_ms: list[float] = field(default_factory=list)


def resting() -> Reader:
    """The scan process's own look, which rests on frames without change."""
    from edge.drivers.camera import Frame

    look = make_look()
    return lambda gray: look(Frame(gray, 0.0, 0)).payloads


def compare(cases: Iterable[Case], readers: dict[str, Reader]) -> dict[str, Score]:
    """Each reader on each picture; who goes first changes from picture to picture."""
    scores = {name: Score() for name in readers}
    order = list(readers)
    for gray, expected in cases:
        order.append(order.pop(0))
        for name in order:
            begin_s = time.thread_time()
            codes = set(readers[name](gray))
            score = scores[name]
            score.times_ms.append((time.thread_time() - begin_s) * 1e3)
            score.expected += len(expected)
            score.read += sum(bool(codes & right) for right in expected)
            score.wrong += len(codes.difference(*expected))
    return scores


def held_up(size: tuple[int, int], frames: int) -> Iterator[Case]:
    """People of a random crowd, in the middle of their visit."""
    renderer, crowd = Renderer(size, "bench"), RandomCrowd(2024, EVERY_S)
    for number in range(frames):
        visit = crowd.visit("bench", number)
        if visit.code is not None:
            yield renderer.render(visit, visit.at_s + visit.stay_s / 2), [frozenset([visit.code])]


def nobody(size: tuple[int, int], frames: int) -> Iterator[Case]:
    """The empty place, with the sensor's noise of each frame."""
    renderer = Renderer(size, "bench")
    for number in range(frames):
        yield renderer.render(None, number / 10), []


def photographs(folder: Path) -> Iterator[Case]:
    """Images and what they hold; those with codes that nobody could label are left out."""
    for item in json.loads((folder / "manifest.json").read_text(encoding="utf-8")):
        if item["expected"] and not item.get("unknown") and not item.get("maybe"):
            raw = item.get("raw_hex")
            yield (
                load_gray(folder / item["file"]),
                (
                    [frozenset([bytes.fromhex(raw)])]
                    if raw
                    else [spellings(text) for text in item["expected"]]
                ),
            )


def spellings(text: str) -> frozenset[bytes]:
    """The bytes that stand for a text whose code may use any common encoding."""
    spelt = {text.encode()}
    for charset in ("latin1", "shift_jis", "gb18030", "big5"):
        with contextlib.suppress(UnicodeEncodeError):
            spelt.add(text.encode(charset))
    return frozenset(spelt)


def print_table(title: str, scores: dict[str, Score]) -> None:
    """`time` is the sum of all pictures, against the first reader's."""
    table = Table("reader", "codes", "read", "%", "wrong", "p50 ms", "p95 ms", "time", title=title)
    base = sum(next(iter(scores.values())).times_ms)
    for name, score in scores.items():
        p50, p95 = np.percentile(score.times_ms, [50, 95])
        share = f"{100 * score.read / score.expected:.1f}" if score.expected else ""
        counts = (str(score.expected), str(score.read), share, str(score.wrong))
        ratio = sum(score.times_ms) / base
        table.add_row(name, *counts, f"{p50:.2f}", f"{p95:.2f}", f"{ratio:.2f}")
    Console().print(table)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--frames", type=int, default=100, help="simulated frames of each kind")
    parser.add_argument("--photographs", type=Path, default=SHARED, help="default: %(default)s")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    readers: dict[str, Reader] = {
        "plain pyzbar": plain_pyzbar,
        "zxing-cpp": zxing_cpp,
        "tapirscan medium": tapirscan_medium(),
        "ladder (read_codes)": ladder(),
    }
    for size in SIZES:
        name = "{}x{}".format(*size)
        print_table(f"{name}, a code held up", compare(held_up(size, arguments.frames), readers))
        idle = readers | {"with rests": resting()}
        print_table(f"{name}, nobody there", compare(nobody(size, arguments.frames), idle))
    if arguments.photographs.is_dir():
        print_table("photographs", compare(photographs(arguments.photographs), readers))


if __name__ == "__main__":
    main()
