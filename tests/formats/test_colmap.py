"""COLMAP models: exact round trips in both layouts, agreement with pycolmap, the dot, and damaged files."""

from __future__ import annotations

import contextlib
import shutil
import struct
from dataclasses import replace

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given, settings

from splatmatch.errors import FormatError, InputError, OutputError
from splatmatch.formats.colmap import ColmapImage, ColmapModel, find_model, model_from_scene, read_colmap, write_colmap
from splatmatch.geometry.distorted import CAMERA_MODELS, DistortedCamera
from splatmatch.scene.views import SparsePoints, Tracks
from tests.conftest import data_folder
from tests.formats.examples import CAMERA, DOT, dot_pixel, pose_with_dot_at, scene
from tests.geometry.test_distorted import example
from tests.geometry.test_pose import poses

TEXT = [False, True]


def assert_same_model(a, b, tolerance=1e-12):
    assert a.cameras == b.cameras
    assert [(i.name, i.camera_id) for i in a.images] == [(i.name, i.camera_id) for i in b.images]
    for first, second in zip(a.images, b.images, strict=True):
        torch.testing.assert_close(
            first.camera_from_world.matrix, second.camera_from_world.matrix, atol=tolerance, rtol=tolerance
        )
    assert torch.equal(a.points.positions, b.points.positions)
    assert torch.equal(a.points.colours, b.points.colours)
    assert torch.equal(a.points.errors.nan_to_num(-1), b.points.errors.nan_to_num(-1))
    assert observations(a) == observations(b)


def observations(model):
    tracks = model.points.tracks
    if tracks is None:
        return []
    return sorted(
        zip(tracks.point_index.tolist(), tracks.view_index.tolist(), map(tuple, tracks.pixels.tolist()), strict=True)
    )


@st.composite
def models(draw):
    """Any camera model, odd names, points with and without observations."""
    kinds = draw(st.lists(st.sampled_from(sorted(CAMERA_MODELS)), min_size=1, max_size=3))
    cameras = {7 * (index + 1): example(kind) for index, kind in enumerate(kinds)}
    letters = st.text("aZ0 ._-é漢", min_size=1, max_size=8).map(str.strip).filter(lambda s: s.strip(" .") != "")
    names = sorted(draw(st.lists(letters, min_size=1, max_size=4, unique=True)))
    names = [f"{name}.jpg" for name in names]
    images = tuple(ColmapImage(name, draw(st.sampled_from(sorted(cameras))), draw(poses())) for name in sorted(names))
    count = draw(st.integers(0, 5))
    finite = st.floats(-1e6, 1e6, allow_nan=False)
    pairs = [(p, v) for p in range(count) for v in range(len(images))]
    seen = draw(st.lists(st.sampled_from(pairs), max_size=8)) if pairs else []
    tracks = Tracks(
        torch.tensor([p for p, _ in seen], dtype=torch.int64),
        torch.tensor([v for _, v in seen], dtype=torch.int64),
        torch.tensor([[draw(finite), draw(finite)] for _ in seen], dtype=torch.float64).reshape(-1, 2),
    )
    points = SparsePoints(
        torch.tensor([[draw(finite) for _ in range(3)] for _ in range(count)], dtype=torch.float64).reshape(-1, 3),
        torch.randint(0, 256, (count, 3), dtype=torch.uint8),
        torch.tensor([draw(st.sampled_from([0.0, 0.5, float("nan")])) for _ in range(count)], dtype=torch.float64),
        tracks if seen else None,
    )
    return ColmapModel(cameras, images, points)


@pytest.mark.parametrize("text", TEXT)
@settings(max_examples=40)
@given(models())
def test_round_trip_is_exact(tmp_path_factory, text, model):
    folder = tmp_path_factory.mktemp("model") / "sparse" / "0"
    write_colmap(model, folder, text=text)
    assert_same_model(read_colmap(folder), model)


@pytest.mark.parametrize("text", TEXT)
def test_pycolmap_reads_the_same(tmp_path, text):
    pycolmap = pytest.importorskip("pycolmap")
    model = model_from_scene(scene(tmp_path / "photos"))
    write_colmap(model, tmp_path / "0", text=text)
    theirs = pycolmap.Reconstruction(str(tmp_path / "0"))
    assert (theirs.num_reg_images(), theirs.num_points3D(), theirs.compute_num_observations()) == (3, 3, 5)
    for image in model.images:
        other = theirs.find_image_with_name(image.name)
        np.testing.assert_allclose(other.cam_from_world().matrix(), image.camera_from_world.matrix[:3], atol=1e-12)
        camera = theirs.cameras[other.camera_id]
        assert (camera.model.name, tuple(camera.params)) == ("PINHOLE", model.cameras[image.camera_id].params)
    track = {
        (theirs.images[e.image_id].name, tuple(theirs.images[e.image_id].points2D[e.point2D_idx].xy))
        for e in theirs.points3D[1].track.elements
    }
    assert track == {("a.png", (10.5, 20.5)), ("b.png", (33.5, 7.5)), ("more/c.png", (50.5, 40.5))}
    assert theirs.points3D[1].error == 0.25
    assert theirs.points3D[2].error == -1
    assert tuple(theirs.points3D[1].color) == (255, 0, 9)


