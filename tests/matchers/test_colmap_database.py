"""Tracks of a semi-dense matcher as a COLMAP database: what is in it, and that cameras come out of it."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from splatmatch.correspondence.tracks import tracks_of
from splatmatch.formats.keypoint_matches import write_keypoint_matches
from splatmatch.jobs.progress import Silent
from splatmatch.matchers.colmap_database import write_colmap_database
from splatmatch.solvers import match_database
from splatmatch.solvers.pycolmap import load
from splatmatch.solvers.sparse_model import MappingOptions, map_incrementally
from tests.correspondence.dense_worlds import FOCAL, SIZE, cameras, semi_dense

NAMES = ["day one/a.jpg", "b.jpg", "c.jpg", "d.jpg", "e.jpg"]


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    """(path, poses, matches, number of verified pairs) of five photos of the wavy wall."""
    folder, poses = tmp_path_factory.mktemp("colmap"), cameras(5)
    pairs = list(combinations(range(5), 2))
    matches = tracks_of([SIZE] * 5, pairs, lambda p: semi_dense(poses[p[0]], poses[p[1]], seed=p[0] + 9 * p[1]))
    write_keypoint_matches(folder / "m", matches)
    focals = [FOCAL, FOCAL, FOCAL, FOCAL, None]
    verified = write_colmap_database(folder / "d.db", folder / "m", NAMES, [SIZE] * 5, focals, Silent())
    return folder / "d.db", poses, matches, verified


def test_content(database):
    """Names as they are, float32 corner pixels, rows, verified geometries, one camera for each focal length."""
    path, _, matches, verified = database
    assert verified == 10
    with load().Database.open(path) as stored:
        assert [image.name for image in stored.read_all_images()] == NAMES
        lengths = {camera.camera_id: camera.params[0] for camera in stored.read_all_cameras()}
        assert lengths == {1: FOCAL, 2: 1.2 * max(SIZE)}
        assert [c.has_prior_focal_length for c in stored.read_all_cameras()] == [True, False]
        assert (np.asarray(stored.read_keypoints(2))[:, :2] == matches.keypoints[1]).all()
        assert (np.asarray(stored.read_matches(1, 3)) == matches.rows[0, 2]).all()
    inliers = match_database.verified_inliers(path)
    assert all(inliers[pair] > 0.8 * len(rows) for pair, rows in matches.rows.items())
    assert [p.name for p in path.parent.iterdir() if "d.db" in p.name or p.name.startswith(".")] == ["d.db"]


def test_cameras_come_out_of_it(database, tmp_path):
    """Incremental mapping registers all five and finds their places to a thousandth of the distance."""
    path, poses, _, _ = database
    models = map_incrementally(path, tmp_path, MappingOptions(), 1)
    assert models[0].registered == frozenset(range(5))
    found = load().Reconstruction()
    models[0].write(tmp_path)
    found.read(tmp_path)
    centres = np.array([image.projection_center() for _, image in sorted(found.images.items())])
    truth = np.array([-turn.T @ shift for turn, shift in poses])
    residual = aligned_residual(centres, truth)
    assert residual < 0.005
    assert models[0].reprojection_error < 0.5


def aligned_residual(points, truth):
    """Largest distance after the best similarity (Umeyama)."""
    a, b = points - points.mean(0), truth - truth.mean(0)
    u, s, vt = np.linalg.svd(b.T @ a)
    flip = np.diag([1, 1, np.sign(np.linalg.det(u @ vt))])
    scale = (s * np.diag(flip)).sum() / (a**2).sum()
    return np.linalg.norm(b - scale * a @ (u @ flip @ vt).T, axis=1).max()
