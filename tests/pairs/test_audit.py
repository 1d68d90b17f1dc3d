"""The audit: right depth passes, wrong depth is caught, and the epipolar error catches nothing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from splatmatch.errors import FormatError, InputError
from splatmatch.pairs.audit import AuditConfig, _percentiles, audit
from splatmatch.pairs.labels import LabelConfig, correspondences
from splatmatch.pairs.reader import ShardReader
from splatmatch.pairs.truth import exact_correspondences, exact_scene
from tests.pairs.exact_pairs import pair, scene, write_pairs

LOOSE = LabelConfig(max_cycle=50.0, max_depth_error=1.0, edge_tolerance=1.0, edge_margin=0, max_sigma=float("inf"))


def test_exact_depth_is_found_exact_and_most_of_what_both_see_is_labelled(tmp_path):
    found = audit(ShardReader(write_pairs(tmp_path, [pair()])))
    (exactness,) = found.exactness
    assert exactness.depth_mode == "exact" and exactness.zoomed is None
    assert exactness.ordinary is not None and exactness.ordinary.labels > 100
    assert exactness.ordinary.percentile_95 < 0.01 and exactness.ordinary.coverage > 0.35
    (one,) = found.pairs
    assert one.cycle < 0.02 and one.label_reprojection < 5e-3
    assert one.rotation == pytest.approx(np.degrees(np.linalg.norm([0.02, 0.1, 0.03])), abs=1e-3)
    assert one.errors == exactness.ordinary
    known = pair().a.depth[pair().a.valid]
    assert one.baseline == pytest.approx(float(pair().b_from_a.translation.norm()) / np.median(known), rel=1e-3)


def test_depth_that_is_wrong_by_a_third_is_caught_by_the_end_points_alone(tmp_path):
    """Both images agree in their wrong depth only where the motion is small; the epipolar error stays zero anyway."""
    config = AuditConfig(labels=LOOSE)
    wrong = audit(ShardReader(write_pairs(tmp_path / "wrong", [pair(scale=1.3)])), config)
    right = audit(ShardReader(write_pairs(tmp_path / "right", [pair()])), config)
    assert wrong.exactness[0].ordinary.median > 1.0 > 100 * right.exactness[0].ordinary.median
    assert max(wrong.pairs[0].epipolar, right.pairs[0].epipolar) < 1e-4


def test_predicted_uncertainty_that_follows_the_error_is_told_from_one_that_does_not(tmp_path):
    config = AuditConfig(labels=LOOSE)
    noisy = pair(noise=0.05, step=0.6)
    told = audit(ShardReader(write_pairs(tmp_path / "told", [noisy])), config).exactness[0]
    assert told.rank_correlation > 0.4
    assert told.curve[0].median < 0.5 * told.curve[-1].median
    assert [point.coverage for point in told.curve] == sorted(point.coverage for point in told.curve)
    assert [point.sigma for point in told.curve] == sorted(point.sigma for point in told.curve)
    assert told.curve[-1].median == pytest.approx(told.ordinary.median)
    flipped = replace(noisy, a=replace(noisy.a, sigma=np.ascontiguousarray(noisy.a.sigma[:, ::-1])))
    flipped = replace(flipped, a=replace(flipped.a, sigma=np.where(flipped.a.valid, flipped.a.sigma, 0)))
    untold = audit(ShardReader(write_pairs(tmp_path / "untold", [flipped])), config).exactness[0]
    assert untold.rank_correlation < -0.3


def test_a_limit_of_uncertainty_keeps_the_certain_labels_and_leaves_the_ranking(tmp_path):
    """Fewer labels and less coverage; the curve and the rank correlation still speak of all."""
    path = write_pairs(tmp_path, [pair(noise=0.05, step=0.6)])
    free = audit(ShardReader(path), AuditConfig(labels=LOOSE)).exactness[0]
    middle = free.curve[len(free.curve) // 2].sigma
    tight = audit(ShardReader(path), AuditConfig(labels=replace(LOOSE, max_sigma=middle))).exactness[0]
    assert 0 < tight.ordinary.labels < free.ordinary.labels
    assert tight.ordinary.coverage < free.ordinary.coverage
    assert tight.curve == free.curve and tight.rank_correlation == free.rank_correlation


def test_zoom_pairs_stand_apart_and_their_errors_are_divided_by_the_zoom(tmp_path):
    config = AuditConfig(labels=LOOSE)
    samples = [pair("near", scale=1.2), pair("zoomed", zoom=2.0, scale=1.2)]
    found = audit(ShardReader(write_pairs(tmp_path, samples)), config).exactness[0]
    assert found.ordinary is not None and found.zoomed is not None
    assert 0.5 < found.zoomed.median / found.ordinary.median < 2.0  # in pixels of b it would be about twice as much
    assert [(low, high) for low, high, _ in found.by_baseline] == [(0.05, 0.3), (0.05, 0.1)]


def test_covisible_is_what_a_cast_from_the_other_camera_says():
    """Independently: the exact depth map of b, at the pixel where the point lands, is the depth of the point."""
    sample = pair(step=0.8)
    y, x = (axis.ravel() for axis in np.mgrid[0:72, 0:96])
    truth = exact_correspondences(scene(), sample, x, y)
    points = sample.b_from_a.apply(
        sample.a.camera.unproject(
            torch.from_numpy(np.stack([x, y], 1) + 0.5), torch.from_numpy(sample.a.depth[y, x]).double()
        )
    )
    inside = (truth.target >= 0).all(1) & (truth.target < [96, 72]).all(1)
    column, row = truth.target[inside].astype(int).T
    near = np.abs(sample.b.depth[row, column] / points[inside, 2].numpy() - 1)
    told = truth.covisible[inside]
    assert told.mean() > 0.5 and (~told).sum() > 30
    assert np.mean(near[told] < 0.05) > 0.95 and np.mean(near[~told] > 0.01) > 0.8
    assert not truth.covisible[~inside].any()
    field = correspondences(sample.a, sample.b, sample.b_from_a)
    both = field.covisible[y, x] & truth.covisible
    assert np.abs(field.target[y, x][both] - truth.target[both]).max() < 0.02


def test_pairs_are_spread_evenly_when_only_some_are_looked_at(tmp_path):
    samples = [pair(f"k{number}", step=0.05 * number) for number in range(6)]
    found = audit(ShardReader(write_pairs(tmp_path, samples)), AuditConfig(pairs=3))
    assert [one.key for one in found.pairs] == ["k0", "k2", "k4"] and found.total == 6


def test_photos_have_no_truth_unless_it_is_named(tmp_path):
    sample = pair()
    lifted = replace(sample, provenance=replace(sample.provenance, source="photo", depth_mode="guess"))
    reader = ShardReader(write_pairs(tmp_path, [lifted]))
    assert audit(reader).exactness == ()
    named = audit(reader, AuditConfig(exact="synthetic:room:3")).exactness
    assert named[0].depth_mode == "guess" and named[0].ordinary.percentile_95 < 0.01
    other = audit(reader, AuditConfig(exact="synthetic:room:4", labels=LOOSE)).exactness[0]
    assert other.ordinary.percentile_95 > 1.0  # another room: the judge can tell


@pytest.mark.parametrize("name", ["room:3", "synthetic:room", "synthetic:castle:1", "synthetic:room:x"])
def test_names_of_no_scene_are_refused(name):
    with pytest.raises(InputError, match="give synthetic:room:7"):
        exact_scene(pair(), {}, name)


def test_a_pair_that_does_not_say_where_it_stands_is_named(tmp_path):
    with pytest.raises(FormatError, match="kind and seed are not in index"):
        exact_scene(pair(), {}, "")
    sample = pair("lost")
    sample = replace(sample, provenance=replace(sample.provenance, applied={"a": {"camera_from_scene": [[1, 2]]}}))
    with pytest.raises(FormatError, match="sample lost does not say"):
        audit(ShardReader(write_pairs(tmp_path, [sample])))


def test_pairs_without_any_label_have_no_figures_but_are_counted(tmp_path):
    sample = pair()
    nothing = replace(sample.a, depth=np.zeros_like(sample.a.depth), valid=np.zeros_like(sample.a.valid),
                      sigma=np.zeros_like(sample.a.sigma))  # fmt: skip
    found = audit(ShardReader(write_pairs(tmp_path, [replace(sample, a=nothing)])))
    (one,) = found.pairs
    assert one.density == 0 and np.isnan(one.cycle) and np.isnan(one.epipolar)
    assert found.exactness[0].ordinary.labels == 0 and found.exactness[0].ordinary.coverage == 0


def test_percentiles_of_infinite_errors_are_errors_that_occur():
    """Labels where nothing is met are infinitely wrong; a mean between two of them would be no number."""
    error = np.concatenate([np.full(94, 0.5), np.full(6, np.inf)])
    assert _percentiles(error) == (0.5, np.inf)
    assert _percentiles(np.full(3, np.inf)) == (np.inf, np.inf)
    assert _percentiles(np.concatenate([np.full(96, 0.25), np.full(4, np.inf)])) == (0.25, 0.25)
