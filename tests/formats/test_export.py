"""Exports are read back by the readers of their formats, photos, splits, points and all."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from splatmatch.errors import InputError
from splatmatch.formats.export import export_scene
from splatmatch.formats.images import read_image
from splatmatch.formats.posed import read_posed_capture
from splatmatch.formats.splat_files import read_splat
from tests.formats.examples import assert_same_splat, scene, splat


@pytest.mark.parametrize("to", ["colmap", "nerfstudio"])
def test_cameras_photos_and_points_survive(tmp_path, to):
    original = scene(tmp_path / "photos", splat(5))
    export_scene(original, to, tmp_path / "out")
    capture = read_posed_capture(tmp_path / "out")
    assert [image.name for image in capture.images] == [view.name for view in original.views]
    for image, view in zip(capture.images, original.views, strict=True):
        assert image.camera.pinhole() == view.camera
        torch.testing.assert_close(
            image.camera_from_world.matrix, view.camera_from_world.matrix, atol=1e-12, rtol=1e-12
        )
        assert image.image_path == tmp_path / "out" / "images" / view.name
        assert np.array_equal(read_image(image.image_path), read_image(view.image_path))
    torch.testing.assert_close(capture.points.positions, original.points.positions, atol=1e-6, rtol=0)
    assert torch.equal(capture.points.colours, original.points.colours)
    if to == "nerfstudio":
        assert [image.split for image in capture.images] == ["train", "test", "train"]


@pytest.mark.parametrize("to", ["colmap", "nerfstudio"])
def test_masks_go_along(tmp_path, to):
    original = scene(tmp_path / "photos")
    masked = replace(original, views=tuple(replace(view, mask_path=view.image_path) for view in original.views))
    export_scene(masked, to, tmp_path / "out")
    assert (tmp_path / "out" / "masks" / "more" / "c.png.png").is_file()
    if to == "nerfstudio":
        capture = read_posed_capture(tmp_path / "out")
        assert capture.images[2].mask_path == tmp_path / "out" / "masks" / "more" / "c.png.png"


def test_the_splat_alone(tmp_path):
    gaussians = splat(5)
    export_scene(scene(tmp_path / "photos", gaussians), "ply", tmp_path / "out.ply")
    assert_same_splat(read_splat(tmp_path / "out.ply"), gaussians)


def test_what_cannot_be_exported(tmp_path):
    made = scene(tmp_path / "photos")
    with pytest.raises(InputError, match="no Gaussians"):
        export_scene(made, "ply", tmp_path / "out.ply")
    with pytest.raises(InputError, match="use one of colmap, nerfstudio, ply"):
        export_scene(made, "obj", tmp_path / "out")
    with pytest.raises(InputError, match="no photo"):
        export_scene(replace(made, views=(replace(made.views[0], image_path=None),)), "colmap", tmp_path / "out")
