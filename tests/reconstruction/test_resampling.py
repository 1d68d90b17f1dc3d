"""Undistortion: positions, areas and borders, by value and with every camera model."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from splatmatch.errors import SplatmatchError
from splatmatch.formats.images import read_image, write_image
from splatmatch.geometry.distorted import CAMERA_MODELS
from splatmatch.jobs.progress import Silent
from splatmatch.reconstruction.structure.resampling import (
    MAX_SCALE,
    ResamplingTask,
    resample_photos,
    target_camera,
    undistorted_pixels,
)
from splatmatch.solvers.pycolmap import Intrinsics
from tests.reconstruction.photo_sets import write_photo

WIDTH, HEIGHT = 320, 240
NO_PIXELS = np.zeros((0, 2))
EXTRA = {
    "SIMPLE_RADIAL": (-0.1,), "RADIAL": (-0.1, 0.02), "OPENCV": (-0.1, 0.02, 0.001, -0.002),
    "OPENCV_FISHEYE": (0.02, -0.005, 0.0, 0.0), "FULL_OPENCV": (-0.1, 0.02, 0.001, -0.002, 0.0, 0.01, 0.0, 0.0),
    "FOV": (0.6,), "SIMPLE_RADIAL_FISHEYE": (0.02,), "RADIAL_FISHEYE": (0.02, -0.005),
    "THIN_PRISM_FISHEYE": (0.02, -0.005, 0.001, -0.001, 0.0, 0.0, 0.001, 0.0),
    "RAD_TAN_THIN_PRISM_FISHEYE": (0.02, -0.005, 0.0, 0.0, 0.0, 0.0, 0.001, 0.0, 0.0, 0.0, 0.0, 0.0),
    "SIMPLE_DIVISION": (-0.1,), "DIVISION": (-0.1,), "EUCM": (0.5, 1.1),
}  # fmt: skip
PERSPECTIVE = [name for name, model in CAMERA_MODELS.items() if model.focals]


def camera_of(model, width=WIDTH, height=HEIGHT, focal=300.0):
    layout = CAMERA_MODELS[model]
    extra = EXTRA.get(model, (0.0,) * len(layout.extra))
    return Intrinsics(model, width, height, (*(focal,) * layout.focals, width / 2 + 4, height / 2 - 3, *extra))


def resampled(tmp_path, photo, camera, size=None, mask=None, pixels=NO_PIXELS, name="photo.png", **photo_options):
    """(image, mask, result) of one photo."""
    source, target = tmp_path / "in" / name, tmp_path / "out" / name
    source.parent.mkdir(exist_ok=True)
    write_photo(source, photo, **photo_options)
    mask_path = None
    if mask is not None:
        mask_path = tmp_path / "in" / "mask.png"
        write_image(mask_path, np.where(mask, 255, 0).astype(np.uint8))
    mask_target = tmp_path / "out" / f"{name}.mask.png"
    task = ResamplingTask(source, True, camera, target, mask_path, mask_target, pixels)
    (result,) = resample_photos(Silent(), (task,), size, 1)
    new_mask = read_image(mask_target)[..., 0] > 0 if mask_target.exists() else None
    return read_image(target), new_mask, result


def dot(x, y, sigma=2.0, width=WIDTH, height=HEIGHT):
    """A grey photo with one bright spot at corner coordinates (x, y)."""
    columns, rows = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    spot = 20 + 230 * np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * sigma**2))
    return np.repeat(spot.round().astype(np.uint8)[..., None], 3, axis=2)


def spot_position(image):
    """Centre of gravity of what is brighter than the background, in corner coordinates."""
    weights = np.clip(image[..., 0].astype(float) - 30, 0, None)
    columns, rows = np.meshgrid(np.arange(image.shape[1]) + 0.5, np.arange(image.shape[0]) + 0.5)
    return np.array([(weights * columns).sum(), (weights * rows).sum()]) / weights.sum()


@pytest.mark.parametrize("model", PERSPECTIVE)
@pytest.mark.parametrize("size", [None, 150])
def test_a_dot_lands_where_the_pinhole_sees_it(tmp_path, model, size):
    """Every COLMAP model: the spot of a ray is at that ray's pinhole pixel afterwards, as are the tracks."""
    camera = camera_of(model)
    ray = np.array([[0.21, -0.16, 1.0]])
    (seen,) = camera.distorted(ray)
    sigma = 2.0 if size is None else 4.0
    image, _, result = resampled(tmp_path, dot(*seen, sigma), camera, size, pixels=seen[None])
    pinhole = result.camera
    expected = np.array([pinhole.fx * 0.21 + pinhole.cx, pinhole.fy * -0.16 + pinhole.cy])
    assert spot_position(image) == pytest.approx(expected, abs=0.12)
    assert result.pixels[0] == pytest.approx(expected, abs=1e-3)
    assert (image.shape[1], image.shape[0]) == (pinhole.width, pinhole.height)
    assert size is None or max(pinhole.width, pinhole.height) == size


