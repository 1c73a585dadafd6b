"""scripts/install.sh: what it puts where, with and without a screen, and what it says of it.

It runs in a copy of the repository with a PATH of its own: what would write outside of it are small
scripts that keep a list of how they were called.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
WRITES = ("install", "ln", "systemctl", "systemd-sysusers", "systemd-tmpfiles")


class Machine:
    """A machine with systemd, on which nothing is installed yet."""

    def __init__(self, folder: Path) -> None:
        self.bin = folder / "bin"
        self.log = folder / "log"
        self.tree = folder / "tree"
        self.bin.mkdir()
        self.log.touch()
        for name in ("scripts", "systemd"):
            shutil.copytree(ROOT / name, self.tree / name)
        shutil.copy(ROOT / "Makefile", self.tree)
        for name in ("sh", "dirname", "grep"):
            (self.bin / name).symlink_to(shutil.which(name) or "")
        for name in WRITES:
            self.has(self.bin / name)
        self.has(self.tree / "scripts" / "bootstrap.sh")
        self.has(self.bin / "id", "echo 0")

    def has(self, path: Path, does: str = "exit 0") -> None:
        path.unlink(missing_ok=True)
        path.write_text(f'#!/bin/sh\necho "{path.name} $*" >> {self.log}\n{does}\n')
        path.chmod(0o755)

    def install(self, *options: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [shutil.which("sh") or "sh", "scripts/install.sh", *options],
            cwd=self.tree, env={"PATH": str(self.bin)}, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, check=False,
        )  # fmt: skip

    @property
    def calls(self) -> list[str]:
        return self.log.read_text().splitlines()


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    if Path("/etc/edge-gate").exists():
        pytest.skip("a gate is installed on this machine")
    return Machine(tmp_path)


def test_without_a_screen_no_browser_comes_onto_the_machine(machine: Machine) -> None:
    done = machine.install()
    assert (done.returncode, done.stderr) == (0, "")
    assert "bootstrap.sh system" in machine.calls
    assert not any("kiosk" in call for call in machine.calls)
    assert "kiosk" not in done.stdout


def test_with_a_screen_its_packages_user_unit_and_page_come_too(machine: Machine) -> None:
    done = machine.install("--kiosk")
    assert (done.returncode, done.stderr) == (0, "")
    put = "install -D -m 644 systemd/edge-gate-kiosk"
    page = "install -D -m 640 -o root -g edge-gate /dev/stdin"
    assert [call for call in machine.calls if "kiosk" in call] == [
        "bootstrap.sh kiosk",
        f"{put}.sysusers.conf /etc/sysusers.d/edge-gate-kiosk.conf",
        f"{put}.service /etc/systemd/system/edge-gate-kiosk.service",
        "install -D -m 755 systemd/edge-gate-kiosk.sh /opt/edge-gate/bin/edge-gate-kiosk",
        "systemd-sysusers /etc/sysusers.d/edge-gate-kiosk.conf",
        f"{page} /etc/edge-gate/config.toml.d/50-kiosk.toml",
        "systemctl enable edge-gate-kiosk",
    ]
    for told in ("user edge-kiosk", "unit edge-gate-kiosk", "50-kiosk.toml", "takes the console"):
        assert told in done.stdout


def test_every_file_that_is_laid_out_is_there(machine: Machine) -> None:
    machine.install("--kiosk")
    for call in machine.calls:
        words = call.split()
        for word in words[1:]:
            if word.startswith("systemd/"):
                assert (ROOT / word).is_file(), call


def test_whoever_is_not_root_is_told_before_anything_happens(machine: Machine) -> None:
    machine.has(machine.bin / "id", "echo 1000")
    done = machine.install("--kiosk")
    assert done.returncode == 1
    assert done.stderr == "edge-gate: run this as root: sudo make install\n"
    assert [call for call in machine.calls if not call.startswith("id")] == []


def test_an_unknown_option_is_refused(machine: Machine) -> None:
    done = machine.install("--screen")
    assert done.returncode == 2
    assert done.stderr == "edge-gate: unknown option --screen; there is one: --kiosk\n"
    assert machine.calls == []


@pytest.mark.parametrize(
    ("word", "runs"),
    [
        ("KIOSK=1", "scripts/install.sh --kiosk"),
        ("KIOSK=0", "scripts/install.sh"),
        ("", "scripts/install.sh"),
    ],
)
def test_make_install_hands_the_wish_on(word: str, runs: str) -> None:
    # as typed by hand, also where these tests are run by make
    own = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    done = subprocess.run(
        ["make", "-n", "install", *word.split()],
        cwd=ROOT, capture_output=True, text=True, check=True, env=own,
    )  # fmt: skip
    assert done.stdout.split() == runs.split()
