"""3DGS .ply: exact round trip, every dialect by name, tags, normals, and files that are none."""

from __future__ import annotations

import logging
from dataclasses import replace

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given

from splatmatch.errors import FormatError, InputError, NumericalError
from splatmatch.formats.ply_header import read_ply_header, read_ply_rows
from splatmatch.formats.splat_ply import read_splat_ply, write_splat_ply
from tests.conftest import data_folder
from tests.formats.examples import assert_same_splat, splat


def columns_of(gaussians):
    """Columns by name as 3DGS defines them; ``f_rest`` channel-major."""
    count, bands = len(gaussians), gaussians.sh.shape[1] - 1
    columns = {axis: gaussians.means[:, index] for index, axis in enumerate("xyz")}
    columns |= {f"f_dc_{channel}": gaussians.sh[:, 0, channel] for channel in range(3)}
    for channel in range(3):
        for band in range(bands):
            columns[f"f_rest_{channel * bands + band}"] = gaussians.sh[:, 1 + band, channel]
    columns["opacity"] = gaussians.logit_opacities
    columns |= {f"scale_{axis}": gaussians.log_scales[:, axis] for axis in range(3)}
    columns |= {f"rot_{index}": gaussians.quaternions[:, index] for index in range(4)}
    assert all(len(column) == count for column in columns.values())
    return {name: column.numpy() for name, column in columns.items()}


def write_columns(path, columns, kinds=None, comments=(), encoding="binary_little_endian"):
    """A .ply written by hand, in the order and types given."""
    names = {"f4": "float", "f8": "double", "u1": "uchar"}
    kinds = {name: (kinds or {}).get(name, "f4") for name in columns}
    rows = np.empty(len(next(iter(columns.values()))), [(name, "<" + kind) for name, kind in kinds.items()])
    for name, column in columns.items():
        rows[name] = column
    lines = ["ply", f"format {encoding} 1.0", *(f"comment {comment}" for comment in comments)]
    lines += [f"element vertex {len(rows)}", *(f"property {names[kind]} {name}" for name, kind in kinds.items())]
    body = rows.tobytes()
    if encoding == "ascii":
        body = "".join(" ".join(map(repr, row)) + "\n" for row in rows.tolist()).encode()
    path.write_bytes(("\n".join(lines) + "\nend_header\n").encode() + body)
    return path


@given(st.integers(0, 3), st.booleans(), st.sampled_from(["z-up", "opencv", "unknown"]), st.integers(1, 30))
def test_round_trip_is_exact(tmp_path_factory, degree, antialiased, frame, count):
    path = tmp_path_factory.mktemp("splat") / "a.ply"
    gaussians = splat(count, degree, count, antialiased, frame)
    gaussians.logit_opacities[0], gaussians.log_scales[0, 0] = 40.0, -50.0  # extreme, and nobody's business
    write_splat_ply(gaussians, path)
    assert_same_splat(read_splat_ply(path), gaussians)


def test_the_written_layout_is_graphdecos(tmp_path):
    """62 float columns in this order for degree 3, channel-major."""
    gaussians = splat(degree=3)
    write_splat_ply(gaussians, tmp_path / "a.ply")
    header = read_ply_header(tmp_path / "a.ply")
    names = [*"xyz", "nx", "ny", "nz", *(f"f_dc_{i}" for i in range(3)), *(f"f_rest_{i}" for i in range(45)), "opacity"]
    names += [f"scale_{i}" for i in range(3)] + [f"rot_{i}" for i in range(4)]
    assert header.elements[0].properties == tuple((name, "f4") for name in names)
    rows = read_ply_rows(tmp_path / "a.ply", header, "vertex")
    for name, column in columns_of(gaussians).items():
        assert np.array_equal(rows[name], column), name


def test_normals_are_the_flattest_axes(tmp_path):
    """The eigenvector of the smallest eigenvalue of each covariance, up to sign."""
    gaussians = splat()
    write_splat_ply(gaussians, tmp_path / "a.ply")
    rows = read_ply_rows(tmp_path / "a.ply", read_ply_header(tmp_path / "a.ply"), "vertex")
    normals = torch.tensor(np.stack([rows["nx"], rows["ny"], rows["nz"]], axis=1)).double()
    smallest = torch.linalg.eigh(gaussians.to(torch.float64).covariances)[1][:, :, 0]
    torch.testing.assert_close((normals * smallest).sum(1).abs(), torch.ones(len(normals)).double(), atol=1e-4, rtol=0)


@pytest.mark.parametrize("degree", range(4))
def test_the_gsplat_dialect_has_no_normals(tmp_path, degree):
    gaussians = splat(degree=degree)
    assert_same_splat(read_splat_ply(write_columns(tmp_path / "a.ply", columns_of(gaussians))), gaussians)


def test_any_order_types_and_extra_columns(tmp_path):
    """Reversed columns, a byte column among them, doubles, ascii."""
    gaussians = splat()
    columns = {"label": np.arange(len(gaussians)) % 256, **columns_of(gaussians)}
    columns = dict(reversed(columns.items()))
    kinds = {"label": "u1", "x": "f8", "opacity": "f8"}
    for encoding in ("binary_little_endian", "ascii"):
        path = write_columns(tmp_path / "a.ply", columns, kinds, encoding=encoding)
        assert_same_splat(read_splat_ply(path), gaussians)


def test_flat_discs_get_a_thin_third_axis(tmp_path):
    gaussians = splat()
    columns = {name: column for name, column in columns_of(gaussians).items() if name != "scale_2"}
    discs = read_splat_ply(write_columns(tmp_path / "a.ply", columns))
    assert torch.equal(discs.log_scales[:, :2], gaussians.log_scales[:, :2])
    torch.testing.assert_close(discs.scales[:, 2], 1e-3 * discs.scales[:, :2].amin(1))


