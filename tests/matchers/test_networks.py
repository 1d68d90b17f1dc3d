"""What is read from networks, and what goes into them, without their weights."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import torch

from splatmatch.errors import InputError, MissingDependencyError
from splatmatch.matchers import kornia_features, lightglue
from splatmatch.matchers.kornia_features import AlikedDetector, DiskDetector, fill, kornia_feature
from splatmatch.matchers.lightglue import LightGlueOptions, LightGluePairing, current_names
from splatmatch.matchers.xfeat_detection import _grid, _heat, _peaks
from splatmatch.scene.matches import Features
from tests.matchers.warped_pair import noise


@pytest.mark.parametrize(("row", "column"), [(0, 0), (13, 22), (31, 39)])
def test_xfeat_keypoints_are_read_from_their_cell_row_by_row(row, column):
    logits = np.zeros((65, 4, 5), np.float32)
    logits[64] = 9.0  # none
    logits[row % 8 * 8 + column % 8, row // 8, column // 8] = 15.0
    heat = _heat(logits)
    assert heat.shape == (32, 40)
    columns, rows = _peaks(heat, 0.05)
    assert (columns.tolist(), rows.tolist()) == ([column], [row])
    assert heat[row, column] == pytest.approx(np.exp(15) / (np.exp(15) + np.exp(9) + 63), rel=1e-5)


def test_xfeat_peaks_are_the_largest_of_five_by_five():
    heat = np.zeros((32, 32), np.float32)
    heat[10, 10], heat[10, 12], heat[13, 10], heat[20, 20] = 0.9, 0.8, 0.7, 0.04
    columns, rows = _peaks(heat, 0.05)
    assert list(zip(rows, columns, strict=True)) == [(10, 10), (13, 10)]


def test_xfeat_maps_are_sampled_at_pixel_index_over_last_index():
    np.testing.assert_allclose(_grid(np.array([0, 639]), np.array([0, 479]), (480, 640)), [[-1, -1], [1, 1]])


def published_lightglue() -> dict[str, torch.Tensor]:
    """Random tensors of LightGlue under the names of its first release."""
    pytest.importorskip("kornia")
    torch.manual_seed(0)
    tensors = {}
    for name, tensor in kornia_feature().LightGlue(None, input_dim=128).state_dict().items():
        if name.startswith("transformers."):
            _, layer, part, rest = name.split(".", 3)
            tensors[f"{part}.{layer}.{rest}"] = tensor
        elif name != "confidence_thresholds":
            tensors[name] = tensor
    return tensors | {"log_assignment.0.r": torch.zeros(1)}


def test_the_first_names_of_lightglue_become_those_of_the_module(monkeypatch):
    published = published_lightglue()
    network = kornia_feature().LightGlue(None, input_dim=128)
    missing = network.load_state_dict(current_names(published), strict=False)
    assert missing.missing_keys == ["confidence_thresholds"] and not missing.unexpected_keys
    name = "transformers.3.cross_attn.to_v.weight"
    assert torch.equal(network.state_dict()[name], published["cross_attn.3.to_v.weight"])
    monkeypatch.setattr(lightglue, "load_tensors", lambda weights: published)
    pairing = LightGluePairing("disk-lightglue", 128, LightGlueOptions(), "cpu")
    generator = np.random.default_rng(0)
    points = generator.uniform(0.5, 63.5, (30, 2)).astype(np.float32)
    table = generator.standard_normal((30, 128)).astype(np.float32)
    features = Features(points, np.ones(30, np.float32), table, (64, 64), "disk")
    rows, scores = pairing.pair(features, features)
    assert rows.shape == (len(scores), 2) and rows.dtype == np.int64


def test_weights_that_do_not_fit_the_module_are_refused(monkeypatch):
    pytest.importorskip("kornia")
    tensors = published_lightglue()
    del tensors["input_proj.bias"]
    network = kornia_feature().LightGlue(None, input_dim=128)
    with pytest.raises(MissingDependencyError, match=r"other tensors than its weights \(input_proj\.bias\)"):
        fill(network, current_names(tensors), "^confidence_thresholds$", "LightGlue")


@pytest.mark.parametrize("kind", ["disk", "aliked"])
def test_kornia_detectors_give_corner_pixels_inside_the_image(kind, monkeypatch):
    pytest.importorskip("kornia")
    torch.manual_seed(0)
    module = kornia_feature().DISK() if kind == "disk" else kornia_feature().ALIKED("aliked-n16")
    monkeypatch.setattr(kornia_features, "load_tensors", lambda name: module.state_dict())
    detector = DiskDetector(50, "cpu") if kind == "disk" else AlikedDetector(50, 0.0, "cpu")
    image = noise((90, 70))
    found = detector.find(image)
    assert 0 < len(found.points) <= 50 and found.descriptors.shape == (len(found.points), 128)
    assert (found.points > 0).all() and (found.points < (90, 70)).all()
    np.testing.assert_allclose(np.linalg.norm(found.descriptors, axis=1), 1, atol=1e-4)
    if kind == "disk":
        np.testing.assert_allclose(found.points % 1, 0.5)  # whole pixels by their centres


def test_a_missing_kornia_is_told_with_the_way_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "kornia", None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'splatmatch\[models\]'"):
        kornia_feature()


@pytest.mark.parametrize("wrong", [{"score": 1.0}, {"depth_confidence": 0.0}, {"width_confidence": 2.0}])
def test_settings_that_lightglue_cannot_have_are_refused(wrong):
    with pytest.raises(InputError):
        LightGlueOptions(**wrong)
