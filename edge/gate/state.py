"""What the machine knows: one door, one or two lanes, the devices at fault, the clock of each wait.

Plain values. `edge.gate.machine.step` never changes a state it was given: it returns another.
A lane is what the machine makes of a reader: the people before it, one at a time.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum

from edge.gate.events import Signal
from edge.gate.hours import Closure, Order
from edge.gate.reasons import Alarm, Cause, Device, Reason
from edge.gate.screening import Scene
from feed.record import Decision, Person, Reading
from identity.credential import Credential

# what is told at a reader, and why
Word = tuple[Signal, tuple[Reason, ...]]


class LaneState(StrEnum):
    """Where one person is on their way."""

    IDLE = "idle"
    CODE_SEEN = "code_seen"
    MEASURING = "measuring"
    PAUSING = "pausing"
    CODE_WANTED = "code_wanted"
    IDENTIFYING = "identifying"
    WAITING = "waiting"
    RECORDING = "recording"
    GRANTED = "granted"
    PASSING = "passing"
    DENIED = "denied"
    COOLING_DOWN = "cooling_down"
    FAULTED = "faulted"
    FIRE = "fire"


class DoorState(StrEnum):
    """Where the door is."""

    SECURED = "secured"
    RELEASED = "released"
    PASSING = "passing"
    HELD_OPEN = "held_open"
    FORCED = "forced"
    FAULTED = "faulted"
    FIRE = "fire"


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """What is known of the person before a reader, from the first sign of them to the outcome.

    `rounds` are the measurements so far, where the first was high; `secondary` that a clinical
    thermometer found them normal after a refusal. `faults` are the devices that were given up on
    for this person, `blocked` why the door could not be had, `face_until_s` how long a face is
    waited for, `closed` why the gate was closed for them when they came.
    """

    presentation: str | None = None
    credential: Credential | None = None
    person: Person | None = None
    unidentified: bool = False
    refused: Reason | None = None
    reading: Reading | None = None
    rounds: tuple[Reading, ...] = ()
    secondary: bool = False
    timed_out: bool = False
    changed: bool = False
    blocked: Reason | None = None
    faults: frozenset[Device] = frozenset()
    decision: Decision | None = None
    request: int | None = None
    face_until_s: float | None = None
    closed: Reason | None = None

    @property
    def settled(self) -> bool:
        """Whether nothing more is to be learnt about who it is."""
        return self.credential is None or self.person is not None or self.unidentified


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Somebody who was refused as warm, and may be measured by an attendant until `until_s`.

    `request` wrote the refusal, `seq` is its record once that is on disk. `normal` says that a
    clinical thermometer found them well: who shows the `canonical` code again is not measured.
    """

    request: int
    until_s: float
    canonical: str | None = None
    seq: int | None = None
    normal: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """One reader. `done` are the presentations that had their answer; `recent` maps the canonical
    identities that were let in to the second until which showing the code again is a repeat;
    `fresh_face` is set once nobody stood there, so that one face is not measured twice;
    `refusals` wait for an attendant's thermometer. `wants` is what the lane has to say, `shown`
    what its lamps, buzzer and screen tell: the same, unless the door has to be shut first.
    """

    name: str
    state: LaneState = LaneState.IDLE
    deadline_s: float | None = None
    session: Session = field(default_factory=Session)
    scene: Scene = field(default_factory=Scene)
    fresh_face: bool = True
    wants: Word | None = None
    shown: Word | None = None
    done: tuple[str, ...] = ()
    recent: tuple[tuple[str, float], ...] = field(default=(), repr=False)
    refusals: tuple[Refusal, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DoorPart:
    """The door. `lane` is whose grant it serves, None for the exit button; `request` the write
    that its outcomes refer to, with `reasons`; `reserved` the lane whose grant is being written;
    `is_open` is None until the contact was heard of; `intrusion` the alarm that a forced door
    raised.
    """

    state: DoorState = DoorState.SECURED
    deadline_s: float | None = None
    is_open: bool | None = None
    fire_input: bool = False
    lane: str | None = None
    request: int | None = None
    reasons: tuple[Reason, ...] = ()
    reserved: str | None = None
    passed_s: float | None = None
    intrusion: Alarm = Alarm.DOOR_FORCED


FaultKey = tuple[Device, str | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class GateState:
    """All of it. `next_request` numbers the writes of this process from 1; `late` are the writes
    that were not durable in time and are still awaited; `closure` is there while the gate is
    closed by its timetable, `order` while somebody in charge has it closed.
    """

    door: DoorPart
    lanes: tuple[Lane, ...]
    faults: tuple[tuple[FaultKey, Cause], ...] = ()
    next_request: int = 1
    late: frozenset[int] = frozenset()
    closure: Closure | None = None
    order: Order | None = None

    @property
    def closed(self) -> Closure | None:
        """When people come in again, None while they do. An order that goes on past the hours
        says when by itself.
        """
        return self.closure if self.order is None else self.order.closure

    def lane(self, name: str) -> Lane:
        """A lane by its reader's name. Raises ValueError for an unknown one."""
        for lane in self.lanes:
            if lane.name == name:
                return lane
        raise ValueError(f"no reader is called '{name}'")

    def with_lane(self, changed: Lane) -> GateState:
        """The same gate with one lane replaced."""
        lanes = tuple(changed if lane.name == changed.name else lane for lane in self.lanes)
        return replace(self, lanes=lanes)

    def faulty(self, reader: str | None) -> frozenset[Device]:
        """The devices at fault that matter to a reader: its own and the gate's."""
        return frozenset(device for (device, of), _ in self.faults if of is None or of == reader)

    @property
    def deadline_s(self) -> float | None:
        """When the next Tick is due, None when nothing is waited for."""
        parts: tuple[Lane | DoorPart, ...] = (*self.lanes, self.door)
        due = [part.deadline_s for part in parts if part.deadline_s is not None]
        return min(due, default=None)

    @property
    def quiet(self) -> bool:
        """Whether nobody is on their way: a good moment to restart."""
        calm = {LaneState.IDLE, LaneState.FAULTED}
        return self.door.state in {DoorState.SECURED, DoorState.FAULTED} and all(
            lane.state in calm for lane in self.lanes
        )
