"""Checkpoints of a run: a folder per step, renamed into place when it is whole, so that kill -9 leaves the one before.

``model.safetensors`` and ``ema.safetensors`` (float32), ``optimizer.pt`` (read by torch as tensors only, no code) and
``state.json``.
"""

from __future__ import annotations

import re
import shutil
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from splatmatch.errors import FormatError
from splatmatch.files import atomic_folder, write_json
from splatmatch.formats.json_text import read_json_object
from splatmatch.training.runner import Chosen

KEPT = 2
"""Checkpoints that stay."""
_NAME = re.compile(r"step-(\d{8})")


@dataclass(frozen=True)
class RunState:
    """Where a run stands."""

    step: int = 0
    """Steps that are done."""
    seconds: float = 0.0
    """Spent on them, validation included, over all calls."""
    precision: Chosen = "float32"
    pieces: int = 1
    """Parts in which a batch is taken because the device has no memory for all of it."""
    best: float = -1.0
    """Best score of a validation; -1 = none yet."""
    best_step: int = 0
    since_best: int = 0
    """Validations since then."""
    skipped: int = 0
    """Pairs that were of no use."""


def latest(folder: Path) -> Path | None:
    """The newest whole checkpoint in ``folder``."""
    found = [path for path in folder.glob("step-*") if _NAME.fullmatch(path.name) and (path / "state.json").is_file()]
    return max(found, key=lambda path: path.name) if found else None


def save(folder: Path, state: RunState, module: nn.Module, ema: nn.Module, optimizer: torch.optim.Optimizer) -> Path:
    """Write a checkpoint beside those there are, and remove the oldest ones.

    Raises:
        OutputError: the disk is full, or the folder cannot be written to.
    """
    from safetensors.torch import save_file

    path = folder / f"step-{state.step:08d}"
    with atomic_folder(path) as temporary:
        for name, source in (("model", module), ("ema", ema)):
            tensors = {key: value.detach().cpu().contiguous() for key, value in source.state_dict().items()}
            save_file(tensors, temporary / f"{name}.safetensors")
        torch.save(optimizer.state_dict(), temporary / "optimizer.pt")
        write_json(temporary / "state.json", asdict(state))
    whole = sorted(other for other in folder.glob("step-*") if _NAME.fullmatch(other.name))
    for other in whole[:-KEPT]:
        shutil.rmtree(other, ignore_errors=True)
    return path


def restore(path: Path, module: nn.Module, ema: nn.Module, optimizer: torch.optim.Optimizer) -> RunState:
    """Load a checkpoint into all three.

    Raises:
        FormatError: it is damaged, or does not fit.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        for name, target in (("model", module), ("ema", ema)):
            tensors: dict[str, Tensor] = load_file(path / f"{name}.safetensors")
            target.load_state_dict(tensors)
        optimizer.load_state_dict(torch.load(path / "optimizer.pt", map_location="cpu", weights_only=True))
    except (SafetensorError, OSError, RuntimeError, ValueError, KeyError, EOFError) as error:
        raise FormatError(
            f"{path}: the checkpoint is damaged ({error})", "remove it to go on from the one before"
        ) from error
    return state_of(path)


def state_of(path: Path) -> RunState:
    """Where the run of a checkpoint stands.

    Raises:
        FormatError: ``state.json`` is damaged.
    """
    data: dict[str, Any] = read_json_object(path / "state.json")
    try:
        return RunState(**{field.name: data[field.name] for field in fields(RunState)})
    except KeyError as error:
        raise FormatError(f"{path / 'state.json'}: {error} is missing", "remove this checkpoint") from error