@pytest.mark.parametrize("extension", ["bin", "txt"])
def test_what_pycolmap_writes_is_read(tmp_path, extension):
    """With rigs and frames, as versions since 3.12 write."""
    pycolmap = pytest.importorskip("pycolmap")
    model = model_from_scene(scene(tmp_path / "photos"))
    write_colmap(model, tmp_path / "ours")
    theirs = pycolmap.Reconstruction(str(tmp_path / "ours"))
    (tmp_path / "sparse").mkdir()
    (theirs.write if extension == "bin" else theirs.write_text)(str(tmp_path / "sparse"))
    assert (tmp_path / "sparse" / f"rigs.{extension}").exists()
    assert_same_model(read_colmap(tmp_path), model, 1e-12)


@pytest.mark.parametrize("text", TEXT)
def test_one_dot(tmp_path, text):
    """The centre of pixel (17, 32), seen before, is hit again to a billionth, by us and by pycolmap."""
    pycolmap = pytest.importorskip("pycolmap")
    pose = pose_with_dot_at((17.5, 32.5))
    camera = DistortedCamera.from_pinhole(CAMERA)
    write_colmap(
        ColmapModel({1: camera}, (ColmapImage("a.png", 1, pose),), SparsePoints.empty()), tmp_path / "0", text=text
    )
    image = read_colmap(tmp_path).images[0]
    assert dot_pixel(image.camera_from_world) == pytest.approx((17.5, 32.5), abs=1e-9)
    theirs = pycolmap.Reconstruction(str(tmp_path / "0"))
    other = theirs.find_image_with_name("a.png")
    assert other.project_point(DOT.numpy()) == pytest.approx((17.5, 32.5), abs=1e-9)


def test_models_are_found_below(tmp_path):
    model = model_from_scene(scene(tmp_path / "photos"))
    assert find_model(tmp_path) is None
    with pytest.raises(InputError, match="holds no COLMAP model"):
        read_colmap(tmp_path)
    for below in ("colmap/sparse/0", "sparse", "sparse/0"):
        write_colmap(model, tmp_path / below, text=below == "sparse")
        assert find_model(tmp_path) == tmp_path / below


def test_a_model_without_points(tmp_path):
    for text in TEXT:
        write_colmap(model_from_scene(scene(tmp_path / "photos")), tmp_path / "0", text=text)
        (tmp_path / "0" / ("points3D.txt" if text else "points3D.bin")).unlink()
        assert len(read_colmap(tmp_path).points) == 0


def test_text_with_comments_blank_lines_and_without_a_last_line(tmp_path):
    """The pixels of an image may be an empty line, or be missing at the end of the file."""
    (tmp_path / "cameras.txt").write_text("# c\n\n1 SIMPLE_RADIAL 10 8 9 5 4 0.1\r\n")
    (tmp_path / "images.txt").write_text("# i\n2 1 0 0 0 1 2 3 1 b c.jpg\n\n\n5 2 0 0 0 0 0 0 1 a.jpg\n1 2 -1")
    model = read_colmap(tmp_path)
    assert [image.name for image in model.images] == ["a.jpg", "b c.jpg"]
    assert model.images[1].camera_from_world.translation.tolist() == [1, 2, 3]
    assert model.cameras[1].model == "SIMPLE_RADIAL"


def written(tmp_path, text=False):
    folder = tmp_path / "0"
    write_colmap(model_from_scene(scene(tmp_path / "photos")), folder, text=text)
    return folder


@pytest.mark.parametrize("name", ["cameras.bin", "images.bin", "points3D.bin"])
def test_every_truncation_is_a_format_error(tmp_path, name):
    folder = written(tmp_path)
    data = (folder / name).read_bytes()
    for length in range(len(data)):
        (folder / name).write_bytes(data[:length])
        with pytest.raises(FormatError, match=name):
            read_colmap(folder)


@pytest.mark.parametrize("name", ["cameras.bin", "images.bin", "points3D.bin"])
@pytest.mark.parametrize("count", [1 << 40, (1 << 64) - 1, 10**9])
def test_absurd_counts_are_refused(tmp_path, name, count):
    folder = written(tmp_path)
    data = (folder / name).read_bytes()
    (folder / name).write_bytes(struct.pack("<Q", count) + data[8:])
    with pytest.raises(FormatError, match=rf"{name}: is truncated"):
        read_colmap(folder)


