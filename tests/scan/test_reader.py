"""The whole way from simulated frames through a real scan process to events."""

from __future__ import annotations

import os
import queue
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.config.model import AnyCamera, ReplayTable, SimCameraTable
from edge.drivers.sim.world import Fault, ScriptedCrowd, Visit, World
from edge.gate.events import CodeRefused, CodeSeen, Event, Faulted, Recovered
from edge.gate.reasons import Cause, Device, Reason
from edge.scan.presentation import Presentations
from edge.scan.process import ended_by
from edge.scan.reader import ReaderWorker
from edge.scan.wire import Orders
from feed.backoff import Backoff
from identity.credential import Credential, Scheme
from tests.scan.pictures import code

SOON_S = 20.0  # the longest a test waits for what takes a second
TABLE = SimCameraTable(driver="sim", frame_rate_hz=20, timeout_s=0.5)
Events = queue.Queue[Event]


def understand(payload: bytes) -> Credential:
    return Credential(scheme=Scheme.OPAQUE, canonical=payload.decode("latin1"))


def holding(payload: bytes | None, second: bytes | None = None, *faults: Fault) -> World:
    """Somebody stands at the reader all the time and holds a code up."""
    visit = Visit(reader="in", at_s=0, stay_s=1000, code=payload, second_code=second, code_from_s=0)
    return World(ScriptedCrowd([visit]), time.monotonic(), faults=tuple(faults))


@contextmanager
def scanning(
    world: World | None, *, silence_s: float = 8.0, camera: AnyCamera = TABLE
) -> Iterator[tuple[ReaderWorker, Events]]:
    events: Events = queue.Queue()
    worker = ReaderWorker(
        Orders(reader="in", camera=camera, world=world),
        Presentations("in", understand, gap_s=5.0, max_code_bytes=2953),
        events.put,
        silence_s=silence_s,
        backoff=Backoff(first_s=0.05, longest_s=0.05, rng=random.Random(1)),
    )
    worker.start()
    try:
        yield worker, events
    finally:
        pid = worker.pid
        assert worker.stop(SOON_S)
        assert worker.error is None
        assert pid is None or not running(pid)


def running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()


def until(events: Events, wanted: Callable[[Event], bool]) -> Event:
    """The first event that fits; what comes before is passed over."""
    end_s = time.monotonic() + SOON_S
    while (left_s := end_s - time.monotonic()) > 0:
        event = events.get(timeout=left_s)
        if wanted(event):
            return event
    raise AssertionError("the event did not come")


def seen(event: Event) -> bool:
    return isinstance(event, CodeSeen)


def faulted(event: Event) -> bool:
    return isinstance(event, Faulted)


def recovered(event: Event) -> bool:
    return isinstance(event, Recovered)


def pid_of(worker: ReaderWorker) -> int:
    pid = worker.pid
    assert pid is not None
    return pid


@pytest.mark.parametrize(
    "payload",
    [
        "037153000257||Lê Văn Tú|18011987|Nam|Khu phố 3, Thủ Đức|01062021".encode(),
        "مرحبا 漢字 🙂".encode(),
        bytes(range(256)),
    ],
    ids=["vietnamese", "scripts", "binary"],
)
def test_a_code_held_up_arrives_byte_exact(payload: bytes) -> None:
    with scanning(holding(payload)) as (worker, events):
        event = until(events, seen)
        assert event == CodeSeen(reader="in", presentation="in-1", credential=understand(payload))
        assert worker.frames >= worker.decodes >= 1


def test_a_code_of_3_kb_arrives_byte_exact(tmp_path: Path) -> None:
    payload = np.random.default_rng(4).bytes(2953)
    picture = tmp_path / "large.png"
    picture.write_bytes(cv2.imencode(".png", code(payload))[1].tobytes())
    table = ReplayTable(driver="replay", path=picture, size=(640, 640), frame_rate_hz=20)
    with scanning(None, camera=table) as (_, events):
        event = until(events, seen)
    assert isinstance(event, CodeSeen)
    assert event.credential == understand(payload)


