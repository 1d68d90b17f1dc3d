"""The typed errors of splatmatch: what went wrong, and what the user can do about it.

The command line prints ``str(error)`` as one line on stderr and exits with ``error.exit_code``.
"""

from __future__ import annotations


class SplatmatchError(Exception):
    """Base of every error that splatmatch raises on purpose.

    Args:
        what: what is wrong, in one line, naming the file or option.
        mend: how to mend it, in one line; empty where ``what`` says it all.
    """

    exit_code = 1

    def __init__(self, what: str, mend: str = "") -> None:
        super().__init__(what, mend)
        self.what = what
        self.mend = mend

    def __str__(self) -> str:
        return f"{self.what}; {self.mend}" if self.mend else self.what


class InputError(SplatmatchError):
    """The input cannot be used: a missing, corrupt, empty or contradictory file or option."""

    exit_code = 2


class FormatError(InputError):
    """A file does not hold what its format promises (truncated, absurd counts, NaN, wrong magic)."""


class MissingDependencyError(InputError):
    """An optional package, engine or weight file is not there; ``mend`` names what to install or put where."""


class OutputError(SplatmatchError):
    """The result cannot be written: read-only folder, disk full, existing output."""


class ReconstructionError(SplatmatchError):
    """The photos could not be turned into cameras; the message says which images failed and why."""


class CrashError(SplatmatchError):
    """A child process died without an answer: killed, out of memory, or a crash inside a library."""


class NumericalError(SplatmatchError):
    """A computation produced NaN or infinity and was stopped before it could spoil a result."""
