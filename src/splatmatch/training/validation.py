"""How good a matcher in training is: relative poses of held-out pairs, by the protocol pairs/poselib-1px@640."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from splatmatch.correspondence.verification import VerificationOptions, relative_pose
from splatmatch.drawing.matches import match_picture
from splatmatch.errors import InputError
from splatmatch.formats.images import read_image
from splatmatch.formats.pair_list import PairList, read_pair_list, read_pair_lists
from splatmatch.geometry.camera import Camera
from splatmatch.geometry.distorted import DistortedCamera
from splatmatch.geometry.pose import Pose
from splatmatch.jobs.progress import Progress, Silent
from splatmatch.metrics.relative_pose import THRESHOLDS, recall_auc, rotation_degrees, translation_degrees
from splatmatch.pairs.reader import ShardReader
from splatmatch.pairs.shards import INDEX_FILE
from splatmatch.scene.matcher import Matcher, Pixels

LONG_SIDE = 640
SEEDS = (0, 1, 2)
FAILURE = 180.0
"""Degrees of a pair without a pose."""
DATA_VARIABLE = "SPLATMATCH_DATA"
USUAL = ("cycles_room", "ingp_fox")
"""Lists inside that folder's ``pairs`` on which choices may be made."""
DRAWN = 2
"""Pairs of each set that are drawn."""


@dataclass(frozen=True)
class Validation:
    """What is validated on."""

    lists: tuple[PairList, ...] = ()
    shards: tuple[Path, ...] = ()
    """Folders of generated pairs that are not trained on."""
    most: int = 100
    """Pairs of each set, evenly chosen."""

    def __post_init__(self) -> None:
        if len(set(self.names)) < len(self.names):
            raise InputError(f"two validation sets have one name: {', '.join(self.names)}")

    @property
    def names(self) -> list[str]:
        """Of the sets."""
        return [pairs.name for pairs in self.lists] + [folder.name for folder in self.shards]


@dataclass(frozen=True, eq=False)
class ValidationResult:
    """Figures of one validation."""

    score: float
    """Mean of AUC@5, 10 and 20 of each set, mean over the sets, 0..1."""
    figures: Mapping[str, float]
    """``SET/auc5``, ``SET/auc10``, ``SET/auc20`` 0..1, ``SET/matches``: mean number of matches."""
    pictures: Mapping[str, Pixels]
    """Matches of some pairs."""

    def __str__(self) -> str:
        sets = dict.fromkeys(name.rsplit("/", 1)[0] for name in self.figures)
        parts = []
        for name in sets:
            areas = [f"{100 * self.figures[f'{name}/auc{t:.0f}']:.1f}" for t in THRESHOLDS]
            parts.append(f"{name} {' / '.join(areas)}")
        return f"AUC@5/10/20: {', '.join(parts)}; score {100 * self.score:.2f}"


def usual_validation(named: tuple[str, ...]) -> Validation | None:
    """The sets that a user named; if none, the usual lists of the folder in SPLATMATCH_DATA; None without either.

    Args:
        named: folders of shards, files of pair lists, or folders of them.

    Raises:
        InputError: there is no such thing.
        FormatError: it is damaged.
    """
    lists: list[PairList] = []
    shards: list[Path] = []
    for text in named:
        path = Path(text)
        if path.is_dir() and ((path / INDEX_FILE).is_file() or any(path.glob("pairs-*.tar"))):
            if not len(ShardReader(path)):
                raise InputError(f"{path}: holds no pairs that can be read")
            shards.append(path.resolve())
        else:
            lists += read_pair_lists(path)
    if not named and os.environ.get(DATA_VARIABLE):
        folder = Path(os.environ[DATA_VARIABLE]) / "pairs"
        lists = [read_pair_list(path) for name in USUAL if (path := folder / f"{name}.json").is_file()]
    return Validation(tuple(lists), tuple(shards)) if lists or shards else None


