"""The one door to pose files: what is found where, photos of other sizes, and agreement of formats on real captures."""

from __future__ import annotations

import contextlib
import json
import logging

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from PIL import Image

from splatmatch.errors import FormatError, InputError
from splatmatch.formats.colmap import ColmapImage, ColmapModel, model_from_scene, read_colmap, write_colmap
from splatmatch.formats.posed import read_cameras, read_posed_capture
from splatmatch.formats.posed_capture import PosedImage, fitted_to_photo, posed_view, read_posed_image
from splatmatch.formats.scene_folder import save_scene
from splatmatch.geometry.distorted import DistortedCamera
from splatmatch.scene.views import SparsePoints
from tests.conftest import data_folder
from tests.formats import test_camera_list, test_llff, test_nerfstudio
from tests.formats.examples import CAMERA, dot_pixel, photo, pose_with_dot_at, scene
from tests.geometry.test_distorted import example


def colmap_folder(folder, camera, name="a.png"):
    model = ColmapModel({1: camera}, (ColmapImage(name, 1, pose_with_dot_at((17.5, 32.5))),), SparsePoints.empty())
    write_colmap(model, folder / "sparse" / "0")
    return folder


def test_every_format_is_found_in_a_folder_and_by_file(tmp_path):
    """The dot of each format falls on its pixel, by folder and by file."""
    writers = {
        "transforms.json": lambda folder: test_nerfstudio.write_transforms(
            test_nerfstudio.capture(folder), folder / "transforms.json"
        ),
        "poses_bounds.npy": lambda folder: test_llff.save(
            folder,
            [
                test_llff.row(
                    pose_with_dot_at((17.5, 32.5), CAMERA.from_fov(64, 48, 49)), focal=CAMERA.from_fov(64, 48, 49).fx
                )
            ],
        ),
        "cameras.json": lambda folder: test_camera_list.write(folder, test_camera_list.entry()),
        "sparse/0/cameras.bin": lambda folder: colmap_folder(folder, DistortedCamera.from_pinhole(CAMERA)),
    }
    for name, write in writers.items():
        folder = tmp_path / name.replace("/", "_")
        folder.mkdir()
        write(folder)
        for path in (folder, folder / name):
            (image,) = read_posed_capture(path).images
            view = posed_view(image)
            assert dot_pixel(view.camera_from_world, view.camera) == pytest.approx((17.5, 32.5), abs=1e-9), name


def test_a_scene_folder_keeps_its_splits(tmp_path):
    saved = save_scene(scene(tmp_path / "photos"), tmp_path / "scene")
    for path in (saved.folder, saved.folder / "scene.json"):
        capture = read_posed_capture(path)
        assert [image.split for image in capture.images] == ["train", "test", "train"]
        assert len(capture.points) == 3
    elsewhere = read_posed_capture(tmp_path / "scene", tmp_path / "photos")
    assert elsewhere.images[2].image_path == tmp_path / "photos" / "more" / "c.png"


@pytest.mark.parametrize("model", ["PINHOLE", "SIMPLE_RADIAL", "OPENCV_FISHEYE", "EUCM"])
def test_photos_that_are_reduced_copies_get_scaled_cameras(tmp_path, model):
    camera = example(model)  # of 640 x 480
    photo(tmp_path / "images" / "a.png", 160, 120)
    image = read_posed_capture(colmap_folder(tmp_path, camera)).images[0]
    assert image.camera == camera.resized(160, 120)
    assert read_posed_image(image).shape == (120, 160, 3)


def test_tracks_are_scaled_with_the_cameras(tmp_path):
    original = scene(tmp_path / "photos")
    write_colmap(model_from_scene(original), tmp_path / "sparse" / "0")
    photo(tmp_path / "images" / "a.png", 32, 24)
    photo(tmp_path / "images" / "b.png", 64, 48)
    photo(tmp_path / "images" / "more" / "c.png", 128, 96)
    capture = read_posed_capture(tmp_path)
    tracks = capture.points.tracks
    factors = torch.tensor([0.5, 1.0, 2.0], dtype=torch.float64)[tracks.view_index]
    torch.testing.assert_close(tracks.pixels, read_colmap(tmp_path).points.tracks.pixels * factors[:, None])
    for point, view, pixel in zip(tracks.point_index, tracks.view_index, tracks.pixels, strict=True):
        if point == 0:  # the dot, whose observations are exact
            image = capture.images[int(view)]
            projected = image.camera.pinhole().project(image.camera_from_world.apply(capture.points.positions[0]))
            torch.testing.assert_close(projected, pixel)


@pytest.mark.parametrize(("width", "height"), [(640, 479), (321, 240), (320, 240), (213, 160)])
def test_rounded_sizes_are_copies(tmp_path, width, height):
    photo(tmp_path / "a.png", width, height)
    pose = pose_with_dot_at((1.5, 1.5))
    fitted = fitted_to_photo(PosedImage("a.png", example("PINHOLE"), pose, tmp_path / "a.png"))
    assert (fitted.camera.width, fitted.camera.height) == (width, height)


@pytest.mark.parametrize(("width", "height"), [(480, 640), (640, 640), (640, 400), (324, 240)])
def test_photos_of_another_shape_are_refused(tmp_path, width, height):
    photo(tmp_path / "images" / "a.png", width, height)
    with pytest.raises(FormatError, match=rf"a\.png: is {width} x {height}, but its camera is 640 x 480"):
        read_posed_capture(colmap_folder(tmp_path, example("PINHOLE")))


