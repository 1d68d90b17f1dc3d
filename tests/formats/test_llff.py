"""poses_bounds.npy: the dot by the definition of the format, the photos it goes with, and damage."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch

from splatmatch.errors import FormatError, InputError
from splatmatch.formats.llff import read_poses_bounds
from tests.conftest import data_folder
from tests.formats.examples import CAMERA, dot_pixel, photo, pose_with_dot_at


def row(pose, height=48, width=64, focal=70.0):
    """One row by LLFF's definition: columns down, right, backward, centre, (h, w, f)."""
    world_from_camera = pose.inverse()
    right, down, forward = world_from_camera.rotation.T
    table = torch.stack([down, right, -forward, world_from_camera.translation], dim=1).numpy()
    return np.concatenate([np.column_stack([table, [height, width, focal]]).ravel(), [1.0, 9.0]])


def save(folder, rows):
    np.save(folder / "poses_bounds.npy", np.asarray(rows))
    return folder / "poses_bounds.npy"


def test_one_dot(tmp_path):
    camera = CAMERA.from_fov(64, 48, 49.134)  # square pixels, centred: what the format can hold
    pose = pose_with_dot_at((17.5, 32.5), camera)
    read = read_poses_bounds(save(tmp_path, [row(pose, focal=camera.fx)]))
    assert [image.name for image in read.images] == ["000"]
    pinhole = read.images[0].camera.pinhole()
    assert dot_pixel(read.images[0].camera_from_world, pinhole) == pytest.approx((17.5, 32.5), abs=1e-9)


def test_axes_by_value(tmp_path):
    """A camera at (5, 6, 7) whose down, right and backward are the world's -z, x and -y looks along y."""
    table = np.array([[0, 1, 0, 5, 48], [0, 0, -1, 6, 64], [-1, 0, 0, 7, 70]], float)
    image = read_poses_bounds(save(tmp_path, [np.append(table.ravel(), [1, 2])])).images[0]
    assert image.camera_from_world.centre.tolist() == pytest.approx([5, 6, 7])
    right_and_up = torch.tensor([6.0, 8.0, 7.5], dtype=torch.float64)
    assert image.camera_from_world.apply(right_and_up).tolist() == pytest.approx([1, -0.5, 2])


def test_rows_follow_the_sorted_photos(tmp_path):
    rows = [row(pose_with_dot_at((x, 20.5))) for x in (5.5, 15.5)]
    photo(tmp_path / "images" / "b.png")
    photo(tmp_path / "images" / "a.png")
    read = read_poses_bounds(save(tmp_path, rows))
    assert [image.name for image in read.images] == ["a.png", "b.png"]
    assert read.images[0].image_path == tmp_path / "images" / "a.png"
    assert dot_pixel(read.images[1].camera_from_world)[0] == pytest.approx(15.5)


def test_which_folder_of_photos(tmp_path):
    """``images``, else the least reduced one, unless the user says."""
    path = save(tmp_path, [row(pose_with_dot_at((5.5, 5.5)))])
    for folder in ("images_8", "images_4", "images_best"):
        photo(tmp_path / folder / f"{folder}.png")
    assert read_poses_bounds(path).images[0].name == "images_4.png"
    photo(tmp_path / "images" / "full.png")
    assert read_poses_bounds(path).images[0].name == "full.png"
    assert read_poses_bounds(path, tmp_path / "images_8").images[0].name == "images_8.png"


def test_another_number_of_photos(tmp_path):
    photo(tmp_path / "images" / "a.png")
    with pytest.raises(FormatError, match=r"holds 2 poses, but .*images 1 photos"):
        read_poses_bounds(save(tmp_path, [row(pose_with_dot_at((5.5, 5.5)))] * 2))


GOOD = row(pose_with_dot_at((5.5, 5.5)))


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (np.zeros((3, 14)), r"holds \(3, 14\) float64, not N x 17"),
        (np.zeros((0, 17)), "not N x 17"),
        (np.zeros(17), "not N x 17"),
        (np.array([["x"] * 17]), "not N x 17"),
        (GOOD[None] * np.nan, "NaN"),
        (np.zeros((1, 17)), "pose of 000"),
        (GOOD[None] * [*[2] * 15, 1, 1], "not a rotation"),
    ],
)
def test_damaged_tables(tmp_path, rows, message):
    with pytest.raises(FormatError, match=message) as error:
        read_poses_bounds(save(tmp_path, rows))
    assert "poses_bounds.npy" in str(error.value)


def test_damaged_files(tmp_path):
    path = save(tmp_path, [GOOD])
    data = path.read_bytes()
    for length in range(0, len(data), 5):
        path.write_bytes(data[:length])
        with pytest.raises(FormatError, match=r"poses_bounds\.npy"):
            read_poses_bounds(path)
    path.write_bytes(data.replace(b"(1, 17)", b"(9, 17)"))
    with pytest.raises(FormatError, match="truncated"):
        read_poses_bounds(path)


def test_pickles_are_not_opened(tmp_path):
    buffer = io.BytesIO()
    np.save(buffer, np.array([[object()] * 17]), allow_pickle=True)
    (tmp_path / "poses_bounds.npy").write_bytes(buffer.getvalue())
    with pytest.raises(FormatError, match="not N x 17"):
        read_poses_bounds(tmp_path / "poses_bounds.npy")
    with pytest.raises(InputError, match="no such file"):
        read_poses_bounds(tmp_path / "none.npy")


@pytest.mark.data
def test_a_real_file():
    read = read_poses_bounds(data_folder("llff_fern") / "poses_bounds.npy")
    assert (len(read.images), read.images[0].name) == (20, "image000.png")
    assert (read.images[0].camera.width, read.images[0].camera.height) == (4032, 3024)
