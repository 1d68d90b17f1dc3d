""".spz: quantisation errors within a step, axes turned, antialias flag kept, all versions, bounded reading."""

from __future__ import annotations

import gzip
import struct

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given

from splatmatch.errors import FormatError, InputError
from splatmatch.formats.compressed_ply import read_compressed_ply
from splatmatch.formats.spz import read_spz, write_spz
from tests.conftest import data_folder
from tests.formats.examples import splat


@given(st.integers(0, 3), st.integers(1, 50), st.booleans(), st.sampled_from([1e-3, 1.0, 1e3]))
def test_round_trip_is_within_a_step_of_the_quantisation(tmp_path_factory, degree, count, antialiased, size):
    """24-bit positions with the bits that fit, scales in 1/16, opacity 1/255, f_dc 1/38, SH 1/128, rotation 9 bits."""
    path = tmp_path_factory.mktemp("splat") / "a.spz"
    gaussians = splat(count, degree, count, antialiased)
    gaussians.means.mul_(size)
    write_spz(gaussians, path)
    back = read_spz(path)
    largest = max(1.0, gaussians.means.abs().max().item())
    assert (back.means - gaussians.means).abs().max() <= largest * 2**-22
    assert (back.log_scales - gaussians.log_scales.clamp(min=-10)).abs().max() <= 0.51 / 16
    assert (back.opacities - gaussians.opacities).abs().max() <= 0.51 / 255
    assert (back.sh[:, 0] - gaussians.sh[:, 0]).abs().max() <= 0.51 / (0.15 * 255)
    assert degree == 0 or (back.sh[:, 1:] - gaussians.sh[:, 1:].clamp(-1, 127 / 128)).abs().max() <= 0.51 / 128
    unit = gaussians.quaternions / gaussians.quaternions.norm(dim=1, keepdim=True)
    assert torch.rad2deg(2 * torch.acos((unit * back.quaternions).sum(1).abs().clamp(max=1))).max() < 0.5
    assert (back.antialiased, back.sh_degree) == (antialiased, degree)


def test_the_file_holds_rub_axes_and_the_flag(tmp_path):
    """Raw bytes: y and z of positions are negated, bit 0 of the flags is set."""
    gaussians = splat(1, 1, antialiased=True)
    gaussians.means[:] = torch.tensor([[1.0, 2.0, 3.0]])
    gaussians.sh[:] = torch.tensor([0.5, 0.25, -0.25, 0.125])[None, :, None]
    write_spz(gaussians, tmp_path / "a.spz")
    raw = gzip.decompress((tmp_path / "a.spz").read_bytes())
    magic, version, count, degree, bits, flags, _ = struct.unpack_from("<4sIIBBBB", raw)
    assert (magic, version, count, degree, flags) == (b"NGSP", 3, 1, 1, 1)
    fixed = [int.from_bytes(raw[16 + 3 * i : 19 + 3 * i], "little", signed=True) / 2**bits for i in range(3)]
    assert fixed == pytest.approx([1, -2, -3], abs=1e-5)
    bands = (np.frombuffer(raw[-9:], np.uint8).reshape(3, 3)[:, 0].astype(float) - 128) / 128
    assert bands.tolist() == [-0.25, 0.25, 0.125]  # of y, z and x


def test_an_independent_reader_agrees(tmp_path):
    spz = pytest.importorskip("gsply.spz")
    write_spz(splat(100, 3), tmp_path / "a.spz")
    ours, theirs = read_spz(tmp_path / "a.spz"), spz.read_spz(tmp_path / "a.spz")
    turn = [1, -1, -1]
    np.testing.assert_allclose(ours.means, theirs.means * turn, atol=1e-6)
    np.testing.assert_allclose(ours.log_scales, theirs.scales, atol=1e-6)
    np.testing.assert_allclose(ours.sh[:, 0], theirs.sh0, atol=1e-6)
    np.testing.assert_allclose(ours.sh[:, 1], theirs.shN[:, 0] * -1, atol=1e-6)
    w, x, y, z = theirs.quats.T
    cosine = (ours.quaternions.numpy() * np.stack([-x, w, -z, y], 1)).sum(1)
    np.testing.assert_allclose(np.abs(cosine), 1, atol=1e-5)


@pytest.mark.parametrize("version", [3, 4])
def test_an_independent_writer_is_read(tmp_path, version):
    """Both containers."""
    gsply, spz = pytest.importorskip("gsply"), pytest.importorskip("gsply.spz")
    gaussians = splat(100, 2)
    arrays = {"means": gaussians.means, "scales": gaussians.log_scales, "quats": gaussians.quaternions}
    arrays |= {"opacities": gaussians.logit_opacities, "sh0": gaussians.sh[:, 0], "shN": gaussians.sh[:, 1:]}
    data = gsply.GSData.from_arrays(**{name: t.contiguous().numpy() for name, t in arrays.items()}, format="ply")
    spz.write_spz(tmp_path / "a.spz", data, version=version)
    back = read_spz(tmp_path / "a.spz")
    turn = torch.tensor([1.0, -1, -1])
    torch.testing.assert_close(back.means, gaussians.means * turn, atol=2**-12, rtol=0)
    covariances = torch.diag(turn) @ gaussians.covariances @ torch.diag(turn)
    error = (back.covariances - covariances).abs().amax((1, 2)) / covariances.abs().amax((1, 2))
    assert error.max() < 0.1


