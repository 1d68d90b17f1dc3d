"""Homography pairs, stereo pairs and map-free files: read, and refused when damaged."""

from __future__ import annotations

import zipfile

import numpy as np
import pytest

from splatmatch.errors import FormatError, InputError
from splatmatch.formats.homography_pairs import read_homography_pairs
from splatmatch.formats.images import read_image, write_image
from splatmatch.formats.mapfree import read_mapfree_submission, read_mapfree_truth
from splatmatch.formats.stereo_pairs import read_disparity, read_stereo_pairs
from tests.conftest import data_folder


def photo(path, width=8, height=6):
    write_image(path, np.zeros((height, width, 3), np.uint8))
    return path


def test_homographies_of_files_start_at_pixel_centres(tmp_path):
    """A file that doubles the image about its first pixel's centre: corner (0.5, 0.5) stays, (1.5, 1.5) goes to 2.5."""
    for name in ("1.png", "2.png", "notes.png"):
        photo(tmp_path / "v_wall" / name)
    (tmp_path / "v_wall" / "H_1_2").write_text("2 0 0\n0 2 0\n0 0 1\n")
    (pair,) = read_homography_pairs(tmp_path)
    assert (pair.name, pair.path_a.name, pair.path_b.name) == ("v_wall 1-2", "1.png", "2.png")
    for before, after in ((0.5, 0.5), (1.5, 2.5)):
        mapped = pair.homography @ [before, before, 1]
        np.testing.assert_allclose(mapped[:2] / mapped[2], after)


def test_photos_of_hpatches_are_portable_pixmaps(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (6, 8, 3), np.uint8)
    for name in ("1.ppm", "2.ppm"):
        (tmp_path / name).write_bytes(b"P6\n8 6\n255\n" + pixels.tobytes())
    (tmp_path / "H_1_2").write_text("1 0 0 0 1 0 0 0 1")
    (pair,) = read_homography_pairs(tmp_path)
    np.testing.assert_array_equal(read_image(pair.path_a), pixels)
    pair.path_a.write_bytes(b"P6\n8 6\n255\n" + pixels.tobytes()[:-5])
    with pytest.raises(FormatError, match="truncated or damaged"):
        read_image(pair.path_a)


@pytest.mark.data
def test_graf_as_opencv_ships_it():
    (pair,) = read_homography_pairs(data_folder("opencv_samples"))
    assert (pair.name, pair.path_a.name, pair.path_b.name) == ("graf 1-3", "graf1.png", "graf3.png")
    assert pair.homography[2, 0] == pytest.approx(3.4663091e-04)


@pytest.mark.parametrize("text", ["1 2 3", "1 0 0 0 1 0 0 0 nan", "1 0 0 0 1 0 0 0 0", "x", "9" * 70000])
def test_damaged_homographies(tmp_path, text):
    photo(tmp_path / "1.png"), photo(tmp_path / "2.png")
    (tmp_path / "H_1_2").write_text(text)
    with pytest.raises(FormatError, match="H_1_2"):
        read_homography_pairs(tmp_path)


def test_homographies_without_photos(tmp_path):
    with pytest.raises(InputError, match="no homographies"):
        read_homography_pairs(tmp_path)
    (tmp_path / "H1to2p").write_text("1 0 0 0 1 0 0 0 1")
    with pytest.raises(InputError, match="no photo beside it with a name that ends in 1"):
        read_homography_pairs(tmp_path)
    with pytest.raises(InputError, match="no such folder"):
        read_homography_pairs(tmp_path / "none")


