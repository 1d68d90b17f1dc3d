"""Tables of figures: terminal and Markdown from the same cells."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import rich.table

Value = float | int | str | None
"""A cell; None and NaN are shown as a dash, infinity as such."""


@dataclass(frozen=True)
class Column:
    """One column."""

    title: str
    digits: int = 2
    """Decimals of floats."""
    note: str = ""
    """Dialect, unit or protocol: stands under the title."""


@dataclass(frozen=True)
class Figures:
    """A table before it is drawn."""

    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Value, ...], ...]
    total: tuple[Value, ...] = ()
    """The last row, set apart; empty = none."""

    def cells(self, row: Sequence[Value]) -> list[str]:
        """One row as text."""
        return [format_value(value, column.digits) for value, column in zip(row, self.columns, strict=True)]

    def to_rich(self) -> rich.table.Table:
        """For a terminal."""
        from rich.box import SIMPLE_HEAD
        from rich.table import Table

        table = Table(title=self.title, title_justify="left", box=SIMPLE_HEAD, show_footer=bool(self.total))
        footer = self.cells(self.total) if self.total else [""] * len(self.columns)
        for index, (column, text) in enumerate(zip(self.columns, footer, strict=True)):
            head = f"{column.title}\n[dim]{column.note}[/dim]" if column.note else column.title
            table.add_column(head, footer=text, justify="right" if index else "left", overflow="fold")
        for row in self.rows:
            table.add_row(*self.cells(row))
        return table

    def to_markdown(self) -> str:
        """For a document."""
        heads = [f"{c.title} ({c.note})" if c.note else c.title for c in self.columns]
        body = [self.cells(row) for row in self.rows]
        if self.total:
            body.append([f"**{cell}**" for cell in self.cells(self.total)])
        lines = [heads, ["---"] + ["---:"] * (len(heads) - 1), *body]
        return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def format_value(value: Value, digits: int = 2) -> str:
    """One cell as text."""
    if value is None:
        return "–"
    if not isinstance(value, float):
        return str(value)
    if math.isfinite(value):
        return f"{value:.{digits}f}"
    return "–" if math.isnan(value) else "∞"
