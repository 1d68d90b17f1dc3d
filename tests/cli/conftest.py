"""Running the command line inside the test process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from splatmatch.cli.main import main


@dataclass(frozen=True)
class Outcome:
    code: int
    out: str
    err: str

    @property
    def line(self) -> str:
        """The one line on stderr; fails where there is none or more."""
        lines = self.err.splitlines()
        assert len(lines) == 1, f"stderr holds {len(lines)} lines: {self.err}"
        return lines[0]


@pytest.fixture
def splatmatch(capsys: pytest.CaptureFixture[str]) -> Callable[..., Outcome]:
    """``splatmatch("convert", path, ...)`` runs main() and returns exit code, stdout and stderr."""

    def call(*words: object) -> Outcome:
        capsys.readouterr()
        code = main([str(word) for word in words])
        captured = capsys.readouterr()
        return Outcome(code, captured.out, captured.err)

    return call
