"""Whether the photos determine the principal point: freed in a last bundle adjustment, kept where they do."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from splatmatch.solvers.pycolmap import Intrinsics
from splatmatch.solvers.sparse_model import AdjustmentOptions, SparseModel

PrincipalPointChoice = Literal["auto", "centre", "free"]
LIMITS = ((0.01, 0.001), (0.02, 0.0005))
"""Largest believable shifts from the centre, each with the largest standard deviation along the worst direction that it
is believed with, as shares of the longer side."""


@dataclass(frozen=True)
class PrincipalPoint:
    """The principal point of one camera before and after it was freed, and what was decided. Corner pixels."""

    camera: int
    """Index of the camera."""
    width: int
    height: int
    held: tuple[float, float]
    """Where it was kept during mapping."""
    freed: tuple[float, float]
    """Where the last adjustment put it."""
    sigma: float
    """Standard deviation of ``freed`` along the worst direction, in pixels; infinite where it is not determined."""
    kept: bool
    """Whether ``freed`` is used."""

    @property
    def shift(self) -> tuple[float, float]:
        """``freed`` minus ``held``, in pixels."""
        return self.freed[0] - self.held[0], self.freed[1] - self.held[1]

    def __str__(self) -> str:
        side = max(self.width, self.height)
        (held, freed), (x, y) = (f"({p[0]:.1f}, {p[1]:.1f})" for p in (self.held, self.freed)), self.shift
        share, sigma = 100 * math.hypot(x, y) / side, f"+- {self.sigma:.2f} px" if self.sigma < side else "undetermined"
        decision = f"freed to {freed}" if self.kept else f"kept at {held}, freed it would be {freed}"
        return f"principal point {decision}: shift ({x:+.1f}, {y:+.1f}) px = {share:.2f} % of the long side, {sigma}"


def is_determined(intrinsics: Intrinsics, held: tuple[float, float], freed: tuple[float, float], sigma: float) -> bool:
    """Whether a freed principal point is believed: a small shift with a small uncertainty.

    Real lenses are centred to about half a percent of the width. A larger shift mostly stems from weak geometry (photos
    from one side, far objects), where the principal point trades against the rotation of the cameras, so it has to be
    the sharper. Matches are not independent: true errors reach four times the standard deviation.
    """
    side = max(intrinsics.width, intrinsics.height)
    shift = math.dist(held, freed)
    return any(shift <= most_shift * side and sigma <= most_sigma * side for most_shift, most_sigma in LIMITS)


def free_principal_points(
    model: SparseModel, choice: PrincipalPointChoice, options: AdjustmentOptions, threads: int, seed: int
) -> tuple[SparseModel, tuple[PrincipalPoint, ...]]:
    """``model``, or a copy that was adjusted with the principal points freed that ``choice`` lets go.

    Args:
        model: a reconstruction with the principal points where they were put; it is not changed.
        choice: auto, centre or free.
        options: what else the adjustment may change.
        threads: of the solver.
        seed: of the solver.
    """
    if choice == "centre":
        return model, ()
    free = AdjustmentOptions(options.refine_focal_length, True, options.refine_distortion)
    adjusted = model.copy()
    outcome = adjusted.adjust(free, threads, seed)
    found = []
    for index in model.cameras:
        before, after = model.camera(index), adjusted.camera(index)
        held, freed = before.pinhole_part[2:], after.pinhole_part[2:]
        sigma = outcome.principal_point_sigma[index]
        kept = outcome.converged and (choice == "free" or is_determined(before, held, freed, sigma))
        found.append(PrincipalPoint(index, before.width, before.height, held, freed, sigma, kept))
    refused = [point.camera for point in found if not point.kept]
    if len(refused) == len(found):
        return model, tuple(found)
    if refused:  # the others are adjusted again, as if those had never moved
        adjusted = model.copy()
        adjusted.adjust(free, threads, seed, constant_cameras=refused)
        found = [_moved(point, adjusted) if point.kept else point for point in found]
    return adjusted, tuple(found)


def describe(points: Sequence[PrincipalPoint], most: int = 4) -> list[str]:
    """Lines for the user, at most ``most`` and one that counts the rest."""
    lines = [str(point) for point in points[:most]]
    if len(points) > most:
        kept = sum(point.kept for point in points)
        lines.append(f"... {len(points)} cameras in all, {kept} with a freed principal point")
    return lines


def _moved(point: PrincipalPoint, model: SparseModel) -> PrincipalPoint:
    freed = model.camera(point.camera).pinhole_part[2:]
    return replace(point, freed=freed)
