"""What commands share when they print: tables on the terminal and the JSON of ``--json FILE``."""

from __future__ import annotations

import contextlib
import dataclasses
import math
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console


def say(text: str = "") -> None:
    """One line on standard output."""
    print(text, flush=True)


def console(stderr: bool = False, columns: int = 120) -> Console:
    """A terminal as wide as it is, or so many columns where the output goes into a file or pipe."""
    from rich.console import Console

    width = None if (sys.stderr if stderr else sys.stdout).isatty() else columns
    return Console(highlight=False, width=width, stderr=stderr)


@contextlib.contextmanager
def progress(title: str) -> Iterator[Callable[[int, int], None]]:
    """A bar on stderr that is moved by calling (done, total); one line at the end where stderr is no terminal."""
    from splatmatch.jobs.progress import Terminal

    with Terminal() as terminal:
        yield lambda done, total: terminal.update(title, done / total)


def print_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """A table as wide as the terminal allows; plain text in pipes. Floats are shown with three decimals."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    rows = [list(row) for row in rows]
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD)
    for index, column in enumerate(columns):
        numbers = bool(rows) and all(isinstance(row[index], (int, float)) for row in rows if row[index] is not None)
        table.add_column(column, justify="right" if numbers else "left", overflow="fold")
    for row in rows:
        table.add_row(*[Text(_cell(value)) for value in row])
    console().print(table)


def write_result(
    path: Path | None, *, protocol: str, config: Any, mean: dict[str, Any], items: Sequence[dict[str, Any]]
) -> None:
    """Write ``{protocol, config, mean, items}`` to ``path`` atomically; nothing if it is None.

    Args:
        path: the value of ``--json``.
        protocol: name of what was measured and how.
        config: a dataclass or dict of everything the figures depend on.
        mean: figures over all items.
        items: one dict per measured thing.

    Raises:
        OutputError: the file cannot be written.
    """
    if path is None:
        return
    from splatmatch.files import write_json

    write_json(path, plain({"protocol": protocol, "config": config, "mean": mean, "items": list(items)}))


def plain(value: Any) -> Any:
    """``value`` in the types of JSON: dataclasses become objects, paths strings, NaN and infinity null."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(item) for item in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, (bool, int, str)):
        return value
    return str(value)


def _cell(value: object) -> str:
    if value is None:
        return "-"
    return f"{value:.3f}" if isinstance(value, float) else str(value)