@pytest.mark.parametrize("model", PERSPECTIVE)
def test_no_black_borders(tmp_path, model):
    """A white photo stays white to its last pixel, and fills at least half of the frame before."""
    image, _, result = resampled(tmp_path, np.full((HEIGHT, WIDTH, 3), 255, np.uint8), camera_of(model))
    assert image.min() >= 254
    assert result.camera.width > WIDTH / 2
    assert result.camera.height > HEIGHT / 2


@pytest.mark.parametrize("k", [-0.15, 0.15])
def test_every_pixel_of_the_result_lies_inside_the_photo(k):
    """Barrel and pincushion: the crop is as large as it can be (each side touches) and never leaves the photo."""
    camera = Intrinsics("SIMPLE_RADIAL", WIDTH, HEIGHT, (300.0, WIDTH / 2, HEIGHT / 2, k))
    pinhole = target_camera(camera, None)
    x, y = np.meshgrid(np.linspace(0, pinhole.width, 60), np.linspace(0, pinhole.height, 60))
    points = np.stack([(x - pinhole.cx) / pinhole.fx, (y - pinhole.cy) / pinhole.fy, np.ones_like(x)], -1)
    seen = camera.distorted(points.reshape(-1, 3))
    assert (seen > -0.01).all()
    assert (seen < (WIDTH + 0.01, HEIGHT + 0.01)).all()
    margins = np.array([seen[:, 0].min(), WIDTH - seen[:, 0].max(), seen[:, 1].min(), HEIGHT - seen[:, 1].max()])
    assert (margins < 1.5).all()
    assert (pinhole.fx, pinhole.fy) == (300.0, 300.0)


def test_a_very_wide_fisheye_is_cut_to_a_finite_view():
    """180 degrees have no pinhole image: the sides stay within MAX_SCALE of where they were."""
    camera = Intrinsics("OPENCV_FISHEYE", 800, 800, (250.0, 250.0, 400.0, 400.0, 0.0, 0.0, 0.0, 0.0))
    pinhole = target_camera(camera, None)
    assert pinhole.width == MAX_SCALE * 800
    assert np.isfinite([pinhole.cx, pinhole.cy]).all()


def test_a_small_enough_pinhole_photo_is_copied(tmp_path):
    """Byte by byte: no second compression."""
    photo = np.random.default_rng(0).integers(0, 255, (HEIGHT, WIDTH, 3)).astype(np.uint8)
    _, _, result = resampled(tmp_path, photo, camera_of("PINHOLE"), 320, name="photo.jpg")
    assert (tmp_path / "in" / "photo.jpg").read_bytes() == (tmp_path / "out" / "photo.jpg").read_bytes()
    assert (result.camera.cx, result.camera.cy) == (WIDTH / 2 + 4, HEIGHT / 2 - 3)


