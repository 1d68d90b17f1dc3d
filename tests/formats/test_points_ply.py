"""Point clouds: exact round trip, and the dialects of other writers."""

from __future__ import annotations

import numpy as np
import pytest

from splatmatch.errors import FormatError
from splatmatch.formats.points_ply import PointCloud, read_points_ply, write_points_ply
from tests.conftest import data_folder


def cloud(count=50):
    random = np.random.default_rng(0)
    positions = random.normal(size=(count, 3)).astype(np.float32).astype(np.float64)
    return PointCloud(positions, random.integers(0, 256, (count, 3), dtype=np.uint8))


@pytest.mark.parametrize("count", [0, 1, 50])
def test_round_trip(tmp_path, count):
    write_points_ply(cloud(count), tmp_path / "a.ply")
    back = read_points_ply(tmp_path / "a.ply")
    assert np.array_equal(back.positions, cloud(count).positions)
    assert np.array_equal(back.colours, cloud(count).colours)


def ascii_file(path, properties, *rows):
    lines = ["ply", "format ascii 1.0", f"element vertex {len(rows)}", *(f"property {p}" for p in properties)]
    path.write_text("\n".join([*lines, "end_header", *rows]) + "\n")
    return read_points_ply(path)


def test_dialects(tmp_path):
    """Other column orders, doubles, no colours, colours as floats, as 16 bits and as r g b."""
    path = tmp_path / "a.ply"
    plain = ascii_file(path, ["double z", "double y", "double x"], "3 2 1")
    assert plain.positions.tolist() == [[1, 2, 3]]
    assert plain.colours.tolist() == [[128, 128, 128]]
    axes = ["float x", "float y", "float z"]
    for kind, names, row in (
        ("float", ("red", "green", "blue"), "1.0 0.5 0"),
        ("ushort", ("r", "g", "b"), "65535 32896 255"),
        ("int", ("diffuse_red", "diffuse_green", "diffuse_blue"), "255 128 0"),
    ):
        coloured = ascii_file(path, [*axes, *(f"{kind} {name}" for name in names)], f"0 0 0 {row}")
        assert coloured.colours.tolist() == [[255, 128, 0]], kind


def test_points_that_are_nowhere_are_left_out(tmp_path):
    points = ascii_file(tmp_path / "a.ply", ["float x", "float y", "float z"], "0 0 0", "nan 0 0", "1 inf 0", "4 5 6")
    assert points.positions.tolist() == [[0, 0, 0], [4, 5, 6]]


def test_without_positions_it_is_no_cloud(tmp_path):
    with pytest.raises(FormatError, match="no x y z"):
        ascii_file(tmp_path / "a.ply", ["float x", "float y"], "0 0")


@pytest.mark.data
def test_a_real_cloud():
    points = read_points_ply(data_folder("cycles_train") / "room_102" / "points.ply")
    assert points.positions.shape == (5000, 3)
    assert 20 < points.colours.mean() < 235
    assert np.abs(points.positions).max() < 20  # a room, in metres
