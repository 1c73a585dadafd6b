"""The composition root: which parts a gate has, the order they start in, and how they end.

Start and stop read from top to bottom in `Gate.start`: what others depend on comes first, and
everything ends in reverse order, the door last but the records.
"""

from __future__ import annotations

import faulthandler
import logging
import signal
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import version
from importlib.util import find_spec

from edge.calibration import CalibrationError
from edge.clock import Clock, SystemClock
from edge.clockwatch import ClockWatch
from edge.closing import CLOSE, REOPEN, Closing
from edge.config.model import Config, ReaderTable
from edge.config.rules import to_rules
from edge.control import LocalCommands
from edge.drivers.door.keeper import DoorKeeper
from edge.drivers.factory import GatePins, make_door, make_signals, make_thermometer
from edge.drivers.signals.keeper import SignalsKeeper
from edge.drivers.sim.world import World, make_world
from edge.drivers.thermometer.selfcheck import SelfCheck
from edge.drivers.thermometer.worker import ThermometerWorker
from edge.gate import events as ev
from edge.gate.machine import waiting_refusal
from edge.gate.reasons import Alarm, Device
from edge.gate.screening import Verdict
from edge.gate.state import GateState
from edge.gateworker import GateWorker, Hands, Inbox
from edge.hourswatch import HoursWatch
from edge.identify import Identifier, Understander
from edge.kiosk.worker import Kiosk, KioskWorker
from edge.mqtt.publisher import Publisher
from edge.notify import Notifier
from edge.parkpasses import ParkPasses
from edge.records.disk import Disk, JournalError
from edge.records.journal import Journal
from edge.records.recorder import Recorder, WriteQueue
from edge.scan.identifier import IdentifierWorker
from edge.scan.pictures import Pictures
from edge.scan.presentation import Presentations
from edge.scan.reader import ReaderWorker
from edge.scan.wire import Orders
from edge.secondary import read_secondary
from edge.standins import StandingDoor, StandingSignals
from edge.steplog import log_step
from edge.summary import Counts, status_line, summarise
from edge.supervisor import Post, Supervisor
from edge.thermometry import Thermometry
from edge.worker import Worker
from feed.messages import Command, Reply, Summary
from feed.record import Detail, Kind

log = logging.getLogger(__name__)

VERSION = version("edge-gate")
# the main thread looks this often; WATCHDOG=1 goes out with it
CHECK_S = 0.25
# a gate thread unheard for so long is told of: as long as the page waits (kiosk.js)
SILENT_S = 2.0
# how long each thread is given to end
STOP_S = 5.0
# a gate that has to restart waits this long at most for the person who is passing
RESTART_WAIT_S = 60.0

OnStep = Callable[[GateState, tuple[ev.Effect, ...]], None]


class StartError(Exception):
    """The gate can't start: one line that says what is wrong and how to mend it."""


