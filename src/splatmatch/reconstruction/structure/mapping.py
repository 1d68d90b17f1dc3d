"""Structure from motion of a set of photos: the job of the child process."""

from __future__ import annotations

import shutil
from collections.abc import Collection
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from splatmatch.jobs.progress import Progress
from splatmatch.reconstruction.structure.diagnosis import unregistered_reasons
from splatmatch.reconstruction.structure.features import PhotoFile
from splatmatch.reconstruction.structure.matching import (
    CorrespondenceOptions,
    MatchedPhotos,
    match_pairs,
    match_photos,
)
from splatmatch.reconstruction.structure.principal_point import (
    PrincipalPoint,
    PrincipalPointChoice,
    free_principal_points,
)
from splatmatch.reconstruction.structure.stopwatch import Stopwatch
from splatmatch.solvers import match_database, sparse_model
from splatmatch.solvers.pycolmap import Intrinsics, Pair
from splatmatch.solvers.sparse_model import AdjustmentOptions, MappingOptions, SparseModel

MODEL = "model"
"""Folder inside the work folder that holds the result as a COLMAP model; its image names are six-digit indices."""
_SECOND_CHANCES = 3000
"""Most pairs that are matched in addition when photos have been left over."""


@dataclass(frozen=True)
class StructureOptions:
    """What structure from motion depends on besides the photos."""

    correspondences: CorrespondenceOptions = field(default_factory=CorrespondenceOptions)
    principal_point: PrincipalPointChoice = "auto"
    fixed_intrinsics: bool = False
    """The intrinsics were given by the user and stay as they are."""
    seed: int = 0


@dataclass(frozen=True)
class Structure:
    """What became of the photos; the model itself lies in ``MODEL`` inside the work folder."""

    registered: tuple[int, ...]
    """Indices of the photos that have a pose; empty where nothing could be reconstructed."""
    reasons: dict[int, str]
    """Why each of the others has none, by index."""
    pairs_matched: int
    pairs_verified: int
    seconds: dict[str, float]
    """Wall time by stage."""
    principal_points: tuple[PrincipalPoint, ...] = ()
    points: int = 0
    reprojection_error: float = 0.0
    """Mean over the points, pixels."""


def structure_from_motion(
    progress: Progress,
    photos: tuple[PhotoFile, ...],
    cameras: tuple[Intrinsics, ...],
    options: StructureOptions,
    key: str,
    work: Path,
) -> Structure:
    """Features, pairs, matches, incremental mapping and the decision on the principal points.

    Args:
        progress: told about every stage.
        photos: in the order of their names.
        cameras: starting intrinsics, fixed where the options say so.
        options: see ``StructureOptions``.
        key: changes whenever a photo changes; an interrupted run in ``work`` with the same key goes on.
        work: existing folder for the database and the result.

    Raises:
        ReconstructionError: pycolmap failed. A set of photos that gives no model is no error here.
    """
    clock = Stopwatch()
    matched = match_photos(progress, photos, cameras, options.correspondences, key, work, clock)
    models = _map(progress, matched.database, work, options, clock)
    registered = models[0].registered if models else frozenset()
    more = _second_chances(matched, registered) if options.correspondences.given is None else []
    if more:
        match_pairs(progress, matched.database, more, options.correspondences, clock)
        models = max(models, _map(progress, matched.database, work, options, clock), key=_success)
    inliers = match_database.verified_inliers(matched.database)
    names, groups = [photo.name for photo in photos], [model.registered for model in models]
    reasons = matched.problems | unregistered_reasons(names, matched.features, inliers, groups)
    pairs = len(matched.pairs) + len(more)
    if not models:
        return Structure((), reasons, pairs, len(inliers), clock.seconds)
    model, principal_points = _with_principal_point(progress, models[0], options, clock)
    write_model(model, work)
    return Structure(
        registered=tuple(sorted(model.registered)),
        reasons=reasons,
        pairs_matched=pairs,
        pairs_verified=len(inliers),
        seconds=clock.seconds,
        principal_points=principal_points,
        points=model.points,
        reprojection_error=model.reprojection_error,
    )


def write_model(model: SparseModel, work: Path) -> None:
    """Put ``model`` into its place in the work folder."""
    folder = work / MODEL
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    model.write(folder)


def _map(
    progress: Progress, database: Path, work: Path, options: StructureOptions, clock: Stopwatch
) -> list[SparseModel]:
    refine = not options.fixed_intrinsics
    mapping = MappingOptions(refine_focal_length=refine, refine_distortion=refine, seed=options.seed)
    with clock("mapping"):
        progress.update("mapping")
        report = partial(progress.update, "mapping")
        return sparse_model.map_incrementally(database, work, mapping, options.correspondences.threads, report)


def _with_principal_point(
    progress: Progress, model: SparseModel, options: StructureOptions, clock: Stopwatch
) -> tuple[SparseModel, tuple[PrincipalPoint, ...]]:
    if options.fixed_intrinsics:
        return model, ()
    with clock("principal point"):
        progress.update("principal point")
        threads = options.correspondences.threads
        return free_principal_points(model, options.principal_point, AdjustmentOptions(), threads, options.seed)


def _second_chances(matched: MatchedPhotos, registered: Collection[int]) -> list[Pair]:
    """Pairs with photos that were left over, which the choice of pairs had passed over."""
    left = [index for index in matched.features if index not in registered]
    pairs = {(min(a, b), max(a, b)) for a in left for b in matched.features if a != b}
    return sorted(pairs - matched.pairs)[:_SECOND_CHANCES]


def _success(models: list[SparseModel]) -> tuple[int, int]:
    return (len(models[0].registered), models[0].points) if models else (0, 0)
