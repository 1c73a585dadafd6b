"""From a forehead's surface to the body's temperature, and a site's calibration. Pure; all °C.

    estimate = surface + offset_c + ambient_slope * (ambient - ambient_ref_c)

where `surface` is what the sensor says, corrected by the site's calibration. The slope on the
surface is 1 and, with a calibration, never less: anything less pulls fevers towards normal.
"""

from __future__ import annotations

from dataclasses import dataclass

# Fitted on people whose oral temperature was below 37.5 °C in Wang et al. 2023 (PhysioNet,
# doi 10.13026/3bhc-9065), thermal cameras, centre of the forehead. The fitted offset is 2.24 for
# the warmest of their four rounds, 2.32 for the last, 2.37 for the median, the slope about -0.15
# (bench/bench_screening.py). The correction holds between the two ambients below.
OFFSET_C = 2.3
AMBIENT_SLOPE = -0.15
AMBIENT_REF_C = 24.0
AMBIENT_FITTED_C = (20.5, 29.1)

# A gain further from 1 than this is no sensor that needs calibration but a broken one: the data
# sheet promises ±0.5 °C over 0..50 °C, which two points 5 °C apart can stretch to 1.2
GAIN_RANGE = (0.8, 1.25)
LARGEST_OFFSET_C = 2.0


class ImplausibleError(ValueError):
    """Calibration points that no working sensor gives."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction:
    """From surface to body: the population's part of the estimate."""

    offset_c: float = OFFSET_C
    ambient_slope: float = AMBIENT_SLOPE
    ambient_ref_c: float = AMBIENT_REF_C
    fitted_low_c: float = AMBIENT_FITTED_C[0]
    fitted_high_c: float = AMBIENT_FITTED_C[1]

    def fits(self, ambient_c: float) -> bool:
        """Whether the correction was fitted for such air."""
        return self.fitted_low_c <= ambient_c <= self.fitted_high_c

    def of(self, ambient_c: float) -> float:
        """What is added to the surface. Outside the fitted range the nearest end's is taken:
        a line is not drawn on where nobody was measured.
        """
        within_c = min(max(ambient_c, self.fitted_low_c), self.fitted_high_c)
        return self.offset_c + self.ambient_slope * (within_c - self.ambient_ref_c)


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """One sensor's own error: true = pivot_c + offset_c + gain * (object - pivot_c)."""

    offset_c: float = 0.0
    gain: float = 1.0
    pivot_c: float = 37.0

    def __post_init__(self) -> None:
        if not self.gain >= 1.0:
            raise ValueError(f"gain {self.gain} is below 1: it would shrink fevers")

    def of(self, object_c: float) -> float:
        """The surface that the sensor should have said."""
        return self.pivot_c + self.offset_c + self.gain * (object_c - self.pivot_c)


def estimate_core_c(
    object_c: float,
    ambient_c: float,
    calibration: Calibration | None = None,
    correction: Correction | None = None,
) -> float:
    """The body's temperature from object and ambient temperature, °C."""
    surface_c = object_c if calibration is None else calibration.of(object_c)
    return surface_c + (correction or Correction()).of(ambient_c)


def calibrate_one(measured_c: float, true_c: float) -> Calibration:
    """By one point: an offset. Raises ImplausibleError."""
    offset_c = true_c - measured_c
    if abs(offset_c) > LARGEST_OFFSET_C:
        raise ImplausibleError(
            f"the sensor would be {-offset_c:+.2f} °C off, more than {LARGEST_OFFSET_C:g}: look at "
            "emissivity, distance and what else is in view"
        )
    return Calibration(offset_c=offset_c, pivot_c=measured_c)


def calibrate_two(first: tuple[float, float], second: tuple[float, float]) -> Calibration:
    """By two points (measured, true): offset and gain, exact at the warmer one.

    A sensor whose gain would be below 1 gets 1: it then reads lower than it should below the
    warmer point and higher above it, and no fever shrinks. Raises ImplausibleError.
    """
    (low_c, true_low_c), (high_c, true_high_c) = sorted([first, second])
    if true_high_c - true_low_c < 3.0 or high_c - low_c < 1.0:
        raise ImplausibleError("two points need references at least 3 °C apart")
    gain = (true_high_c - true_low_c) / (high_c - low_c)
    if not GAIN_RANGE[0] <= gain <= GAIN_RANGE[1]:
        raise ImplausibleError(f"a gain of {gain:.2f} is no working sensor's: measure both again")
    calibrate_one(low_c, true_low_c)
    at_high = calibrate_one(high_c, true_high_c)
    return Calibration(offset_c=at_high.offset_c, gain=max(1.0, gain), pivot_c=high_c)
