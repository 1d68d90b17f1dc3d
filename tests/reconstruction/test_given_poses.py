"""Given poses are kept, points are made where there are none, and poses of other photos are refused."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch

from splatmatch.errors import FormatError, InputError, ReconstructionError
from splatmatch.formats.images import write_image
from splatmatch.formats.posed_capture import PosedCapture
from splatmatch.geometry.distorted import DistortedCamera
from splatmatch.jobs.progress import Silent
from splatmatch.reconstruction.config import ReconstructConfig
from splatmatch.reconstruction.given_poses import GivenPoses, capture_key, posed_photos, read_given_poses
from tests.reconstruction.photo_sets import FOCAL, HEIGHT, WIDTH

OPTIONS = ReconstructConfig().correspondences(8, 2)


def write_list(path, photos, order=None, **changes):
    """A cameras.json of the drawn photos; ``order`` gives photos the poses of others."""
    entries = []
    for index, photo in enumerate(photos):
        pose = photos[order[index] if order else index].camera_from_world
        entries.append({
            "name": photo.name, "w": WIDTH, "h": HEIGHT,
            "K": [[FOCAL, 0, WIDTH / 2], [0, FOCAL, HEIGHT / 2], [0, 0, 1]],
            "R": pose.rotation.tolist(), "t": pose.translation.tolist(), **changes,
        })  # fmt: skip
    path.write_text(json.dumps({"images": entries}))
    return path


def test_points_are_triangulated_with_the_given_poses(corner, tmp_path):
    """Poses and cameras are those of the file; the points lie on the three walls to a few thousandths."""
    poses = write_list(tmp_path / "cameras.json", corner[1])
    given = read_given_poses(poses, corner[0], None)
    posed = posed_photos(given, OPTIONS, tmp_path, Silent())
    for image, photo in zip(posed.capture.images, corner[1], strict=True):
        assert image.name == photo.name
        assert torch.allclose(image.camera_from_world.matrix, photo.camera_from_world.matrix, atol=1e-6)
        assert image.camera.params[:2] == (FOCAL, FOCAL)
    distance = posed.capture.points.positions.abs().min(1).values
    assert len(distance) > 300
    assert float(distance.median()) < 0.005
    assert posed.colourless
    assert posed.record.source == "given poses"


def test_points_of_the_file_are_kept(corner, tmp_path):
    """Nothing is searched for where the source has points."""
    given = read_given_poses(write_list(tmp_path / "cameras.json", corner[1]), corner[0], None)
    points = replace(given.capture.points, positions=torch.ones(5, 3).double(), errors=torch.zeros(5).double())
    posed = posed_photos(GivenPoses(replace(given.capture, points=points), ()), OPTIONS, tmp_path, Silent())
    assert posed.capture.points is points
    assert not posed.colourless
    assert posed.seconds == {}


def test_poses_of_other_photos_are_refused(corner, tmp_path):
    """The same file with its poses in another order: almost no match agrees, and that is said."""
    poses = write_list(tmp_path / "cameras.json", corner[1], order=[5, 2, 7, 0, 6, 1, 4, 3])
    given = read_given_poses(poses, corner[0], None)
    with pytest.raises(ReconstructionError, match=r"the poses do not fit the photos: of \d+ matches only"):
        posed_photos(given, OPTIONS, tmp_path, Silent())


def test_photos_without_a_pose_and_poses_without_a_photo_are_listed(corner, tmp_path):
    """Both ways, with the reason."""
    folder = tmp_path / "photos"
    shutil.copytree(corner[0], folder)
    (folder / "photo_02.jpg").rename(folder / "stranger.jpg")
    given = read_given_poses(write_list(tmp_path / "cameras.json", corner[1]), folder, None)
    reasons = {item.name: item.reason for item in given.unregistered}
    assert reasons == {"photo_02.jpg": "the file does not exist", "stranger.jpg": "has no pose in cameras.json"}
    assert len(given.capture.with_photos) == 7


def test_masks_of_the_user_replace_those_of_the_file(corner, tmp_path):
    """By the photo's name."""
    masks = tmp_path / "masks"
    write_image(masks / "photo_01.png", np.zeros((HEIGHT, WIDTH), np.uint8))
    given = read_given_poses(write_list(tmp_path / "cameras.json", corner[1]), corner[0], masks)
    assert [image.mask_path for image in given.capture.images[:3]] == [None, masks / "photo_01.png", None]


def test_unusable_poses(corner, tmp_path):
    """NaN, another size, another format, another folder, a panorama: one line each."""
    bad = [[float("nan")] * 3] * 3
    path = tmp_path / "cameras.json"
    cases = [
        (write_list, {"R": bad}, FormatError, "NaN"),
        (write_list, {"w": WIDTH + 90}, FormatError, "400 x 300, but its camera is 490 x 300"),
    ]
    for write, changes, kind, words in cases:
        with pytest.raises(kind, match=words):
            read_given_poses(write(path, corner[1], **changes), corner[0], None)
    path.write_text("{}")
    with pytest.raises(InputError, match=r"cameras\.json"):
        read_given_poses(path, corner[0], None)
    write_list(path, corner[1])
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="holds none of the 8 photos"):
        read_given_poses(path, tmp_path / "empty", None)
    with pytest.raises(InputError, match="no such file"):
        read_given_poses(tmp_path / "none.json", corner[0], None)


def test_panoramas_are_refused(corner, tmp_path):
    """They have no perspective image."""
    model = tmp_path / "sparse" / "0"
    model.mkdir(parents=True)
    (model / "cameras.txt").write_text(f"1 EQUIRECTANGULAR {WIDTH} {HEIGHT} {WIDTH} {HEIGHT}\n")
    lines = [f"{i + 1} 1 0 0 0 0 0 {i} 1 {photo.name}\n\n" for i, photo in enumerate(corner[1])]
    (model / "images.txt").write_text("".join(lines))
    with pytest.raises(InputError, match="EQUIRECTANGULAR"):
        read_given_poses(tmp_path, corner[0], None)


def test_a_single_posed_photo_is_too_few(corner, tmp_path):
    """Nothing can be fitted to one view."""
    poses = write_list(tmp_path / "cameras.json", corner[1][:1])
    with pytest.raises(ReconstructionError, match="gives poses to 1 photo"):
        read_given_poses(poses, corner[0], None)


def test_the_key_changes_with_whatever_matters(corner, tmp_path):
    """Cameras, poses and pixels; not with the path of the folder."""
    given = read_given_poses(write_list(tmp_path / "cameras.json", corner[1]), corner[0], None)
    copy = tmp_path / "copy"
    shutil.copytree(corner[0], copy)
    images = given.capture.images
    moved = replace(images[0], image_path=copy / images[0].name)
    assert capture_key(PosedCapture((moved, *images[1:]))) == capture_key(PosedCapture(images))
    camera = DistortedCamera("SIMPLE_PINHOLE", WIDTH, HEIGHT, (FOCAL, WIDTH / 2, HEIGHT / 2))
    for other in (replace(images[0], camera=camera), replace(images[0], camera_from_world=images[1].camera_from_world)):
        assert capture_key(PosedCapture((other, *images[1:]))) != capture_key(PosedCapture(images))
    (copy / images[0].name).write_bytes((copy / images[1].name).read_bytes())
    assert capture_key(PosedCapture((moved, *images[1:]))) != capture_key(PosedCapture(images))
