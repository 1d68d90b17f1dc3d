"""The adapter of pycolmap: options, failures, camera models, the database."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from splatmatch.errors import InputError, OutputError, ReconstructionError
from splatmatch.solvers import match_database, sparse_model
from splatmatch.solvers.match_database import MatchingOptions
from splatmatch.solvers.pycolmap import Failures, Intrinsics, configured, load
from splatmatch.solvers.sparse_model import AdjustmentOptions, SparseModel
from tests.reconstruction.photo_sets import poses

CAMERA = Intrinsics("PINHOLE", 400, 300, (380.0, 380.0, 200.0, 150.0))


def test_options_are_set_by_dotted_names_and_unknown_ones_refused():
    """An option that this pycolmap does not know is never dropped silently."""
    options = configured(load().FeatureMatchingOptions(), {"num_threads": 3, "sift.max_ratio": 0.7})
    assert (options.num_threads, options.sift.max_ratio) == (3, 0.7)
    for name in ("max_ratio", "sift.ratio", "shift.max_ratio"):
        with pytest.raises(InputError, match=f"has no option FeatureMatchingOptions.{name}"):
            configured(load().FeatureMatchingOptions(), {name: 1})


def test_failures_of_pycolmap_are_typed():
    """Its RuntimeError and ValueError become one clear line, a full disk its own; Ctrl-C passes."""
    with pytest.raises(ReconstructionError, match="mapping failed: two lines"), Failures("mapping"):
        raise RuntimeError("two\n  lines")
    with pytest.raises(OutputError, match="matching: the disk is full"), Failures("matching"):
        raise RuntimeError("SQLite error: database or disk is full")
    with pytest.raises(KeyboardInterrupt), Failures("mapping"):
        raise KeyboardInterrupt


@given(st.floats(-0.5, 0.5), st.floats(-0.4, 0.4), st.floats(-0.12, 0.12))
def test_pixels_and_rays_are_inverse(x, y, k):
    """undistorted(distorted(ray)) = ray, against the SIMPLE_RADIAL formula."""
    camera = Intrinsics("SIMPLE_RADIAL", 400, 300, (380.0, 200.0, 150.0, k))
    factor = 380 * (1 + k * (x * x + y * y))
    (pixel,) = camera.distorted(np.array([[x, y, 1.0]]))
    assert pixel == pytest.approx((factor * x + 200, factor * y + 150), abs=1e-6)
    assert camera.undistorted(pixel)[0] == pytest.approx((x, y), abs=1e-5)


def test_rays_beyond_ninety_degrees_are_nan():
    """Where pycolmap falls back on the plain pinhole without a word."""
    fisheye = Intrinsics("SIMPLE_FISHEYE", 800, 800, (250.0, 400.0, 400.0))
    flat = fisheye.undistorted(np.array([[1.0, 400.0], [400.0 - 250 * np.pi / 4, 400.0]]))
    assert np.isnan(flat[0]).all()
    assert flat[1] == pytest.approx((-1, 0), abs=1e-6)


def test_features_survive_the_database(tmp_path):
    """Keypoints as float32, descriptors as bytes, photos without features as such."""
    path = tmp_path / "features.db"
    match_database.create_database(path, [CAMERA], [0, 0, 0])
    random = np.random.default_rng(0)
    keypoints = random.uniform(0, 300, (20, 4)).astype(np.float32)
    descriptors = random.integers(0, 255, (20, 128)).astype(np.uint8)
    empty = (np.zeros((0, 4), np.float32), np.zeros((0, 128), np.uint8))
    match_database.write_features(path, [(2, keypoints, descriptors), (0, *empty)])
    assert match_database.stored_features(path) == {0: 0, 2: 20}
    stored = match_database.read_features(path, 2)
    assert np.allclose(stored[0][:, :2], keypoints[:, :2])
    assert (stored[1] == descriptors).all()
    assert match_database.verified_inliers(path) == {}


POINTS = np.random.default_rng(3).uniform(0, 1.2, (300, 3))
VIEWS = poses(6)


def drawn_model(folder, seed=0, report=None):
    """Exact poses of six views of 300 points, matched and triangulated; a quarter pixel of noise on every pixel."""
    random, path = np.random.default_rng(seed), folder / f"{seed}.db"
    descriptors = random.integers(0, 256, (300, 128)).astype(np.uint8)
    rows = []
    for index, pose in enumerate(VIEWS):
        local = POINTS @ pose.rotation.numpy().T + pose.translation.numpy()
        pixels = CAMERA.distorted(local) + random.normal(0, 0.25, (300, 2))
        rows.append((index, np.concatenate([pixels, np.ones((300, 2))], 1).astype(np.float32), descriptors))
    match_database.create_database(path, [CAMERA], [0] * 6)
    match_database.write_features(path, rows)
    pairs = [(a, b) for a in range(6) for b in range(a + 1, 6)]
    match_database.match(path, pairs, MatchingOptions(), 1, report)
    posed = SparseModel.posed([CAMERA], [0] * 6, [view.matrix[:3].numpy() for view in VIEWS])
    return path, sparse_model.triangulate(posed, path, folder, 1)


def test_triangulation_finds_the_points(tmp_path):
    """With exact poses: all of them, to the noise; matches count in pairs of indices; progress ends at one."""
    told = []
    path, model = drawn_model(tmp_path, report=lambda share, text: told.append((share, text)))
    assert told[-1] == (1.0, "15 of 15 pairs")
    assert match_database.verified_inliers(path)[0, 1] > 280
    assert model.registered == frozenset(range(6))
    assert model.points > 280
    assert model.pairs_in_tracks > 0.9 * 300 * 15
    assert 0.2 < model.reprojection_error < 0.45
    assert model.camera(0).params == CAMERA.params


def test_uncertainty_of_the_principal_point_is_that_of_repeated_draws(tmp_path):
    """The standard deviation told matches the scatter of adjusted principal points over draws of the noise."""
    found, told = [], []
    for seed in range(8):
        _, model = drawn_model(tmp_path, seed)
        outcome = model.adjust(AdjustmentOptions(refine_principal_point=True), 1)
        assert outcome.converged
        assert outcome.sigma == pytest.approx(0.25, rel=0.15)
        found.append(model.camera(0).pinhole_part[2:])
        told.append(outcome.principal_point_sigma[0])
    scatter = np.sqrt(np.linalg.eigvalsh(np.cov(np.array(found).T))[-1])
    assert scatter == pytest.approx(np.mean(told), rel=0.6)
    assert np.abs(np.mean(found, axis=0) - (200, 150)).max() < 3 * np.mean(told) / np.sqrt(8) + 0.05


def test_held_parameters_are_held(tmp_path):
    """Principal point, focal length and whole cameras stay to the last digit where they are not freed."""
    _, model = drawn_model(tmp_path)
    copy = model.copy()
    copy.adjust(AdjustmentOptions(), 1)
    assert copy.camera(0).params[2:] == CAMERA.params[2:]
    assert copy.camera(0).params[:2] != CAMERA.params[:2]
    assert model.camera(0).params == CAMERA.params
    model.adjust(AdjustmentOptions(refine_principal_point=True), 1, constant_cameras=[0])
    assert model.camera(0).params == CAMERA.params
