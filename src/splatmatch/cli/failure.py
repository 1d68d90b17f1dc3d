"""What the user reads when a command fails: one line, and an exit code that scripts can rely on."""

from __future__ import annotations

import errno

from splatmatch.cli.registry import Command
from splatmatch.errors import SplatmatchError


def failure_line(error: BaseException, command: Command | None) -> tuple[int, str]:
    """Exit code and the one line for stderr.

    2 is for unusable input, 130 for Ctrl-C, 1 for everything else. An empty line means: say nothing (the reader of a
    pipe has gone).
    """
    if isinstance(error, SplatmatchError):
        return error.exit_code, f"splatmatch: {_one_line(str(error))}"
    if _is_interrupt(error):
        return 130, f"splatmatch: interrupted; {command.resume}" if command else "splatmatch: interrupted"
    if isinstance(error, BrokenPipeError):
        return 1, ""
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        place = f"{error.filename}: " if error.filename else ""
        return 1, f"splatmatch: {place}the disk is full; free some space and run the command again"
    if isinstance(error, ModuleNotFoundError) and error.name and not error.name.startswith("splatmatch"):
        return 2, f"splatmatch: the Python package {error.name} is not installed; splatmatch doctor says how to get it"
    if isinstance(error, MemoryError):
        return 1, "splatmatch: out of memory; use a smaller --size or --max-gaussians"
    if isinstance(error, OSError) and error.filename:
        return 1, f"splatmatch: {error.filename}: {error.strerror or type(error).__name__}"
    what = _one_line(str(error)) or "no message"
    return 1, f"splatmatch: unexpected {type(error).__name__}: {what}; run it again with --traceback to see where"


def _is_interrupt(error: BaseException) -> bool:
    """Ctrl-C, also where a compiled kernel or library wrapped it into an error of its own."""
    if isinstance(error, KeyboardInterrupt):
        return True
    behind = error.__cause__ or error.__context__
    return isinstance(error, (SystemError, RuntimeError)) and behind is not None and _is_interrupt(behind)


def _one_line(text: str) -> str:
    return " ".join(text.split())
