""".splat: 32 bytes by value."""

from __future__ import annotations

import struct

import pytest

from splatmatch.errors import FormatError, InputError
from splatmatch.formats.splat_bytes import read_splat_bytes
from splatmatch.geometry.pose import rotation_from_quaternion


def row(position=(1.0, -2.0, 3.0), scale=(0.1, 0.2, 0.3), colour=(255, 128, 0, 128), rotation=(128, 128, 255, 128)):
    return struct.pack("<3f3f4B4B", *position, *scale, *colour, *rotation)


def test_one_gaussian_by_value(tmp_path):
    """Half a turn about y (w = 0, y = 1)."""
    (tmp_path / "a.splat").write_bytes(row())
    splat = read_splat_bytes(tmp_path / "a.splat")
    assert splat.means.tolist() == [[1, -2, 3]]
    assert splat.scales[0].tolist() == pytest.approx([0.1, 0.2, 0.3])
    assert splat.base_colours[0].tolist() == pytest.approx([1, 128 / 255, 0], abs=1e-6)
    assert splat.opacities[0].item() == pytest.approx(128 / 255, abs=1e-6)
    assert rotation_from_quaternion(splat.quaternions)[0].diagonal().tolist() == pytest.approx([-1, 1, -1])
    assert splat.sh_degree == 0


def test_unusable_rows_are_dropped_and_a_scale_of_zero_is_not(tmp_path):
    bad = [row(position=(float("nan"), 0, 0)), row(rotation=(128,) * 4), row(scale=(-1.0, 1, 1))]
    (tmp_path / "a.splat").write_bytes(b"".join([row(), *bad, row(scale=(0.0, 1, 1))]))
    splat = read_splat_bytes(tmp_path / "a.splat")
    assert len(splat) == 2
    assert splat.scales[1, 0] < 1e-12


@pytest.mark.parametrize("size", [0, 31, 33, 100])
def test_sizes_that_are_no_whole_number_of_rows(tmp_path, size):
    (tmp_path / "a.splat").write_bytes(b"\0" * size)
    with pytest.raises(FormatError, match=f"{size} bytes"):
        read_splat_bytes(tmp_path / "a.splat")


def test_a_missing_file(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        read_splat_bytes(tmp_path / "a.splat")
