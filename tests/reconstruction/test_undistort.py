"""A distorted capture becomes pinhole views: cameras, tracks, colours, names."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from splatmatch.errors import ReconstructionError
from splatmatch.formats.images import read_image
from splatmatch.formats.posed_capture import PosedCapture, PosedImage
from splatmatch.geometry.distorted import DistortedCamera
from splatmatch.jobs.progress import Silent
from splatmatch.reconstruction.undistort import target_names, undistort
from splatmatch.scene.views import SparsePoints, Tracks
from tests.reconstruction.photo_sets import FOCAL, HEIGHT, WIDTH, draw, poses, write_photo

RADIAL = -0.12


@pytest.fixture(scope="module")
def distorted(tmp_path_factory):
    """Three photos with barrel distortion, and exact points with tracks in them."""
    folder = tmp_path_factory.mktemp("distorted")
    camera = DistortedCamera("SIMPLE_RADIAL", WIDTH, HEIGHT, (FOCAL, WIDTH / 2, HEIGHT / 2, RADIAL))
    positions = torch.tensor([[0.5, 0.4, 0.0], [0.0, 0.6, 0.5], [0.7, 0.0, 0.3], [0.9, 0.9, 0.0]]).double()
    images, rows = [], []
    for index, pose in enumerate(poses(3)):
        write_photo(folder / f"{index}.png", draw(pose, radial=RADIAL))
        images.append(PosedImage(f"{index}.png", camera, pose, folder / f"{index}.png"))
        local = pose.apply(positions)
        flat = local[:, :2] / local[:, 2:]
        pixels = FOCAL * flat * (1 + RADIAL * flat.square().sum(1, keepdim=True))
        rows += [(point, index, *pixels[point].tolist()) for point in range(4)]
    table = torch.tensor(rows, dtype=torch.float64)
    shift = torch.tensor([WIDTH / 2, HEIGHT / 2], dtype=torch.float64)
    tracks = Tracks(table[:, 0].long(), table[:, 1].long(), table[:, 2:] + shift)
    points = SparsePoints(positions, torch.zeros(4, 3, dtype=torch.uint8), torch.full((4,), 0.8).double(), tracks)
    return PosedCapture(tuple(images), points)


@pytest.mark.parametrize("size", [None, 200])
def test_views_see_what_an_undistorted_camera_would(distorted, tmp_path, size):
    """The written photo is the one drawn without distortion for the view's camera; poses do not change."""
    flat = undistort(distorted, tmp_path, size, True, 1, Silent())
    for view, image in zip(flat.views, distorted.images, strict=True):
        camera = view.camera
        assert view.camera_from_world is image.camera_from_world
        assert size is None or max(camera.width, camera.height) == size
        expected = draw(
            view.camera_from_world, focal=camera.fx, centre=(camera.cx, camera.cy), size=(camera.width, camera.height)
        )
        difference = read_image(view.image_path).astype(float) - expected
        assert np.sqrt((difference**2).mean()) < 14  # the textures are sharp: half a pixel of shift gives 30
        assert camera.fx == pytest.approx(camera.fy, rel=0.01)


def test_tracks_errors_and_colours_follow(distorted, tmp_path):
    """Tracks are projections in the new cameras, errors are in new pixels, colours those of the photos there."""
    flat = undistort(distorted, tmp_path, 200, True, 1, Silent())
    tracks = flat.points.tracks
    assert len(tracks.point_index) == 12
    for point, view_index, pixel in zip(tracks.point_index, tracks.view_index, tracks.pixels, strict=True):
        view = flat.views[view_index]
        projected = view.camera.project(view.camera_from_world.apply(flat.points.positions[point]))
        assert torch.allclose(pixel, projected, atol=1e-3)
    scale = flat.views[0].camera.fx / FOCAL
    assert flat.points.errors.tolist() == pytest.approx([0.8 * scale] * 4)
    assert (flat.points.colours.float().std(1) > 0).any()
    kept = undistort(distorted, tmp_path, 200, False, 1, Silent())
    assert (kept.points.colours == 0).all()


def test_damaged_and_missing_photos_leave_the_rest_alone(distorted, tmp_path):
    """A photo that is cut off is told; tracks then number the views that are left."""
    cut = tmp_path / "cut.png"
    cut.write_bytes(distorted.images[0].image_path.read_bytes()[:5000])
    first, second, third = distorted.images
    images = (
        PosedImage("0.png", first.camera, first.camera_from_world, cut),
        PosedImage("1.png", second.camera, second.camera_from_world, None),
        third,
    )
    flat = undistort(PosedCapture(images, distorted.points), tmp_path / "out", None, True, 1, Silent())
    assert [view.name for view in flat.views] == ["2.png"]
    assert [item.name for item in flat.unreadable] == ["0.png"]
    assert flat.points.tracks.view_index.unique().tolist() == [0]
    assert len(flat.points.tracks.point_index) == 4
    with pytest.raises(ReconstructionError, match=r"none of the posed photos can be read: 0\.png"):
        undistort(PosedCapture(images[:1], SparsePoints.empty()), tmp_path / "none", None, True, 1, Silent())


def test_names_keep_their_suffix_where_others_can_read_it():
    """TIFF and WebP become PNG, beside a photo of that name under another."""
    names = ["a.jpg", "b.JPEG", "c.tif", "d.webp", "d.png", "sub/e.tiff"]
    assert target_names(names) == ["a.jpg", "b.JPEG", "c.png", "d.webp.png", "d.png", "sub/e.png"]
