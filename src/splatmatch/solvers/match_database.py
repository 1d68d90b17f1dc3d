"""COLMAP's database of features and matches, and the matching that fills it.

Images and cameras are known by their index, from 0. Call it in a child process, see ``solvers.pycolmap``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from splatmatch.solvers.pycolmap import Failures, Intrinsics, Pair, Report, configured, image_name, load

_PAIRS_PER_CALL = 64


@dataclass(frozen=True)
class MatchingOptions:
    """How descriptors are matched and pairs verified."""

    max_ratio: float = 0.8
    """Largest ratio of nearest to second nearest descriptor distance."""
    max_error: float = 4.0
    """Inlier threshold of the two-view geometry in pixels."""
    min_inliers: int = 15
    """Pairs with fewer are dropped."""
    seed: int = 0


def create_database(path: Path, cameras: Sequence[Intrinsics], camera_of_image: Sequence[int]) -> None:
    """A new database with ``cameras`` and one image per entry of ``camera_of_image`` (index of its camera)."""
    module = load()
    with module.Database.open(path) as database:
        for index, intrinsics in enumerate(cameras):
            camera = intrinsics.camera(index + 1)
            database.write_camera(camera, True)
            rig = module.Rig()
            rig.rig_id = index + 1
            rig.add_ref_sensor(camera.sensor_id)
            database.write_rig(rig, True)
        for index, camera_index in enumerate(camera_of_image):
            image = module.Image(name=image_name(index), camera_id=camera_index + 1, image_id=index + 1)
            database.write_image(image, True)
            frame = module.Frame()
            frame.frame_id = index + 1
            frame.rig_id = camera_index + 1
            frame.add_data_id(image.data_id)
            database.write_frame(frame, True)


def write_features(path: Path, features: Iterable[tuple[int, NDArray[np.float32], NDArray[np.uint8]]]) -> None:
    """Store (image index, keypoints (K, 4) as x y scale angle, SIFT descriptors (K, 128)) in the database."""
    module = load()
    with module.Database.open(path) as database:
        for index, keypoints, descriptors in features:
            kind = module.FeatureExtractorType.SIFT
            database.write_descriptors(index + 1, module.FeatureDescriptors(kind, descriptors))
            database.write_keypoints(index + 1, keypoints)  # last: an image that has them is complete


def write_keypoints(path: Path, keypoints: Iterable[tuple[int, NDArray[np.float32]]]) -> None:
    """Store (image index, keypoints (K, 2) as x y) without descriptors."""
    module = load()
    with module.Database.open(path) as database:
        for index, points in keypoints:
            database.write_keypoints(index + 1, np.ascontiguousarray(points, np.float32))


def write_matches(path: Path, matches: Iterable[tuple[Pair, NDArray[np.int64]]]) -> None:
    """Store (pair of image indices, rows (M, 2) of their keypoints) that another matcher found.

    Pairs that the database already has are skipped.
    """
    module = load()
    with module.Database.open(path) as database:
        for (a, b), rows in matches:
            if not database.exists_matches(a + 1, b + 1):
                database.write_matches(a + 1, b + 1, np.ascontiguousarray(rows, np.uint32))


def rename_images(path: Path, names: Sequence[str]) -> None:
    """Give image ``index`` the name ``names[index]``; afterwards the functions of this module no longer know it."""
    module = load()
    with module.Database.open(path) as database:
        for index, name in enumerate(names):
            image = database.read_image(index + 1)
            image.name = name
            database.update_image(image)


def stored_features(path: Path) -> dict[int, int]:
    """Number of keypoints by image index, of the images that have been through ``write_features``."""
    with load().Database.open(path) as database:
        ids = [image.image_id for image in database.read_all_images() if database.exists_keypoints(image.image_id)]
        return {image_id - 1: int(database.num_keypoints_for_image(image_id)) for image_id in ids}


def read_features(path: Path, index: int) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Keypoints (K, 4) as x y scale angle and descriptors (K, 128) of one image."""
    with load().Database.open(path) as database:
        keypoints = np.asarray(database.read_keypoints(index + 1))
        return keypoints, np.asarray(database.read_descriptors(index + 1).data)


def match(
    path: Path, pairs: Sequence[Pair], options: MatchingOptions, threads: int, report: Report | None = None
) -> None:
    """Match the descriptors of ``pairs`` of image indices, verify them geometrically, and store both.

    Pairs that the database already has are skipped, so an interrupted run goes on where it stopped.

    Raises:
        ReconstructionError: pycolmap failed.
    """
    module = load()
    matching = configured(
        module.FeatureMatchingOptions(),
        {"use_gpu": False, "num_threads": threads, "sift.max_ratio": options.max_ratio},
    )
    verification = _verification(options)

    def work(listed: Path) -> None:
        pairing = configured(module.ImportedPairingOptions(), {"match_list_path": str(listed)})
        module.match_image_pairs(path, matching, pairing, verification, module.Device.cpu)

    _in_blocks("matching", path, pairs, work, report)


def verify(path: Path, pairs: Sequence[Pair], options: MatchingOptions, report: Report | None = None) -> None:
    """Verify the matches that the database has of ``pairs`` geometrically, and store what is left of them.

    Raises:
        ReconstructionError: pycolmap failed.
    """
    module, verification = load(), _verification(options)
    _in_blocks("verification", path, pairs, lambda listed: module.verify_matches(path, listed, verification), report)


def _verification(options: MatchingOptions) -> Any:
    return configured(
        load().TwoViewGeometryOptions(),
        {
            "min_num_inliers": options.min_inliers,
            "ransac.max_error": options.max_error,
            "ransac.random_seed": options.seed,
        },
    )


def _in_blocks(
    stage: str, path: Path, pairs: Sequence[Pair], work: Callable[[Path], None], report: Report | None
) -> None:
    """Call ``work`` with files that list some of the pairs."""
    listed = path.with_suffix(".pairs.txt")
    try:
        for start in range(0, len(pairs), _PAIRS_PER_CALL):
            block = pairs[start : start + _PAIRS_PER_CALL]
            listed.write_text("".join(f"{image_name(a)} {image_name(b)}\n" for a, b in block))
            with Failures(stage):
                work(listed)
            if report is not None:
                done = start + len(block)
                report(done / len(pairs), f"{done} of {len(pairs)} pairs")
    finally:
        listed.unlink(missing_ok=True)


def verified_inliers(path: Path) -> dict[Pair, int]:
    """Number of verified matches by pair of image indices (a < b); pairs that failed are not in it."""
    module = load()
    with module.Database.open(path) as database:
        ids, counts = database.read_two_view_geometry_num_inliers()
    found = {}
    for pair_id, count in zip(ids, counts, strict=True):
        a, b = pair_id if isinstance(pair_id, tuple) else module.pair_id_to_image_pair(pair_id)
        if count:
            found[min(a, b) - 1, max(a, b) - 1] = int(count)
    return found
