"""transforms.json: the dot through both directions, intrinsics in all spellings, splits, and what is refused."""

from __future__ import annotations

import json
import math

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given

from splatmatch.errors import FormatError, InputError
from splatmatch.formats.nerfstudio import read_transforms, write_transforms
from splatmatch.formats.points_ply import PointCloud, write_points_ply
from splatmatch.formats.posed_capture import PosedCapture, PosedImage
from splatmatch.geometry.distorted import DistortedCamera
from tests.conftest import data_folder
from tests.formats.examples import CAMERA, DOT, dot_pixel, photo, pose_with_dot_at
from tests.geometry.test_distorted import example, project
from tests.geometry.test_pose import poses

IDENTITY = np.eye(4).tolist()


def write(folder, frames, **shared):
    (folder / "transforms.json").write_text(json.dumps({**shared, "frames": frames}))
    return folder / "transforms.json"


def frame(name, **extra):
    return {"file_path": name, "transform_matrix": IDENTITY, **extra}


SIZE = {"w": 64, "h": 48, "fl_x": 70}


def test_one_dot_by_the_definition_of_the_format(tmp_path):
    """A camera at (1, 2, 3) with OpenGL axes along the world's: x right, y up, looking along -z. The dot stands one
    right, half up and two before it: 70/2 right and 70/4 up of the centre of the image.
    """
    matrix = np.eye(4)
    matrix[:3, 3] = (1, 2, 3)
    path = write(tmp_path, [{"file_path": "a.png", "transform_matrix": matrix.tolist()}], **SIZE)
    image = read_transforms(path).images[0]
    point = image.camera_from_world.apply(torch.tensor([2.0, 2.5, 1.0], dtype=torch.float64))
    assert image.camera.pinhole().project(point).tolist() == pytest.approx([32 + 35, 24 - 17.5])


def capture(folder, camera=None, pose=None, **extra):
    photo(folder / "images" / "a.png")
    camera = camera or DistortedCamera.from_pinhole(CAMERA)
    pose = pose or pose_with_dot_at((17.5, 32.5))
    return PosedCapture((PosedImage("a.png", camera, pose, folder / "images" / "a.png", **extra),))


def test_one_dot_through_a_file(tmp_path):
    write_transforms(capture(tmp_path), tmp_path / "transforms.json")
    image = read_transforms(tmp_path / "transforms.json").images[0]
    assert dot_pixel(image.camera_from_world, image.camera.pinhole()) == pytest.approx((17.5, 32.5), abs=1e-9)
    assert (image.name, image.image_path) == ("a.png", tmp_path / "images" / "a.png")


@given(poses())
def test_poses_survive(tmp_path_factory, pose):
    folder = tmp_path_factory.mktemp("capture")
    write_transforms(capture(folder, pose=pose), folder / "transforms.json")
    back = read_transforms(folder / "transforms.json").images[0]
    torch.testing.assert_close(back.camera_from_world.matrix, pose.matrix, atol=1e-12, rtol=1e-12)


@pytest.mark.parametrize("model", ["SIMPLE_PINHOLE", "PINHOLE", "SIMPLE_RADIAL", "RADIAL", "OPENCV", "OPENCV_FISHEYE"])
def test_distorted_cameras_project_alike_after_a_round_trip(tmp_path, model):
    camera = example(model)
    write_transforms(capture(tmp_path, camera), tmp_path / "transforms.json")
    back = read_transforms(tmp_path / "transforms.json").images[0].camera
    np.testing.assert_allclose(project(back), project(camera), atol=1e-9)


@pytest.mark.parametrize("model", ["FULL_OPENCV", "FOV", "EUCM", "EQUIRECTANGULAR", "RADIAL_FISHEYE"])
def test_cameras_that_the_format_cannot_hold(tmp_path, model):
    with pytest.raises(InputError, match="undistort the images first"):
        write_transforms(capture(tmp_path, example(model)), tmp_path / "transforms.json")