def legacy(version, positions, rotations):
    """Two Gaussians of degree 0 as version 1 or 2 holds them."""
    header = struct.pack("<4sIIBBBB", b"NGSP", version, 2, 0, 12, 0, 0)
    return gzip.compress(header + positions + bytes([255, 0]) + bytes([128] * 6) + bytes([160] * 6) + rotations)


def test_versions_one_and_two(tmp_path):
    """Version 1 has half floats, both have x y z bytes for rotations."""
    rotations = bytes([128, 128, 128, 255, 128, 128])
    half = np.array([[1, 2, 3], [-4, 5, 0.5]], "<f2").tobytes()
    fixed = np.array([[1, 2, 3], [-4, 5, 0.5]]) * 4096
    packed = b"".join(int(value).to_bytes(3, "little", signed=True) for value in fixed.ravel())
    for version, positions in ((1, half), (2, packed)):
        (tmp_path / "a.spz").write_bytes(legacy(version, positions, rotations))
        read = read_spz(tmp_path / "a.spz")
        assert read.means.tolist() == [[1, -2, -3], [-4, -5, -0.5]]
        assert read.log_scales.unique().tolist() == [0]
        assert read.opacities[0] > 0.999
        assert read.opacities[1] < 0.001
        # identity and a half turn about x, each after the half turn about x that turns the axes
        torch.testing.assert_close(read.quaternions.abs()[0], torch.tensor([0.0, 1, 0, 0]), atol=0.01, rtol=0)
        torch.testing.assert_close(read.quaternions.abs()[1], torch.tensor([1.0, 0, 0, 0]), atol=0.01, rtol=0)


@pytest.mark.parametrize("version", [3, 4])
def test_truncation_and_damage(tmp_path, version):
    gsply, spz = pytest.importorskip("gsply"), pytest.importorskip("gsply.spz")
    write_spz(splat(200, 1), tmp_path / "a.spz")
    if version == 4:
        spz.write_spz(tmp_path / "a.spz", spz.read_spz(tmp_path / "a.spz"), version=4)
    assert gsply is not None
    data = (tmp_path / "a.spz").read_bytes()
    bad = tmp_path / "bad.spz"
    for length in [*range(40), *range(40, len(data) - 8, 131)]:
        bad.write_bytes(data[:length])
        with pytest.raises(FormatError, match=r"bad\.spz"):
            read_spz(bad)


def test_absurd_promises_are_refused_before_they_are_believed(tmp_path):
    """Four billion Gaussians in a small gzip or Zstandard file, and one that unpacks to more than it says."""
    bad = tmp_path / "bad.spz"
    bad.write_bytes(gzip.compress(struct.pack("<4sIIBBBB", b"NGSP", 3, 4_000_000_000, 3, 12, 0, 0)))
    with pytest.raises(FormatError, match="cannot hold 4000000000"):
        read_spz(bad)
    zstandard = pytest.importorskip("zstandard")
    count = 1_000_000
    sizes = [9 * count, count, 3 * count, 3 * count, 4 * count]
    stream = zstandard.ZstdCompressor().compress(b"\0" * 100)
    header = struct.pack("<4sIIBBBBI12x", b"NGSP", 4, count, 0, 12, 0, 5, 32)
    bad.write_bytes(header + b"".join(struct.pack("<QQ", len(stream), size) for size in sizes) + stream * 5)
    with pytest.raises(FormatError, match=r"bad\.spz"):
        read_spz(bad)
    bomb = zstandard.ZstdCompressor().compress(b"\0" * 50_000_000)
    header = struct.pack("<4sIIBBBBI12x", b"NGSP", 4, 1, 0, 12, 0, 5, 32)
    table = b"".join(struct.pack("<QQ", len(bomb), size) for size in (9, 1, 3, 3, 4))
    bad.write_bytes(header + table + bomb * 5)
    with pytest.raises(FormatError, match="size that the header states"):
        read_spz(bad)


@pytest.mark.parametrize("field", [(4, 9), (8, 0), (12, 5), (13, 25)])
def test_damaged_headers(tmp_path, field):
    """Unknown version, no Gaussians, degree 5, 25 fractional bits."""
    write_spz(splat(3), tmp_path / "a.spz")
    raw = bytearray(gzip.decompress((tmp_path / "a.spz").read_bytes()))
    raw[field[0]] = field[1]
    (tmp_path / "a.spz").write_bytes(gzip.compress(raw))
    with pytest.raises(FormatError, match=r"a\.spz"):
        read_spz(tmp_path / "a.spz")


def test_positions_that_do_not_fit(tmp_path):
    gaussians = splat(3)
    gaussians.means[0, 0] = 1e8
    with pytest.raises(InputError, match="as large as 1e"):
        write_spz(gaussians, tmp_path / "a.spz")


@pytest.mark.data
def test_a_real_version_4_file_against_its_compressed_twin():
    """The same object by another tool: this is what settles the turn of the axes."""
    folder = data_folder("gs_guitar")
    ours, twin = read_spz(folder / "biker.spz"), read_compressed_ply(folder / "biker.compressed.ply")
    torch.testing.assert_close(ours.means, twin.means, atol=3e-4, rtol=0)
    torch.testing.assert_close(ours.log_scales, twin.log_scales.clamp(min=-10), atol=0.04, rtol=0)
    torch.testing.assert_close(ours.opacities, twin.opacities, atol=0.003, rtol=0)
    torch.testing.assert_close(ours.sh, twin.sh, atol=0.02, rtol=0)
    error = (ours.covariances - twin.covariances).abs().amax((1, 2)) / twin.covariances.abs().amax((1, 2))
    assert error.quantile(0.99) < 0.15
