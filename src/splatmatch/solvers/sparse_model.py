"""Incremental mapping, triangulation and bundle adjustment, and the sparse model they work on.

Images and cameras are known by their index, from 0. Call it in a child process, see ``solvers.pycolmap``.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from splatmatch.solvers.pycolmap import Failures, Floats, Intrinsics, Report, configured, image_name, load


@dataclass(frozen=True)
class MappingOptions:
    """How images are registered one by one."""

    refine_focal_length: bool = True
    refine_distortion: bool = True
    min_model_size: int = 3
    """Smaller reconstructions are thrown away."""
    global_growth: float = 1.3
    """All images are adjusted together whenever images or points have grown by this factor (pycolmap's own 1.1 takes a
    quarter more time for the same cameras)."""
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


class SparseModel:
    """A reconstruction: posed images by index, cameras by index, points with tracks."""

    def __init__(self, reconstruction: Any) -> None:
        self._reconstruction = reconstruction

    @classmethod
    def posed(
        cls, cameras: Sequence[Intrinsics], camera_of_image: Sequence[int], camera_from_world: Sequence[Floats]
    ) -> SparseModel:
        """Images with known poses (3, 4), without points."""
        module = load()
        reconstruction = module.Reconstruction()
        for index, intrinsics in enumerate(cameras):
            reconstruction.add_camera_with_trivial_rig(intrinsics.camera(index + 1))
        for index, (camera_index, matrix) in enumerate(zip(camera_of_image, camera_from_world, strict=True)):
            image = module.Image(name=image_name(index), camera_id=camera_index + 1, image_id=index + 1)
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
    def pairs_in_tracks(self) -> int:
        """Pairs of observations that share a point: sum of L (L - 1) / 2 over the track lengths L."""
        lengths = [point.track.length() for point in self._reconstruction.points3D.values()]
        return sum(length * (length - 1) // 2 for length in lengths)

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
        module = load()
        module.set_random_seed(seed)
        adjustment = configured(
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
        with Failures("bundle adjustment"):
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
        return SparseModel(load().Reconstruction(self._reconstruction))

    def _principal_point_sigmas(self, adjuster: Any, options: AdjustmentOptions, sigma: float) -> dict[int, float]:
        module = load()
        # ALL, though only cameras are asked for: without the points the covariance of a camera is not filled in
        wanted = configured(module.BACovarianceOptions(), {"params": module.BACovarianceOptionsParams.ALL})
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
    module = load()
    module.set_random_seed(options.seed)
    pipeline = configured(
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

    with Failures("mapping"):
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
    module = load()
    module.set_random_seed(seed)
    pipeline = configured(
        module.IncrementalPipelineOptions(), {"num_threads": threads, "random_seed": seed, "extract_colors": False}
    )
    with Failures("triangulation"):
        reconstruction = module.triangulate_points(
            model._reconstruction, database, folder, folder, True, pipeline, refine_intrinsics=False
        )
    return SparseModel(reconstruction)
