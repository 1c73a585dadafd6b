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
from pathlib import Path

from edge.app import CHECK_S, Gate, StartError
from edge.config.model import Config
from edge.demo.broker import BrokerError, PrivateBroker
from edge.demo.count import Count, Line, figures, presented
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
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="edge-gate-demo-")))
        try:
            broker = PrivateBroker(folder)
            stack.callback(broker.stop)
            tap = RecordTap("127.0.0.1", broker.port, PARK)
            tap.start()
            stack.callback(tap.stop)
            return _run(folder, broker, tap, screen, seconds, seed)
        except (BrokerError, StartError, TimeoutError) as error:
            print(f"edge-gate demo: {error}", file=sys.stderr)
            return 2


def _run(
    folder: Path,
    broker: PrivateBroker,
    tap: RecordTap,
    screen: Screen,
    seconds: float | None,
    seed: int,
) -> int:
    make_keys(folder)
    configs = make_configs(folder, broker.port)
    screen.say(f"broker     mosquitto on 127.0.0.1:{broker.port}, topics gate/v1/{PARK}/#")
    for config in configs:
        sides = ", ".join(f"{reader.name} ({reader.direction})" for reader in config.reader)
        screen.say(f"gate       {config.gate.gate}, readers {sides}")
    for config in configs:
        for reader in config.reader:
            assert config.kiosk is not None
            screen.say(f"screen     http://{config.kiosk.listen}/{reader.name}/")
    screen.say(
        "people     arrive now; end with Ctrl-C\n"
        if seconds is None
        else f"people     arrive for {seconds:g} s; Ctrl-C ends earlier\n"
    )
    began_s = time.monotonic() + _WARM_UP_S
    crowd = make_crowd(seed)
    world = World(crowd, began_s)
    count = Count(world)
    lines: queue.SimpleQueue[Line] = queue.SimpleQueue()
    gates = [_gate(config, world, count, lines) for config in configs]
    with _started(gates), _interrupt() as stop:
        screen.begin()
        until_s = float("inf") if seconds is None else began_s + seconds
        while time.monotonic() < until_s and not stop.is_set():
            _look(gates)
            _show(lines, screen)
            stop.wait(CHECK_S / 2)
        ended_s = time.monotonic()
        count.over = True
    _show(lines, screen)
    readers = [reader.name for config in configs for reader in config.reader]
    recorded, received = _settle(gates, tap)
    shown = presented(crowd, readers, ended_s - began_s)
    screen.end(figures(count, shown=shown, recorded=recorded, received=received))
    return 0 if recorded == received and tap.malformed == 0 else 1


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


def _settle(gates: Sequence[Gate], tap: RecordTap) -> tuple[int, int]:
    """Records on disk, and how many of them the listener has when all had time to arrive."""
    recorded = received = 0
    for gate in gates:
        stream, last = gate.written
        tap.wait_for(stream, last, _ARRIVE_S)
        recorded += last
        received += last - len(tap.missing(stream, last))
    return recorded, received
