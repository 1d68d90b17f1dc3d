"""Keypoints and matches as a COLMAP database with verified two-view geometries; the job of a child process."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from splatmatch.files import atomic_path
from splatmatch.formats.keypoint_matches import read_keypoint_matches
from splatmatch.jobs.child import run_in_child
from splatmatch.jobs.progress import Progress
from splatmatch.scene.matches import Size
from splatmatch.solvers import match_database
from splatmatch.solvers.match_database import MatchingOptions
from splatmatch.solvers.pycolmap import Intrinsics

DEFAULT_FOCAL = 1.2
"""Focal length where EXIF says nothing, in units of the longer side (COLMAP's guess)."""


def write_colmap_database(
    path: Path,
    matches: Path,
    names: Sequence[str],
    sizes: Sequence[Size],
    focals: Sequence[float | None],
    progress: Progress,
) -> int:
    """Write a database that COLMAP maps without further work; how many pairs are verified.

    Photos of one size and focal length share a SIMPLE_RADIAL camera.

    Args:
        path: of the database; replaced.
        matches: file of ``KeypointMatches``.
        names: of the photos.
        sizes: of the photos.
        focals: pixels, by EXIF; None = unknown.
        progress: told about the verification.

    Raises:
        OutputError: it cannot be written.
        ReconstructionError: pycolmap failed.
        CrashError: the child process died.
    """
    cameras: dict[Intrinsics, int] = {}
    camera_of_image = []
    for (width, height), focal in zip(sizes, focals, strict=True):
        length = focal or DEFAULT_FOCAL * max(width, height)
        params = (length, width / 2, height / 2, 0.0)
        camera = Intrinsics("SIMPLE_RADIAL", width, height, params, known=focal is not None)
        camera_of_image.append(cameras.setdefault(camera, len(cameras)))
    with atomic_path(path) as temporary:
        temporary.unlink()  # pycolmap makes a database only where there is no file
        outcome = run_in_child(
            "COLMAP database",
            fill_database,
            progress,
            1,
            temporary,
            matches,
            tuple(cameras),
            tuple(camera_of_image),
            tuple(names),
        )
    return outcome.value


def fill_database(
    progress: Progress,
    path: Path,
    matches: Path,
    cameras: tuple[Intrinsics, ...],
    camera_of_image: tuple[int, ...],
    names: tuple[str, ...],
) -> int:
    """Make the database at ``path``, verify its matches, name its images; how many pairs are verified."""
    match_database.create_database(path, cameras, camera_of_image)
    pairs = store_matches(path, matches)
    match_database.verify(path, pairs, MatchingOptions(), partial(progress.update, "verification"))
    verified = len(match_database.verified_inliers(path))
    match_database.rename_images(path, names)
    return verified


def store_matches(path: Path, matches: Path) -> list[tuple[int, int]]:
    """Put the keypoints and matches of a file into the database; the pairs that have any."""
    found = read_keypoint_matches(matches)
    match_database.write_keypoints(path, enumerate(found.keypoints))
    match_database.write_matches(path, found.rows.items())
    return sorted(found.rows)
