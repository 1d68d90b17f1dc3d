"""One optimiser step: the loss of a batch in as many pieces as memory asks for, its gradient, guarded against NaN."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from splatmatch.errors import InputError, NumericalError
from splatmatch.training.batch import PairBatch
from splatmatch.training.runner import Chosen, Runner, autocast
from splatmatch.training.task import Task

FASTER = 0.95
"""Share of the time in float32 below which bfloat16 counts as faster."""
_TIMED = 3


class Objective(nn.Module):
    """The loss of a batch as a forward pass, which is what runners can wrap."""

    def __init__(self, task: Task, module: nn.Module) -> None:
        super().__init__()
        self.module, self._task = module, task

    def forward(self, batch: Callable[[], PairBatch], step: int) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss and its parts; the batch comes as a call, since wrappers would take a dataclass apart."""
        terms = self._task.loss(self.module, batch(), step)
        return terms.total, dict(terms.parts)


@dataclass(frozen=True)
class StepResult:
    """Figures of a step."""

    values: Mapping[str, float]
    """``loss``, its parts, ``norm`` of the gradient before it was clipped."""
    pieces: int
    """In which the batch was taken in the end."""


def take_step(
    runner: Runner,
    objective: nn.Module,
    optimizer: torch.optim.Optimizer,
    batch: PairBatch,
    step: int,
    clip: float,
    pieces: int,
    seed: int,
) -> StepResult:
    """Gradients of the batch and one move of the optimiser; the loss is the mean over the pairs.

    Args:
        runner: see there.
        objective: ``Objective``, wrapped by the runner.
        optimizer: wrapped by the runner; learning rates are set.
        batch: of this process, on its device.
        step: from 0.
        clip: largest norm of the gradient.
        pieces: in which the batch is taken; more where the GPU has no memory for them.
        seed: of torch's generator in this step.

    Raises:
        NumericalError: the loss or the gradient is NaN or infinite; names step and pairs. Nothing has been changed.
        InputError: the GPU has no memory even for one pair.
    """
    while True:
        torch.manual_seed(seed)
        optimizer.zero_grad(set_to_none=True)
        try:
            values = _gradients(runner, objective, batch, step, pieces)
        except torch.cuda.OutOfMemoryError as error:
            if pieces >= len(batch):
                raise InputError(
                    "the GPU has no memory for a single pair", "take smaller images with --size"
                ) from error
            pieces = min(2 * pieces, len(batch))
            optimizer.zero_grad(set_to_none=True)
            torch.cuda.empty_cache()
            continue
        _check("loss", values["loss"], step, batch)
        values["norm"] = runner.clip(objective, optimizer, clip)
        _check("gradient", values["norm"], step, batch)
        optimizer.step()
        return StepResult(values, pieces)


def choose_precision(task: Task, module: nn.Module, batch: PairBatch, device: torch.device) -> tuple[Chosen, str]:
    """The faster precision for a forward and backward pass of ``batch``, and what was measured, in words.

    Works on a copy of ``module``.
    """
    probe = copy.deepcopy(module).to(device)
    batch = batch.to(device)
    seconds: dict[Chosen, float] = {}
    precisions: tuple[Chosen, ...] = ("float32", "bfloat16")
    for precision in precisions:
        times = []
        for _ in range(_TIMED):
            began = time.perf_counter()
            with autocast(device.type, precision):
                total = task.loss(probe, batch, 0).total
            total.backward()  # type: ignore[no-untyped-call]
            if device.type == "cuda":
                torch.cuda.synchronize()
            times.append(time.perf_counter() - began)
            probe.zero_grad(set_to_none=True)
        seconds[precision] = min(times[1:])  # the first one warms up
    chosen: Chosen = "bfloat16" if seconds["bfloat16"] < FASTER * seconds["float32"] else "float32"
    each = ", ".join(f"{name} {1000 * value / len(batch):.0f} ms" for name, value in seconds.items())
    return chosen, f"forward and backward per pair: {each}; {chosen} is taken"


def average(ema: nn.Module, module: nn.Module, keep: float) -> None:
    """Move the averaged weights towards those of ``module``: ``keep`` of the old ones stays."""
    with torch.no_grad():
        for old, new in zip(ema.parameters(), module.parameters(), strict=True):
            old.lerp_(new.to(old), 1 - keep)
        for kept, current in zip(ema.buffers(), module.buffers(), strict=True):
            kept.copy_(current)


def _gradients(runner: Runner, objective: nn.Module, batch: PairBatch, step: int, pieces: int) -> dict[str, float]:
    size = -(-len(batch) // pieces)
    values: dict[str, float] = {}
    for start in range(0, len(batch), size):
        part = batch if size >= len(batch) else batch.part(slice(start, start + size))
        share = len(part) / len(batch)
        total, terms = objective(lambda part=part: part, step)
        runner.backward(total * share)
        for name, value in {"loss": total, **terms}.items():
            values[name] = values.get(name, 0.0) + share * float(value.detach())
    return values


def _check(what: str, value: float, step: int, batch: PairBatch) -> None:
    if not math.isfinite(value):
        pairs = ", ".join(batch.keys[:8]) + (" and others" if len(batch) > 8 else "")
        raise NumericalError(
            f"step {step + 1}: the {what} is {value}, with the pairs {pairs}",
            "the checkpoint before is kept; go on from it with a lower --rate, or with --precision float32",
        )
