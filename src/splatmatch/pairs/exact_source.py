"""Pairs from synthetic scenes: ray-cast, so that depth and with it every label is exact."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from splatmatch.geometry.alignment import Similarity
from splatmatch.geometry.camera import Camera
from splatmatch.geometry.pose import Pose
from splatmatch.pairs.sources import Anchor, Glance, Shot, SourceDepth, SourceKind
from splatmatch.synthetic import SyntheticScene, camera_path, cast_rays, ray_cast
from splatmatch.synthetic.rays import pixel_directions

WALK = 40
"""Viewpoints on the walk that others are made from."""
SAMPLES = 2
"""Rays along the side of a pixel, for colours."""
ROUNDING = 1e-6
"""Relative error of float32 depth."""


@dataclass(frozen=True, eq=False)
class ExactSource:
    """A synthetic scene, in metres."""

    name: str
    scene: SyntheticScene
    kind: SourceKind = "synthetic"
    licence: str = "CC0-1.0"
    scene_from_source: Similarity = Similarity.identity()  # noqa: RUF009 (immutable)

    @property
    def closed(self) -> bool:
        """All but streets, which have a sky."""
        return self.scene.kind != "street"

    def anchors(self, size: tuple[int, int], seed: int) -> tuple[Anchor, ...]:
        """The walk through the scene.

        Raises:
            NumericalError: the scene has no room for it.
        """
        return tuple(
            Anchor(view.name.removesuffix(".png"), view.camera, view.camera_from_world)
            for view in camera_path(self.scene, "walk", WALK, seed, *size)
        )

    def glance(self, camera: Camera, camera_from_source: Pose) -> Glance:
        """Exact depth at the size of ``camera``."""
        hits = cast_rays(self.scene, camera_from_source.centre, pixel_directions(camera, camera_from_source))
        shape = (camera.height, camera.width)
        valid = (hits.instance >= 0).reshape(shape).numpy()
        depth = np.where(valid, hits.distance.reshape(shape).numpy(), 0.0).astype(np.float32)
        things = len(torch.unique(hits.instance[hits.instance >= 0]))
        return Glance(camera, depth, valid.astype(np.float32), things)

    def shoot(self, camera: Camera, camera_from_source: Pose, depth: SourceDepth, ids: bool) -> Shot:
        """The picture with its truth; the sky is opaque and has no depth."""
        view = ray_cast(self.scene, camera, camera_from_source, SAMPLES)
        z = view.depth.numpy()
        return Shot(
            camera=camera,
            rgb=view.rgb.numpy(),
            alpha=np.ones_like(z),
            depth=z,
            valid=view.depth_valid.numpy(),
            depth_sigma=(ROUNDING * z).astype(np.float32),
            normal=(view.normal @ camera_from_source.rotation.T.float()).numpy(),
            gaussian_ids=np.full(z.shape, -1, np.int32) if ids else None,
        )

    def facts(self) -> dict[str, Any]:
        """Kind and seed of the scene."""
        return {"kind": self.kind, "licence": self.licence, "scene": self.scene.kind, "seed": self.scene.seed}