@settings(max_examples=150)
@given(st.sampled_from(["bin", "txt"]), st.data())
def test_flipped_bytes_give_a_model_or_an_input_error(tmp_path_factory, extension, data):
    """No damage, however small, may raise anything else (or take the process down)."""
    base = tmp_path_factory.mktemp("flip")
    folder = written(base, extension == "txt")
    path = folder / f"{data.draw(st.sampled_from(['cameras', 'images', 'points3D']))}.{extension}"
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content)
    with contextlib.suppress(InputError):
        read_colmap(folder)


def replaced(line, index, word):
    words = line.split(" ")
    words[index] = word
    return " ".join(words)


@pytest.mark.parametrize(
    ("name", "row", "index", "word", "message"),
    [
        ("images", 2, 1, "nan", "pose of a.png holds NaN"),
        ("images", 2, 5, "inf", "pose of a.png holds NaN"),
        ("images", 2, 8, "9", "camera 9, which does not exist"),
        ("images", 2, 9, "../a.png", "inside its folder"),
        ("images", 2, 9, "b.png", "same name"),
        ("images", 2, 0, "x", "not a whole number"),
        ("images", 2, 1, "one", "not all numbers"),
        ("images", 3, 0, "1 2", "triples"),
        ("images", 3, 0, "nan", "pixel that is NaN"),
        ("cameras", 1, 1, "PINHOLES", "unknown camera model"),
        ("cameras", 1, 4, "nan", "not a camera"),
        ("cameras", 1, 4, "-5", "focal length"),
        ("cameras", 1, 4, "1 2", "4 parameters"),
        ("cameras", 2, 0, "1", "occurs twice"),
        ("points3D", 1, 1, "nan", "3D point holds NaN"),
        ("points3D", 1, 4, "256", "out of range"),
        ("points3D", 1, 8, "9", "image 9, which does not exist"),
        ("points3D", 1, 9, "99", "pixel that its image does not have"),
        ("points3D", 1, 9, "0 1", "pairs"),
    ],
)
def test_contradictions_are_named(tmp_path, name, row, index, word, message):
    path = written(tmp_path, text=True) / f"{name}.txt"
    lines = path.read_text().split("\n")
    lines[row] = replaced(lines[row], index, word)
    path.write_text("\n".join(lines))
    with pytest.raises(FormatError, match=message) as error:
        read_colmap(path.parent)
    assert "\n" not in str(error.value)


def test_an_empty_reconstruction_is_refused(tmp_path):
    for name in ("cameras", "images", "points3D"):
        (tmp_path / f"{name}.bin").write_bytes(b"\0" * 8)
    with pytest.raises(FormatError, match="no registered images"):
        read_colmap(tmp_path)


def test_writing_replaces_the_folder_as_a_whole(tmp_path):
    """No rigs.bin of an older model stays behind; where nothing can be written, nothing changes."""
    folder = written(tmp_path)
    (folder / "rigs.bin").write_bytes(b"old")
    model = read_colmap(folder)
    write_colmap(model, folder)
    assert sorted(path.name for path in folder.iterdir()) == ["cameras.bin", "images.bin", "points3D.bin"]
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError):
        write_colmap(model, tmp_path / "file" / "0")


def test_equal_cameras_are_shared(tmp_path):
    model = model_from_scene(scene(tmp_path / "photos"))
    assert [image.camera_id for image in model.images] == [1, 1, 2]
    assert model.cameras[1].pinhole() == CAMERA


def test_a_damaged_track_does_not_pass_as_unknown(tmp_path):
    model = model_from_scene(scene(tmp_path / "photos"))
    tracks = replace(model.points.tracks, pixels=model.points.tracks.pixels * float("nan"))
    write_colmap(replace(model, points=replace(model.points, tracks=tracks)), tmp_path / "0")
    with pytest.raises(FormatError, match="pixel that is NaN"):
        read_colmap(tmp_path)


@pytest.mark.data
@pytest.mark.parametrize("extension", ["bin", "txt"])
def test_a_real_model_reprojects(tmp_path, extension):
    """Points project within half a pixel on average of where the tracks say, by pycolmap's projection."""
    pycolmap = pytest.importorskip("pycolmap")
    for path in (data_folder("sceaux_castle") / "sparse").glob(f"*.{extension}"):
        shutil.copy(path, tmp_path)
    model = read_colmap(tmp_path)
    assert (len(model.images), len(model.points), len(model.points.tracks.pixels)) == (11, 4658, 23774)
    camera = model.cameras[1]
    theirs = pycolmap.Camera(model=camera.model, width=camera.width, height=camera.height, params=list(camera.params))
    tracks, errors = model.points.tracks, []
    for index, image in enumerate(model.images):
        rows = tracks.view_index == index
        points = image.camera_from_world.apply(model.points.positions[tracks.point_index[rows]])
        errors.append(np.linalg.norm(theirs.img_from_cam(points.numpy()) - tracks.pixels[rows].numpy(), axis=1))
    assert np.concatenate(errors).mean() < 0.5