def test_distortion_is_opencvs(tmp_path):
    """k1 k2 p1 p2 k3 against cv2.projectPoints (K with the origin at a pixel's centre, shifted back)."""
    values = {"k1": 0.05, "k2": -0.08, "p1": 0.001, "p2": -0.002, "k3": 0.02}
    path = write(tmp_path, [frame("a.png")], **SIZE, fl_y=71, cx=31, cy=25, **values)
    camera = read_transforms(path).images[0].camera
    rays = np.array([[0.1, -0.2, 1.0], [-0.3, 0.15, 1.0], [0.0, 0.0, 1.0], [0.25, 0.3, 1.2]])
    K = np.array([[70, 0, 31 - 0.5], [0, 71, 25 - 0.5], [0, 0, 1.0]])
    theirs, _ = cv2.projectPoints(rays, np.zeros(3), np.zeros(3), K, np.array([0.05, -0.08, 0.001, -0.002, 0.02]))
    np.testing.assert_allclose(project(camera), theirs[:, 0] + 0.5, atol=1e-6)


@pytest.mark.parametrize(
    ("shared", "model", "params"),
    [
        ({"fl_x": 70}, "PINHOLE", (70, 70, 32, 24)),
        ({"fl_x": 70, "fl_y": 75, "cx": 30, "cy": 20.5}, "PINHOLE", (70, 75, 30, 20.5)),
        ({"camera_angle_x": 2 * math.atan(0.5)}, "PINHOLE", (64, 64, 32, 24)),
        ({"camera_angle_x": 2 * math.atan(0.5), "camera_angle_y": 2 * math.atan(0.25)}, "PINHOLE", (64, 96, 32, 24)),
        ({"camera_angle_x": 1.0, "fl_x": 70}, "PINHOLE", (70, 70, 32, 24)),
        ({"fl_x": 70, "k1": 0.1}, "OPENCV", (70, 70, 32, 24, 0.1, 0, 0, 0)),
        ({"fl_x": 70, "k4": 0.1, "is_fisheye": True}, "OPENCV_FISHEYE", (70, 70, 32, 24, 0, 0, 0, 0.1)),
        ({"fl_x": 70, "camera_model": "OPENCV_FISHEYE", "k1": 0.1}, "OPENCV_FISHEYE", (70, 70, 32, 24, 0.1, 0, 0, 0)),
    ],
)
@pytest.mark.parametrize("place", ["shared", "frame"])
def test_intrinsics_in_all_spellings(tmp_path, shared, model, params, place):
    """At the top or in the frame; w and h from the photo."""
    photo(tmp_path / "a.png")
    inside = shared if place == "frame" else {}
    path = write(tmp_path, [frame("a.png", **inside)], **({} if inside else shared))
    camera = read_transforms(path).images[0].camera
    assert (camera.model, camera.width, camera.height) == (model, 64, 48)
    assert camera.params == pytest.approx(params)


def test_frames_override_what_is_shared(tmp_path):
    path = write(tmp_path, [frame("a.png", fl_x=90), frame("b.png")], **SIZE)
    assert [image.camera.params[0] for image in read_transforms(path).images] == [90, 70]


def test_missing_photos_are_reported_and_suffixes_are_found(tmp_path):
    """Blender's ``./train/r_0`` without suffix; a frame whose size nobody knows is left out."""
    photo(tmp_path / "train" / "r_0.png")
    path = write(tmp_path, [frame("./train/r_0"), frame("./train/r_1")], camera_angle_x=0.7)
    read = read_transforms(path)
    assert [image.name for image in read.images] == ["train/r_0.png"]
    assert [(item.name, item.reason) for item in read.missing] == [("train/r_1", "the file does not exist")]
    path = write(tmp_path, [frame("./train/r_0"), frame("./train/r_1")], camera_angle_x=0.7, w=64, h=48)
    read = read_transforms(path)
    assert [image.image_path is None for image in read.images] == [False, True]
    assert len(read.with_photos) == 1
    with pytest.raises(FormatError, match="do not exist"):
        read_transforms(write(tmp_path, [frame("none")], camera_angle_x=0.7))


