"""cameras.json: nothing is converted, and what is wrong is named."""

from __future__ import annotations

import json

import pytest

from splatmatch.errors import FormatError
from splatmatch.formats.camera_list import read_camera_list
from tests.formats.examples import CAMERA, dot_pixel, photo, pose_with_dot_at


def entry(name="images/a.png", pixel=(17.5, 32.5), **changes):
    pose = pose_with_dot_at(pixel)
    values = {"name": name, "w": 64, "h": 48, "K": CAMERA.matrix.tolist()}
    values |= {"R": pose.rotation.tolist(), "t": pose.translation.tolist(), **changes}
    return {key: value for key, value in values.items() if value is not None}


def write(folder, *entries):
    (folder / "cameras.json").write_text(json.dumps({"convention": "as ours", "images": entries}))
    return folder / "cameras.json"


def test_one_dot(tmp_path):
    photo(tmp_path / "images" / "a.png")
    image = read_camera_list(write(tmp_path, entry())).images[0]
    assert (image.name, image.image_path) == ("a.png", tmp_path / "images" / "a.png")
    assert image.camera.pinhole() == CAMERA
    assert dot_pixel(image.camera_from_world) == pytest.approx((17.5, 32.5), abs=1e-9)


def test_distortion_splits_and_missing_photos(tmp_path):
    entries = [
        entry("b.png", dist=[0.1, 0, 0, 0.2], split="query"),
        entry("a.png", split="map"),
        entry("c.png", dist=[0] * 4),
    ]
    read = read_camera_list(write(tmp_path, *entries))
    assert [(image.name, image.split, image.camera.model) for image in read.images] == [
        ("a.png", "train", "PINHOLE"),
        ("b.png", "test", "OPENCV"),
        ("c.png", None, "PINHOLE"),
    ]
    assert read.images[1].camera.params[4:] == (0.1, 0, 0, 0.2)
    assert len(read.missing) == 3


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ([], "lists no images"),
        ([entry(), entry()], "same name"),
        ([entry(name="")], "not a name"),
        ([entry(w=None)], "no 'w'"),
        ([entry(K=[[1, 2], [3, 4]])], "'K' is not 3 x 3"),
        ([entry(K=[[70, 1, 32], [0, 70, 24], [0, 0, 1]])], "without skew"),
        ([entry(R=None)], "'R' is missing"),
        ([entry(R=[[2, 0, 0], [0, 2, 0], [0, 0, 2]])], "not a rotation"),
        ([entry(t=["x", 0, 0])], "'t' is missing or malformed"),
        ([entry(t=[10**400, 0, 0])], "'t' is missing or malformed"),
        ([entry(dist=[0.1])], "'dist' is not 4"),
        ([entry(split="val")], "neither train nor test"),
        ([entry(split=["train"])], "neither train nor test"),
        ([entry(h=0)], "not a camera"),
        (["x"], "not a list of dict"),
    ],
)
def test_damage_is_named(tmp_path, entries, message):
    with pytest.raises(FormatError, match=message) as error:
        read_camera_list(write(tmp_path, *entries))
    assert "cameras.json" in str(error.value)


def test_nan_in_a_pose(tmp_path):
    path = write(tmp_path, entry(t=[float("nan"), 0, 0]))
    with pytest.raises(FormatError, match="NaN"):
        read_camera_list(path)