def test_bands_above_degree_three_are_left_out_and_said(tmp_path, caplog):
    gaussians = splat(degree=3)
    sh = torch.cat([gaussians.sh, torch.ones(len(gaussians), 9, 3)], dim=1)
    columns = columns_of(gaussians)
    for channel in range(3):
        for band in range(24):
            columns[f"f_rest_{channel * 24 + band}"] = sh[:, 1 + band, channel].numpy()
    with caplog.at_level(logging.WARNING):
        assert_same_splat(read_splat_ply(write_columns(tmp_path / "a.ply", columns)), gaussians)
    assert "above degree 3" in caplog.text


@pytest.mark.parametrize(
    ("comments", "antialiased", "frame"),
    [
        ((), False, "unknown"),
        (("SplatRenderMode: mip",), True, "unknown"),
        (("  SPLATRENDERMODE:  MIP ",), True, "unknown"),
        (("antialiased 1",), True, "unknown"),
        (("antialiased 1", "SplatRenderMode: default"), False, "unknown"),
        (("SplatRenderMode: 2dgs", "frame: z-up"), False, "z-up"),
        (("frame: sideways", "SH degree: 3"), False, "unknown"),
    ],
)
def test_comments_of_other_writers(tmp_path, comments, antialiased, frame):
    read = read_splat_ply(write_columns(tmp_path / "a.ply", columns_of(splat()), comments=comments))
    assert (read.antialiased, read.frame) == (antialiased, frame)


def test_unusable_rows_are_dropped_and_counted(tmp_path, caplog):
    gaussians = splat(10)
    columns = columns_of(gaussians)
    columns["x"][2] = np.nan
    columns["f_rest_5"][4] = np.inf
    columns["scale_0"][5] = 60  # its square overflows
    for index in range(4):
        columns[f"rot_{index}"][6] = 0
    columns["opacity"][7] = np.inf  # opaque, and usable
    columns["scale_1"][8] = -np.inf  # infinitely thin, and usable
    with caplog.at_level(logging.WARNING):
        read = read_splat_ply(write_columns(tmp_path / "a.ply", columns))
    assert "dropped 4 of 10" in caplog.text
    kept = [0, 1, 3, 7, 8, 9]
    assert torch.equal(read.means, gaussians.means[kept])
    assert torch.isfinite(read.logit_opacities).all()
    assert read.opacities[3] > 0.999
    assert read.scales[4, 1] < 1e-12


def test_nothing_usable_is_an_error(tmp_path):
    columns = columns_of(splat(3))
    columns["x"][:] = np.nan
    with pytest.raises(FormatError, match=r"a.ply: none of its 3 Gaussians"):
        read_splat_ply(write_columns(tmp_path / "a.ply", columns))


def test_other_plys_are_refused_and_say_what_is_missing(tmp_path):
    columns = columns_of(splat())
    cloud = {name: columns[name] for name in "xyz"}
    with pytest.raises(FormatError, match="not a Gaussian splat: its vertices have no f_dc_0"):
        read_splat_ply(write_columns(tmp_path / "a.ply", cloud))
    for missing in ("opacity", "scale_1", "rot_3"):
        partial = {name: column for name, column in columns.items() if name != missing}
        with pytest.raises(FormatError, match=missing):
            read_splat_ply(write_columns(tmp_path / "a.ply", partial))
    del columns["f_rest_23"]
    with pytest.raises(FormatError, match="23 f_rest columns"):
        read_splat_ply(write_columns(tmp_path / "a.ply", columns))


def test_every_truncation_and_absurd_counts(tmp_path):
    write_splat_ply(splat(5, 0), tmp_path / "a.ply")
    data = (tmp_path / "a.ply").read_bytes()
    for length in range(0, len(data), 7):
        (tmp_path / "cut.ply").write_bytes(data[:length])
        with pytest.raises(FormatError, match=r"cut\.ply"):
            read_splat_ply(tmp_path / "cut.ply")
    (tmp_path / "cut.ply").write_bytes(data.replace(b"vertex 5", b"vertex 4000000000"))
    with pytest.raises(FormatError, match="cannot hold 4000000000 vertex"):
        read_splat_ply(tmp_path / "cut.ply")


def test_what_is_not_written(tmp_path):
    with pytest.raises(InputError, match="no Gaussians"):
        write_splat_ply(splat(0), tmp_path / "a.ply")
    broken = splat()
    with pytest.raises(NumericalError, match="means"):
        write_splat_ply(replace(broken, means=broken.means * float("nan")), tmp_path / "a.ply")
    assert list(tmp_path.iterdir()) == []


def test_an_independent_reader_agrees(tmp_path):
    gsply = pytest.importorskip("gsply")
    gaussians = splat(degree=3)
    write_splat_ply(gaussians, tmp_path / "a.ply")
    theirs = gsply.plyread(tmp_path / "a.ply")
    for ours, other in (
        (gaussians.means, theirs.means),
        (gaussians.log_scales, theirs.scales),
        (gaussians.quaternions, theirs.quats),
        (gaussians.logit_opacities, theirs.opacities),
        (gaussians.sh[:, 0], theirs.sh0),
        (gaussians.sh[:, 1:], theirs.shN),
    ):
        assert np.array_equal(ours.numpy(), other)


@pytest.mark.data
def test_a_real_splat(tmp_path):
    guitar = read_splat_ply(data_folder("gs_guitar") / "guitar.ply")
    assert (len(guitar), guitar.sh_degree) == (90_854, 0)
    write_splat_ply(guitar, tmp_path / "a.ply")
    assert_same_splat(read_splat_ply(tmp_path / "a.ply"), guitar)