def test_names_are_relative_to_the_images(tmp_path):
    photo(tmp_path / "images" / "x" / "a.png")
    photo(tmp_path / "images" / "b.png")
    frames = [frame("images/x/a.png"), frame("./images/b.png"), frame("images\\c.png")]
    read = read_transforms(write(tmp_path, frames, **SIZE))
    assert [image.name for image in read.images] == ["b.png", "c.png", "x/a.png"]
    elsewhere = tmp_path / "photos"
    photo(elsewhere / "x" / "a.png")
    photo(elsewhere / "b.png")
    read = read_transforms(tmp_path / "transforms.json", elsewhere)
    assert [image.name for image in read.images] == ["b.png", "c.png", "x/a.png"]
    assert read.images[0].image_path == elsewhere / "b.png"
    away = [frame(str(elsewhere / "b.png")), frame(f"../{tmp_path.name}/photos/x/a.png")]
    assert [i.name for i in read_transforms(write(tmp_path, away, **SIZE)).images] == ["photos/b.png", "photos/x/a.png"]
    inner = tmp_path / "inner"
    inner.mkdir()
    outside = write(inner, [frame("../photos/b.png"), frame(str(elsewhere / "x" / "a.png"))], **SIZE)
    assert [image.name for image in read_transforms(outside).images] == ["a.png", "b.png"]


def test_splits(tmp_path):
    frames = [frame(f"images/{name}.png") for name in "abcd"]
    lists = {
        "train_filenames": ["images/a.png"],
        "val_filenames": ["./images/b.png"],
        "test_filenames": ["images/c.png"],
    }
    read = read_transforms(write(tmp_path, frames, **SIZE, **lists))
    assert [image.split for image in read.images] == ["train", "test", "test", None]
    assert {image.split for image in read_transforms(write(tmp_path, frames, **SIZE)).images} == {None}
    lists["val_filenames"] = ["images/a.png"]
    with pytest.raises(FormatError, match="both the train and the test list"):
        read_transforms(write(tmp_path, frames, **SIZE, **lists))


def test_splits_masks_and_points_round_trip(tmp_path):
    photos = [photo(tmp_path / "images" / f"{name}.png") is not None for name in "ab"]
    assert all(photos)
    photo(tmp_path / "masks" / "m.png")
    camera, mask = DistortedCamera.from_pinhole(CAMERA), tmp_path / "masks" / "m.png"
    images = tuple(
        PosedImage(
            f"{name}.png", camera, pose_with_dot_at((9.5, 9.5)), tmp_path / "images" / f"{name}.png", mask, split
        )
        for name, split in (("a", "train"), ("b", "test"))
    )
    write_points_ply(PointCloud(DOT[None].numpy(), np.array([[1, 2, 3]], np.uint8)), tmp_path / "points.ply")
    write_transforms(PosedCapture(images), tmp_path / "transforms.json", "points.ply")
    read = read_transforms(tmp_path / "transforms.json")
    assert [(image.split, image.mask_path) for image in read.images] == [("train", mask), ("test", mask)]
    torch.testing.assert_close(read.points.positions[0], DOT, atol=1e-6, rtol=0)
    assert read.points.colours.tolist() == [[1, 2, 3]]
    assert dot_pixel(read.images[0].camera_from_world) == pytest.approx((9.5, 9.5))


def test_applied_transform_is_not_undone(tmp_path):
    """Poses and points of the file lie in one world already."""
    plain = read_transforms(write(tmp_path, [frame("a.png")], **SIZE)).images[0]
    applied = [[0, 1, 0, 0], [1, 0, 0, 0], [0, 0, -1, 0]]
    moved = read_transforms(write(tmp_path, [frame("a.png")], **SIZE, applied_transform=applied)).images[0]
    assert torch.equal(plain.camera_from_world.matrix, moved.camera_from_world.matrix)


BAD = np.eye(4)
BAD[0, 0] = 2


