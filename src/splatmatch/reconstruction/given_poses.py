"""Photos with given poses: poses and cameras are kept, points are triangulated where the source has none."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from splatmatch.errors import InputError, ReconstructionError
from splatmatch.files import sha256
from splatmatch.formats.colmap import read_colmap
from splatmatch.formats.images import list_photos
from splatmatch.formats.masks import find_mask
from splatmatch.formats.posed import read_posed_capture
from splatmatch.formats.posed_capture import PosedCapture
from splatmatch.geometry.distorted import DistortedCamera
from splatmatch.jobs.child import run_in_child
from splatmatch.jobs.progress import Progress
from splatmatch.reconstruction.other_matcher import INSIDE, MatcherChoice, matches_by
from splatmatch.reconstruction.photos import is_mask
from splatmatch.reconstruction.posed_photos import CameraRecord, PosedPhotos
from splatmatch.reconstruction.structure.features import PhotoFile
from splatmatch.reconstruction.structure.known_poses import triangulate_known_poses
from splatmatch.reconstruction.structure.mapping import MODEL
from splatmatch.reconstruction.structure.matching import CorrespondenceOptions
from splatmatch.reconstruction.structure.stopwatch import Stopwatch
from splatmatch.reconstruction.undistort import intrinsics_of
from splatmatch.scene.views import SparsePoints, Tracks, Unregistered

LEAST_AGREEMENT = 0.15
"""Where a smaller share of the verified matches lies in common points, the poses do not belong to the photos."""


@dataclass(frozen=True)
class GivenPoses:
    """A posed capture from a file."""

    capture: PosedCapture
    unregistered: tuple[Unregistered, ...]
    """Photos of the folder that have no pose, and those that the file names but that do not exist."""


def read_given_poses(poses: Path, photos: Path, masks: Path | None) -> GivenPoses:
    """The photos in ``photos`` with the poses that ``poses`` gives them.

    Args:
        poses: COLMAP model, transforms.json, poses_bounds.npy, camera list or scene folder.
        photos: folder of the photos.
        masks: folder of masks, which replace those that the file names; None = those.

    Raises:
        InputError: one of the paths does not exist, or the file names none of the photos.
        FormatError: a damaged pose file, NaN in a pose, or photos of another size than their cameras.
        ReconstructionError: fewer than two photos have a pose.
    """
    capture = read_posed_capture(poses, photos)
    images = capture.with_photos
    if len(images) < 2:
        raise ReconstructionError(f"{poses}: gives poses to {len(images)} photo of {photos}", "at least two are needed")
    if any(image.camera.model == "EQUIRECTANGULAR" for image in images):
        raise InputError(f"{poses}: panoramas (EQUIRECTANGULAR) have no perspective image", "cut them into views first")
    if masks is not None:
        capture = replace(
            capture,
            images=tuple(
                replace(image, mask_path=find_mask(masks, image.name)) if image.image_path else image
                for image in capture.images
            ),
        )
    used = {image.image_path.resolve() for image in images if image.image_path is not None}
    others = [name for name in list_photos(photos) if (photos / name).resolve() not in used]
    without = [name for name in others if not is_mask(photos / name, masks)]
    unregistered = (*capture.missing, *(Unregistered(name, f"has no pose in {poses.name}") for name in without))
    return GivenPoses(capture, tuple(sorted(unregistered, key=lambda item: item.name)))


def posed_photos(
    given: GivenPoses,
    options: CorrespondenceOptions,
    work: Path,
    progress: Progress,
    matcher: MatcherChoice = INSIDE,
) -> PosedPhotos:
    """The given capture with its own points or, where it has none, with points triangulated from its photos.

    Poses and cameras stay as they are.

    Raises:
        ReconstructionError: the photos' matches contradict the poses: the file belongs to other photos, or its
            convention is another one.
        CrashError: the child process died.
    """
    if len(given.capture.points):
        record = CameraRecord("given poses and points")
        return PosedPhotos(given.capture, given.unregistered, record, colourless=False)
    capture = given.capture
    images = capture.with_photos
    cameras: dict[DistortedCamera, int] = {}
    files = []
    for image in images:
        index = cameras.setdefault(image.camera, len(cameras))
        assert image.image_path is not None
        mask = image.mask_path and image.mask_path.absolute()
        files.append(PhotoFile(image.name, image.image_path.absolute(), image.turned, index, mask))
    clock = Stopwatch()
    with clock("matcher"):
        sizes = [(image.camera.width, image.camera.height) for image in images]
        found = matches_by(matcher, files, sizes, options.pairs, work, progress)
    options = replace(options, given=found)
    outcome = run_in_child(
        "triangulation",
        triangulate_known_poses,
        progress,
        1,
        tuple(files),
        tuple(intrinsics_of(camera) for camera in cameras),
        tuple(image.camera_from_world.matrix[:3].numpy() for image in images),
        options,
        capture_key(capture),
        work,
    )
    result = outcome.value
    if result.matches and result.agreeing < LEAST_AGREEMENT * result.matches:
        raise ReconstructionError(
            f"the poses do not fit the photos: of {result.matches} matches only {result.agreeing} agree with them",
            "check that the pose file belongs to these photos, in this order",
        )
    return PosedPhotos(
        capture=PosedCapture(images, _points(work / MODEL)),
        unregistered=given.unregistered,
        record=CameraRecord(
            source="given poses",
            reprojection_error=result.reprojection_error,
            pairs_matched=result.pairs_matched,
            pairs_verified=result.pairs_verified,
            matcher=matcher.name,
        ),
        colourless=True,
        seconds=result.seconds if matcher.inside else {**clock.seconds, **result.seconds},
        cpu_seconds=outcome.cpu_seconds,
        peak_bytes=outcome.peak_bytes,
    )


def capture_key(capture: PosedCapture) -> str:
    """A hash of all photos, masks, cameras, poses and points."""
    digest = hashlib.sha256()
    for image in capture.with_photos:
        digest.update(repr((image.name, image.camera, image.split, image.turned)).encode())
        digest.update(image.camera_from_world.matrix.numpy().tobytes())
        for path in (image.image_path, image.mask_path):
            digest.update(b"-" if path is None else sha256(path).encode())
    digest.update(capture.points.positions.numpy().tobytes())
    return digest.hexdigest()


def _points(folder: Path) -> SparsePoints:
    """The triangulated points; their tracks index the photos that were given to the child."""
    model = read_colmap(folder)
    tracks = model.points.tracks
    if tracks is None:
        return SparsePoints.empty()
    index = torch.tensor([int(image.name) for image in model.images])
    return replace(model.points, tracks=Tracks(tracks.point_index, index[tracks.view_index], tracks.pixels))
