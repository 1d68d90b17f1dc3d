"""Structure from motion by pycolmap: matching, incremental mapping, triangulation, bundle adjustment, camera models.

The one place outside ``formats`` that touches pycolmap. Features come from outside, so pycolmap never opens a photo,
and images are known to it by their index alone (file names may hold spaces, which its pair lists cannot).

pycolmap prints to stderr and ends the process on some failures: call these functions in a child process
(``jobs.child``), which turns that into an error. Nothing here imports torch.

Convention: corner pixels, camera_from_world, OpenCV axes: pycolmap's own.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from splatmatch.errors import InputError, ReconstructionError

if TYPE_CHECKING:
    import pycolmap

Floats = NDArray[np.float64]
Pair = tuple[int, int]
Report = Callable[[float | None, str], None]
"""Called with the share that is done (None = unknown) and a short text."""
_PAIRS_PER_CALL = 64
_ROUND_TRIP = 0.05
"""Pixels by which a ray may miss the pixel it came from."""


@dataclass(frozen=True)
class Intrinsics:
    """A camera in one of COLMAP's models, for processes without torch; elsewhere it is a ``DistortedCamera``."""

    model: str
    width: int
    height: int
    params: tuple[float, ...]
    known: bool = False
    """The focal length comes from EXIF or the user: pairs are verified with it."""

    @property
    def pinhole_part(self) -> tuple[float, float, float, float]:
        """fx, fy, cx, cy; meaningless for models without a focal length."""
        camera = self._camera()
        centre = (camera.principal_point_x, camera.principal_point_y)
        return float(camera.focal_length_x), float(camera.focal_length_y), float(centre[0]), float(centre[1])

    @property
    def is_pinhole(self) -> bool:
        """Whether the camera has no distortion."""
        camera = self._camera()
        return bool(camera.is_perspective_pinhole() and camera.is_undistorted())

    def distorted(self, points: Floats) -> Floats:
        """Pixels (N, 2) of points (N, 3) in the camera frame; NaN where the model has no image of a point."""
        return np.asarray(self._camera().img_from_cam(np.ascontiguousarray(points), False))

    def undistorted(self, pixels: Floats) -> Floats:
        """Normalised coordinates x/z, y/z (N, 2) of pixels (N, 2); NaN where the ray does not point forward.

        pycolmap answers with the plain pinhole where the inverse of a model does not exist (beyond 90 degrees, say), so
        every ray is projected again and must come back to its pixel.
        """
        pixels = np.ascontiguousarray(pixels, np.float64).reshape(-1, 2)
        rays = np.asarray(self._camera().cam_ray_from_img(pixels))
        with np.errstate(invalid="ignore", divide="ignore"):
            flat = np.where(rays[:, 2:] > 1e-6, rays[:, :2] / rays[:, 2:], np.nan)
            back = self.distorted(np.concatenate([flat, np.ones((len(flat), 1))], axis=1))
            good = np.linalg.norm(back - pixels, axis=1) < _ROUND_TRIP
        return np.where(good[:, None], flat, np.nan)

    def _camera(self, camera_id: int = 1) -> pycolmap.Camera:
        camera = _pycolmap().Camera(
            model=self.model, width=self.width, height=self.height, params=list(self.params), camera_id=camera_id
        )
        camera.has_prior_focal_length = self.known
        return camera


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


@dataclass(frozen=True)
class MappingOptions:
    """How images are registered one by one."""

    refine_focal_length: bool = True
    refine_distortion: bool = True
    min_model_size: int = 3
    """Smaller reconstructions are thrown away."""
    global_growth: float = 1.1
    """All images are adjusted together whenever images or points have grown by this factor."""
    seed: int = 0


@dataclass(frozen=True)
class AdjustmentOptions:
    """What a bundle adjustment may change besides poses and points."""

    refine_focal_length: bool = True
    refine_principal_point: bool = False
    refine_distortion: bool = True


@dataclass(frozen=True)
class Adjustment:
    """What a bundle adjustment came to."""

    converged: bool
    sigma: float
    """Pixels: standard deviation of one coordinate of a residual."""
    principal_point_sigma: dict[int, float]
    """By camera index: standard deviation in pixels along the worst direction; infinite where it is not determined."""


