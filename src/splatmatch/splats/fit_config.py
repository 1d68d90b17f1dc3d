"""What a fit does: one frozen dataclass, its presets, and the schedules that follow from it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from splatmatch.errors import InputError
from splatmatch.splats.densification.adaptive import AdaptiveConfig
from splatmatch.splats.densification.mcmc import McmcConfig
from splatmatch.splats.initialisation import InitialisationConfig
from splatmatch.splats.surfaces.config import SurfaceConfig


@dataclass(frozen=True)
class LearningRates:
    """Adam learning rates of a fit of ``reference_steps``; shorter fits learn faster.

    The rates of centres, scales, quaternions and spherical harmonics are multiplied by
    (reference_steps / max(steps, fewest_steps)) ** shortening: with the customary rates (Kerbl et al., 2023) a fit of
    1,000 steps ends 3 dB below what it can reach.
    """

    reference_steps: int = 30_000
    """Steps for which the rates are meant."""
    fewest_steps: int = 1000
    """Fits shorter than this learn no faster."""
    shortening: float = 0.7
    """How much faster shorter fits learn: 0 = not at all, 1 = in proportion."""

    means: float = 1.6e-4
    """Centres at the start, in units of the camera extent."""
    means_final: float = 0.01
    """Share of the rate of the centres that is left at the end (exponential decay)."""
    others_final: float = 0.2
    """Share of the other rates of the Gaussians that is left at the end (exponential decay)."""
    scales: float = 5e-3
    """Log scales."""
    quaternions: float = 1e-3
    """Quaternions."""
    opacities: float = 5e-2
    """Logit opacities."""
    sh_base: float = 2.5e-3
    """Spherical harmonics of degree 0."""
    sh_rest: float = 1.25e-4
    """Spherical harmonics of degree 1 to 3."""
    exposures: float = 1e-3
    """Exposure compensation."""
    poses: float = 1e-4
    """Pose refinement: radians, and translation in units of the camera extent."""
    background: float = 1e-2
    """Learned background colour."""


@dataclass(frozen=True)
class LossWeights:
    """Weights of the terms of the loss; a term of weight zero is not computed."""

    ssim: float = 0.2
    """Share of 1 - SSIM in the photometric loss; the rest is L1."""
    opacity: float = 0.0
    """Mean opacity of all Gaussians."""
    scale: float = 0.0
    """Mean scale of all Gaussians, in units of the camera extent."""
    normal: float = 0.05
    """1 - cosine to normal targets, where there are any."""
    alpha: float = 0.0
    """Alpha outside the masks, which then mean empty space instead of ignored pixels."""


@dataclass(frozen=True)
class FitConfig:
    """Everything that decides the result of a fit, besides the scene."""

    steps: int = 7000
    """Optimiser steps, one view each."""
    max_gaussians: int = 300_000
    """Budget of Gaussians: bounds memory and time."""
    sh_degree: int = 2
    """Degree of the view-dependent colour, 0 to 3."""
    size: int | None = None
    """Long side of the training images in pixels; None = as they are."""
    seed: int = 0
    """Seed of view order, initialisation and densification."""
    strategy: Literal["adaptive", "mcmc"] = "adaptive"
    """How Gaussians are added and removed."""
    antialiased: bool = False
    """Train with opacity compensation for the screen blur (Mip-Splatting's 2D filter)."""
    background: Literal["black", "white", "learned"] = "black"
    """Colour behind the splat."""
    exposure: bool = False
    """Compensate exposure and white balance per image (affine colour transform)."""
    refine_poses: bool = False
    """Refine the camera poses together with the splat."""
    coarse: tuple[float, ...] = (0.03, 0.12)
    """Train at 1/4 and then 1/2 of the size until these shares of the steps; empty = full size throughout."""
    sh_interval: float = 0.12
    """Share of the steps after which the degree of the spherical harmonics grows by one."""
    rates: LearningRates = field(default_factory=LearningRates)
    """Learning rates."""
    weights: LossWeights = field(default_factory=LossWeights)
    """Loss weights."""
    surfaces: SurfaceConfig = field(default_factory=SurfaceConfig)
    """Terms that make the Gaussians lie on surfaces."""
    initialisation: InitialisationConfig = field(default_factory=InitialisationConfig)
    """Gaussians to start from."""
    adaptive: AdaptiveConfig = field(default_factory=AdaptiveConfig)
    """Options of the strategy of that name."""
    mcmc: McmcConfig = field(default_factory=McmcConfig)
    """Options of the strategy of that name."""
    checkpoint_seconds: float = 60.0
    """Seconds between checkpoints; does not change the result."""

    def __post_init__(self) -> None:
        if self.steps < 1 or self.max_gaussians < 1 or not 0 <= self.sh_degree <= 3:
            raise InputError(
                f"steps {self.steps}, max-gaussians {self.max_gaussians}, sh-degree {self.sh_degree} make no fit",
                "give at least one step and one Gaussian, and a degree of 0 to 3",
            )
        if list(self.coarse) != sorted(self.coarse) or any(not 0 <= share <= 1 for share in self.coarse):
            raise InputError(f"coarse {self.coarse} must be shares of the steps in ascending order")

    def level(self, step: int) -> int:
        """Resolution level of ``step`` (from 0): images have 1 / 2^level of the full size."""
        return sum(step < share * self.steps for share in self.coarse)

    def active_sh_degree(self, step: int) -> int:
        """Degree of the spherical harmonics at ``step`` (from 0)."""
        interval = max(1, round(self.sh_interval * self.steps))
        return min(self.sh_degree, step // interval)

    @property
    def haste(self) -> float:
        """Factor by which rates grow because the fit is shorter than the rates are meant for."""
        steps = max(self.steps, self.rates.fewest_steps)
        return float((self.rates.reference_steps / steps) ** self.rates.shortening)

    def means_rate(self, step: int) -> float:
        """Learning rate of the centres at ``step`` (from 0), in units of the camera extent."""
        return self.rates.means * self.haste * float(self.rates.means_final ** (step / self.steps))

    def decay(self, step: int) -> float:
        """Factor of the other learning rates of the Gaussians at ``step`` (from 0)."""
        return float(self.rates.others_final ** (step / self.steps))
