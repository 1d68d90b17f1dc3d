"""The trained parameters and their Adam moments: the one place where Gaussians are added, removed or moved.

Every edit returns new Parameters in which values and moments stay in step, so that a strategy decides *when* and
*which* and never touches the optimiser.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from splatmatch.errors import NumericalError
from splatmatch.scene.gaussians import TENSORS, Gaussians, concatenate
from splatmatch.splats.adam import AdamConfig, adam_step


@dataclass(frozen=True, eq=False)
class Parameters:
    """Gaussians under optimisation."""

    values: Gaussians
    """The parameters, without autograd history, contiguous."""
    first: Gaussians
    """First Adam moment of each parameter, same shapes."""
    second: Gaussians
    """Second Adam moment of each parameter, same shapes."""

    def __len__(self) -> int:
        return len(self.values)

    @classmethod
    def starting(cls, gaussians: Gaussians) -> Parameters:
        """A copy of ``gaussians`` with moments at zero."""
        values = gaussians.mapped(lambda t: t.detach().clone(memory_format=torch.contiguous_format))
        return cls(values, values.mapped(torch.zeros_like), values.mapped(torch.zeros_like))

    def leaves(self) -> Gaussians:
        """The values as autograd leaves that share this memory."""
        return self.values.mapped(lambda t: t.detach().requires_grad_())

    def step(self, gradients: Gaussians, rates: dict[str, Tensor], step: int, config: AdamConfig) -> None:
        """One Adam step in place; ``rates`` holds one row's learning rates by the names of TENSORS.

        Raises:
            NumericalError: a gradient is NaN or infinite.
        """
        for name in TENSORS:
            moments = getattr(self.first, name), getattr(self.second, name)
            gradient = getattr(gradients, name)
            if not adam_step(getattr(self.values, name), gradient, *moments, rates[name], step, config):
                raise NumericalError(f"step {step}: the gradient of the Gaussians' {name} is not finite")

    def shrink(self, limits: Tensor) -> None:
        """Bring log scales that exceed ``limits`` (N,) down to them, in place."""
        torch.minimum(self.values.log_scales, limits[:, None], out=self.values.log_scales)

    def kept(self, rows: Tensor) -> Parameters:
        """Only the Gaussians at ``rows``, in that order: an index tensor or a boolean mask (N,)."""
        return Parameters(self.values.select(rows), self.first.select(rows), self.second.select(rows))

    def appended(self, new: Gaussians) -> Parameters:
        """With ``new`` Gaussians at the end, their moments at zero."""
        zeros = new.mapped(torch.zeros_like)
        return Parameters(
            concatenate([self.values, new]), concatenate([self.first, zeros]), concatenate([self.second, zeros])
        )

    def replaced(self, rows: Tensor, new: Gaussians) -> Parameters:
        """With the Gaussians at ``rows`` (M,) overwritten by ``new`` (M) and their moments at zero."""
        changed = Parameters(*(part.mapped(torch.clone) for part in (self.values, self.first, self.second)))
        for name, tensor in new.tensors().items():
            getattr(changed.values, name)[rows] = tensor
            getattr(changed.first, name)[rows] = 0
            getattr(changed.second, name)[rows] = 0
        return changed

    def with_sh_degree(self, degree: int) -> Parameters:
        """With spherical harmonics up to ``degree``; new bands and their moments are zero."""
        return Parameters(*(part.with_sh_degree(degree) for part in (self.values, self.first, self.second)))