def test_three_layouts_of_stereo(tmp_path):
    disparity = np.arange(48, dtype=np.float32).reshape(6, 8)
    disparity[0, 0] = np.inf
    middlebury = photo(tmp_path / "Chair" / "im0.png").parent
    photo(middlebury / "im1.png")
    (middlebury / "disp0.pfm").write_bytes(b"Pf\n8 6\n-1.0\n" + disparity[::-1].astype("<f4").tobytes())
    photo(tmp_path / "a_left.png"), photo(tmp_path / "a_right.png")
    np.savez(tmp_path / "a_disp.npz", disparity)
    photo(tmp_path / "bL.jpg"), photo(tmp_path / "bR.jpg")
    write_image(tmp_path / "bGT.png", np.nan_to_num(disparity, posinf=0).astype(np.uint8))
    pairs = {pair.name: pair for pair in read_stereo_pairs(tmp_path)}
    assert set(pairs) == {"Chair", "a", "b"}
    assert pairs["Chair"].path_b.name == "im1.png"
    for pair in pairs.values():
        assert np.isnan(pair.disparity[0, 0])
        np.testing.assert_array_equal(pair.disparity[1:], disparity[1:])


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("d.pfm", b"Pf\n8 6\n-1.0\n" + bytes(100)),
        ("d.pfm", b"Pf\n999999 999999\n-1.0\n" + bytes(100)),
        ("d.pfm", b"PF\n8 6\n-1.0\n" + bytes(3 * 192)),
        ("d.pfm", b"Pf\n6 8\n-1.0\n" + bytes(192)),
        ("d.png", b"not a png"),
        ("d.npz", b"PK\x03\x04 torn"),
    ],
)
def test_damaged_disparities(tmp_path, name, data):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(FormatError, match="d\\."):
        read_disparity(tmp_path / name, photo(tmp_path / "left.png"))


def test_pickles_are_refused(tmp_path):
    np.savez(tmp_path / "d.npz", np.array([{"a": 1}], dtype=object))
    with pytest.raises(FormatError, match="damaged"):
        read_disparity(tmp_path / "d.npz", photo(tmp_path / "left.png"))


def mapfree(tmp_path, poses="f0.jpg 1 0 0 0 1 2 3\n", intrinsics="f0.jpg 500 510 270 360 540 720\n"):
    scene = tmp_path / "val" / "s1"
    scene.mkdir(parents=True)
    (scene / "poses.txt").write_text("# comment\n" + poses)
    (scene / "intrinsics.txt").write_text(intrinsics)
    return tmp_path / "val"


def test_mapfree_files_hold_camera_from_world(tmp_path):
    frame = read_mapfree_truth(mapfree(tmp_path))["s1"]["f0.jpg"]
    assert frame.world_from_camera.translation.tolist() == [-1, -2, -3]
    assert (frame.K[1, 1], frame.size) == (510, (540, 720))
    with zipfile.ZipFile(tmp_path / "s.zip", "w") as archive:
        lines = ["f0.jpg 2 0 0 0 1 0 0 7", "f1.jpg nan 0 0 0 0 0 0 1", "f2.jpg 0 0 0 0 0 0 0 1", "f3.jpg 1 0"]
        archive.writestr("pose_s1.txt", "\n".join(lines))
        archive.writestr("readme.md", "hello")
    answers = read_mapfree_submission(tmp_path / "s.zip")
    assert set(answers) == {"s1"} and set(answers["s1"]) == {"f0.jpg"}
    assert answers["s1"]["f0.jpg"].confidence == 7
    assert answers["s1"]["f0.jpg"].world_from_camera.translation.tolist() == [-1, 0, 0]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"poses": "f0.jpg 1 0 0\n"}, "line 2: a name and 7 numbers"),
        ({"poses": "f0.jpg 1 0 0 0 1 2 nan\n"}, "line 2"),
        ({"poses": "f0.jpg 0 0 0 0 1 2 3\n"}, "line 2: not a pose"),
        ({"poses": "f9.jpg 1 0 0 0 1 2 3\n"}, r"f9\.jpg has no intrinsics"),
        ({"poses": ""}, "holds no poses"),
    ],
)
def test_damaged_mapfree_truth(tmp_path, changes, message):
    with pytest.raises(FormatError, match=message):
        read_mapfree_truth(mapfree(tmp_path, **changes))


def test_submissions_that_are_none(tmp_path):
    (tmp_path / "s.zip").write_bytes(b"PK no zip")
    with pytest.raises(FormatError, match="not a readable submission"):
        read_mapfree_submission(tmp_path / "s.zip")
    with pytest.raises(InputError, match="no such file"):
        read_mapfree_submission(tmp_path / "none.zip")
    with pytest.raises(InputError, match="no SCENE"):
        read_mapfree_truth(tmp_path)