def create_database(path: Path, cameras: Sequence[Intrinsics], camera_of_image: Sequence[int]) -> None:
    """A new database with ``cameras`` and one image per entry of ``camera_of_image`` (index of its camera)."""
    module = _pycolmap()
    with module.Database.open(path) as database:
        for index, intrinsics in enumerate(cameras):
            camera = intrinsics._camera(index + 1)
            database.write_camera(camera, True)
            rig = module.Rig()
            rig.rig_id = index + 1
            rig.add_ref_sensor(camera.sensor_id)
            database.write_rig(rig, True)
        for index, camera_index in enumerate(camera_of_image):
            image = module.Image(name=_name(index), camera_id=camera_index + 1, image_id=index + 1)
            database.write_image(image, True)
            frame = module.Frame()
            frame.frame_id = index + 1
            frame.rig_id = camera_index + 1
            frame.add_data_id(image.data_id)
            database.write_frame(frame, True)


def write_features(path: Path, features: Iterable[tuple[int, NDArray[np.float32], NDArray[np.uint8]]]) -> None:
    """Store (image index, keypoints (K, 4) as x y scale angle, SIFT descriptors (K, 128)) in the database."""
    module = _pycolmap()
    with module.Database.open(path) as database:
        for index, keypoints, descriptors in features:
            database.write_keypoints(index + 1, keypoints)
            kind = module.FeatureExtractorType.SIFT
            database.write_descriptors(index + 1, module.FeatureDescriptors(kind, descriptors))


def stored_features(path: Path) -> dict[int, int]:
    """Number of keypoints by image index, of the images that have been through ``write_features``."""
    with _pycolmap().Database.open(path) as database:
        ids = [image.image_id for image in database.read_all_images() if database.exists_keypoints(image.image_id)]
        return {image_id - 1: int(database.num_keypoints_for_image(image_id)) for image_id in ids}


