"""The second loop: predictions against true relative poses."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from splatmatch.correspondence.verification import Estimator, relative_pose, undistorted_points
from splatmatch.evaluation.matching.predictions import Prediction
from splatmatch.evaluation.matching.protocols import PairsProtocol
from splatmatch.formats.pair_list import PosedPair
from splatmatch.geometry.camera import Camera
from splatmatch.geometry.distorted import DistortedCamera
from splatmatch.geometry.epipolar import fundamental_matrix, symmetric_epipolar_distance
from splatmatch.geometry.pose import skew
from splatmatch.metrics.correspondence import share_within, squared_epipolar_distances
from splatmatch.metrics.relative_pose import rotation_degrees, translation_degrees
from splatmatch.solvers.two_view import Floats, Mask, normalised

EPIPOLAR_LIMIT = 1e-4
"""Squared symmetric epipolar distance in normalised coordinates below which a match counts for P(1e-4)."""
PIXEL_LIMIT = 2.0
"""Mean distance from the epipolar lines in pixels of the resized image below which a match counts for P(2 px)."""


@dataclass(frozen=True)
class Attempt:
    """One estimation of a pair's pose."""

    rotation: float
    """Degrees; NaN where there is no pose."""
    translation: float
    """Degrees, folded; NaN where there is no pose."""
    inliers: int

    def error(self, failure: float) -> float:
        """The larger of both angles, or ``failure``."""
        return failure if math.isnan(self.rotation) else max(self.rotation, self.translation)


@dataclass(frozen=True)
class PairScore:
    """Figures of one matcher on one pair."""

    list: str
    name_a: str
    name_b: str
    matches: int
    precision_epipolar: float
    """Share of matches below ``EPIPOLAR_LIMIT`` under the true pose; 0 without matches."""
    precision_pixels: float
    """Share of matches below ``PIXEL_LIMIT`` under the true pose; 0 without matches."""
    seconds_extract: float
    seconds_match: float
    attempts: dict[Estimator, tuple[Attempt, ...]]
    """Per estimator one for each seed."""

    def errors(self, estimator: Estimator, failure: float) -> tuple[float, ...]:
        """Degrees, one per seed."""
        return tuple(attempt.error(failure) for attempt in self.attempts[estimator])


def score_pair(
    list_name: str,
    pair: PosedPair,
    prediction: Prediction,
    protocol: PairsProtocol,
    estimators: Sequence[Estimator],
) -> PairScore:
    """Figures of one prediction; estimators other than the protocol's own take over its other options."""
    flat = FlatPair.of(pair, prediction)
    counted = flat if protocol.threshold_in == "resized" else FlatPair.of(pair, prediction, file_pixels=True)
    return PairScore(
        list=list_name,
        name_a=pair.name_a,
        name_b=pair.name_b,
        matches=len(prediction.scores),
        precision_epipolar=share_within(flat.squared_distances(pair), EPIPOLAR_LIMIT),
        precision_pixels=share_within(flat.line_distances(pair), PIXEL_LIMIT),
        seconds_extract=prediction.seconds_extract,
        seconds_match=prediction.seconds_match,
        attempts={estimator: _attempts(pair, counted, protocol, estimator) for estimator in estimators},
    )


@dataclass(frozen=True, eq=False)
class FlatPair:
    """Matches as pinhole cameras see them, in pixels of the resized images or of the files.

    Points whose ray does not point forward are NaN.
    """

    points_a: Floats
    """(M, 2)."""
    points_b: Floats
    """(M, 2)."""
    camera_a: Camera
    camera_b: Camera

    @classmethod
    def of(cls, pair: PosedPair, prediction: Prediction, file_pixels: bool = False) -> FlatPair:
        """The matches of a prediction, undistorted."""
        a, camera_a = _flat(prediction.points_a.astype(np.float64), prediction.size_a, pair.camera_a, file_pixels)
        b, camera_b = _flat(prediction.points_b.astype(np.float64), prediction.size_b, pair.camera_b, file_pixels)
        return cls(a, b, camera_a, camera_b)

    @property
    def visible(self) -> Mask:
        """(M,) both points have a ray."""
        return np.asarray(np.isfinite(self.points_a).all(1) & np.isfinite(self.points_b).all(1))

    def squared_distances(self, pair: PosedPair) -> Floats:
        """(M,) see ``squared_epipolar_distances``, under the true pose."""
        essential = (skew(pair.b_from_a.translation) @ pair.b_from_a.rotation).numpy()
        rays = normalised(self.points_a, self.camera_a), normalised(self.points_b, self.camera_b)
        return squared_epipolar_distances(essential, *rays)

    def line_distances(self, pair: PosedPair) -> Floats:
        """(M,) mean distance in pixels from the epipolar lines under the true pose."""
        fundamental = fundamental_matrix(self.camera_a, self.camera_b, pair.b_from_a)
        points = torch.as_tensor(self.points_a), torch.as_tensor(self.points_b)
        return np.asarray(symmetric_epipolar_distance(fundamental, *points).numpy())


def _flat(points: Floats, size: tuple[int, int], camera: DistortedCamera, file_pixels: bool) -> tuple[Floats, Camera]:
    if file_pixels:
        return undistorted_points(points * [camera.width / size[0], camera.height / size[1]], camera)
    return undistorted_points(points, camera.resized(*size))


def _attempts(pair: PosedPair, flat: FlatPair, protocol: PairsProtocol, estimator: Estimator) -> tuple[Attempt, ...]:
    visible = flat.visible
    own = estimator == protocol.verification.estimator
    options = protocol.verification if own else replace(protocol.verification, estimator=estimator, dialect="plain")
    attempts = []
    for seed in protocol.seeds:
        found = relative_pose(
            flat.points_a[visible],
            flat.points_b[visible],
            flat.camera_a,
            flat.camera_b,
            replace(options, seed=seed),
        )
        if found.b_from_a is None:
            attempts.append(Attempt(math.nan, math.nan, int(found.inliers.sum())))
            continue
        rotation = rotation_degrees(found.b_from_a, pair.b_from_a)
        translation = translation_degrees(found.b_from_a, pair.b_from_a)
        attempts.append(Attempt(rotation, translation, int(found.inliers.sum())))
    return tuple(attempts)
