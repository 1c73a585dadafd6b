"""The screen of a gate: takes the machine's states, keeps the pages served."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping

from edge.config.model import KioskTable
from edge.drivers.base import DeviceError
from edge.drivers.faults import FaultTeller, pause
from edge.gate.events import Event
from edge.gate.reasons import Cause, Device
from edge.gate.rules import Rules
from edge.gate.state import GateState
from edge.kiosk.board import Board, Mailbox
from edge.kiosk.message import Messages
from edge.kiosk.server import KioskServer, Site, build_of, load_assets
from edge.kiosk.texts import Catalogue
from edge.kiosk.view import Shown, view_of
from edge.worker import Worker
from feed.backoff import Backoff

_TAKE_S = 0.25
_JOIN_S = 2.0


class Kiosk:
    """What stays while workers come and go: the gate's newest state.

    `camera` gives a reader's newest picture (edge.scan.pictures), `silent_s` the seconds that the
    gate's thread has not been heard. Raises ValueError or OSError where the page's files or texts
    are not whole.
    """

    def __init__(
        self,
        table: KioskTable,
        rules: Rules,
        *,
        silent_s: Callable[[], float],
        camera: Mapping[str, Callable[[float], bytes | None]] | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.table = table
        self.rules = rules
        self.mailbox = Mailbox()
        self.monotonic = monotonic
        self.silent_s = silent_s
        self.camera = dict(camera or {}) if table.show_camera else {}
        assets = load_assets(speech=table.speech)
        self.messages = Messages(table, Catalogue.load(), build=build_of(assets))
        page = self.messages.page(assets["index.html"].decode())
        self.assets = assets | {"index.html": page}
        self.shown = Shown(name=table.show_name, temperature=table.show_temperature)

    def stepped(self, state: GateState) -> None:
        """The machine has a new state; from the gate's thread, returns at once."""
        self.mailbox.put(state)

    def address(self, reader: str) -> str:
        """Where the page of a reader is."""
        return f"http://{self.table.listen}/{reader}/"


class KioskWorker(Worker):
    """Serves the pages. An address that can't be had is a fault of SCREEN, tried again."""

    def __init__(
        self,
        kiosk: Kiosk,
        emit: Callable[[Event], None],
        *,
        faulted: bool = False,
        backoff: Backoff | None = None,
    ) -> None:
        super().__init__("kiosk", monotonic=kiosk.monotonic)
        self._kiosk = kiosk
        self._teller = FaultTeller(Device.SCREEN, None, emit, faulted=faulted, backoff=backoff)

    def run(self) -> None:
        while not self.stopping.is_set():
            try:
                self._serve()
            except DeviceError as error:
                pause(self, self._teller.failed(error))

    def wake(self) -> None:
        self._kiosk.mailbox.wake()

    def _serve(self) -> None:
        """Until the end. Raises DeviceError where the address is taken."""
        kiosk = self._kiosk
        board = Board(lane.name for lane in kiosk.rules.lanes)
        server = self._bind(board)
        serving = threading.Thread(
            target=server.serve_forever, args=[_TAKE_S], name="kiosk server", daemon=True
        )
        serving.start()
        try:
            while not self.stopping.is_set() and serving.is_alive():
                self.beat()
                self._teller.works()
                self._pin(board, kiosk.mailbox.look(_TAKE_S))
            self._pin(board, kiosk.mailbox.look(0.0))
        finally:
            server.shutdown()
            board.close()
            server.server_close()
            serving.join(_JOIN_S)

    def _pin(self, board: Board, state: GateState | None) -> None:
        if state is not None:
            for name in board.readers:
                board.pin(name, view_of(self._kiosk.rules, state, name, self._kiosk.shown))

    def _bind(self, board: Board) -> KioskServer:
        kiosk = self._kiosk
        host, _, port = kiosk.table.listen.rpartition(":")
        site = Site(
            board=board,
            messages=kiosk.messages,
            assets=kiosk.assets,
            camera=kiosk.camera,
            silent_s=lambda: max(kiosk.silent_s(), self.silent_s),
            monotonic=kiosk.monotonic,
        )
        try:
            return KioskServer(host, int(port), site)
        except OSError as error:
            raise DeviceError(
                Device.SCREEN,
                Cause.BUSY,
                f"{kiosk.table.listen}: {error.strerror}",
                hint="give kiosk.listen another port",
            ) from error
