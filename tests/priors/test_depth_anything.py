"""Depth Anything through transformers, with random weights of a small network of its architecture: no download.

What this proves: size rules, normalisation, orientation and plumbing. What it cannot prove: the published weights.
"""

from __future__ import annotations

import sys

import pytest
import torch

from splatmatch.errors import MissingDependencyError
from splatmatch.priors.depth_anything import DepthAnything, patch_size


@pytest.mark.parametrize(
    ("size", "fed"), [((640, 480), (686, 518)), ((518, 518), (518, 518)), ((1000, 1600), (518, 826))]
)
def test_the_short_side_is_518_and_both_are_multiples_of_14(size, fed):
    assert patch_size(*size) == fed


def test_without_transformers_one_line_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "transformers", None)
    prior = DepthAnything()
    with pytest.raises(MissingDependencyError, match=r"splatmatch\[models\]"):
        prior.predict(torch.zeros(20, 30, 3))


def test_a_random_network_of_its_architecture_gives_a_map_of_the_photos_size():
    transformers = pytest.importorskip("transformers", reason="needs the extra [models]")
    backbone = transformers.Dinov2Config(
        hidden_size=24, num_hidden_layers=4, num_attention_heads=2, image_size=518, patch_size=14,
        out_features=["stage1", "stage2", "stage3", "stage4"], reshape_hidden_states=False, apply_layernorm=True,
    )  # fmt: skip
    config = transformers.DepthAnythingConfig(
        backbone_config=backbone, reassemble_hidden_size=24, neck_hidden_sizes=[8, 8, 8, 8], fusion_hidden_size=8,
        head_hidden_size=8,
    )  # fmt: skip
    torch.manual_seed(0)
    network = transformers.DepthAnythingForDepthEstimation(config)
    rgb = torch.rand(60, 90, 3)
    depth = DepthAnything(network).predict(rgb)
    assert depth.values.shape == (60, 90) and bool(depth.valid.all())
    fed = {}
    network.register_forward_pre_hook(lambda _, args, kwargs: fed.update(kwargs), with_kwargs=True)
    grey = torch.tensor([0.485, 0.456, 0.406]).expand(60, 90, 3)
    DepthAnything(network).predict(grey)
    assert fed["pixel_values"].shape == (1, 3, 518, 784) and fed["pixel_values"].abs().max() < 1e-5
