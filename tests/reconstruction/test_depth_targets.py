"""Depth targets from a monocular prior: exact for a perfect prior of unknown scale, none where points are too few."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from splatmatch.geometry.camera import Camera
from splatmatch.geometry.pose import Pose
from splatmatch.reconstruction.config import ReconstructConfig
from splatmatch.reconstruction.depth_targets import depth_targets
from splatmatch.reconstruction.provenance import options_of
from splatmatch.scene.depth_prior import InverseDepth
from splatmatch.scene.views import Scene, SparsePoints, Tracks, View
from splatmatch.splats.surfaces.config import GEOMETRY
from tests.reconstruction.test_reconstruct import Recorder

CAMERA = Camera.from_fov(40, 30, 60.0)


class SlantedWall:
    """The true inverse depth of z = 2 + x, in another unit and with an offset, whatever the photo."""

    name, licence = "wall", "none"

    def predict(self, rgb: torch.Tensor, name: str = "") -> InverseDepth:
        assert tuple(rgb.shape) == (30, 40, 3)
        return InverseDepth((5 * true_inverse() + 0.3).float(), torch.ones(30, 40, dtype=torch.bool))


def true_inverse() -> torch.Tensor:
    rays = CAMERA.unproject(CAMERA.pixel_centres(torch.float64), torch.ones(30, 40).double())
    return (1 - rays[..., 0]) / 2  # z = 2 + x = 2 + z rx


@pytest.fixture
def scene(tmp_path) -> Scene:
    """Two photos from one place; the second observes four points only. A point behind the wall belongs to neither."""
    Image.fromarray(np.zeros((30, 40, 3), np.uint8)).save(tmp_path / "p.png")
    views = tuple(
        View(name, CAMERA, Pose.from_quaternion([1, 0, 0, 0], [0, 0, 0]), tmp_path / "p.png") for name in "ab"
    )
    rows, columns = torch.meshgrid(torch.arange(3, 30, 6), torch.arange(3, 40, 6), indexing="ij")
    pixels = torch.stack([columns.flatten() + 0.5, rows.flatten() + 0.5], 1).double()
    positions = CAMERA.unproject(pixels, 1 / true_inverse()[rows.flatten(), columns.flatten()])
    count = len(positions)
    tracks = Tracks(
        torch.cat([torch.arange(count), torch.arange(4)]),
        torch.cat([torch.zeros(count), torch.ones(4)]).long(),
        torch.cat([pixels, pixels[:4]]),
    )
    positions = torch.cat([positions, torch.tensor([[0.0, 0.0, 50.0]]).double().repeat(30, 1)])
    colours = torch.zeros(len(positions), 3, dtype=torch.uint8)
    return Scene(views, SparsePoints(positions, colours, torch.zeros(len(positions)).double(), tracks))


def test_a_perfect_prior_gives_the_true_depth_and_too_few_points_skip_a_photo(scene):
    recorder = Recorder()
    result = depth_targets(scene, SlantedWall(), recorder)
    assert set(result.targets) == {"a"} and result.skipped == ("b",)
    assert torch.allclose(result.targets["a"].depth, (1 / true_inverse()).float(), rtol=1e-3)
    assert (result.targets["a"].weight == 1).all()
    assert result.median_error < 1e-3
    assert result.record(SlantedWall()) == {
        "name": "wall",
        "licence": "none",
        "photos": 1,
        "skipped": ["b"],
        "median_relative_error": result.median_error,
    }


def test_the_option_geometry_decides_the_terms_of_the_fit_and_is_recorded():
    for name in ("vanilla", "faithful"):
        config = ReconstructConfig(geometry=name)
        assert config.fit().surfaces == GEOMETRY[name]
        assert options_of(config)["geometry"] == name
    assert GEOMETRY["faithful"].needs_neighbours and not GEOMETRY["vanilla"].needs_neighbours