class Gate:
    """One gate: its parts, wired. `on_event` and `on_step` let a demo or a screen look on;
    `clock`, `world` and `disk` are the machine's own unless given.
    """

    def __init__(
        self,
        config: Config,
        *,
        clock: Clock | None = None,
        world: World | None = None,
        disk: Disk | None = None,
        on_event: Callable[[ev.Event], None] | None = None,
        on_step: OnStep | None = None,
    ) -> None:
        """Read keys, open the records, refuse what can't be served. Raises StartError."""
        refuse_missing_libraries(config)
        self.config = config
        self.clock = clock or SystemClock()
        try:
            self._thermometry = Thermometry(config, self.clock)
        except CalibrationError as error:
            raise StartError(str(error)) from error
        self.rules = to_rules(config, self._thermometry.calibrations)
        self.world = world or _world(config)
        self._on_event = on_event
        self._on_step = on_step
        self._inbox = Inbox()
        self._counts = Counts()
        self._summary: Summary | None = None
        self._written: tuple[str, int] | None = None
        try:
            self._identifier = Identifier.load(config.identity)
            self.passes = ParkPasses(config, self.clock, self.emit)
            self._understand = Understander.load(
                config.trust, self.clock, park_pass=self.passes.parse
            )
            self.journal = Journal(
                config.records.path,
                config.gate,
                clock=self.clock,
                disk=disk,
                lenient=True,
                max_mib=config.records.max_mib,
                when_full=config.records.when_full,
                keep_days=config.records.keep_days,
            )
        except (OSError, ValueError) as error:
            raise StartError(str(error)) from error
        self._writes = WriteQueue(self.emit)
        self.pins = GatePins()
        self._door = StandingDoor()
        self._signals = {reader.name: StandingSignals() for reader in config.reader}
        self.presentations = {
            reader.name: self._make_presentations(reader) for reader in config.reader
        }
        self.kiosk = self._make_kiosk()
        self.supervisor = Supervisor(self.emit, self.clock.monotonic)
        self._clock_watch = ClockWatch(self.clock)
        self._hours = HoursWatch(config.hours, self.clock)
        self._closing = Closing(config.records.path, self.clock, self._hours, self.emit)

    # --- start, look after, stop --------------------------------------------------------------

    def start(self) -> None:
        """Start every part, each after those it depends on."""
        self.passes.load()
        self._closing.begin()
        begin = self.supervisor.start
        try:
            begin(Post("publisher", self._make_publisher, Device.PUBLISHER))
        except ValueError as error:
            self.journal.close()
            raise StartError(str(error)) from error
        begin(Post("recorder", self._make_recorder, Device.RECORDER))
        begin(Post("identifier", self._make_identifier, Device.IDENTITY))
        begin(Post("door", self._make_door, Device.DOOR, tells_recovery=True))
        for reader in self.config.reader:
            self._begin_signals(reader)
        self._gate = self._make_gate()
        if self.kiosk is not None:
            begin(Post("kiosk", self._make_kiosk_worker, Device.SCREEN, tells_recovery=True))
        begin(Post("gate", lambda _: self._gate))
        begin(Post("commands", self._make_commands))
        self._look_at_hours()
        for noted in self._thermometry.begun():
            self.emit(noted)
        for reader in self.config.reader:
            self._begin_senses(reader)

    def check(self) -> None:
        """Look after the parts; called a few times a second from the main thread."""
        self.supervisor.check()
        silent = self._gate.silent_s > SILENT_S
        for signals in self._signals.values():
            signals.gate_is_silent(silent=silent)
        noted = self._clock_watch.look()
        if noted is not None:
            self.emit(noted)
        self._look_at_hours()
        for noted in self._thermometry.look():
            self.emit(noted)

    def _look_at_hours(self) -> None:
        for event in self._hours.look():
            self.emit(event)
        self._closing.look()

    def stop(self, why: str) -> bool:
        """End every part in reverse order. False when a thread was left behind."""
        self._gate.why_stopped = why
        ended = self.supervisor.stop(STOP_S)
        self.pins.close()
        self._thermometry.save()
        self._written = self.written
        self.journal.close()
        return ended

    def emit(self, event: ev.Event) -> None:
        """Something happened; from any thread."""
        self._inbox.put(event)
        if self._on_event is not None:
            self._on_event(event)

    @property
    def state(self) -> GateState:
        """The machine's state now."""
        return self._gate.state

    @property
    def well(self) -> bool:
        """Whether the gate thread lives and beats: what the watchdog is told."""
        return self._gate.alive and not self._gate.hung

    @property
    def written(self) -> tuple[str, int]:
        """The journal's stream and the seq of its newest record; also after the stop."""
        return self._written or (self.journal.stream, self.journal.last_seq)

    @property
    def status(self) -> str:
        """One line for `systemctl status`."""
        return status_line(self.state, self._publisher.health())

    # --- the parts ----------------------------------------------------------------------------

    def _begin_signals(self, reader: ReaderTable) -> None:
        def make(faulted: bool) -> Worker:  # noqa: FBT001 - as Post.make is called
            keeper = SignalsKeeper(
                reader.name,
                lambda: make_signals(
                    reader.signals, pins=self.pins, world=self.world, reader=reader.name
                ),
                self.emit,
                faulted=faulted,
            )
            return self._signals[reader.name].serve(keeper)

        name = f"signals {reader.name}"
        self.supervisor.start(Post(name, make, Device.SIGNALS, reader.name, tells_recovery=True))

    def _begin_senses(self, reader: ReaderTable) -> None:
        thermometer, camera = reader.thermometer, reader.camera
        every_s = self.config.screening.self_check_h * 3600
        if thermometer is not None and reader.mode in {"code_and_temperature", "temperature_only"}:

            def make_thermo(faulted: bool) -> Worker:  # noqa: FBT001 - as Post.make is called
                return ThermometerWorker(
                    reader.name,
                    lambda: make_thermometer(thermometer, world=self.world, reader=reader.name),
                    self.emit,
                    rate_hz=thermometer.rate_hz,
                    # a blocking bus holds one read for about twice its time-out
                    hang_s=2 * thermometer.timeout_s + 6.0,
                    faulted=faulted,
                    check=SelfCheck(thermometer, every_s=every_s),
                    sensor=self._thermometry.sensor(reader.name),
                )

            name = f"thermometer {reader.name}"
            self.supervisor.start(
                Post(name, make_thermo, Device.THERMOMETER, reader.name, tells_recovery=True)
            )
        if camera is not None and reader.mode != "temperature_only":
            orders = Orders(reader=reader.name, camera=camera, world=self.world)

            def make_reader(faulted: bool) -> Worker:  # noqa: FBT001 - as Post.make is called
                return ReaderWorker(
                    orders,
                    self.presentations[reader.name],
                    self.emit,
                    silence_s=self.config.scan.hang_s,
                    pictures=self._pictures.get(reader.name),
                    faulted=faulted,
                )

            name = f"scan {reader.name}"
            self.supervisor.start(
                Post(name, make_reader, Device.DECODER, reader.name, tells_recovery=True)
            )

    def _make_presentations(self, reader: ReaderTable) -> Presentations:
        scan = self.config.scan
        return Presentations(
            reader.name, self._understand, gap_s=scan.gap_s, max_code_bytes=scan.max_code_bytes
        )

    def _make_kiosk(self) -> Kiosk | None:
        table = self.config.kiosk
        self._pictures: dict[str, Pictures] = {}
        if table is None:
            return None
        if table.show_camera:
            self._pictures = {reader.name: Pictures() for reader in self.config.reader}
        return Kiosk(
            table,
            self.rules,
            silent_s=lambda: self._gate.silent_s,
            camera={name: pictures.next for name, pictures in self._pictures.items()},
            monotonic=self.clock.monotonic,
        )

    def _make_kiosk_worker(self, faulted: bool) -> Worker:  # noqa: FBT001 - as Post.make is called
        assert self.kiosk is not None
        return KioskWorker(self.kiosk, self.emit, faulted=faulted)

    def _make_recorder(self, _faulted: bool) -> Worker:  # noqa: FBT001 - as Post.make is called
        return Recorder(
            self.journal, self._writes, self.emit, clock=self.clock, on_written=self._wake_publisher
        )

    def _make_publisher(self, _faulted: bool) -> Worker:  # noqa: FBT001 - as Post.make is called
        lists = self.passes.lists
        publisher = Publisher(
            self.config,
            self.journal,
            handler=self._command,
            version=VERSION,
            refuse=self._refuse_record,
            on_list=None if lists is None else lists.take,
            now=self.clock.now,
        )
        if self._summary is not None:
            publisher.publish_state(self._summary)
        self._publisher = publisher
        return publisher

    def _make_identifier(self, _faulted: bool) -> Worker:  # noqa: FBT001 - as Post.make is called
        self._identifying = IdentifierWorker(self._identifier.identify, self.emit)
        return self._identifying

    def _make_door(self, faulted: bool) -> Worker:  # noqa: FBT001 - as Post.make is called
        keeper = DoorKeeper(
            lambda on_event: make_door(
                self.config.door,
                on_event,
                pins=self.pins,
                world=self.world,
                readers=self.config.reader,
            ),
            self.emit,
            faulted=faulted,
        )
        return self._door.serve(keeper)

    def _make_gate(self) -> GateWorker:
        hands = Hands(
            door=self._door,
            show={name: signals.show for name, signals in self._signals.items()},
            write=self._write,
            identify=self._identify,
        )
        return GateWorker(
            self.rules,
            self._inbox,
            hands,
            on_step=self._stepped,
            started=self._start_detail(),
            monotonic=self.clock.monotonic,
        )

    # --- what connects them -------------------------------------------------------------------

    def _write(self, write: ev.Write) -> None:
        self._writes.put(write, at=self.clock.now(), clock=self.clock.stamp())

    def _identify(self, request: ev.Identify) -> None:
        self._identifying.submit(request)

    def _wake_publisher(self) -> None:
        self._publisher.wake()

    def _stepped(self, state: GateState, effects: tuple[ev.Effect, ...]) -> None:
        log_step(effects)
        self._counts = self._counts.after(effects)
        self._thermometry.took(effects)
        self._summary = summarise(self.rules, state, self._counts, self._thermometry.figures)
        self._publisher.publish_state(self._summary)
        if self.kiosk is not None:
            self.kiosk.stepped(state)
        if self._on_step is not None:
            self._on_step(state, effects)

    def _command(self, command: Command) -> Reply:
        """The commands that are the daemon's own, in the publisher's or the socket's thread."""
        if command.command == "fire_reset":
            self.emit(ev.FireReset())
            return Reply(id=command.id, ok=True)
        if command.command == "secondary":
            return self._secondary(command)
        if command.command == CLOSE:
            return self._closing.close(command)
        if command.command == REOPEN:
            return self._closing.reopen(command)
        return Reply(id=command.id, ok=False, error=f"unknown command '{command.command}'")

    def _refuse_record(self, stream: str, seq: int, why: str) -> bool:
        """No broker takes this record: it is kept aside and accounted for, in the publisher's
        thread. False when the disk can't do that now.
        """
        stamp = self.clock.stamp()
        try:
            loss = self.journal.refuse(seq, why, at=self.clock.now(), clock=stamp, stream=stream)
        except JournalError as error:
            log.warning("record %d can't be put with the dead letters yet: %s", seq, error)
            return False
        detail: dict[str, Detail] = {"state": "raised", "seq": seq, "why": why}
        self.emit(ev.Noted(kind=Kind.ALARM, name=Alarm.RECORD_REFUSED, detail=detail))
        return loss is not None

    def _secondary(self, command: Command) -> Reply:
        """A clinical thermometer's value for somebody who was refused as warm."""
        try:
            wanted = read_secondary(command)
            lane = self.state.lane(wanted.reader)
        except ValueError as error:
            return Reply(id=command.id, ok=False, error=str(error))
        refusal = waiting_refusal(lane, wanted.seq, self.clock.monotonic())
        if refusal is None:
            why = f"nobody waits for a second measurement at '{wanted.reader}'"
            return Reply(id=command.id, ok=False, error=why)
        self.emit(replace(wanted, seq=refusal.seq))
        normal = wanted.value_c < self.rules.screening.limit_c
        verdict = Verdict.NORMAL if normal else Verdict.HIGH
        result: dict[str, Detail] = {"ref": refusal.seq, "verdict": verdict}
        return Reply(id=command.id, ok=True, result=result)

    def _make_commands(self, _faulted: bool) -> Worker:  # noqa: FBT001 - as Post.make is called
        return LocalCommands(
            self.config.records.path, self._command, monotonic=self.clock.monotonic
        )

    def _start_detail(self) -> dict[str, Detail]:
        detail: dict[str, Detail] = {"version": VERSION}
        last = self.journal.last_seq
        stored = self.journal.read(last, last) if last else ()
        if stored and b'"name":"stopped"' not in stored[0].raw:
            # the power went, or the daemon died: grants before this may lack their outcome
            detail["unclean"] = True
        return detail


