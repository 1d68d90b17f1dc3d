"""Making one sample: two renderings, their colours changed, overlap and uncertainty, packed for the shard."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from splatmatch.geometry.camera import Camera
from splatmatch.geometry.pose import Pose
from splatmatch.pairs.appearance import AppearanceConfig, changed
from splatmatch.pairs.backgrounds import Backgrounds
from splatmatch.pairs.labels import LabelConfig, both_correspondences, scale_ratio
from splatmatch.pairs.lighting import LightingConfig, relit
from splatmatch.pairs.opening import SourceCache, SourceSpec
from splatmatch.pairs.sample import PairImage, PairSample, Provenance
from splatmatch.pairs.shards import encode
from splatmatch.pairs.sources import Shot, Source, SourceDepth
from splatmatch.pairs.timing import timed
from splatmatch.pairs.uncertainty import disagreement_factor, label_sigma
from splatmatch.pairs.viewpoints import Viewpoint

OVERLAP = LabelConfig(max_cycle=4.0, max_depth_error=0.05, edge_tolerance=0.05, edge_margin=0, max_sigma=float("inf"))
"""What counts as seen by both when overlap is measured: looser than labels, which also keep off depth edges."""
LEAST_OVERLAP = 0.05
"""Mean overlap below which a rendered pair is not stored."""


@dataclass(frozen=True, eq=False)
class PairTask:
    """One pair to make; what it becomes depends on nothing else."""

    key: str
    spec: SourceSpec
    scene_seed: int
    """Of a synthetic scene."""
    turn: int
    """Round of the job that planned it."""
    depth: SourceDepth
    a: Viewpoint
    b: Viewpoint
    seed: tuple[int, ...]
    """Of the random choices about colours."""


@dataclass(frozen=True)
class Made:
    """What became of a task."""

    task: PairTask
    blocks: bytes | None
    """The sample as ``ShardWriter.add`` takes it; None where the images do not overlap enough."""
    seconds: dict[str, float]
    """Time of each stage."""


@dataclass(frozen=True)
class PairMaker:
    """Makes pairs, one at a time, in this process or in a worker."""

    cache: SourceCache
    appearance: AppearanceConfig
    lighting: LightingConfig
    backgrounds: Backgrounds
    gaussian_ids: bool
    licence: str
    """Of scenes that do not say theirs."""
    seed: int
    """Of the job, for the record."""

    def __call__(self, task: PairTask) -> Made:
        """Render, change the colours, measure, pack."""
        seconds: dict[str, float] = {}
        sample = self.sample(task, seconds)
        blocks = None
        if sample.overlap >= LEAST_OVERLAP:
            with timed(seconds, "encoding"):
                blocks = encode(sample)
        return Made(task, blocks, seconds)

    def sample(self, task: PairTask, seconds: dict[str, float] | None = None) -> PairSample:
        """The pair itself, however little its images overlap; the time of each stage is added to ``seconds``."""
        seconds = {} if seconds is None else seconds
        source = self.cache.open(task.spec, task.scene_seed)
        rng = np.random.default_rng(task.seed)
        with timed(seconds, "render"):
            shots = [
                source.shoot(view.camera, view.camera_from_source, task.depth, self.gaussian_ids)
                for view in (task.a, task.b)
            ]
        with timed(seconds, "colours"):
            pictures = [self._picture(shot, view, rng) for shot, view in zip(shots, (task.a, task.b), strict=True)]
        with timed(seconds, "labels"):
            return self._sample(task, source, shots, [rgb for rgb, _ in pictures], [done for _, done in pictures])

    def _picture(self, shot: Shot, view: Viewpoint, rng: np.random.Generator) -> tuple[Any, dict[str, Any]]:
        """The stored colours (H, W, 3) uint8, and what was done to them."""
        rgb, light = relit(
            np.clip(shot.rgb, 0, 1), shot.normal, view.camera_from_source.rotation.numpy().T, self.lighting, rng
        )
        rgb, background = self.backgrounds.filled(rgb, shot.alpha, rng)
        stored, appearance = changed(rgb, self.appearance, rng)
        return stored, {"light": light, "background": background, "appearance": appearance}

    def _sample(
        self, task: PairTask, source: Source, shots: list[Shot], pictures: list[Any], done: list[dict[str, Any]]
    ) -> PairSample:
        views = (task.a, task.b)
        unit = source.scene_from_source.scale
        poses = [source.scene_from_source.apply_pose(view.camera_from_source) for view in views]
        b_from_a = poses[1] @ poses[0].inverse()
        images = [_image(shot, picture, unit) for shot, picture in zip(shots, pictures, strict=True)]
        applied = {
            name: {"move": view.record(), "camera_from_scene": pose.matrix[:3].tolist()} | what
            for name, view, pose, what in zip("ab", views, poses, done, strict=True)
        }
        sample = PairSample(
            key=task.key,
            scene=source.name,
            a=images[0],
            b=images[1],
            b_from_a=b_from_a,
            overlap_ab=0.0,
            overlap_ba=0.0,
            scale_ratio=1.0,
            provenance=Provenance(
                source=source.kind,
                seed=self.seed,
                views=(task.a.name, task.b.name),
                depth_mode=task.depth,
                licence=source.licence if source.licence != "unknown" else self.licence,
                applied=applied,
            ),
        )
        forward, backward = both_correspondences(sample, OVERLAP)
        a_sigma, b_sigma = (
            unit * shot.depth_sigma * (1.0 if task.depth == "exact" else disagreement_factor(field.depth_error))
            for shot, field in zip(shots, (forward, backward), strict=True)
        )
        return replace(
            sample,
            a=_with_sigma(sample.a, a_sigma, sample.b.camera, b_from_a),
            b=_with_sigma(sample.b, b_sigma, sample.a.camera, b_from_a.inverse()),
            overlap_ab=forward.overlap,
            overlap_ba=backward.overlap,
            scale_ratio=scale_ratio(sample.a, sample.b, b_from_a, forward),
        )


def _image(shot: Shot, picture: Any, unit: float) -> PairImage:
    """A shot in scene units; how uncertain its labels are is not known yet."""
    depth = np.where(shot.valid, shot.depth * np.float32(unit), np.float32(0))
    return PairImage(picture, depth, shot.valid, np.zeros_like(depth), shot.camera, shot.gaussian_ids)


def _with_sigma(image: PairImage, depth_sigma: Any, other: Camera, other_from_this: Pose) -> PairImage:
    """The image with the uncertainty of its labels in the other one; ``depth_sigma`` (H, W) in scene units."""
    sigma = label_sigma(image.depth, depth_sigma, image.valid, image.camera, other, other_from_this)
    return replace(image, sigma=sigma)
