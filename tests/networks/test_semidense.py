"""The semi-dense network: sizes, conventions, its start, and the head that can be switched on."""

from __future__ import annotations

import pytest
import torch

from splatmatch.networks.points import mutual
from splatmatch.networks.semidense import PRESETS, SemiDense, SemiDenseConfig, centres
from splatmatch.networks.xfeat import CELL

MILLION = 1e6


@pytest.mark.parametrize(("preset", "low", "high"), [("s", 1.0, 3.0), ("m", 2.0, 7.0), ("l", 14.0, 24.0)])
def test_sizes_of_the_presets(preset, low, high):
    count = sum(p.numel() for p in SemiDense(PRESETS[preset]).parameters()) / MILLION
    assert low < count < high


@pytest.mark.parametrize("config", [PRESETS["s"], PRESETS["m"]])
def test_images_of_different_shapes(config):
    network = SemiDense(config).eval()
    with torch.inference_mode():
        found = network(torch.rand(1, 3, 64, 96), torch.rand(1, 3, 96, 32))
    assert found.log_scores.shape == (1, 8 * 12, 12 * 4)
    assert torch.isfinite(found.log_scores).all()
    assert (found.log_scores <= 0).all()


def test_swapping_the_images_transposes_the_assignment():
    torch.manual_seed(0)
    network = SemiDense().eval()
    a, b = torch.rand(1, 3, 64, 64), torch.rand(1, 3, 64, 64)
    with torch.inference_mode():
        there, back = network(a, b), network(b, a)
    assert torch.allclose(there.log_scores, back.log_scores.transpose(1, 2), atol=1e-4)
    assert torch.allclose(there.matchable_a, back.matchable_b, atol=1e-4)


def test_batches_are_the_single_pairs():
    torch.manual_seed(0)
    network = SemiDense().eval()
    a, b = torch.rand(2, 3, 64, 64), torch.rand(2, 3, 64, 64)
    with torch.inference_mode():
        both, second = network(a, b), network(a[1:], b[1:])
    assert torch.allclose(both.log_scores[1:], second.log_scores, atol=1e-4)


def test_centres_of_cells():
    points = centres(torch.zeros(2, 1, 3, 5), CELL)
    assert points.shape == (2, 15, 2)
    assert points[0, 0].tolist() == [4.0, 4.0]
    assert points[1, 7].tolist() == [20.0, 12.0]


def test_the_published_start_matches_an_image_with_itself():
    from splatmatch.errors import MissingDependencyError
    from splatmatch.formats.onnx_weights import read_onnx_tensors
    from splatmatch.networks.published import lighterglue_state, xfeat_state
    from splatmatch.weights.load import load

    try:
        states = [read_onnx_tensors(load(name).read_bytes()).by_node for name in ("xfeat", "lighterglue")]
    except MissingDependencyError as error:
        pytest.skip(str(error))
    network = SemiDense().eval()
    network.backbone.load_state_dict(xfeat_state(states[0]))
    network.assigner.load_state_dict(lighterglue_state(states[1]))
    torch.manual_seed(0)
    image = torch.nn.functional.interpolate(torch.rand(1, 3, 48, 64), scale_factor=4, mode="bicubic").clamp(0, 1)
    with torch.inference_mode():
        rows, partners, _ = mutual(network(image, image).log_scores[0], 0.0)
    assert (rows == partners).float().mean() > 0.95
    assert len(rows) > 0.8 * 24 * 32


def test_the_patch_head_begins_silent_and_can_be_taught():
    torch.manual_seed(0)
    network = SemiDense(SemiDenseConfig(patch_width=16))
    a, b = torch.rand(1, 3, 64, 64), torch.rand(1, 3, 64, 64)
    state = {name: value for name, value in network.state_dict().items() if not name.startswith("patch")}
    plain = SemiDense()
    plain.load_state_dict(state)
    flat = 2 * torch.log(torch.tensor(1 / 64))
    assert torch.allclose(network(a, b).log_scores, plain(a, b).log_scores + flat, atol=1e-4)
    network.patch_sharpness.data.fill_(5.0)
    network(a, b).log_scores.diagonal(dim1=1, dim2=2).sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in network.patch.parameters())
