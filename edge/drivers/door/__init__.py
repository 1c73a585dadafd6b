"""The door: its relay, its contact, the exit button and the fire input."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable

from edge.drivers.base import Driver
from edge.gate.events import Contact, ExitPressed, Faulted, FireInput

DoorEvent = Contact | ExitPressed | FireInput | Faulted
OnDoorEvent = Callable[[DoorEvent], None]


class Door(Driver):
    """A subclass must override open, close, release, secure, contact_open and fire_active.

    Events go to `on_event`, called from the driver's own thread: the receiver only enqueues.
    After open() each input that is fitted is reported once, so that a door that already stands
    open, or a fire that is already on, is known. close() leaves the declared safe state.
    """

    def __init__(self, on_event: OnDoorEvent) -> None:
        self.on_event = on_event

    @property
    @abstractmethod
    def contact_open(self) -> bool | None:
        """True when the door stands open, None where no contact is fitted. Raises DeviceError."""

    @property
    @abstractmethod
    def fire_active(self) -> bool | None:
        """True when the fire panel asks for release, None where it is not wired."""

    @abstractmethod
    def release(self) -> None:
        """Let the door be opened. Raises DeviceError. Harmless when released already."""

    @abstractmethod
    def secure(self) -> None:
        """Lock the door. Raises DeviceError. Harmless when secured already."""
