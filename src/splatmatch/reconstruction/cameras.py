"""Photos to cameras: structure from motion in a child process, and what it came to."""

from __future__ import annotations

import hashlib
import os
from dataclasses import replace
from pathlib import Path

from splatmatch.errors import ReconstructionError
from splatmatch.formats.colmap import read_colmap
from splatmatch.formats.posed_capture import PosedCapture, PosedImage
from splatmatch.jobs.child import run_in_child
from splatmatch.jobs.progress import Progress
from splatmatch.reconstruction.intrinsics import CameraChoice, group_cameras, parse_intrinsics
from splatmatch.reconstruction.other_matcher import INSIDE, MatcherChoice, matches_by
from splatmatch.reconstruction.photos import PhotoSet, listed
from splatmatch.reconstruction.posed_photos import CameraRecord, PosedPhotos
from splatmatch.reconstruction.structure import principal_point
from splatmatch.reconstruction.structure.features import PhotoFile
from splatmatch.reconstruction.structure.mapping import MODEL, StructureOptions, structure_from_motion
from splatmatch.reconstruction.structure.stopwatch import Stopwatch
from splatmatch.scene.views import Unregistered


def cameras_from_photos(
    photos: PhotoSet,
    options: StructureOptions,
    camera: CameraChoice,
    intrinsics: str | None,
    work: Path,
    progress: Progress,
    matcher: MatcherChoice = INSIDE,
) -> PosedPhotos:
    """Poses, intrinsics and sparse points of the photos of one place.

    Args:
        photos: what ``find_photos`` found.
        options: of structure from motion.
        camera: which photos share a camera.
        intrinsics: the camera of all photos as the user gives it, kept fixed; None = estimated.
        work: existing folder for intermediate files; a run that was interrupted in it goes on.
        progress: told about every stage and about what was decided.
        matcher: what finds the matches.

    Raises:
        InputError: unusable ``intrinsics``, or no such matcher.
        MissingDependencyError: weights of the matcher, or a package it needs, are not here.
        ReconstructionError: fewer than two photos have a pose; says which photos failed and why.
        CrashError: the child process died.
    """
    if intrinsics is None:
        cameras, camera_of_photo = group_cameras(photos.photos, camera)
    else:
        cameras, camera_of_photo = (parse_intrinsics(intrinsics, photos.photos),), (0,) * len(photos.photos)
    files = tuple(
        PhotoFile(photo.name, photo.path.absolute(), True, index, photo.mask and photo.mask.absolute())
        for photo, index in zip(photos.photos, camera_of_photo, strict=True)
    )
    clock = Stopwatch()
    with clock("matcher"):
        sizes = [(photo.width, photo.height) for photo in photos.photos]
        given = matches_by(matcher, files, sizes, options.correspondences.pairs, work, progress)
    options = replace(options, correspondences=replace(options.correspondences, given=given))
    outcome = run_in_child(
        "structure from motion",
        structure_from_motion,
        progress,
        1,  # of BLAS; pycolmap and OpenCV have their own threads and are told how many
        files,
        cameras,
        options,
        photos_key(photos),
        work,
    )
    structure = outcome.value
    unregistered = list(photos.rejected)
    unregistered += [Unregistered(photos.photos[index].name, why) for index, why in sorted(structure.reasons.items())]
    if not structure.registered:
        raise ReconstructionError(
            f"no cameras could be found for {len(photos.photos)} photos: {listed(unregistered)}",
            "take more photos, each overlapping the one before by two thirds",
        )
    for line in principal_point.describe(structure.principal_points):
        progress.say(line)
    return PosedPhotos(
        capture=_capture(photos, work / MODEL),
        unregistered=tuple(sorted(unregistered, key=lambda item: item.name)),
        record=CameraRecord(
            source="structure from motion",
            reprojection_error=structure.reprojection_error,
            pairs_matched=structure.pairs_matched,
            pairs_verified=structure.pairs_verified,
            principal_points=structure.principal_points,
            matcher=matcher.name,
        ),
        colourless=True,
        seconds=structure.seconds if matcher.inside else {**clock.seconds, **structure.seconds},
        cpu_seconds=outcome.cpu_seconds,
        peak_bytes=outcome.peak_bytes,
    )


def photos_key(photos: PhotoSet) -> str:
    """A hash of the content of all photos and masks."""
    digest = hashlib.sha256()
    for photo in photos.photos:
        digest.update(f"{photo.name}\0{photo.digest}\0".encode())
        if photo.mask is not None:
            digest.update(photo.mask.read_bytes())
    return digest.hexdigest()


def usable_threads() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _capture(photos: PhotoSet, folder: Path) -> PosedCapture:
    model = read_colmap(folder)
    images = []
    for image in model.images:  # sorted by index, which is sorted by name
        photo = photos.photos[int(image.name)]
        images.append(
            PosedImage(
                name=photo.name,
                camera=model.cameras[image.camera_id],
                camera_from_world=image.camera_from_world,
                image_path=photo.path,
                mask_path=photo.mask,
                turned=True,
            )
        )
    return PosedCapture(tuple(images), model.points)
