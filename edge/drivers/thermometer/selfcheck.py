"""A thermometer's self-check before an empty scene: its noise, its air, a reference in its view."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median, pstdev

from edge.config.model import ThermometerTable
from edge.drivers.thermometer import Measurement
from feed.record import Detail

SAMPLES = 60  # 3 seconds at the default rate
BLOCK = 10  # half a second: several outputs of any filter that is recommended
# Nobody there: what is seen lies so near to the air, or to the reference source, °C
EMPTY_C = 3.0


@dataclass(frozen=True, slots=True)
class Report:
    """What a check found; `why` is empty when all is in bounds."""

    why: str
    detail: dict[str, Detail] = field(default_factory=dict)

    @property
    def passed(self) -> bool:
        return not self.why


class SelfCheck:
    """Collects samples of the empty scene, and judges them every `every_s` seconds.

    After a check that failed it is due at once: screening waits for the next one to pass.
    `passed` is the last one's result, True before the first unless `suspect`.
    """

    def __init__(
        self,
        table: ThermometerTable,
        *,
        every_s: float,
        suspect: bool = False,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.passed = not suspect
        self._table = table
        self._every_s = every_s
        self._monotonic = monotonic
        self._due_s = monotonic()
        self._taken: list[Measurement] = []

    def take(self, measured: Measurement) -> Report | None:
        """One more sample; a report when it completes a check."""
        if not self._every_s or (self.passed and self._monotonic() < self._due_s):
            return None
        if not self._empty(measured):
            self._taken = []
            return None
        self._taken.append(measured)
        if len(self._taken) < SAMPLES:
            return None
        report = self._judge()
        self._taken = []
        self._due_s = self._monotonic() + self._every_s
        self.passed = report.passed
        return report

    def _empty(self, measured: Measurement) -> bool:
        reference_c = self._table.reference_c
        if reference_c is not None:
            return abs(measured.object_c - reference_c) <= EMPTY_C
        return abs(measured.object_c - measured.ambient_c) <= EMPTY_C

    def _judge(self) -> Report:
        table = self._table
        object_c = median(one.object_c for one in self._taken)
        ambient_c = median(one.ambient_c for one in self._taken)
        noise_c = _noise_c([one.object_c for one in self._taken])
        detail: dict[str, Detail] = {
            "object_c": round(object_c, 2),
            "ambient_c": round(ambient_c, 2),
            "noise_c": round(noise_c, 3),
        }
        wrong = []
        if noise_c > table.noise_limit_c:
            wrong.append(f"noise of {noise_c:.2f} °C, at most {table.noise_limit_c:g}")
        if table.ambient_file is not None:
            wrong += self._compare_air(table.ambient_file, ambient_c, detail)
        if table.reference_c is not None:
            off_c = object_c - table.reference_c
            detail["reference_off_c"] = round(off_c, 2)
            if abs(off_c) > table.reference_tolerance_c:
                wrong.append(f"the reference source is read {off_c:+.2f} °C off")
        return Report("; ".join(wrong), detail)

    def _compare_air(self, path: Path, ambient_c: float, detail: dict[str, Detail]) -> list[str]:
        try:
            other_c = int(path.read_text(encoding="ascii")) / 1000
        except (OSError, ValueError) as error:
            return [f"ambient_file {path}: {error}"]
        detail["ambient_file_c"] = round(other_c, 2)
        if abs(other_c - ambient_c) <= self._table.ambient_tolerance_c:
            return []
        return [f"air of {ambient_c:.1f} °C, by the second thermometer {other_c:.1f}"]


def _noise_c(values: list[float]) -> float:
    """The median of the blocks' standard deviations.

    Somebody who has just left, or walks past in air as warm as skin, spoils a block or two: that
    is no noise of the sensor, and must not pause screening.
    """
    starts = range(0, len(values), BLOCK)
    return median(pstdev(values[start : start + BLOCK]) for start in starts)
