"""A scan process as the daemon sees it: started, heard, ended and reaped."""

from __future__ import annotations

import os
import pickle
import select
import signal
import subprocess
import sys
import tempfile

from edge.scan.wire import Lines, Message, Orders, decode

READ_BYTES = 65_536  # what a Linux pipe holds
END_S = 1.5  # after SIGTERM: closing a camera takes a fraction of a second
KILL_S = 2.0  # after SIGKILL: a process that waits for a broken device can't die


class ScanProcess:
    """One run of `edge.scan.child`. Raises OSError where it can't be started."""

    def __init__(self, orders: Orders) -> None:
        self._lines = Lines()
        self._pipe, theirs = os.pipe()
        wishes, self._wishes = os.pipe()
        os.set_blocking(self._wishes, False)
        try:
            with tempfile.TemporaryFile() as stdin:  # a pipe could fill, and block this thread
                pickle.dump(orders, stdin)
                stdin.seek(0)
                self._process = subprocess.Popen(
                    self._command(theirs, wishes),
                    stdin=stdin,
                    stdout=2,  # what native libraries print belongs to the log
                    pass_fds=(theirs, wishes),
                    # numerical libraries would start a thread, with its memory, for each core
                    env=os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
                )
        except BaseException:
            os.close(self._pipe)
            os.close(self._wishes)
            raise
        finally:
            os.close(theirs)
            os.close(wishes)
        self._poll = select.poll()
        self._poll.register(self._pipe, select.POLLIN)

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @staticmethod
    def _command(pipe: int, wishes: int) -> list[str]:
        module = [sys.executable, "-m", "edge.scan.child"]
        return [*module, str(pipe), str(wishes), str(os.getpid())]

    def wish(self) -> None:
        """Ask for a picture of the next frame."""
        try:
            os.write(self._wishes, b"p")
        except (BlockingIOError, BrokenPipeError):
            return  # it is asked already, or gone: `hear` tells

    def hear(self, timeout_s: float) -> list[Message]:
        """What it has told, waiting up to `timeout_s` for something; [] where it is silent.

        Raises EOFError when it has ended and all is told, ValueError when it talks nonsense.
        """
        if not self._poll.poll(timeout_s * 1000):
            return []
        piece = os.read(self._pipe, READ_BYTES)
        if not piece:
            raise EOFError
        return [decode(line) for line in self._lines.feed(piece)]

    def end(self, grace_s: float = END_S) -> int | None:
        """End and reap it; SIGKILL after `grace_s`. Returns its exit code, as subprocess gives it.

        None where even SIGKILL has not ended it in KILL_S: it hangs inside the kernel. Harmless
        when it has ended already.
        """
        self._process.terminate()
        if self._wait(grace_s) is None:
            self._process.kill()
            self._wait(KILL_S)
        self._close()
        return self._process.returncode

    def _wait(self, timeout_s: float) -> int | None:
        try:
            return self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return None

    def _close(self) -> None:
        if self._pipe >= 0:
            os.close(self._pipe)
            os.close(self._wishes)
            self._pipe = -1


def ended_by(code: int | None) -> str:
    """An exit code in words."""
    if code is None:
        return "SIGKILL, but it hangs in the kernel"
    if code >= 0:
        return f"exit code {code}"
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"
