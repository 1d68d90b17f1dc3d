"""Our matcher of keypoints: it starts as the published one, refines within bounds, and refuses foreign weights."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from splatmatch.errors import FormatError, InputError, MissingDependencyError
from splatmatch.matchers.adapters.splatmatch_s import matcher_of
from splatmatch.matchers.points import PointOptions
from splatmatch.matchers.registry import open_matcher
from splatmatch.networks.points import PointMatcher
from splatmatch.scene.matcher import FeatureMatcher
from splatmatch.training.point_task import PointTask
from splatmatch.weights.trained import read_trained, write_trained
from tests.conftest import weight_file
from tests.matchers.warped_pair import photo, warped


def published() -> PointMatcher:
    weight_file("xfeat.onnx")
    torch.manual_seed(0)
    task = PointTask()
    network = task.build()
    task.start_from_published(network)
    return network


def noise(seed: int, size=(96, 128)):
    return np.random.default_rng(seed).integers(0, 256, (*size, 3), np.uint8)


@pytest.mark.data
def test_the_start_matches_like_the_published_networks():
    a = photo()
    b = warped(a)
    ours = matcher_of(published(), PointOptions(size=0, refine=False)).match(a, b)
    theirs = open_matcher("xfeat-lighterglue", device="cpu", size=0).match(a, b)
    found = {(*p, *q) for p, q in zip(ours.points_a.tolist(), ours.points_b.tolist(), strict=True)}
    wanted = {(*p, *q) for p, q in zip(theirs.points_a.tolist(), theirs.points_b.tolist(), strict=True)}
    assert len(wanted) > 500 and len(found & wanted) > 0.97 * len(found | wanted)


@pytest.mark.data
def test_weights_of_a_file_give_what_the_network_gives(tmp_path):
    network = published()
    write_trained(tmp_path / "w.safetensors", network.state_dict(), {"preset": "splatmatch-s"})
    assert (tmp_path / "w.safetensors").stat().st_size < 4e6
    stored = open_matcher("splatmatch-s", device="cpu", size=0, weights=str(tmp_path / "w.safetensors"))
    a = photo()
    one, two = stored.match(a, warped(a)), matcher_of(network).match(a, warped(a))
    assert len(one) == pytest.approx(len(two), rel=0.02) and one.weights and not two.weights
    assert isinstance(
        open_matcher("splatmatch-s", weights=str(tmp_path / "w.safetensors"), refine=False), FeatureMatcher
    )


@pytest.mark.data
def test_refinement_keeps_points_of_a_and_states_an_uncertainty():
    a, network = photo(), published()
    coarse = matcher_of(network, PointOptions(size=0, refine=False)).match(a, warped(a))
    fine = matcher_of(network).match(a, warped(a))
    assert np.array_equal(fine.points_a, coarse.points_a) and fine.rows is None
    moved = np.linalg.norm(fine.points_b - coarse.points_b, axis=1)
    assert 0 < moved.max() < 24
    assert fine.covariance.shape == (len(fine), 2, 2)
    # The last layer starts at zero, so the error it expects is one pixel of the working image.
    assert np.allclose(np.sqrt(fine.covariance[:, 0, 0]), np.sqrt(2 / np.pi), rtol=1e-3)


def test_a_photo_in_one_colour_and_small_ones_give_no_error():
    torch.manual_seed(0)
    matcher = matcher_of(PointMatcher())
    assert len(matcher.match(np.zeros((40, 50, 3), np.uint8), noise(1))) == 0
    matches = matcher.match(noise(0, (20, 30)), noise(1))
    assert (matches.points_b <= [128, 96]).all() and (matches.points_a <= [30, 20]).all()


def test_weights_that_do_not_fit_are_refused_by_the_first_tensor(tmp_path):
    state = PointMatcher().state_dict()
    name = next(iter(state))
    save_file({name: torch.zeros(3)}, tmp_path / "other.safetensors")
    with pytest.raises(InputError, match=f"not weights of splatmatch-s: {name} is \\(3,\\)"):
        open_matcher("splatmatch-s", weights=str(tmp_path / "other.safetensors"))
    save_file(state | {"extra": torch.zeros(1)}, tmp_path / "more.safetensors")
    with pytest.raises(InputError, match="has no extra"):
        open_matcher("splatmatch-s", weights=str(tmp_path / "more.safetensors"))
    save_file(state | {name: torch.full_like(state[name], torch.nan)}, tmp_path / "nan.safetensors")
    with pytest.raises(FormatError, match="NaN"):
        open_matcher("splatmatch-s", weights=str(tmp_path / "nan.safetensors"))
    (tmp_path / "text.safetensors").write_text("no weights")
    with pytest.raises(FormatError, match="not a safetensors file"):
        read_trained(tmp_path / "text.safetensors")
    with pytest.raises(InputError, match="no weights here"):
        open_matcher("splatmatch-s", weights=str(tmp_path / "none.safetensors"))
    with pytest.raises(MissingDependencyError, match="weights=FILE"):
        open_matcher("splatmatch-s")


def test_stored_weights_come_back_up_to_half_precision(tmp_path):
    tensors = {"a": torch.randn(5, 3), "n": torch.arange(4)}
    write_trained(tmp_path / "w.safetensors", tensors, {"preset": "x", "steps": "12"})
    stored = read_trained(tmp_path / "w.safetensors")
    assert stored.facts == {"preset": "x", "steps": "12"}
    assert torch.equal(stored.tensors["a"], tensors["a"].half().float()) and torch.equal(
        stored.tensors["n"], tensors["n"]
    )
