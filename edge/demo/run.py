"""The demo from beginning to end."""

from __future__ import annotations

import logging
import queue
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from edge.app import CHECK_S, Gate, StartError
from edge.config.model import Config
from edge.demo.broker import BrokerError, PrivateBroker
from edge.demo.count import Count, Kept, Line, figures, presented
from edge.demo.hub import DemoHub, HubError
from edge.demo.setting import PARK, make_configs, make_crowd, make_keys
from edge.demo.show import Screen, make_screen
from edge.drivers.sim.world import World
from edge.gate.events import Effect
from edge.gate.state import GateState
from edge.mqtt.tap import RecordTap

# people come only after the cameras' processes have started
_WARM_UP_S = 3.0
_ARRIVE_S = 10.0


def run_demo(seconds: float | None, *, seed: int = 1, as_json: bool = False) -> int:
    """Run for `seconds` (None: until Ctrl-C). 0 when every record arrived, 1 when not, 2 when it
    can't run here.
    """
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    # alarms stand in the table already
    logging.getLogger("edge.steplog").setLevel(logging.ERROR)
    screen = make_screen(as_json=as_json)
    with ExitStack() as stack:
        stop = stack.enter_context(_interrupt())
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="edge-gate-demo-")))
        try:
            broker = PrivateBroker(folder)
            stack.callback(broker.stop)
            tap = RecordTap("127.0.0.1", broker.port, PARK)
            tap.start()
            stack.callback(tap.stop)
            make_keys(folder)
            hub = _hub(folder, broker, screen, stack)
            return _Demo(folder, broker, tap, hub, screen, stop, seed).run(seconds)
        except (BrokerError, StartError, TimeoutError) as error:
            print(f"edge-gate demo: {error}", file=sys.stderr)
            return 2


def _hub(folder: Path, broker: PrivateBroker, screen: Screen, stack: ExitStack) -> DemoHub | None:
    """The hub, where its packages are installed; the gates need none."""
    hub = DemoHub(folder, broker.port)
    stack.callback(hub.stop)
    try:
        hub.wait()
    except HubError as error:
        screen.say(f"hub        none, the demo goes on without: {error}")
        return None
    return hub


class _Demo:
    """One run, over a broker that is there."""

    def __init__(
        self,
        folder: Path,
        broker: PrivateBroker,
        tap: RecordTap,
        hub: DemoHub | None,
        screen: Screen,
        stop: threading.Event,
        seed: int,
    ) -> None:
        self._broker, self._tap, self._hub, self._screen = broker, tap, hub, screen
        self._stop = stop
        self._crowd = make_crowd(seed)
        self._configs = make_configs(folder, broker.port, hub=hub is not None)

    def run(self, seconds: float | None) -> int:
        """Until the time is over or Ctrl-C: 0 when every record arrived."""
        self._announce(seconds)
        begun_at = datetime.now(UTC)
        began_s = time.monotonic() + _WARM_UP_S
        count = Count(World(self._crowd, began_s))
        lines: queue.SimpleQueue[Line] = queue.SimpleQueue()
        gates = [_gate(config, count.world, count, lines) for config in self._configs]
        with _started(gates):
            self._screen.begin()
            until_s = float("inf") if seconds is None else began_s + seconds
            while time.monotonic() < until_s and not self._stop.is_set():
                _look(gates)
                _show(lines, self._screen)
                self._stop.wait(CHECK_S / 2)
            ended_s, ended_at = time.monotonic(), datetime.now(UTC)
            count.over = True
            confirmed = None if self._hub is None else _confirmed(gates)
        _show(lines, self._screen)
        kept = self._settle(gates, confirmed)
        readers = [reader.name for config in self._configs for reader in config.reader]
        shown = presented(self._crowd, readers, ended_s - began_s)
        told = figures(count, shown=shown, kept=kept)
        told["trace"] = self._trace(count.someone(), begun_at, ended_at)
        self._screen.end(told)
        return 0 if kept.lost == 0 and self._tap.malformed == 0 else 1

    def _announce(self, seconds: float | None) -> None:
        say = self._screen.say
        say(f"broker     mosquitto on 127.0.0.1:{self._broker.port}, topics gate/v1/{PARK}/#")
        for word, address in () if self._hub is None else self._hub.addresses:
            say(f"{word:<10} {address}")
        for config in self._configs:
            sides = ", ".join(f"{reader.name} ({reader.direction})" for reader in config.reader)
            say(f"gate       {config.gate.gate}, readers {sides}")
        for config in self._configs:
            for reader in config.reader:
                assert config.kiosk is not None
                say(f"screen     http://{config.kiosk.listen}/{reader.name}/")
        say(
            "people     arrive now; end with Ctrl-C\n"
            if seconds is None
            else f"people     arrive for {seconds:g} s; Ctrl-C ends earlier\n"
        )

    def _settle(self, gates: Sequence[Gate], confirmed: int | None) -> Kept:
        """Where the records are when all had time to arrive."""
        recorded = received = 0
        for gate in gates:
            stream, last = gate.written
            self._tap.wait_for(stream, last, _ARRIVE_S)
            recorded += last
            received += last - len(self._tap.missing(stream, last))
        stored = None if self._hub is None else self._hub.wait_for(recorded, _ARRIVE_S)
        return Kept(recorded, received, stored, confirmed)

    def _trace(self, token: str | None, begin: datetime, end: datetime) -> dict[str, Any] | None:
        if self._hub is None or token is None:
            return None
        try:
            return self._hub.trace(token, begin, end)
        except HubError as error:
            self._screen.say(f"trace      none: {error}")
            return None


def _confirmed(gates: Sequence[Gate]) -> int:
    """How many records the hub's receipts confirm, once they had time to come."""
    wanted = [gate.journal.last_seq for gate in gates]
    until_s = time.monotonic() + _ARRIVE_S
    while time.monotonic() < until_s and any(
        gate.journal.confirmed_upto < last for gate, last in zip(gates, wanted, strict=True)
    ):
        _look(gates)
        time.sleep(CHECK_S)
    return sum(gate.journal.confirmed_upto for gate in gates)


def _gate(config: Config, world: World, count: Count, lines: queue.SimpleQueue[Line]) -> Gate:
    name = config.gate.gate

    def stepped(_: GateState, effects: tuple[Effect, ...]) -> None:
        for line in count.stepped(name, effects):
            lines.put(line)

    return Gate(config, world=world, on_event=count.saw, on_step=stepped)


@contextmanager
def _started(gates: Sequence[Gate]) -> Iterator[None]:
    with ExitStack() as stack:
        for gate in gates:
            gate.start()
            stack.callback(gate.stop, "the demo is over")
        yield


@contextmanager
def _interrupt() -> Iterator[threading.Event]:
    """Ctrl-C and SIGTERM end the demo with its summary."""
    stop = threading.Event()
    before = {
        number: signal.signal(number, lambda *_: stop.set())
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _look(gates: Sequence[Gate]) -> None:
    for gate in gates:
        gate.check()
        if gate.supervisor.lost is not None:
            raise StartError(f"gate {gate.config.gate.gate} lost its {gate.supervisor.lost} thread")


def _show(lines: queue.SimpleQueue[Line], screen: Screen) -> None:
    while True:
        try:
            screen.add(lines.get_nowait())
        except queue.Empty:
            return
