"""`edge-gate demo` as a newcomer runs it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

from tests.acceptance.daemon import ROOT, WAIT_S

DEMO = [sys.executable, "-m", "edge", "demo"]


def demo(seconds: int, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*DEMO, "--seconds", str(seconds), "--json"],
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=2 * WAIT_S,
    )


def test_the_demo_shows_people_loses_nothing_and_traces_one():
    done = demo(20)
    assert done.returncode == 0, done.stderr
    # a screen for each reader, named before people come
    assert done.stderr.count("screen     http://127.0.0.1:") == 3
    # the pages, each by an address that logs in once
    for role in ("manager", "tracer"):
        address = rf"^{role} +http://127.0.0.1:\d+/login/once/\S+$"
        assert re.search(address, done.stderr, re.MULTILINE)
    told = json.loads(done.stdout)
    assert told["lost"] == 0
    assert told["recorded"] == told["received"] == told["stored"] > 0
    assert 0 < told["confirmed"] <= told["recorded"]
    assert told["granted"] > 0
    assert 0 < told["decoded"] <= told["presented"]
    trace = told["trace"]
    first = trace["visits"][0]
    assert first["site"] == "demo/nha-may-a"
    assert first["out_gate"] == "cong-1"
    assert first["in"] < first["out"]
    assert trace["contacts"]
    for one in trace["contacts"]:
        assert one["first"] < one["last"]
        assert one["who"]["token"] != trace["token"]
    assert "complete" in trace["completeness"]


def test_ctrl_c_ends_the_demo_with_its_summary():
    with subprocess.Popen(DEMO, cwd=ROOT, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        for line in running.stdout:
            if "granted" in line:
                break
        running.send_signal(signal.SIGINT)
        rest = running.stdout.read()
        assert running.wait(WAIT_S) == 0
    assert "nothing was lost" in rest
    assert "\ntrace      of " in rest
    assert "\ncomplete   " in rest


def test_without_the_hubs_packages_the_gates_are_shown_alone(tmp_path: Path):
    missing = 'raise ModuleNotFoundError("No module named \'sqlalchemy\'", name="sqlalchemy")\n'
    (tmp_path / "sqlalchemy.py").write_text(missing)
    done = demo(8, PYTHONPATH=str(tmp_path))
    assert done.returncode == 0, done.stderr
    (line,) = [one for one in done.stderr.splitlines() if one.startswith("hub ")]
    assert line.startswith("hub        none, the demo goes on without: ")
    assert "the Python package sqlalchemy is missing" in line
    assert "requirements/hub.txt" in line
    told = json.loads(done.stdout)
    assert told["lost"] == 0
    assert told["recorded"] == told["received"] > 0
    assert told["stored"] is told["trace"] is None
