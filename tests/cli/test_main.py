"""Finding commands, the help, and what a failure looks like from outside."""

from __future__ import annotations

import ast
import errno
import importlib
import os
import subprocess
import sys
import types
from pathlib import Path

import pytest

from splatmatch.cli import main as main_module
from splatmatch.cli.failure import failure_line
from splatmatch.cli.registry import COMMANDS, Command
from splatmatch.errors import InputError, ReconstructionError


def test_the_help_lists_every_command(splatmatch):
    outcome = splatmatch("--help")
    assert outcome.code == 0
    assert all(command.name in outcome.out and command.summary in outcome.out for command in COMMANDS)
    assert splatmatch().out == outcome.out


def test_the_version_is_that_of_the_package(splatmatch):
    from importlib.metadata import version

    assert splatmatch("--version").out.strip() == f"splatmatch {version('splatmatch')}"


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_every_command_explains_every_option(command: Command, splatmatch):
    """Each field of Options has a docstring, so no option stands in the help without a word."""
    outcome = splatmatch(*command.name.split(), "--help")
    assert outcome.code == 0
    text = " ".join(outcome.out.replace("│", " ").split())
    documented = _documented_fields(command)
    assert documented
    for name, docstring in documented.items():
        assert docstring, f"{command.name}: {name} has no docstring"
        assert docstring.split()[0] in text


def _documented_fields(command: Command) -> dict[str, str]:
    """Field names of Options, and the string literal that follows each."""
    module = importlib.import_module(f"splatmatch.cli.{command.module}")
    (body,) = [
        node.body
        for node in ast.parse(Path(module.__file__).read_text()).body
        if isinstance(node, ast.ClassDef) and node.name == "Options"
    ]
    found = {}
    for node, after in zip(body, [*body[1:], None], strict=True):
        if isinstance(node, ast.AnnAssign):
            says = isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)
            found[node.target.id] = after.value.value if says else ""
    return found


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["reconstuct"], "reconstruct"),
        (["vew"], "view"),
        (["evaluate", "view"], "evaluate views"),
        (["evalaute"], "evaluate"),
        (["qqqq"], "--help"),
    ],
)
def test_an_unknown_command_names_the_closest(words, named, splatmatch):
    outcome = splatmatch(*words)
    assert outcome.code == 2
    assert outcome.out == ""
    assert named in outcome.line


def test_a_group_alone_lists_its_commands(splatmatch):
    outcome = splatmatch("evaluate")
    assert outcome.code == 0
    assert "evaluate views" in outcome.out
    assert "convert" not in outcome.out


@pytest.mark.parametrize(
    ("error", "code", "part"),
    [
        (InputError("photos/: no photos", "give a folder with jpg files"), 2, "give a folder"),
        (ReconstructionError("no pair\nof photos\n overlaps"), 1, "no pair of photos overlaps"),
        (KeyboardInterrupt(), 130, "--resume"),
        (OSError(errno.ENOSPC, "No space left on device", "out/x.ply"), 1, "out/x.ply: the disk is full"),
        (PermissionError(errno.EACCES, "Permission denied", "/root/x"), 1, "/root/x: Permission denied"),
        (MemoryError(), 1, "out of memory"),
        (ModuleNotFoundError("No module named 'viser'", name="viser"), 2, "viser is not installed"),
        (ZeroDivisionError("division by zero"), 1, "--traceback"),
    ],
)
def test_every_failure_is_one_line_with_its_exit_code(error, code, part, monkeypatch, splatmatch):
    def fail(options):
        raise error

    _replace_command(monkeypatch, fail)
    outcome = splatmatch("reconstruct")
    assert outcome.code == code
    assert part in outcome.line
    assert "Traceback" not in outcome.err


def test_traceback_is_for_developers(monkeypatch, splatmatch):
    """--traceback lets the exception through, wherever it stands; so does SPLATMATCH_TRACEBACK=1."""

    def fail(options):
        raise ZeroDivisionError("x")

    _replace_command(monkeypatch, fail)
    with pytest.raises(ZeroDivisionError):
        main_module.main(["reconstruct", "--traceback"])
    monkeypatch.setenv("SPLATMATCH_TRACEBACK", "1")
    with pytest.raises(ZeroDivisionError):
        main_module.main(["reconstruct"])
    monkeypatch.setenv("SPLATMATCH_TRACEBACK", "0")
    assert splatmatch("reconstruct").code == 1


def test_ctrl_c_inside_a_kernel_is_still_ctrl_c():
    """Numba reports an interrupt between two kernels as SystemError caused by KeyboardInterrupt."""
    wrapped = SystemError("returned a result with an exception set")
    wrapped.__cause__ = KeyboardInterrupt()
    assert failure_line(wrapped, None)[0] == 130
    assert failure_line(SystemError("other"), None)[0] == 1


def test_a_closed_pipe_is_not_worth_a_word():
    assert failure_line(BrokenPipeError(), None) == (1, "")


def test_the_process_exits_with_the_code_and_keeps_stdout_clean():
    """The same through the installed entry point, where sys.exit sees the code."""
    result = subprocess.run(
        [sys.executable, "-m", "splatmatch.cli.main", "convert", "nothing.ply"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 2
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1
    assert result.stderr.startswith("splatmatch: ")


def _replace_command(monkeypatch, run):
    """Let ``splatmatch reconstruct`` run ``run`` with no options."""
    import dataclasses

    @dataclasses.dataclass(frozen=True)
    class Options:
        """None."""

    module = types.ModuleType("splatmatch.cli.reconstruct")
    module.Options, module.run = Options, run
    monkeypatch.setitem(sys.modules, "splatmatch.cli.reconstruct", module)


@pytest.mark.parametrize(
    ("before", "given", "after"),
    [("", {}, "PASSIVE"), ("", {"OMP_WAIT_POLICY": "ACTIVE"}, "ACTIVE"), ("", {"GOMP_SPINCOUNT": "9"}, "None"),
     ("import sys, types; sys.modules['torch'] = types.ModuleType('torch');", {}, "None")],
)  # fmt: skip
def test_threads_wait_asleep_unless_told_otherwise(before, given, after):
    """Set before OpenMP is loaded, for the process of the command alone; what the user says stays."""
    code = f"import os; {before} from splatmatch.cli.main import main; main(['--version']);"
    code += "print(os.environ.get('OMP_WAIT_POLICY'))"
    unset = {k: v for k, v in os.environ.items() if k not in ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT")}
    ran = subprocess.run([sys.executable, "-c", code], env=unset | given, capture_output=True, text=True, check=True)
    assert ran.stdout.split()[-1] == after
