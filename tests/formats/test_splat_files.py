"""The one door to splat files: told by content, written by suffix, and clear about everything else."""

from __future__ import annotations

import contextlib
import shutil

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings

from splatmatch.errors import FormatError, InputError, OutputError
from splatmatch.formats.splat_files import check_splat_suffix, read_splat, write_splat
from tests.conftest import data_folder
from tests.formats.examples import assert_same_splat, splat


@pytest.mark.parametrize("name", ["a.ply", "a.compressed.ply", "a.spz", "A.COMPRESSED.PLY"])
def test_every_written_suffix_is_read(tmp_path, name):
    gaussians = splat(300, 1, antialiased=True)
    write_splat(gaussians, tmp_path / name)
    read = read_splat(tmp_path / name)
    assert (len(read), read.sh_degree, read.antialiased) == (300, 1, True)
    assert sorted(read.means[:, 0].tolist()) == pytest.approx(sorted(gaussians.means[:, 0].tolist()), abs=0.02)
    if name == "a.ply":
        assert_same_splat(read, gaussians)


def test_content_counts_not_the_name(tmp_path):
    write_splat(splat(10), tmp_path / "a.compressed.ply")
    shutil.copy(tmp_path / "a.compressed.ply", tmp_path / "b.ply")
    assert len(read_splat(tmp_path / "b.ply")) == 10


def test_a_folder_with_splats_is_read(tmp_path):
    write_splat(splat(10), tmp_path / "splats.ply")
    assert len(read_splat(tmp_path)) == 10


@pytest.mark.parametrize(
    ("name", "closest"),
    [("a.plyy", ".ply"), ("a.sp", ".spz"), ("a", ".ply"), ("a.splat", ".spz"), ("a.b.cply", ".ply"), ("x.obj", ".spz")],
)
def test_other_suffixes_name_the_closest(tmp_path, name, closest):
    with pytest.raises(InputError, match=rf"use \{closest}"):
        write_splat(splat(3), tmp_path / name)
    assert list(tmp_path.iterdir()) == []
    check_splat_suffix(tmp_path / "a.compresed.ply")  # a plain .ply with a dot in its name


@pytest.mark.parametrize(
    ("name", "data", "error", "message"),
    [
        ("a.ply", b"solid cube", FormatError, "not a PLY file"),
        ("a.ply", b"", FormatError, "not a PLY file"),
        ("a.spz", b"", FormatError, "not a .spz file"),
        ("a.sog", b"PK", FormatError, "not a readable .sog"),
        ("a.splat", b"123", FormatError, "3 bytes"),
        ("a.glb", b"glTF", InputError, "not a splat file; these are read"),
        ("meta.json", b"[]", FormatError, "a JSON object"),
    ],
)
def test_other_files_are_refused_in_one_line(tmp_path, name, data, error, message):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(error, match=message) as caught:
        read_splat(tmp_path / name)
    assert name in str(caught.value)
    assert "\n" not in str(caught.value)


def test_missing_files_and_empty_folders(tmp_path):
    with pytest.raises(InputError, match=r"a\.ply: no such file"):
        read_splat(tmp_path / "a.ply")
    with pytest.raises(InputError, match="holds no splat"):
        read_splat(tmp_path)


def test_a_place_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError):
        write_splat(splat(3), tmp_path / "file" / "a.ply")


@settings(max_examples=200)
@given(st.sampled_from(["a.ply", "a.compressed.ply", "a.spz", "a.splat"]), st.data())
def test_flipped_bytes_give_a_splat_or_an_input_error(tmp_path_factory, name, data):
    """No damage, however small, may raise anything else."""
    path = tmp_path_factory.mktemp("flip") / name
    if name == "a.splat":
        path.write_bytes(bytes(range(256)))
    else:
        write_splat(splat(5, 1), path)
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content)
    with contextlib.suppress(InputError):
        assert torch.isfinite(read_splat(path).covariances).all()


@pytest.mark.data
@pytest.mark.parametrize(
    ("path", "count"),
    [
        ("gs_guitar/guitar.ply", 90_854),
        ("gs_guitar/guitar.compressed.ply", 90_854),
        ("gs_guitar/biker.spz", 152_746),
        ("gs_rock_sog/sog", 185_761),
        ("gs_rock_sog/sog/meta.json", 185_761),
    ],
)
def test_real_files(path, count):
    folder, _, rest = path.partition("/")
    assert len(read_splat(data_folder(folder) / rest)) == count


@pytest.mark.data
def test_a_real_point_cloud_is_no_splat():
    with pytest.raises(FormatError, match="not a Gaussian splat"):
        read_splat(data_folder("cycles_train") / "room_102" / "points.ply")
