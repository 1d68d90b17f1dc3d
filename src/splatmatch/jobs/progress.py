"""Progress of long jobs: one small protocol, silent, drawn on a terminal, or as plain lines in a log."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self

if TYPE_CHECKING:
    from rich.progress import Progress as Bars
    from rich.progress import TaskID


class Progress(Protocol):
    """What a job tells about itself while it runs. Calls are cheap and may come from one thread only."""

    def update(self, stage: str, fraction: float | None = None, text: str = "") -> None:
        """The job is in ``stage``, of which ``fraction`` (0..1; None = unknown) is done; ``text`` is a short detail."""
        ...

    def say(self, line: str) -> None:
        """A line worth keeping: a decision, a warning, a result."""
        ...


class Silent:
    """Says nothing."""

    def update(self, stage: str, fraction: float | None = None, text: str = "") -> None:
        """Nothing."""

    def say(self, line: str) -> None:
        """Nothing."""


class Terminal:
    """Draws one bar per stage with rich; where stderr is no terminal, writes one line per finished stage.

    A context manager: the bars are gone and the cursor is back on every way out, Ctrl-C included.
    """

    def __init__(self) -> None:
        self._bars: Bars | None = None
        self._task: TaskID | None = None
        self._stage, self._text = "", ""
        self._began = 0.0

    def __enter__(self) -> Self:
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

            columns = ("{task.description:<22}", BarColumn(), TimeElapsedColumn(), TextColumn("{task.fields[text]}"))
            self._bars = Progress(*columns, console=Console(stderr=True, highlight=False))
            self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._finish(complete=kind is None)
        if self._bars is not None:
            self._bars.stop()
            self._bars = None

    def update(self, stage: str, fraction: float | None = None, text: str = "") -> None:
        """Draw the bar of ``stage``; a new name finishes the bar before it."""
        if stage != self._stage:
            self._finish(complete=True)
            self._stage, self._began = stage, time.monotonic()
            if self._bars is not None:
                self._task = self._bars.add_task(stage, total=None, text=text)
        self._text = text
        if self._bars is not None and self._task is not None:
            total = None if fraction is None else 1.0
            self._bars.update(self._task, total=total, completed=fraction or 0.0, text=text)

    def say(self, line: str) -> None:
        """Print ``line`` above the bars."""
        if self._bars is not None:
            self._bars.console.print(line, markup=False)
        else:
            print(line, file=sys.stderr, flush=True)

    def _finish(self, complete: bool) -> None:
        if not self._stage:
            return
        if self._bars is not None and self._task is not None:
            if complete:
                self._bars.update(self._task, total=1.0, completed=1.0)
            self._bars.stop_task(self._task)
        elif complete:
            seconds = time.monotonic() - self._began
            self.say(f"{self._stage}: {seconds:.1f} s{', ' + self._text if self._text else ''}")
        self._stage, self._text, self._task = "", "", None
