"""What a run writes down while it runs: ``log.jsonl`` always, TensorBoard where it is installed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from splatmatch.files import output_errors, write_text

LOG_FILE = "log.jsonl"
_EVERY = 10
"""Steps between points in TensorBoard."""


class RunLog:
    """One line of JSON per step, validation and note; lines after the step of a checkpoint are cut off on resume."""

    def __init__(self, folder: Path, step: int) -> None:
        """Open the log of the run in ``folder``, which goes on after ``step`` steps."""
        self._path = folder / LOG_FILE
        kept = [line for line in read_log(folder) if line["step"] <= step]
        write_text(self._path, "".join(json.dumps(line) + "\n" for line in kept))
        self._board = _board(folder / "tensorboard", step)
        self._file = open(self._path, "a", encoding="utf-8")  # noqa: SIM115 (closed by close)

    def step(self, step: int, values: Mapping[str, float]) -> None:
        """The figures of step number ``step``, counted from 1."""
        self._write({"step": step} | {name: _short(value) for name, value in values.items()})
        if self._board is not None and step % _EVERY == 0:
            for name, value in values.items():
                self._board.add_scalar(f"training/{name}", value, step)

    def validation(self, step: int, values: Mapping[str, float]) -> None:
        """The figures of a validation after ``step`` steps."""
        self._write({"step": step, "validation": {name: _short(value) for name, value in values.items()}})
        if self._board is not None:
            for name, value in values.items():
                self._board.add_scalar(f"validation/{name}", value, step)

    def picture(self, step: int, name: str, rgb: NDArray[np.uint8]) -> None:
        """A picture (H, W, 3) for TensorBoard."""
        if self._board is not None:
            self._board.add_image(name, rgb, step, dataformats="HWC")

    def note(self, step: int, text: str) -> None:
        """Something that happened."""
        self._write({"step": step, "note": text})

    def close(self) -> None:
        """Write what is left."""
        self._file.close()
        if self._board is not None:
            self._board.close()

    def _write(self, line: dict[str, Any]) -> None:
        with output_errors(self._path):
            self._file.write(json.dumps(line) + "\n")
            self._file.flush()


def read_log(folder: Path) -> list[dict[str, Any]]:
    """The lines of a run's log; a torn last line is left out."""
    path = folder / LOG_FILE
    lines: list[dict[str, Any]] = []
    for text in path.read_text(encoding="utf-8").splitlines() if path.is_file() else ():
        try:
            line = json.loads(text)
        except ValueError:
            continue
        if isinstance(line, dict) and isinstance(line.get("step"), int):
            lines.append(line)
    return lines


def _short(value: float) -> float:
    return float(f"{value:.6g}")


def _board(folder: Path, step: int) -> Any:
    """TensorBoard's writer; None where it is not installed."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return None
    return SummaryWriter(str(folder), purge_step=step + 1)
