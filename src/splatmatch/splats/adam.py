"""Adam (Kingma & Ba, 2015) on tensors whose rows have learning rates of their own per column."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from splatmatch.jobs.threads import use_torch_threads
from splatmatch.splats.kernels import adam as kernels

_BLOCK = 4096


@dataclass(frozen=True)
class AdamConfig:
    """Constants of the moments."""

    beta1: float = 0.9
    """Decay of the first moment per step."""
    beta2: float = 0.999
    """Decay of the second moment per step."""
    epsilon: float = 1e-15
    """Added to the root of the second moment."""


def adam_step(
    values: Tensor, gradient: Tensor, first: Tensor, second: Tensor, rates: Tensor, step: int, config: AdamConfig
) -> bool:
    """One step, in place: m <- b1 m + (1 - b1) g, v <- b2 v + (1 - b2) g^2, x <- x - rate m^ / (sqrt(v^) + eps).

    Elements whose gradient is exactly zero keep value and moments: those are the Gaussians that the view did not
    show. Their step count still runs, so the bias correction is that of the whole optimiser.

    Returns:
        Whether the whole gradient was finite; if not, the tensors are spoiled.

    Shapes: values, gradient, first, second (N, ...) float32, values and moments contiguous; rates of one row, (...).
    Convention: ``step`` counts from 1.
    """
    correction1, correction2 = 1 / (1 - config.beta1**step), 1 / (1 - config.beta2**step)
    if values.device.type != "cpu":
        _with_torch(values, gradient, first, second, rates, correction1, correction2, config)
        return bool(torch.isfinite(gradient).all())
    rows = max(1, _BLOCK // max(1, rates.numel()))
    checks = np.zeros(-(-values.numel() // (rows * rates.numel())), np.float32)
    use_torch_threads()
    kernels.adam(
        *(t.detach().view(-1).numpy() for t in (values, gradient.contiguous(), first, second)),
        np.tile(rates.to(torch.float32).reshape(-1).numpy(), rows),
        config.beta1,
        config.beta2,
        correction1,
        correction2,
        config.epsilon,
        checks,
    )
    return not np.isnan(checks).any()


def _with_torch(
    values: Tensor,
    gradient: Tensor,
    first: Tensor,
    second: Tensor,
    rates: Tensor,
    correction1: float,
    correction2: float,
    config: AdamConfig,
) -> None:
    """The same step in plain torch, for other devices."""
    with torch.no_grad():
        hit = gradient != 0
        first.copy_(torch.where(hit, first.lerp(gradient, 1 - config.beta1), first))
        squared = config.beta2 * second + (1 - config.beta2) * gradient.square()
        second.copy_(torch.where(hit, squared, second))
        step = rates.to(values) * correction1 * first / ((second * correction2).sqrt() + config.epsilon)
        values.sub_(torch.where(hit, step, 0))
