"""Compressed .ply: quantisation within a step, tags kept, damage named; checked against an independent reader."""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given

from splatmatch.errors import FormatError
from splatmatch.formats.compressed_ply import morton_order, read_compressed_ply, write_compressed_ply
from splatmatch.formats.splat_ply import read_splat_ply
from tests.conftest import data_folder
from tests.formats.examples import splat


def ordered(gaussians):
    """In the order in which they are written."""
    return gaussians.select(torch.from_numpy(morton_order(gaussians.means.numpy())))


def relative_covariance_error(a, b):
    difference = (a.covariances - b.covariances).abs().amax((1, 2))
    return (difference / a.covariances.abs().amax((1, 2))).max().item()


@given(st.integers(0, 3), st.integers(1, 600), st.booleans(), st.sampled_from(["z-up", "unknown"]))
def test_round_trip_is_within_a_step_of_the_quantisation(tmp_path_factory, degree, count, antialiased, frame):
    """Positions: 1/2 step of 1023 in the chunk's extent; log scales likewise; opacity 1/2 of 255; SH 1/32."""
    path = tmp_path_factory.mktemp("splat") / "a.compressed.ply"
    gaussians = splat(count, degree, count, antialiased, frame)
    write_compressed_ply(gaussians, path)
    back, wanted = read_compressed_ply(path), ordered(gaussians)
    assert (back.antialiased, back.frame, back.sh_degree) == (antialiased, frame, degree)
    for name, steps in (("means", 1023), ("log_scales", 1023)):
        extent = wanted.tensors()[name].amax(0) - wanted.tensors()[name].amin(0)
        error = (back.tensors()[name] - wanted.tensors()[name]).abs().amax(0)
        assert (error <= 0.51 * extent / steps + 1e-5).all(), name
    assert (back.opacities - wanted.opacities).abs().max() <= 0.51 / 255
    extent = (wanted.base_colours.amax(0) - wanted.base_colours.amin(0)).clamp(min=1e-6)
    assert ((back.base_colours - wanted.base_colours).abs() <= 0.51 * extent / 255 + 1e-6).all()
    assert degree == 0 or (back.sh[:, 1:] - wanted.sh[:, 1:]).abs().max() <= 1 / 32
    assert relative_covariance_error(wanted, back) < 0.05


def test_rotations_survive(tmp_path):
    """Round, large axes ratio: the rotation error stays below the step of ten bits."""
    gaussians = splat(500)
    write_compressed_ply(gaussians, tmp_path / "a.compressed.ply")
    back, wanted = read_compressed_ply(tmp_path / "a.compressed.ply"), ordered(gaussians)
    unit = wanted.quaternions / wanted.quaternions.norm(dim=1, keepdim=True)
    cosine = (unit * back.quaternions).sum(1).abs()
    assert torch.rad2deg(2 * torch.acos(cosine.clamp(max=1))).max() < 0.25


def test_writing_twice_changes_nothing_more(tmp_path):
    """What has been quantised once is a fixed point, but for the order of equal cells."""
    first, second = tmp_path / "a.compressed.ply", tmp_path / "b.compressed.ply"
    write_compressed_ply(splat(700, 1), first)
    write_compressed_ply(read_compressed_ply(first), second)
    a, b = read_compressed_ply(first), read_compressed_ply(second)
    np.testing.assert_allclose(np.sort(a.means.numpy(), axis=0), np.sort(b.means.numpy(), axis=0), atol=0.02)
    torch.testing.assert_close(a.opacities.sort().values, b.opacities.sort().values)


def test_morton_order_keeps_neighbours_together():
    """Consecutive points are far closer than random ones, and every point occurs once."""
    points = np.random.default_rng(0).uniform(size=(4096, 3)).astype(np.float32)
    order = morton_order(points)
    assert sorted(order.tolist()) == list(range(4096))
    steps = np.linalg.norm(np.diff(points[order], axis=0), axis=1).mean()
    assert steps < 0.15 * np.linalg.norm(np.diff(points, axis=0), axis=1).mean()


