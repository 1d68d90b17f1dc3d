"""Depth that the photos of a scene are expected to have, from a monocular prior and the sparse points."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass

import torch

from splatmatch.formats.images import read_image_float
from splatmatch.jobs.progress import Progress
from splatmatch.priors.alignment import ScaleOffset, align_to_points
from splatmatch.scene.depth_prior import DepthPrior
from splatmatch.scene.views import Scene
from splatmatch.splats.targets import DepthTarget


@dataclass(frozen=True, eq=False)
class DepthTargets:
    """Wanted depths of the training views, and how they came about."""

    targets: dict[str, DepthTarget]
    """By view name."""
    fits: dict[str, ScaleOffset]
    """Scale and offset of each of them."""
    skipped: tuple[str, ...]
    """Views with too few points, or whose points contradict the prior."""

    @property
    def median_error(self) -> float:
        """Relative error of the aligned prior at a typical point of a typical photo; NaN without targets."""
        return statistics.median(fit.relative_error for fit in self.fits.values()) if self.fits else math.nan

    def record(self, prior: DepthPrior) -> dict[str, object]:
        """What ``scene.json`` says about it."""
        return {
            "name": prior.name,
            "licence": prior.licence,
            "photos": len(self.targets),
            "skipped": list(self.skipped),
            "median_relative_error": self.median_error,
        }


def depth_targets(scene: Scene, prior: DepthPrior, progress: Progress) -> DepthTargets:
    """Predict the inverse depth of every training photo and fit its scale and offset to the points the photo observes.

    Raises:
        InputError: a photo cannot be read, or the prior has no map for it.
        NumericalError: the prior predicts NaN or infinity.
    """
    tracks = scene.points.tracks
    index_of = {view.name: index for index, view in enumerate(scene.views)}
    targets: dict[str, DepthTarget] = {}
    fits: dict[str, ScaleOffset] = {}
    skipped = []
    for count, view in enumerate(scene.train_views):
        progress.update("depth prior", count / len(scene.train_views), f"{count} of {len(scene.train_views)} photos")
        assert view.image_path is not None
        predicted = prior.predict(torch.from_numpy(read_image_float(view.image_path)), view.name)
        positions = scene.points.positions
        if tracks is not None:
            positions = positions[tracks.point_index[tracks.view_index == index_of[view.name]]]
        fit = align_to_points(predicted, view.camera, view.camera_from_world, positions)
        if fit is None:
            skipped.append(view.name)
            continue
        inverse = fit.inverse_depth(predicted)
        depth = torch.where(inverse.valid, 1 / torch.where(inverse.valid, inverse.values, 1.0), 0.0)
        targets[view.name] = DepthTarget(depth.float(), inverse.valid.float())
        fits[view.name] = fit
    result = DepthTargets(targets, fits, tuple(skipped))
    progress.update("depth prior", 1.0, f"{len(targets)} of {len(scene.train_views)} photos")
    error = result.median_error
    if targets:
        progress.say(f"depth prior {prior.name}: {len(targets)} photos, a typical point is off by {100 * error:.0f} %")
    if skipped:
        progress.say(f"depth prior: {len(skipped)} photos have too few points for it, or contradict it")
    return result