def refuse_missing_libraries(config: Config) -> None:
    """A gate whose driver can't be loaded does not start. Raises StartError."""
    needed = {"lgpio": ("python3-lgpio", config.door.driver == "gpio")}
    cameras = {reader.camera.driver for reader in config.reader if reader.camera is not None}
    needed["picamera2"] = ("python3-picamera2", "picamera2" in cameras)
    for module, (package, used) in needed.items():
        if used and find_spec(module) is None:
            raise StartError(
                f"the configuration names a driver that needs {module}, which is not installed: "
                f"`sudo apt install {package}`, or name another driver"
            )


def run_gate(config: Config) -> int:
    """`edge-gate run`: serve until SIGTERM. 0 after a clean stop, 1 to be started again, 2 when
    it can't start as it is configured.
    """
    faulthandler.register(signal.SIGUSR1, all_threads=True)
    stop = Stop()
    notifier = Notifier()
    try:
        gate = Gate(config)
        gate.start()
    except StartError as error:
        print(f"edge-gate: {error}", file=sys.stderr)
        return 2
    notifier.ready()
    why, code = _serve(gate, stop, notifier)
    log.info("action=stop why=%s", why)
    notifier.stopping()
    return code if gate.stop(why) else 1


class Stop:
    """SIGTERM and SIGINT as an event."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self.name = ""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._caught)

    def _caught(self, number: int, _frame: object) -> None:
        self.name = signal.Signals(number).name
        self._event.set()

    def wait(self, timeout_s: float) -> bool:
        return self._event.wait(timeout_s)


def _serve(gate: Gate, stop: Stop, notifier: Notifier) -> tuple[str, int]:
    """Look after the gate until there is a reason to end: the reason, and the exit code."""
    restart_by_s: float | None = None
    while not stop.wait(CHECK_S):
        gate.check()
        if gate.supervisor.lost is not None:
            return f"the {gate.supervisor.lost} thread is lost", 1
        if gate.supervisor.stuck:
            if restart_by_s is None:
                restart_by_s = time.monotonic() + RESTART_WAIT_S
            if gate.state.quiet or time.monotonic() > restart_by_s:
                return f"can't end {', '.join(gate.supervisor.stuck)}: restarting", 1
        if gate.well:
            notifier.watchdog()
        notifier.status(gate.status)
    return stop.name, 0


def _world(config: Config) -> World | None:
    """The simulated world, where the configuration names a simulated device."""
    readers = [
        table
        for reader in config.reader
        for table in (reader.camera, reader.thermometer, reader.signals)
    ]
    if not any(table is not None and table.driver == "sim" for table in (config.door, *readers)):
        return None
    try:
        return make_world(
            seed=config.sim.seed,
            script=config.sim.script,
            every_s=config.sim.every_s,
            ambient_c=config.sim.ambient_c,
            epoch_s=time.monotonic(),
        )
    except ValueError as error:
        raise StartError(str(error)) from error
