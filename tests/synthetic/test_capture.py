"""Captures: points that are what they say, and a folder that reads back."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from PIL import Image

from splatmatch.errors import InputError
from splatmatch.formats.images import read_image
from splatmatch.formats.posed import read_posed_capture
from splatmatch.synthetic import SyntheticCapture, capture, cast_rays, save_capture


@pytest.fixture(scope="module")
def taken() -> SyntheticCapture:
    return capture("table", 2, views=8, extreme=2, width=96, height=72, samples=1, points=400)


def test_points_lie_on_surfaces_that_three_views_see(taken):
    """Each track is an exact projection, unobstructed, inside its view; each point has three or more of them."""
    points, tracks = taken.points, taken.points.tracks
    assert len(points) > 100
    assert torch.bincount(tracks.point_index, minlength=len(points)).min() >= 3
    assert tracks.view_index.max() < 8
    for index, view in enumerate(taken.views[:8]):
        rows = tracks.view_index == index
        where = points.positions[tracks.point_index[rows]]
        centre = view.camera_from_world.centre
        hits = cast_rays(taken.scene, centre, where - centre)
        assert ((hits.distance - 1).abs() * (where - centre).norm(dim=1) < 1e-5).all()
        pixels = view.camera.project(view.camera_from_world.apply(where))
        torch.testing.assert_close(pixels, tracks.pixels[rows])
        depth = taken.pictures[index].depth[pixels[:, 1].long(), pixels[:, 0].long()]
        assert ((depth - view.camera_from_world.apply(where)[:, 2]).abs() < 0.05).double().mean() > 0.8


def test_colours_of_points_are_those_of_their_pixels(taken):
    """The mean colour of a point is near the colour of most pixels that show it."""
    tracks, errors = taken.points.tracks, []
    for index in range(8):
        rows = tracks.view_index == index
        x, y = tracks.pixels[rows].long().unbind(1)
        colour = taken.points.colours[tracks.point_index[rows]] / 255
        errors.append((taken.pictures[index].rgb[y, x] - colour).abs().mean(1))
    assert torch.cat(errors).median() < 0.08


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_folder_reads_back(taken, tmp_path, suffix):
    """Images, poses, cameras, split and points survive; depth is bit for bit, normals and instances to their step."""
    save_capture(taken, tmp_path / "capture", suffix)
    read = read_posed_capture(tmp_path / "capture" / "transforms.json")
    assert len(read.images) == 10
    assert len(read.points) == len(taken.points)
    torch.testing.assert_close(read.points.positions, taken.points.positions, atol=1e-6, rtol=0)
    assert torch.equal(read.points.colours, taken.points.colours)
    images = {image.name: image for image in read.images}
    for view, picture in zip(taken.views, taken.pictures, strict=True):
        stem = view.name.removesuffix(".png")
        image = images[stem + suffix]
        assert image.split == view.split
        assert image.camera.without_distortion() == view.camera
        matrix = image.camera_from_world.matrix
        torch.testing.assert_close(matrix, view.camera_from_world.matrix, atol=1e-9, rtol=0)
        if suffix == ".png":
            pixels = read_image(image.image_path)
            assert np.abs(pixels / 255 - picture.rgb.numpy()).max() < 0.51 / 255
        folder = tmp_path / "capture"
        assert np.array_equal(np.load(folder / "depth" / f"{stem}.npy", allow_pickle=False), picture.depth.numpy())
        instance = np.asarray(Image.open(folder / "instance" / f"{stem}.png"), dtype=np.int32) - 1
        assert np.array_equal(instance, picture.instance.numpy())
        normal = np.asarray(Image.open(folder / "normal" / f"{stem}.png")) / 127.5 - 1
        assert np.abs(normal - picture.normal.numpy()).max() < 0.005
    scene = json.loads((tmp_path / "capture" / "scene.json").read_text())
    assert (scene["kind"], scene["seed"], tuple(scene["names"])) == ("table", 2, taken.scene.names)


def test_another_suffix_leaves_nothing(taken, tmp_path):
    """An unknown image format is refused, and no folder is left half-written."""
    with pytest.raises(InputError):
        save_capture(taken, tmp_path / "capture", suffix=".gif")
    assert not list(tmp_path.iterdir())
