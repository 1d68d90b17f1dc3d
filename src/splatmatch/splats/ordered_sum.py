"""A sum in a fixed order, whatever the number of threads: torch's own differs between 1 and 2 threads."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor


def ordered_sum(values: Tensor) -> Tensor:
    """Sum of all elements, differentiable, in an order that depends on the number of elements alone.

    numpy's pairwise summation in float64 on one thread; on other devices torch's own sum.

    Shapes: any -> ().
    """
    total: Tensor = _OrderedSum.apply(values)  # type: ignore[no-untyped-call]
    return total


class _OrderedSum(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, values: Tensor) -> Tensor:
        ctx.shape = values.shape
        if values.device.type != "cpu":
            return values.sum(dtype=torch.float64).to(values)
        return torch.tensor(values.detach().numpy().sum(dtype=np.float64), dtype=values.dtype)

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> Tensor:
        return upstream.expand(ctx.shape)
