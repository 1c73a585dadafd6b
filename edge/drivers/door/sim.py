"""The simulated door: the real driver on mock pins, wired to a doorway that people walk through."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from edge.config.model import DoorTable
from edge.drivers.door import OnDoorEvent
from edge.drivers.door.gpio import JOIN_S, GpioDoor
from edge.drivers.sim.doorway import Doorway
from edge.drivers.sim.pins import SimPins, WiredPin
from edge.gate.reasons import Device

MOVING_STEP_S = 0.02
IDLE_STEP_S = 0.1
BOUNCES = 3  # of a reed contact, within a millisecond or two
BOUNCE_S = 0.0005


class SimDoor(GpioDoor):
    """GpioDoor whose relay works the lock of a doorway and whose inputs the doorway moves.

    The doorway lives on when the driver is closed and another opened: it stands still meanwhile.
    Faults follow the world's plan: `pin_error` and `relay_stuck` here, the others in the doorway.
    """

    def __init__(
        self,
        table: DoorTable,
        on_event: OnDoorEvent,
        *,
        pins: SimPins,
        doorway: Doorway,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(table, on_event, pins=pins, monotonic=monotonic)
        self.doorway = doorway
        self._sim_pins = pins
        self._moved = threading.Event()
        self._ending = threading.Event()
        self._mover: threading.Thread | None = None
        self._contact_wired: bool | None = None

    def open(self) -> None:
        self._wire()
        super().open()
        self._ending.clear()
        self._mover = threading.Thread(target=self._move, name="doorway", daemon=True)
        self._mover.start()

    def close(self) -> None:
        mover, self._mover = self._mover, None
        if mover is not None:
            self._ending.set()
            self._moved.set()
            mover.join(JOIN_S)
        super().close()

    @property
    def lock_released(self) -> bool:
        """What the lock does, as the relay's pin has it; a pin that floats is off."""
        pin = self._sim_pins.pin(self.table.relay_pin)
        high = self.table.relay_active == "high"
        energised = pin.drives_high if high else pin.drives_low
        return energised != (self.table.lock == "fail_safe")

    def _move(self) -> None:
        while not self._ending.is_set():
            self._moved.clear()
            self._step()
            self._moved.wait(MOVING_STEP_S if self.doorway.busy else IDLE_STEP_S)

    def _step(self) -> None:
        self.doorway.step(self._monotonic(), released=self.lock_released)
        self._drive_inputs()

    # --- wires --------------------------------------------------------------------------------

    def _wire(self) -> None:
        table = self.table
        for number in (table.relay_pin, table.contact_pin, table.exit_pin, table.fire_pin):
            if number is not None:
                self._sim_pins.pin(number).trouble = self._trouble
        self._sim_pins.pin(table.relay_pin).on_driven = self._moved.set
        self.doorway.on_request = self._moved.set
        self._contact_wired = None
        self._drive_inputs()

    def _trouble(self) -> str | None:
        return self.doorway.world.fault(Device.DOOR, None, self._monotonic())

    def _drive_inputs(self) -> None:
        table, doorway = self.table, self.doorway
        if table.contact_pin is not None and doorway.contact_open != self._contact_wired:
            pin = self._sim_pins.pin(table.contact_pin)
            moved = self._contact_wired is not None
            self._contact_wired = doorway.contact_open
            _connect(
                pin,
                active=doorway.contact_open,
                level=table.contact_open_level,
                bounces=BOUNCES if moved else 0,
            )
        if table.exit_pin is not None:
            pin = self._sim_pins.pin(table.exit_pin)
            _connect(pin, active=doorway.exit_pressed, level=table.exit_level)
        if table.fire_pin is not None:
            pin = self._sim_pins.pin(table.fire_pin)
            _connect(pin, active=doorway.fire_active, level=table.fire_level)


def _connect(pin: WiredPin, *, active: bool, level: str, bounces: int = 0) -> None:
    """Bring an input to its level: low is the closed switch. A bouncing one swings before."""
    grounded = active == (level == "low")
    for _ in range(bounces):
        pin.connect(grounded=grounded)
        time.sleep(BOUNCE_S)
        pin.connect(grounded=not grounded)
        time.sleep(BOUNCE_S)
    pin.connect(grounded=grounded)
