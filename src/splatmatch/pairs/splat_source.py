"""Pairs from Gaussians: a scene folder with its training cameras, or a bare splat."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from splatmatch.errors import InputError
from splatmatch.geometry.alignment import Similarity
from splatmatch.geometry.camera import Camera
from splatmatch.geometry.pose import Pose
from splatmatch.pairs.free_space import LookFrom, UpAxis, survey
from splatmatch.pairs.occupancy import SOLID
from splatmatch.pairs.parallax import without_parallax
from splatmatch.pairs.sources import Anchor, Glance, Shot, SourceDepth, SourceKind, fitted_camera
from splatmatch.pairs.uncertainty import depth_uncertainty
from splatmatch.scene.gaussians import Gaussians
from splatmatch.scene.render import DepthMode
from splatmatch.scene.views import Scene, View
from splatmatch.splats.render import render

TRUSTED_ALPHA = 0.8
"""Accumulated opacity from which depth is trusted."""
FAR_SHARE = 0.5
"""Share of Gaussians without parallax in a pixel above which its depth is not trusted."""


@dataclass(frozen=True, eq=False)
class SplatSource:
    """Renders a splat that has been moved and scaled to about one unit."""

    name: str
    kind: SourceKind
    gaussians: Gaussians
    """In the source frame."""
    scene_from_source: Similarity
    views: tuple[View, ...]
    """Training views in the source frame, with their photos; none for a bare splat."""
    up: UpAxis
    look_from: LookFrom
    up_known: bool
    """+z of the scene is up."""
    licence: str
    faithful: bool
    """The splat was fitted with losses on geometry."""
    engine: str = "auto"

    @property
    def closed(self) -> bool:
        """A capture with photos covers what they show."""
        return self.kind == "scene"

    def anchors(self, size: tuple[int, int], seed: int) -> tuple[Anchor, ...]:
        """The training cameras; of a bare splat, viewpoints in free space.

        Raises:
            InputError: there is no viewpoint from which matter is seen well.
        """
        if self.views:
            return tuple(
                Anchor(view.name, fitted_camera(view.camera, size), view.camera_from_world) for view in self.views
            )
        return survey(self.gaussians, self.glance, size, self.up, self.up_known, self.look_from, self.name, seed)

    def glance(self, camera: Camera, camera_from_source: Pose) -> Glance:
        """Median depth, opacity and grain at the size of ``camera``."""
        image = render(
            self.gaussians,
            camera,
            camera_from_source,
            ("depth", "radii"),
            depth="median",
            features=torch.cat([self._log_sizes, self._far], dim=1),
            engine=self.engine,
        )
        assert image.depth is not None
        assert image.depth_valid is not None
        assert image.radii is not None
        assert image.features is not None
        valid = image.depth_valid & (image.depth > 0) & self._measured(image.features[..., 1:], image.alpha)
        depth = torch.where(valid, image.depth, torch.zeros_like(image.depth))
        sizes = (image.features[..., 0] / image.alpha.clamp(min=1e-6))[valid].exp() / depth[valid]
        grain = float(sizes.median()) * camera.fx / camera.width if len(sizes) else 0.0
        return Glance(camera, _array(depth), _array(image.alpha), int((image.radii > 0).sum()), grain)

    def shoot(self, camera: Camera, camera_from_source: Pose, depth: SourceDepth, ids: bool) -> Shot:
        """Colour, depth, normals and the spread of depth along the rays, in one pass.

        The spread is that of the logarithm of the Gaussians' z: sum w l^2 / sum w - (sum w l / sum w)^2.
        """
        mode: DepthMode = "plane" if depth == "exact" else depth
        log_z = camera_from_source.apply(self.gaussians.means)[:, 2].clamp(min=1e-3).log()
        image = render(
            self.gaussians,
            camera,
            camera_from_source,
            ("rgb", "depth", "normal"),
            depth=mode,
            features=torch.cat([torch.stack([log_z, log_z.square()], dim=1), self._far], dim=1),
            top_k=1 if ids else 0,
            engine=self.engine,
        )
        assert image.rgb is not None
        assert image.depth is not None
        assert image.depth_valid is not None
        assert image.normal is not None
        assert image.features is not None
        valid = image.depth_valid & (image.alpha >= TRUSTED_ALPHA) & (image.depth > 0) & torch.isfinite(image.depth)
        valid &= self._measured(image.features[..., 2:], image.alpha)
        z = torch.where(valid, image.depth, torch.zeros_like(image.depth))
        moments = image.features / image.alpha.clamp(min=1e-6)[..., None]
        spread = (moments[..., 1] - moments[..., 0].square()).clamp(min=0).sqrt()
        normal, alpha = _array(image.normal), _array(image.alpha)
        length = np.sqrt(np.einsum("hwc,hwc->hw", normal, normal))  # norms of torch take five times as long
        normal = normal / np.maximum(length, 1e-12)[..., None]
        length /= np.maximum(alpha, 1e-6)
        sigma = depth_uncertainty(_array(z), _array(valid), _array(spread), normal, length, camera)
        return Shot(
            camera=camera,
            rgb=_array(image.rgb),
            alpha=alpha,
            depth=_array(z),
            valid=_array(valid),
            depth_sigma=sigma,
            normal=normal,
            gaussian_ids=None if image.top_ids is None else _array(image.top_ids[..., 0]),
        )

    def facts(self) -> dict[str, Any]:
        """Number of Gaussians, size of the source unit, and the statistics that make their scales comparable."""
        mean, deviation = self.scale_statistics
        return {
            "kind": self.kind,
            "licence": self.licence,
            "faithful": self.faithful,
            "gaussians": len(self.gaussians),
            "unit": self.scene_from_source.scale,
            "log_scale_mean": mean,
            "log_scale_deviation": deviation,
            "without_parallax": int(self._far.sum()),
        }

    @cached_property
    def _far(self) -> Tensor:
        """(N, 1) one for Gaussians without parallax, (N, 0) where there are none."""
        far = without_parallax(self.gaussians, self.views, self.engine).to(self.gaussians.means)[:, None]
        return far if far.any() else far[:, :0]

    @staticmethod
    def _measured(far: Tensor, alpha: Tensor) -> Tensor:
        """Where (H, W) the photos show parallax; ``far`` (H, W, 0 or 1) is rendered."""
        return (far <= FAR_SHARE * alpha[..., None]).all(-1)

    @cached_property
    def _log_sizes(self) -> Tensor:
        """(N, 1) logarithm of the geometric mean of the two larger scales."""
        scales = self.gaussians.log_scales
        sizes: Tensor = 0.5 * (scales.sum(1, keepdim=True) - scales.min(1, keepdim=True).values)
        return sizes

    @cached_property
    def scale_statistics(self) -> tuple[float, float]:
        """Mean and standard deviation over the Gaussians of ln(mean of the three scales), scene units.

        (ln s - mean) / deviation is the scale that features of Gaussians use, free of the scene's size.
        """
        logarithms = self.gaussians.scales.double().mean(1).log() + float(np.log(self.scene_from_source.scale))
        return float(logarithms.mean()), float(logarithms.std(correction=0))


def splat_source(
    scene: Scene, name: str, engine: str = "auto", up: UpAxis = "auto", look_from: LookFrom = "auto"
) -> SplatSource:
    """The source of a scene with Gaussians, with or without views.

    Raises:
        InputError: it has no Gaussians, or none of them is opaque.
    """
    gaussians = scene.gaussians
    if gaussians is None or not len(gaussians):
        raise InputError(f"{name}: holds no splat", "run splatmatch reconstruct first")
    gaussians = gaussians.detach()
    source_from_scene = unit_frame(gaussians, name)
    views = tuple(
        replace(view, camera_from_world=source_from_scene.apply_pose(view.camera_from_world))
        for view in scene.train_views
    )
    config = scene.provenance.get("config", {})
    licence = scene.provenance.get("licence")
    return SplatSource(
        name=name,
        kind="scene" if views else "splat",
        gaussians=gaussians.transformed(source_from_scene),
        scene_from_source=source_from_scene.inverse(),
        views=views,
        up=up,
        look_from=look_from,
        up_known=scene.up_known or gaussians.frame == "z-up",
        licence=licence if isinstance(licence, str) and licence else "unknown",
        faithful=isinstance(config, dict) and config.get("geometry") == "faithful",
        engine=engine,
    )


def unit_frame(gaussians: Gaussians, name: str) -> Similarity:
    """source_from_scene: the middle of the matter at 0, the median distance from it 1; outliers do not count.

    Raises:
        InputError: nothing is opaque, or all of it lies in one point.
    """
    solid = gaussians.opacities >= SOLID
    if int(solid.sum()) < 10:
        raise InputError(f"{name}: the splat has no opaque matter", "give a splat that shows something")
    means = gaussians.means[solid].double()
    middle = means.median(dim=0).values
    radius = float((means - middle).norm(dim=1).median())
    if not radius > 0:
        raise InputError(f"{name}: all of the splat lies in one point")
    identity = torch.eye(3, dtype=torch.float64)
    return Similarity(1 / radius, identity, -middle / radius)


def _array(tensor: Tensor) -> NDArray[Any]:
    array: NDArray[Any] = np.ascontiguousarray(tensor.detach().cpu().numpy())
    return array
