"""The variants of the MLX90614: which are medical, and how large a spot each sees.

Source: Melexis, MLX90614 family data sheet 3901090614 revision 13, ordering information (the three
letters of the option code) and chapter "Field of view". The angle is where half of the signal
comes from, so that the edge of the spot still counts.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

Variant = Literal[
    "AAA", "ABA", "ACA", "ACC", "ACF", "BAA", "BBA", "BCA", "BCC", "BCF", "BCH", "BCI",
    "DAA", "DCA", "DCC", "DCH", "DCI",
]  # fmt: skip

# From hairline to the root of the nose, the smaller side of a forehead: 6 to 7 cm in grown-ups
# (trichion to nasion; L. G. Farkas, Anthropometry of the Head and Face, 2nd edition 1994)
FOREHEAD_CM = 6.0

_VIEW_DEG = {"A": 90.0, "C": 35.0, "F": 10.0, "H": 12.0, "I": 5.0}


@dataclass(frozen=True, slots=True)
class Sensor:
    """One variant: its supply, whether it has the medical accuracy, its full angle of view."""

    supply_v: int
    medical: bool
    compensated: bool
    view_deg: float

    def spot_cm(self, distance_cm: float) -> float:
        """Diameter of what it sees at a distance."""
        return 2 * distance_cm * math.tan(math.radians(self.view_deg / 2))


SENSORS: dict[str, Sensor] = {
    variant: Sensor(
        supply_v=5 if variant[0] == "A" else 3,
        medical=variant[0] == "D",
        compensated=variant[1] == "C",
        view_deg=_VIEW_DEG[variant[2]],
    )
    for variant in get_args(Variant)
}