def read_features(path: Path, index: int) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Keypoints (K, 4) as x y scale angle and descriptors (K, 128) of one image."""
    with _pycolmap().Database.open(path) as database:
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
    module = _pycolmap()
    matching = _configured(
        module.FeatureMatchingOptions(),
        {"use_gpu": False, "num_threads": threads, "sift.max_ratio": options.max_ratio},
    )
    verification = _configured(
        module.TwoViewGeometryOptions(),
        {
            "min_num_inliers": options.min_inliers,
            "ransac.max_error": options.max_error,
            "ransac.random_seed": options.seed,
        },
    )
    listed = path.with_suffix(".pairs.txt")
    try:
        for start in range(0, len(pairs), _PAIRS_PER_CALL):
            block = pairs[start : start + _PAIRS_PER_CALL]
            listed.write_text("".join(f"{_name(a)} {_name(b)}\n" for a, b in block))
            pairing = _configured(module.ImportedPairingOptions(), {"match_list_path": str(listed)})
            with _failures("matching"):
                module.match_image_pairs(path, matching, pairing, verification, module.Device.cpu)
            if report is not None:
                done = start + len(block)
                report(done / len(pairs), f"{done} of {len(pairs)} pairs")
    finally:
        listed.unlink(missing_ok=True)


def verified_inliers(path: Path) -> dict[Pair, int]:
    """Number of verified matches by pair of image indices (a < b); pairs that failed are not in it."""
    module = _pycolmap()
    with module.Database.open(path) as database:
        ids, counts = database.read_two_view_geometry_num_inliers()
    found = {}
    for pair_id, count in zip(ids, counts, strict=True):
        a, b = pair_id if isinstance(pair_id, tuple) else module.pair_id_to_image_pair(pair_id)
        if count:
            found[min(a, b) - 1, max(a, b) - 1] = int(count)
    return found


class SparseModel:
    """A reconstruction: posed images by index, cameras by index, points with tracks."""

    def __init__(self, reconstruction: pycolmap.Reconstruction) -> None:
        self._reconstruction = reconstruction

    @classmethod
    def posed(
        cls, cameras: Sequence[Intrinsics], camera_of_image: Sequence[int], camera_from_world: Sequence[Floats]
    ) -> SparseModel:
        """Images with known poses (3, 4), without points."""
        module = _pycolmap()
        reconstruction = module.Reconstruction()
        for index, intrinsics in enumerate(cameras):
            reconstruction.add_camera_with_trivial_rig(intrinsics._camera(index + 1))
        for index, (camera_index, matrix) in enumerate(zip(camera_of_image, camera_from_world, strict=True)):
            image = module.Image(name=_name(index), camera_id=camera_index + 1, image_id=index + 1)
            reconstruction.add_image_with_trivial_frame(image, module.Rigid3d(np.ascontiguousarray(matrix)))
        return cls(reconstruction)

    @property
    def registered(self) -> frozenset[int]:
        """Indices of the images that have a pose."""
        return frozenset(i.image_id - 1 for i in self._reconstruction.images.values() if i.has_pose)

    @property
    def points(self) -> int:
        """Number of points."""
        return int(self._reconstruction.num_points3D())

    @property
    def reprojection_error(self) -> float:
        """Mean over the points, in pixels."""
        return float(self._reconstruction.compute_mean_reprojection_error())

    def camera(self, index: int) -> Intrinsics:
        """Camera ``index`` as it is now."""
        camera = self._reconstruction.cameras[index + 1]
        return Intrinsics(camera.model_name, camera.width, camera.height, tuple(map(float, camera.params)))

    @property
    def cameras(self) -> tuple[int, ...]:
        """Indices of the cameras of registered images."""
        images = self._reconstruction.images.values()
        return tuple(sorted({image.camera_id - 1 for image in images if image.has_pose}))

    def adjust(
        self, options: AdjustmentOptions, threads: int, seed: int = 0, constant_cameras: Iterable[int] = ()
    ) -> Adjustment:
        """Adjust all registered images, their cameras and points together, in place.

        The standard deviations come from the inverse of the normal matrix, scaled by the residuals.

        Args:
            options: what may change.
            threads: of the solver.
            seed: of pycolmap.
            constant_cameras: indices of cameras that stay as they are.

        Raises:
            ReconstructionError: pycolmap failed.
        """
        module = _pycolmap()
        module.set_random_seed(seed)
        adjustment = _configured(
            module.BundleAdjustmentOptions(),
            {
                "refine_focal_length": options.refine_focal_length,
                "refine_principal_point": options.refine_principal_point,
                "refine_extra_params": options.refine_distortion,
                "print_summary": False,
                "ceres.solver_options.num_threads": threads,
            },
        )
        config = module.BundleAdjustmentConfig()
        for index in sorted(self.registered):
            config.add_image(index + 1)
        for index in constant_cameras:
            config.set_constant_cam_intrinsics(index + 1)
        config.fix_gauge(module.BundleAdjustmentGauge.TWO_CAMS_FROM_WORLD)
        with _failures("bundle adjustment"):
            adjuster = module.create_default_ceres_bundle_adjuster(adjustment, config, self._reconstruction)
            summary = adjuster.solve()
            self._reconstruction.update_point_3d_errors()
            ceres = summary.ceres_summary
            freedom = ceres.num_residuals - ceres.num_effective_parameters_reduced
            sigma = math.sqrt(2 * ceres.final_cost / freedom) if freedom > 0 else math.inf
            sigmas = {}
            if options.refine_principal_point:
                sigmas = self._principal_point_sigmas(adjuster, options, sigma)
        return Adjustment(bool(summary.is_solution_usable()), sigma, sigmas)

    def write(self, folder: Path) -> None:
        """Write the model as COLMAP binary into an existing folder; image names are six-digit indices."""
        self._reconstruction.write_binary(str(folder))

    def copy(self) -> SparseModel:
        """An independent copy."""
        return SparseModel(_pycolmap().Reconstruction(self._reconstruction))

    def _principal_point_sigmas(
        self, adjuster: pycolmap.CeresBundleAdjuster, options: AdjustmentOptions, sigma: float
    ) -> dict[int, float]:
        module = _pycolmap()
        # ALL, though only cameras are asked for: without the points the covariance of a camera is not filled in
        wanted = _configured(module.BACovarianceOptions(), {"params": module.BACovarianceOptionsParams.ALL})
        covariance = module.estimate_ba_covariance(wanted, self._reconstruction, adjuster)
        sigmas = {}
        for index in self.cameras:
            camera = self._reconstruction.cameras[index + 1]
            table = None if covariance is None else covariance.get_other_params_cov(camera.params)
            held = list(camera.focal_length_idxs()) * (not options.refine_focal_length)
            held += list(camera.extra_params_idxs()) * (not options.refine_distortion)
            rows = [k - sum(h < k for h in held) for k in camera.principal_point_idxs()]
            if table is None or len(rows) != 2 or len(table) <= max(rows):
                sigmas[index] = math.inf
                continue
            worst = float(np.linalg.eigvalsh(np.asarray(table)[np.ix_(rows, rows)])[-1])
            sigmas[index] = sigma * math.sqrt(worst) if worst > 0 and math.isfinite(worst) else math.inf
        return sigmas


def map_incrementally(
    database: Path, folder: Path, options: MappingOptions, threads: int, report: Report | None = None
) -> list[SparseModel]:
    """Register the images of a matched database one by one; largest model first, none if no pair could start one.

    Raises:
        ReconstructionError: pycolmap failed.
    """
    module = _pycolmap()
    module.set_random_seed(options.seed)
    pipeline = _configured(
        module.IncrementalPipelineOptions(),
        {
            "num_threads": threads,
            "random_seed": options.seed,
            "min_model_size": options.min_model_size,
            "extract_colors": False,
            "ba_refine_focal_length": options.refine_focal_length,
            "ba_refine_extra_params": options.refine_distortion,
            "ba_global_frames_ratio": options.global_growth,
            "ba_global_points_ratio": options.global_growth,
            "mapper.abs_pose_refine_focal_length": options.refine_focal_length,
            "mapper.abs_pose_refine_extra_params": options.refine_distortion,
        },
    )
    with module.Database.open(database) as opened:
        total = opened.num_images()
    count = 0

    def registered(more: int) -> None:
        nonlocal count
        count = min(count + more, total)
        if report is not None:
            report(count / total, f"{count} of {total} photos")

    with _failures("mapping"):
        models = module.incremental_mapping(
            database,
            folder,
            folder,
            pipeline,
            initial_image_pair_callback=lambda: registered(2),
            next_image_callback=lambda: registered(1),
        )
    found = [SparseModel(reconstruction) for reconstruction in models.values()]
    return sorted(found, key=lambda model: (-len(model.registered), -model.points))


def triangulate(model: SparseModel, database: Path, folder: Path, threads: int, seed: int = 0) -> SparseModel:
    """The posed images of ``model`` with points triangulated from a matched database; poses and cameras stay.

    Raises:
        ReconstructionError: pycolmap failed.
    """
    module = _pycolmap()
    module.set_random_seed(seed)
    pipeline = _configured(
        module.IncrementalPipelineOptions(), {"num_threads": threads, "random_seed": seed, "extract_colors": False}
    )
    with _failures("triangulation"):
        reconstruction = module.triangulate_points(
            model._reconstruction, database, folder, folder, True, pipeline, refine_intrinsics=False
        )
    return SparseModel(reconstruction)


def _pycolmap() -> Any:
    import pycolmap

    pycolmap.logging.minloglevel = 2
    return pycolmap


def _name(index: int) -> str:
    return f"{index:06d}"


def _configured(options: Any, values: dict[str, Any]) -> Any:
    """``options`` with ``values`` set by dotted names.

    Raises:
        InputError: this pycolmap has no such option.
    """
    for dotted, value in values.items():
        *path, name = dotted.split(".")
        target = options
        for part in path:
            target = getattr(target, part, None)
        if target is None or not hasattr(target, name):
            import pycolmap

            raise InputError(
                f"pycolmap {pycolmap.__version__} has no option {type(options).__name__}.{dotted}",
                "install the version in constraints.txt",
            )
        setattr(target, name, value)
    return options


class _failures:  # noqa: N801 (used as a function)
    """Turn pycolmap's exceptions into ReconstructionError."""

    def __init__(self, stage: str) -> None:
        self._stage = stage

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, (RuntimeError, ValueError, IndexError)):
            raise ReconstructionError(f"{self._stage} failed: {' '.join(str(error).split())}") from error