@pytest.mark.parametrize("orientation", [3, 6, 8])
def test_a_photo_with_an_orientation_is_stored_upright(tmp_path, orientation):
    """Other tools do not read EXIF; the written pixels are the upright ones, without a tag."""
    photo = np.random.default_rng(0).integers(0, 255, (HEIGHT, WIDTH, 3)).astype(np.uint8)
    image, _, _ = resampled(tmp_path, photo, camera_of("PINHOLE"), orientation=orientation)
    assert (image == photo).all()
    assert (read_image(tmp_path / "out" / "photo.png", upright=False) == photo).all()


def test_reduction_averages_over_areas(tmp_path):
    """Thirds of a pinhole photo are means of 3 x 3; a distorted camera gives the same up to interpolation."""
    photo = np.random.default_rng(0).integers(0, 255, (HEIGHT, WIDTH - 20, 3)).astype(np.uint8)
    photo = photo[:, :300]
    blocks = photo.reshape(80, 3, 100, 3, 3).mean(axis=(1, 3))
    exact, _, _ = resampled(tmp_path, photo, camera_of("PINHOLE", 300, 240), 100)
    assert np.abs(exact - blocks).max() <= 1
    nearly = Intrinsics("SIMPLE_RADIAL", 300, 240, (300.0, 150.0, 120.0, 1e-9))
    image, _, _ = resampled(tmp_path, photo, nearly, 100)
    smooth = cv2.GaussianBlur(blocks.astype(np.float32), (0, 0), 1)
    assert np.abs(cv2.GaussianBlur(image.astype(np.float32), (0, 0), 1) - smooth)[2:-2, 2:-2].max() < 6
    assert image.shape == (80, 100, 3)


def test_masks_follow_and_mixed_pixels_are_ignored(tmp_path):
    """A pixel counts where all it is made of counts; the border lies where the photo's does."""
    mask = np.ones((HEIGHT, WIDTH), bool)
    mask[:, :101] = False
    photo = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    _, half, _ = resampled(tmp_path, photo, camera_of("PINHOLE"), 160, mask)
    assert not half[:, :51].any()
    assert half[:, 51:].all()
    _, straight, result = resampled(tmp_path, photo, camera_of("SIMPLE_RADIAL"), None, mask)
    row = round(result.camera.cy)
    border = undistorted_pixels(np.array([[101.0, HEIGHT / 2 - 3]]), camera_of("SIMPLE_RADIAL"), result.camera)[0, 0]
    assert abs(int(straight[row].argmax()) - border) <= 1.01


def test_tracks_outside_the_crop_are_marked_and_colours_read(tmp_path):
    """NaN where the pixel fell off; colours are those of the photo under the pixel."""
    photo = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    photo[100, 200] = (10, 20, 30)
    camera = Intrinsics("SIMPLE_RADIAL", WIDTH, HEIGHT, (300.0, WIDTH / 2, HEIGHT / 2, -0.15))
    pixels = np.array([[200.5, 100.5], [0.5, 0.5]])
    _, _, result = resampled(tmp_path, photo, camera, pixels=pixels)
    assert result.colours[0].tolist() == [10, 20, 30]
    assert np.isfinite(result.pixels[0]).all()
    assert np.isnan(result.pixels[1]).all()


def test_a_damaged_photo_is_an_error_in_its_place(tmp_path):
    """The others are written."""
    for name in ("a.jpg", "b.jpg"):
        write_photo(tmp_path / name, dot(50, 50))
    (tmp_path / "a.jpg").write_bytes((tmp_path / "a.jpg").read_bytes()[:2000])
    camera = camera_of("PINHOLE")
    tasks = tuple(
        ResamplingTask(tmp_path / n, True, camera, tmp_path / "out" / n, None, tmp_path / "m.png", NO_PIXELS)
        for n in ("a.jpg", "b.jpg")
    )
    results = resample_photos(Silent(), tasks, None, 1)
    assert isinstance(results[0], SplatmatchError)
    assert not (tmp_path / "out" / "a.jpg").exists()
    assert (tmp_path / "out" / "b.jpg").exists()