@pytest.mark.parametrize(
    ("frames", "shared", "message"),
    [
        ([], SIZE, "no frames"),
        ("x", SIZE, "not a list"),
        ([{"transform_matrix": IDENTITY}], SIZE, "no 'file_path'"),
        ([{"file_path": "a.png"}], SIZE, "no 'transform_matrix'"),
        ([frame("a.png", transform_matrix=BAD.tolist())], SIZE, "not a rotation"),
        ([frame("a.png", transform_matrix=[[1, 2], [3]])], SIZE, "a.png"),
        ([frame("a.png", transform_matrix=np.eye(3).tolist())], SIZE, "3x4 or 4x4"),
        ([frame("a.png", transform_matrix=[["x"] * 4] * 4)], SIZE, "a.png"),
        ([frame("a.png"), frame("./a.png")], SIZE, "same file_path"),
        ([frame("a.png")], {"w": 64, "h": 48}, "no focal length"),
        ([frame("a.png")], {**SIZE, "fl_x": -1}, "focal length"),
        ([frame("a.png")], {**SIZE, "fl_x": "70"}, "not a number"),
        ([frame("a.png")], {**SIZE, "w": 0}, "not a camera"),
        ([frame("a.png")], {"w": 64, "h": 48, "camera_angle_x": 4}, "field of view"),
        ([frame("a.png")], {**SIZE, "k4": 0.1}, "with k4"),
        ([frame("a.png")], {**SIZE, "camera_model": "EQUIRECTANGULAR"}, "EQUIRECTANGULAR"),
        ([frame("a\nb.png")], SIZE, "no name of an image"),
        ([frame("/")], SIZE, "no name of an image"),
        ([frame("..")], SIZE, "no name of an image"),
        ([frame("a\0.png")], SIZE, "not a name"),
        ([frame("a.png", transform_matrix=[[10**400] * 4] * 4)], SIZE, "a.png"),
        ([frame("a.png")], {**SIZE, "cx": 10**400}, "not a number"),
        ([frame("a.png")], {**SIZE, "w": 1e300}, "not a camera"),
    ],
)
def test_damage_is_named(tmp_path, frames, shared, message):
    with pytest.raises(FormatError, match=message) as error:
        read_transforms(write(tmp_path, frames, **shared))
    assert "transforms.json" in str(error.value)
    assert "\n" not in str(error.value)


def test_names_too_long_for_the_disk_are_photos_that_do_not_exist(tmp_path):
    read = read_transforms(write(tmp_path, [frame("a" * 5000)], **SIZE))
    assert len(read.missing) == 1


def test_nan_in_a_pose(tmp_path):
    write(tmp_path, [frame("a.png")], **SIZE)
    data = (tmp_path / "transforms.json").read_text().replace("0.0", "NaN", 1)
    (tmp_path / "transforms.json").write_text(data)
    with pytest.raises(FormatError, match="NaN"):
        read_transforms(tmp_path / "transforms.json")


def test_files_that_it_names_must_exist(tmp_path):
    photo(tmp_path / "a.png")
    with pytest.raises(InputError, match=r"points\.ply: no such file"):
        read_transforms(write(tmp_path, [frame("a.png")], **SIZE, ply_file_path="points.ply"))
    with pytest.raises(InputError, match=r"m\.png: no such mask"):
        read_transforms(write(tmp_path, [frame("a.png", mask_path="m.png")], **SIZE))


def test_photos_elsewhere_cannot_be_written(tmp_path):
    image = capture(tmp_path / "there")
    with pytest.raises(InputError, match="does not lie below"):
        write_transforms(image, tmp_path / "here" / "transforms.json")


@pytest.mark.data
def test_a_real_file_with_missing_photos():
    read = read_transforms(data_folder("ingp_fox") / "transforms.json")
    assert (len(read.images), len(read.with_photos), len(read.missing)) == (67, 50, 17)
    camera = read.images[0].camera
    assert (camera.model, camera.width, camera.height) == ("OPENCV", 1080, 1920)
    assert camera.params[4:] == (0.0578421, -0.0805099, -0.000980296, 0.00015575)


@pytest.mark.data
@pytest.mark.parametrize("name", ["room_102", "outdoor_201", "table_301"])
def test_real_files_with_lists_and_points(name):
    """The points of the file are seen by its cameras: most project into each photo or lie behind it."""
    read = read_transforms(data_folder("cycles_train") / name / "transforms.json")
    assert (len(read.with_photos), len(read.points)) == (40, 5000)
    assert [image.split for image in read.images] == ["train"] * 36 + ["test"] * 4
    inside = []
    for image in read.images:
        points = image.camera_from_world.apply(read.points.positions)
        pixels = image.camera.pinhole().project(points)
        fits = (pixels >= 0).all(1) & (pixels[:, 0] <= 640) & (pixels[:, 1] <= 480) & (points[:, 2] > 0)
        inside.append(fits.double().mean().item())
    assert min(inside) > 0.02
    assert sum(inside) / 40 > 0.2