def validate(matcher: Matcher, validation: Validation, progress: Progress | None = None) -> ValidationResult:
    """Match the pairs of every set and estimate their relative poses.

    Images have a long side of at most 640 pixels (INTER_AREA); PoseLib, 1 px, up to 10,000 iterations; the mean over
    seeds 0 to 2; a pair without a pose counts as 180 degrees.
    """
    progress = progress or Silent()
    figures: dict[str, float] = {}
    pictures: dict[str, Pixels] = {}
    scores = []
    for name, count, cases in _sets(validation):
        errors, matched = [], []
        for done, case in enumerate(cases, 1):
            progress.update("validating", done / count, name)
            found, count_of_matches, picture = _attempt(matcher, case, done <= DRAWN)
            errors.append(found)
            matched.append(count_of_matches)
            if picture is not None:
                pictures[f"{name}/{done}"] = picture
        table = np.array(errors)
        areas = np.mean([recall_auc(table[:, seed], THRESHOLDS) for seed in range(len(SEEDS))], axis=0)
        figures |= {f"{name}/auc{t:.0f}": float(area) for t, area in zip(THRESHOLDS, areas, strict=True)}
        figures[f"{name}/matches"] = float(np.mean(matched))
        scores.append(float(areas.mean()))
    return ValidationResult(float(np.mean(scores)), figures, pictures)


@dataclass(frozen=True, eq=False)
class _Case:
    """A pair at the size at which it is matched."""

    a: Pixels
    b: Pixels
    camera_a: Camera | DistortedCamera
    camera_b: Camera | DistortedCamera
    b_from_a: Pose


def _sets(validation: Validation) -> Iterator[tuple[str, int, Iterator[_Case]]]:
    for pairs in validation.lists:
        rows = _evenly(len(pairs.pairs), validation.most)
        yield pairs.name, len(rows), _of_list(pairs, rows)
    for folder in validation.shards:
        reader = ShardReader(folder)
        rows = _evenly(len(reader), validation.most)
        yield folder.name, len(rows), _of_shards(reader, rows)


def _of_list(pairs: PairList, rows: NDArray[np.int64]) -> Iterator[_Case]:
    for row in rows:
        pair = pairs.pairs[row]
        photos = [_shrunk(read_image(pairs.folder / name)) for name in (pair.name_a, pair.name_b)]
        cameras = [
            camera.resized(photo.shape[1], photo.shape[0])
            for camera, photo in zip((pair.camera_a, pair.camera_b), photos, strict=True)
        ]
        yield _Case(photos[0], photos[1], cameras[0], cameras[1], pair.b_from_a)


def _of_shards(reader: ShardReader, rows: NDArray[np.int64]) -> Iterator[_Case]:
    for row in rows:
        sample = reader[int(row)]
        photos = [_shrunk(image.rgb) for image in (sample.a, sample.b)]
        cameras = [
            image.camera.resized(photo.shape[1], photo.shape[0])
            for image, photo in zip((sample.a, sample.b), photos, strict=True)
        ]
        yield _Case(photos[0], photos[1], cameras[0], cameras[1], sample.b_from_a)


def _attempt(matcher: Matcher, case: _Case, drawn: bool) -> tuple[list[float], int, Pixels | None]:
    """Errors in degrees, one per seed, the number of matches, and a picture where one is wanted."""
    matches = matcher.match(case.a, case.b)
    errors, inliers = [], np.zeros(len(matches), bool)
    for seed in SEEDS:
        options = replace(VerificationOptions(), seed=seed)
        found = relative_pose(matches.points_a, matches.points_b, case.camera_a, case.camera_b, options)
        inliers = found.inliers if seed == SEEDS[0] else inliers
        if found.b_from_a is None:
            errors.append(FAILURE)
            continue
        rotation = rotation_degrees(found.b_from_a, case.b_from_a)
        errors.append(max(rotation, translation_degrees(found.b_from_a, case.b_from_a)))
    picture = match_picture(case.a, case.b, matches, inliers, height=240) if drawn else None
    return errors, len(matches), picture


def _shrunk(photo: Pixels) -> Pixels:
    scale = LONG_SIDE / max(photo.shape[:2])
    if scale >= 1:
        return photo
    size = (max(1, round(photo.shape[1] * scale)), max(1, round(photo.shape[0] * scale)))
    return np.asarray(cv2.resize(photo, size, interpolation=cv2.INTER_AREA), np.uint8)


def _evenly(count: int, most: int) -> NDArray[np.int64]:
    return np.unique(np.linspace(0, count - 1, min(count, most)).round().astype(np.int64))
