"""Real captures from photos alone; figures and limits are those of docs/benchmarks.md."""

from __future__ import annotations

import pytest

from splatmatch.formats.camera_list import read_camera_list
from splatmatch.metrics.pose import pose_errors
from tests.conftest import data_folder
from tests.reconstruction.conftest import found_cameras

pytestmark = [pytest.mark.data, pytest.mark.slow]


def searched(name, work, intrinsics=None):
    """What is found, and its errors against the capture's own cameras."""
    folder = data_folder(name)
    true = {image.name: image.camera_from_world for image in read_camera_list(folder / "cameras.json").images}
    posed = found_cameras(folder / "images", work, intrinsics=intrinsics)
    images = posed.capture.images
    assert len(images) == len(true)
    return posed, pose_errors([image.camera_from_world for image in images], [true[image.name] for image in images])


def test_fountain(tmp_path):
    """11 photos against laser-referenced poses in metres; the freed principal point is kept."""
    posed, errors = searched("strecha_fountain_P11", tmp_path)
    assert [point.kept for point in posed.record.principal_points] == [True]
    assert errors.median_centre <= 0.005
    assert errors.median_degrees <= 0.12


def test_fountain_with_known_intrinsics(tmp_path):
    """The camera of the source, kept fixed."""
    camera = read_camera_list(data_folder("strecha_fountain_P11") / "cameras.json").images[0].camera
    _, errors = searched("strecha_fountain_P11", tmp_path, ",".join(map(str, camera.params[:4])))
    assert errors.median_centre <= 0.005
    assert errors.median_degrees <= 0.05


def test_castle(tmp_path):
    """Eleven photos that do not determine the principal point: it runs away by 3 % of the width and is refused."""
    posed, errors = searched("sceaux_castle", tmp_path)
    (point,) = posed.record.principal_points
    assert not point.kept
    assert max(map(abs, point.shift)) > 0.01 * point.width
    camera = posed.capture.images[0].camera.without_distortion()
    assert (camera.cx, camera.cy) == (point.width / 2, point.height / 2)
    assert errors.median_degrees < 0.2
