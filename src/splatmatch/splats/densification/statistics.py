"""What the views since the last edit say about each Gaussian."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from splatmatch.geometry.camera import Camera
from splatmatch.jobs.threads import use_torch_threads
from splatmatch.splats.kernels.screen_statistics import accumulate


@dataclass(frozen=True, eq=False)
class ScreenStatistics:
    """Running sums over views, updated in place."""

    gradient: Tensor
    """(N,) float32 sum of |d loss / d projected centre|, centres measured in half image sides."""
    seen: Tensor
    """(N,) int32 number of views that showed the Gaussian."""

    @classmethod
    def zeros(cls, count: int, device: torch.device | str = "cpu") -> ScreenStatistics:
        """Nothing seen yet."""
        return cls(torch.zeros(count, device=device), torch.zeros(count, dtype=torch.int32, device=device))

    def add(self, offset_gradient: Tensor, radii: Tensor, camera: Camera) -> None:
        """Add one view: gradient of ``screen_offsets`` (N, 2) and ``Render.radii`` (N,), in pixels of ``camera``."""
        half_side = max(camera.width, camera.height) / 2
        if radii.device.type != "cpu":
            shown = radii > 0
            self.gradient.add_(torch.where(shown, offset_gradient.norm(dim=1) * half_side, 0))
            self.seen.add_(shown)
            return
        use_torch_threads()
        arrays = (t.contiguous().numpy() for t in (offset_gradient, radii))
        accumulate(*arrays, half_side, self.gradient.numpy(), self.seen.numpy())

    @property
    def mean_gradient(self) -> Tensor:
        """(N,) mean over the views that showed the Gaussian; 0 where none did."""
        return self.gradient / self.seen.clamp(min=1)
