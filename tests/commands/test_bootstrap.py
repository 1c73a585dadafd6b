"""scripts/bootstrap.sh: what it installs, what it says, and when it touches nothing.

It runs in a copy of the repository's scripts with a PATH of its own; apt-get, sudo and ldconfig are
small scripts that keep a list of how they were called.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
USED = ("cat", "cksum", "dirname", "env", "getconf", "grep", "rm", "sh", "sleep", "uname")


class Machine:
    """A machine that has what is put into its `bin`."""

    def __init__(self, folder: Path) -> None:
        self.bin = folder / "bin"
        self.log = folder / "log"
        self.tree = folder / "tree"
        self.bin.mkdir()
        self.log.touch()
        for name in ("scripts", "requirements"):
            shutil.copytree(ROOT / name, self.tree / name)
        shutil.copy(ROOT / "pyproject.toml", self.tree)
        for name in USED:
            found = shutil.which(name)
            assert found is not None
            (self.bin / name).symlink_to(found)
        self.has("sleep", "exit 0")
        self.has("ldconfig", "echo libzbar.so.0")
        self.has("mosquitto", "exit 0")
        self.has("id", "echo 0")

    def has(self, name: str, does: str) -> None:
        """Put a program there; it notes each call."""
        path = self.bin / name
        path.unlink(missing_ok=True)
        path.write_text(f'#!/bin/sh\necho "{name} $*" >> {self.log}\n{does}\n')
        path.chmod(0o755)

    def bootstrap(self, what: str = "gate") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [shutil.which("sh") or "sh", "scripts/bootstrap.sh", what],
            cwd=self.tree,
            # the script adds the folders of system programs itself: what it looks for there, a
            # broker, is in `bin` already
            env={"PATH": str(self.bin), "HOME": str(self.tree)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    def calls(self, name: str) -> list[str]:
        """What followed `name` in each of its calls."""
        lines = self.log.read_text().splitlines()
        return [line.partition(" ")[2] for line in lines if line.split()[0] == name]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_a_linked_environment_is_used_as_it_is(machine: Machine, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    (machine.tree / ".venv").symlink_to(tmp_path / "other")
    done = machine.bootstrap("dev")
    assert done.returncode == 0
    assert done.stdout == "edge-gate: .venv is a link to another environment: used as it is\n"
    assert not any((tmp_path / "other").iterdir())


def test_a_32_bit_system_is_refused_before_anything_is_installed(machine: Machine) -> None:
    machine.has("uname", "echo armv7l")
    done = machine.bootstrap()
    assert done.returncode == 1
    assert "install the 64-bit Raspberry Pi OS" in done.stderr
    assert machine.calls("apt-get") == []


def test_without_apt_get_it_says_what_is_needed(machine: Machine) -> None:
    machine.has("ldconfig", "exit 0")
    done = machine.bootstrap()
    assert done.returncode == 1
    assert "edge-gate: there is no apt-get here; install what the Debian packages libzbar0" in (
        done.stderr
    )


def test_without_root_and_sudo_it_says_what_root_has_to_do(machine: Machine) -> None:
    machine.has("id", "echo 1000")
    machine.has("ldconfig", "exit 0")
    machine.has("apt-get", "exit 0")
    done = machine.bootstrap()
    assert done.returncode == 1
    assert "neither root nor sudo; let root run: apt-get install libzbar0" in done.stderr
    assert machine.calls("apt-get") == []


def test_only_what_is_missing_is_installed_after_one_update(machine: Machine) -> None:
    machine.has("id", "echo 1000")
    machine.has("sudo", 'shift; exec "$@"')
    machine.has("apt-get", "exit 0")
    machine.has("ldconfig", "exit 0")
    machine.has("python3", "exit 1")
    done = machine.bootstrap()
    words = [call.split() for call in machine.calls("apt-get")]
    assert [call[3] for call in words] == ["update", "install", "install"]
    assert words[1][-1:] == ["libzbar0"]
    assert words[2][-2:] == ["python3", "python3-venv"]
    assert "no Python 3.11, 3.12 or 3.13 with venv is here" in done.stderr


def test_a_network_error_is_tried_once_more_and_then_told(machine: Machine) -> None:
    machine.has("ldconfig", "exit 0")
    machine.has("apt-get", "exit 100")
    done = machine.bootstrap()
    assert done.returncode == 1
    assert len(machine.calls("apt-get")) == 2
    assert "that failed; trying once more" in done.stdout
    assert "apt-get update failed; check the network and the rights" in done.stderr


def test_an_environment_that_was_made_is_not_made_again(machine: Machine) -> None:
    venv = machine.tree / ".venv" / "bin"
    made = f"mkdir -p {venv}; echo > {venv.parent}/pyvenv.cfg; cp {machine.bin}/pip {venv}/python"
    (machine.bin / "mkdir").symlink_to(shutil.which("mkdir") or "")
    (machine.bin / "cp").symlink_to(shutil.which("cp") or "")
    machine.has("pip", f"echo > {venv}/edge-gate; chmod +x {venv}/edge-gate")
    (machine.bin / "chmod").symlink_to(shutil.which("chmod") or "")
    machine.has("python3", f'[ "$1 $2" = "-m venv" ] && {{ {made}; }}; exit 0')
    assert machine.bootstrap().returncode == 0
    first = len(machine.calls("pip"))
    assert first >= 3
    again = machine.bootstrap()
    assert (again.returncode, again.stdout) == (0, "")
    assert len(machine.calls("pip")) == first
    os.utime(machine.tree / "requirements" / "hub.txt")
    assert machine.bootstrap().stdout == ""
    with (machine.tree / "requirements" / "hub.txt").open("a") as file:
        file.write("# changed\n")
    assert "installing Python packages" in machine.bootstrap().stdout
    assert len(machine.calls("pip")) > first


def test_every_pip_call_wants_hashes_or_no_dependencies(machine: Machine) -> None:
    test_an_environment_that_was_made_is_not_made_again(machine)
    installs = [call for call in machine.calls("pip") if " install " in f" {call} "]
    assert installs
    for call in installs:
        assert "--no-build-isolation" in call
        assert "--require-hashes" in call or "--no-deps" in call


def test_make_demo_hands_the_seconds_on() -> None:
    done = subprocess.run(
        ["make", "-n", "demo", "SECONDS=30"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert "-m edge demo --seconds 30" in done.stdout


def test_a_screen_s_packages_come_without_an_environment(machine: Machine) -> None:
    machine.has("dpkg-query", 'case "$*" in *libpam-systemd) echo install ok installed ;; esac')
    machine.has("apt-get", "exit 0")
    done = machine.bootstrap("kiosk")
    assert (done.returncode, done.stderr) == (0, "")
    installs = [call.split(" install ")[1] for call in machine.calls("apt-get")[1:]]
    assert installs == ["-y --no-install-recommends cage chromium fonts-noto-core"]
    assert "installing with apt-get: cage chromium fonts-noto-core" in done.stdout
    assert machine.calls("python3") == []
    machine.has("cage", "exit 0")
    machine.has("chromium", "exit 0")
    machine.has("dpkg-query", "echo install ok installed")
    again = machine.bootstrap("kiosk")
    assert "apt-get" not in again.stdout