@pytest.mark.parametrize("size", [(64, 48), (48, 64), (32, 24), (24, 32)])
def test_turned_photos(tmp_path, size):
    """A photo stored 64 x 48 with EXIF orientation 6: poses for the stored pixels get them as stored, poses for the
    upright ones get them turned.
    """
    pixels = np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)
    exif = Image.Exif()
    exif[0x0112] = 6
    (tmp_path / "images").mkdir()
    Image.fromarray(pixels).save(tmp_path / "images" / "a.png", exif=exif)
    camera = DistortedCamera("SIMPLE_PINHOLE", *size, (50.0, size[0] / 2, size[1] / 2))
    image = read_posed_capture(colmap_folder(tmp_path, camera)).images[0]
    turned = size[0] < size[1]
    assert image.turned == turned
    assert np.array_equal(read_posed_image(image), np.rot90(pixels, -1) if turned else pixels)
    assert (image.camera.width, image.camera.height) == ((48, 64) if turned else (64, 48))


def test_missing_photos(tmp_path):
    colmap_folder(tmp_path, example("PINHOLE"))
    capture = read_posed_capture(tmp_path)
    assert capture.with_photos == ()
    assert [item.name for item in capture.missing] == ["a.png"]
    with pytest.raises(InputError, match="no such photo"):
        read_posed_image(capture.images[0])
    photo(tmp_path / "other" / "b.png")
    with pytest.raises(InputError, match=r"other: holds none of the 1 photos"):
        read_posed_capture(tmp_path, tmp_path / "other")
    with pytest.raises(InputError, match="no such folder of photos"):
        read_posed_capture(tmp_path, tmp_path / "none")


def test_viewpoints_without_photos_and_distortion_left_out(tmp_path, caplog):
    camera = example("SIMPLE_RADIAL")
    with caplog.at_level(logging.WARNING):
        (view,) = read_cameras(colmap_folder(tmp_path, camera))
    assert "1 distorted cameras" in caplog.text
    assert view.camera == camera.without_distortion()
    assert (view.image_path, view.split) == (None, "train")
    caplog.clear()
    (tmp_path / "plain").mkdir()
    read_cameras(colmap_folder(tmp_path / "plain", example("PINHOLE")))
    assert caplog.text == ""
    with pytest.raises(FormatError, match="no focal length"):
        read_cameras(colmap_folder(tmp_path, example("EQUIRECTANGULAR")))


def test_what_is_no_pose_file(tmp_path):
    with pytest.raises(InputError, match=r"holds no poses; give a COLMAP model, transforms\.json"):
        read_posed_capture(tmp_path)
    with pytest.raises(InputError, match="no such file or folder"):
        read_posed_capture(tmp_path / "none.json")
    (tmp_path / "a.json").write_text(json.dumps({"poses": []}))
    (tmp_path / "a.txt").write_text("1 2 3")
    (tmp_path / "b.json").write_text("[]")
    for name in ("a.json", "a.txt", "b.json"):
        with pytest.raises(FormatError, match=name):
            read_posed_capture(tmp_path / name)


@settings(max_examples=200)
@given(st.sampled_from(["transforms.json", "cameras.json", "poses_bounds.npy", "scene.json"]), st.data())
def test_flipped_bytes_give_a_capture_or_an_input_error(tmp_path_factory, name, data):
    """No damage, however small, may raise anything else."""
    folder = tmp_path_factory.mktemp("flip")
    if name == "transforms.json":
        path = test_nerfstudio.write(folder, [test_nerfstudio.frame("a.png", k1=0.1)], **test_nerfstudio.SIZE)
    elif name == "cameras.json":
        path = test_camera_list.write(folder, test_camera_list.entry(dist=[0.1, 0, 0, 0]))
    elif name == "poses_bounds.npy":
        path = test_llff.save(folder, [test_llff.row(pose_with_dot_at((5.5, 5.5)))])
    else:
        path = save_scene(scene(folder / "photos"), folder / "scene").folder / name
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content)
    with contextlib.suppress(InputError):
        read_posed_capture(path)


@pytest.mark.data
@pytest.mark.parametrize(
    ("capture", "file", "tolerance"),
    [
        ("sceaux_castle", "sparse", 1e-12),
        ("ingp_fox", "transforms.json", 1e-5),
        ("llff_fern", "poses_bounds.npy", 1e-12),
        ("cycles_train", "room_102/transforms.json", 1e-12),
    ],
)
def test_real_captures_agree_with_their_camera_lists(capture, file, tolerance):
    """The same cameras by two formats and two programs: poses, intrinsics, distortion, sizes and names."""
    path = data_folder(capture) / file
    ours = {image.name: image for image in read_posed_capture(path).with_photos}
    theirs = read_posed_capture(path.parent / "cameras.json")
    assert {image.name for image in theirs.images} == set(ours)
    for other in theirs.images:
        image = ours[other.name]
        assert image.image_path == other.image_path
        torch.testing.assert_close(
            image.camera_from_world.matrix, other.camera_from_world.matrix, atol=tolerance, rtol=tolerance
        )
        rays = torch.tensor([[0.1, -0.2, 1.0], [-0.2, 0.1, 1.0]], dtype=torch.float64)
        pixels = [camera.without_distortion().project(rays) for camera in (image.camera, other.camera)]
        torch.testing.assert_close(pixels[0], pixels[1])
        assert image.camera.is_pinhole == other.camera.is_pinhole
        assert (image.camera.width, image.camera.height) == (other.camera.width, other.camera.height)
