"""The command ``splatmatch``: find the command, parse its options, run it, and turn every failure into one line.

Only the chosen command is imported, so ``splatmatch --help`` costs no more than Python itself.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from splatmatch.cli.failure import failure_line
from splatmatch.cli.registry import COMMANDS, Command, groups
from splatmatch.errors import InputError

TRACEBACK = "--traceback"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line.

    Args:
        arguments: the words after ``splatmatch``; those of the process if None.

    Returns:
        0 on success, 2 for unusable input, 1 for another failure, 130 after Ctrl-C.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    traceback = TRACEBACK in words or os.environ.get("SPLATMATCH_TRACEBACK", "") not in ("", "0")
    words = [word for word in words if word != TRACEBACK]
    command: Command | None = None
    _wait_asleep()
    try:
        if not words or words[0] in ("-h", "--help", "help"):
            print(overview())
            return 0
        if words[0] in ("-V", "--version"):
            import splatmatch

            print(f"splatmatch {splatmatch.__version__}")
            return 0
        command, rest = choose(words)
        if command is None:
            print(overview(words[0]))
            return 0
        run(command, rest)
    except SystemExit as leaving:
        return leaving.code if isinstance(leaving.code, int) else int(leaving.code is not None)
    except BaseException as error:
        if traceback and not isinstance(error, KeyboardInterrupt):
            raise
        code, line = failure_line(error, command)
        if line:
            print(line, file=sys.stderr)
        return code
    return 0


def _wait_asleep() -> None:
    """Let OpenMP threads sleep while they wait for each other, unless the user says otherwise.

    By default they spin, and where another program wants a core, spinning threads keep the one they wait for from
    running: fits became four times slower. Asleep they are 3 % slower on idle cores. OpenMP reads this when torch is
    loaded, so a program that has loaded it already is left alone.
    """
    if "torch" not in sys.modules and "GOMP_SPINCOUNT" not in os.environ:
        os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def choose(words: list[str]) -> tuple[Command | None, list[str]]:
    """The command that ``words`` begin with, and the words that are left; None = the help of a group is asked for.

    Raises:
        InputError: no such command; names the closest one.
    """
    inside = groups().get(words[0])
    if inside is not None:
        if len(words) == 1 or words[1] in ("-h", "--help"):
            return None, []
        known = {command.name.split()[1]: command for command in inside}
        return known[_known(words[1], list(known), f"splatmatch {words[0]}")], words[2:]
    known = {command.name: command for command in COMMANDS if " " not in command.name}
    return known[_known(words[0], [*known, *groups()], "splatmatch")], words[1:]


def run(command: Command, words: list[str]) -> None:
    """Import ``command``, parse its options and call the library."""
    from importlib import import_module

    from splatmatch.cli.parse import parse

    module = import_module(f"splatmatch.cli.{command.module}")
    module.run(parse(module.Options, words, f"splatmatch {command.name}"))


def overview(group: str = "") -> str:
    """The text of ``splatmatch --help``, or of one group of commands."""
    listed = [command for command in COMMANDS if not group or command.name.split()[0] == group]
    lines = [
        f"usage: splatmatch {group + ' ' if group else ''}COMMAND [options]",
        "",
        "Photos to cameras and Gaussian splats on any machine.",
        "",
        "commands:",
    ]
    for command in listed:
        lines += [f"  {command.name} {command.usage}".rstrip(), f"      {command.summary}"]
    lines += [
        "",
        "splatmatch COMMAND --help   all options of a command",
        "splatmatch --version        the version",
        f"{TRACEBACK}                 after any command: the full Python traceback of a failure, for developers",
    ]
    return "\n".join(lines)


def _known(word: str, known: list[str], prefix: str) -> str:
    if word in known:
        return word
    from difflib import get_close_matches

    close = get_close_matches(word, known, n=1, cutoff=0.5)
    mend = f"did you mean {prefix} {close[0]}?" if close else f"{prefix} --help lists the commands"
    raise InputError(f"there is no command {prefix} {word}", mend)


if __name__ == "__main__":
    sys.exit(main())
