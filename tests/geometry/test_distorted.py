"""Distorted cameras against COLMAP itself: parameter layout, pinhole test, and scaling."""

from __future__ import annotations

import math

import numpy as np
import pytest

from splatmatch.geometry.camera import Camera
from splatmatch.geometry.distorted import CAMERA_MODELS, DistortedCamera

RAYS = np.array([[0.1, -0.2, 1.0], [-0.3, 0.15, 1.0], [0.0, 0.0, 1.0], [0.25, 0.3, 1.2]])


def example(model, distortion=0.01):
    """A camera whose distortion parameters are small, different and not zero."""
    layout = CAMERA_MODELS[model]
    if not layout.focals:
        return DistortedCamera(model, 640, 480, (640.0, 480.0))
    extra = [distortion * (index + 1) for index in range(len(layout.extra))]
    if model == "EUCM":
        extra[1] = 1.1  # beta must be positive
    return DistortedCamera(model, 640, 480, (*(500.0, 510.0)[: layout.focals], 315.0, 250.0, *extra))


def project(camera):
    pycolmap = pytest.importorskip("pycolmap")
    theirs = pycolmap.Camera(model=camera.model, width=camera.width, height=camera.height, params=list(camera.params))
    return theirs.img_from_cam(RAYS)


def test_models_are_those_of_colmap():
    pycolmap = pytest.importorskip("pycolmap")
    theirs = {name: model for name, model in pycolmap.CameraModelId.__members__.items() if name != "INVALID"}
    assert set(CAMERA_MODELS) <= set(theirs)
    for name, layout in CAMERA_MODELS.items():
        camera = pycolmap.Camera.create_from_model_name(0, name, 50.0, 100, 80)
        names = [word.strip() for word in camera.params_info.split(",")]
        assert (layout.colmap_id, layout.size) == (int(theirs[name]), len(names))
        assert tuple(names[layout.focals + 2 if layout.focals else 0 :]) == layout.extra


@pytest.mark.parametrize("model", CAMERA_MODELS)
def test_a_distorted_camera_is_no_pinhole(model):
    camera = example(model)
    assert camera.is_pinhole == (model in {"SIMPLE_PINHOLE", "PINHOLE"})
    if not camera.is_pinhole:
        with pytest.raises(ValueError, match=model):
            camera.pinhole()


@pytest.mark.parametrize(
    "model", [name for name, layout in CAMERA_MODELS.items() if layout.pinhole_when_zero is not None]
)
def test_without_distortion_colmap_projects_as_our_pinhole(model):
    camera = example(model, distortion=0.0)
    assert camera.is_pinhole
    pinhole = camera.pinhole()
    expected = np.stack([pinhole.fx * RAYS[:, 0], pinhole.fy * RAYS[:, 1]], 1) / RAYS[:, 2:]
    np.testing.assert_allclose(project(camera), expected + np.array([pinhole.cx, pinhole.cy]), atol=1e-6)


@pytest.mark.parametrize("size", [(320, 240), (1280, 960), (321, 239)])
@pytest.mark.parametrize("model", CAMERA_MODELS)
def test_resizing_scales_colmaps_pixels(model, size):
    """Also where x and y scale differently and the model has one focal length."""
    camera = example(model)
    resized = camera.resized(*size)
    scale = [size[0] / camera.width, size[1] / camera.height]
    np.testing.assert_allclose(project(resized), project(camera) * scale, atol=1e-6)
    assert (resized.model == model) == (size[0] * 480 == size[1] * 640 or CAMERA_MODELS[model].focals != 1)


def test_pinhole_round_trip():
    camera = Camera(640, 480, 500.0, 510.0, 315.0, 250.0)
    assert DistortedCamera.from_pinhole(camera).pinhole() == camera


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("FISH", 10, 10, (1.0, 5.0, 5.0)), "unknown camera model"),
        (("PINHOLE", 10, 10, (1.0, 5.0, 5.0)), "4 parameters"),
        (("SIMPLE_PINHOLE", 0, 10, (1.0, 5.0, 5.0)), "not a camera"),
        (("SIMPLE_PINHOLE", 10, 1 << 40, (1.0, 5.0, 5.0)), "not a camera"),
        (("SIMPLE_PINHOLE", 10, 10, (math.nan, 5.0, 5.0)), "not a camera"),
        (("PINHOLE", 10, 10, (1.0, -1.0, 5.0, 5.0)), "focal length"),
    ],
)
def test_impossible_cameras_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        DistortedCamera(*arguments)


def test_an_equirectangular_camera_has_no_focal_length():
    with pytest.raises(ValueError, match="no focal length"):
        example("EQUIRECTANGULAR").without_distortion()
