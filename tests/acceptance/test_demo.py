"""`edge-gate demo` as a newcomer runs it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys

from tests.acceptance.daemon import ROOT, WAIT_S

DEMO = [sys.executable, "-m", "edge", "demo"]


def test_the_demo_shows_people_and_loses_nothing():
    done = subprocess.run(
        [*DEMO, "--seconds", "12", "--json"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=WAIT_S,
    )
    assert done.returncode == 0, done.stderr
    # a screen for each reader, named before people come
    assert done.stderr.count("screen     http://127.0.0.1:") == 3
    told = json.loads(done.stdout)
    assert told["lost"] == 0
    assert told["recorded"] == told["received"] > 0
    assert told["granted"] > 0
    assert 0 < told["decoded"] <= told["presented"]


def test_ctrl_c_ends_the_demo_with_its_summary():
    with subprocess.Popen(DEMO, cwd=ROOT, stdout=subprocess.PIPE, text=True) as demo:
        assert demo.stdout is not None
        for line in demo.stdout:
            if "granted" in line:
                break
        demo.send_signal(signal.SIGINT)
        rest = demo.stdout.read()
        assert demo.wait(WAIT_S) == 0
    assert "nothing was lost" in rest