def test_a_decoder_without_its_library_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Like a machine without libzbar0, where pyzbar's import fails."""
    package = tmp_path / "pyzbar"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "wrapper.py").write_text("raise ImportError('Unable to find zbar shared library')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with scanning(holding(b"NV-0001")) as (worker, events):
        fault = until(events, faulted)
        end_s = time.monotonic() + SOON_S
        while worker.restarts < 2 and time.monotonic() < end_s:
            time.sleep(0.02)
        assert events.empty()  # tried again, told once
    assert isinstance(fault, Faulted)
    assert (fault.device, fault.cause) == (Device.DECODER, Cause.MISSING_LIBRARY)
    assert "apt install libzbar0" in fault.detail


def test_two_codes_held_up_together_are_refused() -> None:
    with scanning(holding(b"NV-0001", b"NV-0002")) as (_, events):
        event = until(events, lambda event: isinstance(event, CodeRefused | CodeSeen))
    assert isinstance(event, CodeRefused)
    assert event.reason == Reason.SEVERAL_CODES


def test_a_killed_process_is_replaced_and_the_presentation_goes_on() -> None:
    with scanning(holding(b"NV-0001")) as (worker, events):
        first = until(events, seen)
        killed = pid_of(worker)
        os.kill(killed, signal.SIGKILL)
        fault = until(events, faulted)
        back = until(events, recovered)
        again = until(events, seen)
        assert pid_of(worker) != killed
    assert isinstance(fault, Faulted)
    assert (fault.cause, fault.reader) == (Cause.CRASHED, "in")
    assert fault.detail.endswith("SIGKILL")
    assert back == Recovered(device=fault.device, reader="in")
    assert again == first  # in view all the time: the same presentation


def test_a_stopped_process_is_killed_and_replaced() -> None:
    with scanning(holding(b"NV-0001"), silence_s=1.0) as (worker, events):
        until(events, seen)
        stopped = pid_of(worker)
        os.kill(stopped, signal.SIGSTOP)
        fault = until(events, faulted)
        until(events, seen)
        assert pid_of(worker) != stopped
        assert not running(stopped)
    assert isinstance(fault, Faulted)
    assert fault.cause == Cause.HUNG


def test_a_camera_that_hangs_in_its_driver_is_a_fault_of_the_camera() -> None:
    hung = Fault(device=Device.CAMERA, kind="hung", from_s=0.0)
    with scanning(holding(b"NV-0001", None, hung), silence_s=1.0) as (_, events):
        fault = until(events, faulted)
    assert isinstance(fault, Faulted)
    assert (fault.device, fault.cause) == (Device.CAMERA, Cause.HUNG)


def test_a_camera_unplugged_and_plugged_in_comes_back_in_the_same_process() -> None:
    unplugged = Fault(device=Device.CAMERA, kind="unplugged", from_s=1.5, to_s=2.5)
    with scanning(holding(b"NV-0001", None, unplugged)) as (worker, events):
        fault = until(events, faulted)
        pid = worker.pid
        assert until(events, recovered) == Recovered(device=Device.CAMERA, reader="in")
        until(events, seen)
        assert worker.pid == pid
    assert isinstance(fault, Faulted)
    assert fault.device == Device.CAMERA
    # found missing by the one that reads, or by the one that opens where the machine is slow
    assert fault.cause in {Cause.UNPLUGGED, Cause.NOT_FOUND}


def test_a_camera_that_gives_no_frame_is_a_timeout_and_not_a_hang() -> None:
    frozen = Fault(device=Device.CAMERA, kind="frozen", from_s=0.0)
    with scanning(holding(b"NV-0001", None, frozen)) as (_, events):
        fault = until(events, faulted)
    assert isinstance(fault, Faulted)
    assert (fault.device, fault.cause) == (Device.CAMERA, Cause.TIMEOUT)


def test_a_stopped_process_does_not_keep_the_daemon_from_stopping() -> None:
    with scanning(holding(b"NV-0001")) as (worker, events):
        until(events, seen)
        os.kill(pid_of(worker), signal.SIGSTOP)


def test_ctrl_c_in_the_terminal_does_not_end_the_process() -> None:
    with scanning(holding(b"NV-0001")) as (worker, events):
        until(events, seen)
        os.kill(pid_of(worker), signal.SIGINT)
        frames = worker.frames
        while worker.frames < frames + 3:
            until(events, seen)
        assert worker.restarts == 0


PARENT = """
import pickle, sys, time
from edge.scan.process import ScanProcess
process = ScanProcess(pickle.load(sys.stdin.buffer))
while not process.hear(1.0):
    pass
print(process.pid, flush=True)
time.sleep(600)
"""


def test_the_process_does_not_outlive_a_killed_daemon(tmp_path: Path) -> None:
    import pickle

    orders = tmp_path / "orders"
    orders.write_bytes(pickle.dumps(Orders(reader="in", camera=TABLE, world=holding(b"A"))))
    with (
        orders.open("rb") as stdin,
        subprocess.Popen(
            [sys.executable, "-c", PARENT], stdin=stdin, stdout=subprocess.PIPE, text=True
        ) as daemon,
    ):
        assert daemon.stdout is not None
        child = int(daemon.stdout.readline())
        daemon.kill()
        end_s = time.monotonic() + SOON_S
        while running(child) and time.monotonic() < end_s:
            time.sleep(0.02)
        assert not running(child)


def test_the_process_stays_small() -> None:
    with scanning(holding(None)) as (worker, events):
        while worker.frames < 5:
            assert events.empty()
            time.sleep(0.05)
        status = Path(f"/proc/{pid_of(worker)}/status").read_text()
    # its own: how much of the libraries' files is mapped depends on what else the machine has read
    own_kib = int(status.split("RssAnon:")[1].split()[0])
    assert own_kib < 60_000


def test_ends_are_told_in_words() -> None:
    assert [ended_by(code) for code in (3, -9, -11, -99, None)] == [
        "exit code 3",
        "SIGKILL",
        "SIGSEGV",
        "signal 99",
        "SIGKILL, but it hangs in the kernel",
    ]
