"""Points of photos whose poses are known: the job of the child process."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from splatmatch.jobs.progress import Progress
from splatmatch.reconstruction.structure.features import PhotoFile
from splatmatch.reconstruction.structure.mapping import write_model
from splatmatch.reconstruction.structure.matching import CorrespondenceOptions, match_photos
from splatmatch.reconstruction.structure.stopwatch import Stopwatch
from splatmatch.solvers import match_database, sparse_model
from splatmatch.solvers.pycolmap import Intrinsics
from splatmatch.solvers.sparse_model import SparseModel


@dataclass(frozen=True)
class Triangulation:
    """What came of it; the model itself lies in the work folder."""

    problems: dict[int, str]
    """Why photos could not be read, by index."""
    pairs_matched: int
    pairs_verified: int
    matches: int
    """Verified matches over all pairs."""
    agreeing: int
    """Pairs of observations that share a point; far below ``matches`` where the poses contradict the photos."""
    reprojection_error: float
    """Mean over the points, pixels."""
    seconds: dict[str, float]
    """Wall time by stage."""


def triangulate_known_poses(
    progress: Progress,
    photos: tuple[PhotoFile, ...],
    cameras: tuple[Intrinsics, ...],
    camera_from_world: tuple[NDArray[np.float64], ...],
    options: CorrespondenceOptions,
    key: str,
    work: Path,
) -> Triangulation:
    """Features, matches, and points triangulated from the given poses and cameras, which stay as they are.

    Args:
        progress: told about every stage.
        photos: in the order of their names.
        cameras: intrinsics.
        camera_from_world: (3, 4) matrix per photo.
        options: see ``CorrespondenceOptions``.
        key: changes whenever a photo changes; an interrupted run in ``work`` with the same key goes on.
        work: existing folder for the database and the result.

    Raises:
        ReconstructionError: pycolmap failed.
    """
    clock = Stopwatch()
    matched = match_photos(progress, photos, cameras, options, key, work, clock)
    with clock("triangulation"):
        progress.update("triangulation")
        posed = SparseModel.posed(cameras, [photo.camera for photo in photos], camera_from_world)
        model = sparse_model.triangulate(posed, matched.database, work, options.threads)
    write_model(model, work)
    inliers = match_database.verified_inliers(matched.database)
    return Triangulation(
        problems=matched.problems,
        pairs_matched=len(matched.pairs),
        pairs_verified=len(inliers),
        matches=sum(inliers.values()),
        agreeing=model.pairs_in_tracks,
        reprojection_error=model.reprojection_error if model.points else 0.0,
        seconds=clock.seconds,
    )