def test_an_independent_reader_agrees(tmp_path):
    gsply = pytest.importorskip("gsply")
    write_compressed_ply(splat(700, 3), tmp_path / "a.compressed.ply")
    ours, theirs = read_compressed_ply(tmp_path / "a.compressed.ply"), gsply.plyread(tmp_path / "a.compressed.ply")
    np.testing.assert_allclose(ours.means, theirs.means, atol=1e-6)
    np.testing.assert_allclose(ours.log_scales, theirs.scales, atol=1e-5)
    np.testing.assert_allclose(ours.quaternions, theirs.quats, atol=1e-6)
    np.testing.assert_allclose(ours.sh[:, 0], theirs.sh0, atol=1e-5)
    np.testing.assert_allclose(ours.sh[:, 1:], theirs.shN, atol=1e-5)


def test_an_independent_writer_is_read(tmp_path):
    """Its order is its own, so both are matched by position."""
    gsply = pytest.importorskip("gsply")
    gaussians = splat(700, 2)
    arrays = {"means": gaussians.means, "scales": gaussians.log_scales, "quats": gaussians.quaternions}
    arrays |= {"opacities": gaussians.logit_opacities, "sh0": gaussians.sh[:, 0], "shN": gaussians.sh[:, 1:]}
    theirs = gsply.GSData.from_arrays(**{name: t.contiguous().numpy() for name, t in arrays.items()}, format="ply")
    gsply.plywrite(tmp_path / "a.compressed.ply", theirs, compressed=True)
    (path,) = tmp_path.iterdir()
    back = read_compressed_ply(path)
    distance, match = torch.cdist(back.means, gaussians.means).min(1)
    assert distance.max() < 0.05
    assert (back.opacities - gaussians.opacities[match]).abs().max() < 0.01
    assert (back.sh[:, 1:] - gaussians.sh[match, 1:]).abs().max() < 1 / 16


def test_files_without_colour_bounds_are_read(tmp_path):
    """Older writers: 12 floats a chunk, colours straight in 0..1."""
    gaussians = splat(10, 0)
    gaussians.sh[:] = 0.3
    write_compressed_ply(gaussians, tmp_path / "a.compressed.ply")
    data = (tmp_path / "a.compressed.ply").read_bytes()
    header, _, body = data.partition(b"end_header\n")
    for end in ("min", "max"):
        for channel in "rgb":
            header = header.replace(f"property float {end}_{channel}\n".encode(), b"")
    (tmp_path / "old.ply").write_bytes(header + b"end_header\n" + body[:48] + body[72:])
    old = read_compressed_ply(tmp_path / "old.ply")
    levels = np.frombuffer(body[72:], np.uint32).reshape(10, 4)[:, 3]
    np.testing.assert_allclose(old.base_colours[:, 0], (levels >> 24) / 255, atol=1e-6)


def test_truncation_and_damage(tmp_path):
    write_compressed_ply(splat(300, 1), tmp_path / "a.compressed.ply")
    data = (tmp_path / "a.compressed.ply").read_bytes()
    bad = tmp_path / "bad.ply"
    for length in [*range(0, 200, 11), *range(200, len(data), 997), len(data) - 1]:
        bad.write_bytes(data[:length])
        with pytest.raises(FormatError, match=r"bad\.ply"):
            read_compressed_ply(bad)
    for old, new in (
        (b"vertex 300", b"vertex 3000000000"),
        (b"chunk 2", b"chunk 1"),
        (b"sh 300", b"sh 299"),
        (b"packed_color", b"other_colors"),
        (b"uint packed_scale", b"float packed_scale"),
        (b"max_scale_z", b"max_other_z"),
        (b"f_rest_8", b"f_rest_9"),
    ):
        assert old in data
        bad.write_bytes(data.replace(old, new))
        with pytest.raises(FormatError, match=r"bad\.ply"):
            read_compressed_ply(bad)


@pytest.mark.data
def test_a_real_file_against_its_decoded_twin():
    folder = data_folder("gs_guitar")
    ours, twin = read_compressed_ply(folder / "guitar.compressed.ply"), read_splat_ply(folder / "guitar.ply")
    for name in ("means", "log_scales", "quaternions", "sh"):
        torch.testing.assert_close(ours.tensors()[name], twin.tensors()[name], atol=3e-6, rtol=0)
    torch.testing.assert_close(ours.opacities, twin.opacities, atol=2e-4, rtol=0)
