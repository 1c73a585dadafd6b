"""What all commands share: help, one-line errors, exit codes, where the configuration is sought."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import pytest

from edge.cli import cli

ROOT = Path(__file__).parents[2]
Run = Callable[..., subprocess.CompletedProcess[str]]


def commands(group: click.Group, *above: str) -> Iterator[tuple[str, ...]]:
    for name, command in group.commands.items():
        yield (*above, name)
        if isinstance(command, click.Group):
            yield from commands(command, *above, name)


ALL = [*commands(cli), ()]


@pytest.mark.parametrize("names", ALL, ids=" ".join)
def test_every_help_ends_with_an_example(names: tuple[str, ...]) -> None:
    command: click.Command = cli
    context = click.Context(cli, info_name="edge-gate")
    for name in names:
        assert isinstance(command, click.Group)
        command = command.commands[name]
        context = click.Context(command, info_name=name, parent=context)
    text = command.get_help(context)
    assert "\nExample:\n" in text
    assert "edge-gate" in text.rpartition("Example:")[2]


@pytest.mark.parametrize("name", ["run", "demo", "check", "doctor", "decode", "show-config"])
def test_every_command_answers_programs(name: str) -> None:
    assert any("--json" in option.opts for option in cli.commands[name].params)


def test_help_of_a_command_that_needs_much_starts_without_it(run: Run) -> None:
    done = run("run", "--help")
    assert done.returncode == 0
    assert "edge-gate run [OPTIONS]" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["bogus"], "edge-gate: No such command 'bogus'; see `edge-gate --help`"),
        (["run", "--foo"], "edge-gate run: No such option '--foo'; see `edge-gate run --help`"),
        (["decode"], "edge-gate decode: Missing argument 'FILE...'; see `edge-gate decode --help`"),
        (["demo", "--seconds", "soon"], "edge-gate demo: Invalid value for '--seconds'"),
        (["--config", "/nowhere/x.toml", "run"], "/nowhere/x.toml: can't be read: No such file"),
        (["--config", "/nowhere/x.toml", "doctor"], "/nowhere/x.toml: can't be read: No such file"),
        (["records", "--path", "/nowhere"], "edge-gate: reading the journal in /nowhere"),
        (["records", "--since", "noon"], "'noon' is no time; write 2021-08-23"),
        (["records", "--json", "--csv"], "--json and --csv can't go together"),
        (["records", "export", "x.pdf"], "edge-gate: x.pdf: unknown format; end its name in .json"),
    ],
)
def test_bad_input_is_told_in_one_line_with_exit_code_2(
    run: Run, arguments: list[str], says: str
) -> None:
    done = run(*arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert says in line


def test_without_a_command_the_help_is_shown(run: Run) -> None:
    done = run()
    assert done.returncode == 2
    assert "Commands:" in done.stderr


def test_the_configuration_is_sought_where_the_help_says(run: Run, config_file: Path) -> None:
    here = run("check", cwd=config_file.parent)
    named = run("check", environ={"EDGE_GATE_CONFIG": str(config_file)})
    assert (here.stdout, here.returncode) == ("config.toml: in order\n", 0)
    assert (named.stdout, named.returncode) == (f"{config_file}: in order\n", 0)
    other = config_file.with_name("other.toml")
    option = run("--config", other, "check", environ={"EDGE_GATE_CONFIG": str(config_file)})
    assert option.returncode == 2


@pytest.mark.skipif(Path("/etc/edge-gate/config.toml").exists(), reason="a gate is installed here")
def test_a_missing_configuration_is_told(run: Run, tmp_path: Path) -> None:
    done = run("show-config", cwd=tmp_path)
    assert done.returncode == 2
    assert "name one with --config FILE" in done.stderr


def test_a_reader_that_has_seen_enough_is_no_error(config_file: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "edge", "--config", config_file, "show-config"],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == ""


def test_colour_is_for_terminals_only(run: Run, config_file: Path) -> None:
    assert "\x1b" not in run("--config", config_file, "check").stdout
    try:
        main, terminal = pty.openpty()
    except OSError:
        pytest.skip("this machine gives no terminals")
    environ = os.environ | {"TERM": "xterm-256color"}
    environ.pop("NO_COLOR", None)
    with os.fdopen(main, "rb", buffering=0) as screen:
        process = subprocess.Popen(
            [sys.executable, "-m", "edge", "--config", config_file, "check"],
            cwd=ROOT, env=environ, stdin=terminal, stdout=terminal, stderr=terminal,
        )  # fmt: skip
        os.close(terminal)
        seen = b""
        try:
            while piece := screen.read(4096):
                seen += piece
        except OSError:
            pass  # a terminal that nobody writes to any more ends like this
        assert process.wait() == 0
    assert b"\x1b[32m" in seen
