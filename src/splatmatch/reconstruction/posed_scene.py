"""The first half of a reconstruction: photos, with or without given poses, become a posed scene without splat."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, replace
from pathlib import Path

from splatmatch.errors import InputError
from splatmatch.formats.posed_capture import PosedCapture
from splatmatch.jobs.progress import Progress
from splatmatch.matchers.registry import card
from splatmatch.reconstruction.cameras import cameras_from_photos, photos_key, usable_threads
from splatmatch.reconstruction.config import ReconstructConfig
from splatmatch.reconstruction.given_poses import (
    GivenPoses,
    capture_key,
    posed_photos,
    read_given_poses,
)
from splatmatch.reconstruction.orientation import metric_scale, moved, scaling, upright
from splatmatch.reconstruction.other_matcher import MatcherChoice
from splatmatch.reconstruction.output_folder import remove_old_scene
from splatmatch.reconstruction.photos import PhotoSet, find_photos
from splatmatch.reconstruction.split import held_out
from splatmatch.reconstruction.undistort import target_names, undistort
from splatmatch.scene.views import Scene, View

Source = PhotoSet | GivenPoses
_STAGE_OPTIONS = (
    *("preset", "test_every", "camera", "intrinsics", "principal_point", "pairs", "matcher", "matcher_size", "up"),
    *("scale_by", "seed"),
)


def read_source(photos: Path, poses: Path | None, config: ReconstructConfig, progress: Progress) -> Source:
    """The photos, with their poses where those are given.

    Raises:
        InputError, FormatError, ReconstructionError: see ``find_photos`` and ``read_given_poses``; a photo that
            ``scale_by`` names is not there.
    """
    if poses is None:
        source: Source = find_photos(photos, config.masks, progress)
    else:
        source = read_given_poses(poses, photos, config.masks)
    for name in (config.scale_by or ())[:2]:
        if name not in _names(source):
            raise InputError(f"--scale-by: there is no photo {name}", f"photos are named like {_names(source)[0]}")
    return source


def source_key(source: Source, config: ReconstructConfig) -> str:
    """A hash of everything the posed scene depends on."""
    content = photos_key(source) if isinstance(source, PhotoSet) else capture_key(source.capture)
    options = [getattr(config, name) for name in _STAGE_OPTIONS]
    return hashlib.sha256(repr((content, config.long_side, options)).encode()).hexdigest()


def posed_scene(source: Source, config: ReconstructConfig, folder: Path, work: Path, progress: Progress) -> Scene:
    """Cameras, poses and points of ``source``, its undistorted images written to ``folder``; not saved yet.

    ``provenance`` tells about it: ``cameras``, ``timings`` in seconds, ``peak_memory`` of child processes in MB.

    Raises:
        InputError, ReconstructionError, CrashError, OutputError: see the stages.
    """
    threads = config.threads or usable_threads()
    matcher = MatcherChoice(config.matcher, config.matcher_size)
    if isinstance(source, PhotoSet):
        options = config.structure(len(source.photos), threads)
        posed = cameras_from_photos(source, options, config.camera, config.intrinsics, work, progress, matcher)
    else:
        correspondences = config.correspondences(len(source.capture.images), threads)
        posed = posed_photos(source, correspondences, work, progress, matcher)
    remove_old_scene(folder)
    flat = undistort(posed.capture, folder, config.long_side, posed.colourless, threads, progress)
    scene = Scene(
        views=_split(flat.views, posed.capture, config),
        points=flat.points,
        unregistered=tuple(sorted((*posed.unregistered, *flat.unreadable), key=lambda item: item.name)),
        provenance={
            "cameras": {"photos": len(flat.views), "points": len(flat.points), **asdict(posed.record)},
            "licences": _licences(posed.record.matcher),
            "timings": {**posed.seconds, "undistortion": flat.seconds},
            "peak_memory": {"cameras": posed.peak_bytes / 1e6, "undistortion": flat.peak_bytes / 1e6},
        },
    )
    _announce(scene, posed.record.reprojection_error, progress)
    names = [image.name for image in posed.capture.with_photos]
    stored = dict(zip(names, target_names(names), strict=True))
    return _placed(scene, stored, isinstance(source, PhotoSet), config)


def _licences(matcher: str | None) -> list[str]:
    return [] if matcher is None or MatcherChoice(matcher).inside else [f"{matcher}: {card(matcher).licence}"]


def _names(source: Source) -> list[str]:
    items = source.photos if isinstance(source, PhotoSet) else source.capture.with_photos
    return [item.name for item in items]


def _split(views: tuple[View, ...], capture: PosedCapture, config: ReconstructConfig) -> tuple[View, ...]:
    """The lists of the pose file where it has some, else every n-th."""
    if any(image.split is not None for image in capture.images):
        return views
    return held_out(views, config.test_every)


def _placed(scene: Scene, stored: dict[str, str], found_here: bool, config: ReconstructConfig) -> Scene:
    """The scene upright and to scale, where that is asked for; ``stored`` names views by their photos."""
    views, points = scene.views, scene.points
    stand_up = config.up == "cameras" or (config.up == "auto" and found_here)
    if stand_up:
        new_from_old = upright([view.camera_from_world for view in views], points.positions)
        views, points = moved(views, points, new_from_old)
    if config.scale_by is not None:
        first, second, metres = config.scale_by
        scale = metric_scale(views, stored.get(first, first), stored.get(second, second), metres)
        views, points = moved(views, points, scaling(scale))
    return replace(scene, views=views, points=points, up_known=stand_up, metric=config.scale_by is not None)


def _announce(scene: Scene, error: float | None, progress: Progress) -> None:
    total = len(scene.views) + len(scene.unregistered)
    precision = "" if error is None else f", reprojection error {error:.2f} px"
    progress.say(f"cameras: {len(scene.views)} of {total} photos, {len(scene.points):,} points{precision}")
    for item in scene.unregistered:
        progress.say(f"  no pose for {item.name}: {item.reason}")
