"""Samples that tests of shards share."""

from __future__ import annotations

import numpy as np
import pytest

from splatmatch.geometry.camera import Camera
from splatmatch.geometry.pose import Pose
from splatmatch.pairs.sample import PairImage, PairSample, Provenance


def random_image(rng, ids=False):
    camera = Camera(16, 12, 20.0 + rng.uniform(), 21.0, 8.5, 5.5)
    valid = rng.uniform(size=(12, 16)) > 0.2
    depth = np.where(valid, rng.uniform(1, 3, (12, 16)), 0).astype(np.float32)
    return PairImage(
        rgb=rng.integers(0, 256, (12, 16, 3), dtype=np.uint8),
        depth=depth,
        valid=valid,
        sigma=np.where(valid, rng.uniform(0.05, 4, (12, 16)), 0).astype(np.float32),
        camera=camera,
        gaussian_ids=rng.integers(-1, 10**6, (12, 16), dtype=np.int32) if ids else None,
    )


@pytest.fixture
def make_sample():
    def make(number=0, ids=False):
        rng = np.random.default_rng(number)
        return PairSample(
            key=f"scene-0000-{number:04d}",
            scene="scene",
            a=random_image(rng, ids),
            b=random_image(rng, ids),
            b_from_a=Pose.from_quaternion(rng.normal(size=4), rng.normal(size=3)),
            overlap_ab=float(rng.uniform()),
            overlap_ba=float(rng.uniform()),
            scale_ratio=float(rng.uniform(0.5, 2)),
            provenance=Provenance("scene", 3, ("one.png", "two.png"), "plane", "CC0-1.0", {"zoom": [1.0, 2.5]}),
        )

    return make
