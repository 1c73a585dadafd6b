"""Thermometers: object and ambient temperature of an infrared sensor."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

from edge.drivers.base import Driver


@dataclass(frozen=True, slots=True)
class Measurement:
    """One good read: °C as the sensor gives it (steps of 0.02 K), and its monotonic second."""

    object_c: float
    ambient_c: float
    taken_s: float


class Thermometer(Driver):
    """A subclass must override open, close, read, settling_s and describe."""

    @abstractmethod
    def read(self) -> Measurement:
        """Read both temperatures once. Raises DeviceError (BUS_ERROR, BAD_DATA, UNPLUGGED)."""

    @property
    @abstractmethod
    def settling_s(self) -> float:
        """How long the object temperature takes to follow a step; known while open."""

    @abstractmethod
    def describe(self) -> dict[str, str]:
        """What the sensor says of itself (id, emissivity ...), for `edge-gate doctor`."""
