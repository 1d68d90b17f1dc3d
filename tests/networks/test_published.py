"""The ports of XFeat and LighterGlue say what the published graphs say."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from splatmatch.errors import FormatError, MissingDependencyError
from splatmatch.formats.onnx_weights import OnnxTensors, read_onnx_tensors
from splatmatch.networks.lightglue import LightGlue, LightGlueConfig
from splatmatch.networks.published import lighterglue_state, xfeat_state
from splatmatch.networks.xfeat import XFeat
from splatmatch.weights.load import load


def _file(name: str) -> bytes:
    try:
        return load(name).read_bytes()
    except MissingDependencyError as error:
        pytest.skip(str(error))


def _session(data: bytes):
    import onnxruntime

    return onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])


def test_xfeat_says_what_the_published_graph_says():
    data = _file("xfeat")
    network = XFeat().eval()
    network.load_state_dict(xfeat_state(read_onnx_tensors(data).by_node))
    generator = np.random.default_rng(0)
    coarse = generator.random((1, 3, 60, 80), np.float32)
    images = np.repeat(np.repeat(coarse, 8, 2), 8, 3) * 0.7 + 0.3 * generator.random((1, 3, 480, 640), np.float32)
    expected = _session(data).run(["feats", "keypoints", "heatmap"], {"image": images})
    with torch.inference_mode():
        maps = network(torch.from_numpy(images))
    for found, wanted in zip((maps.descriptors, maps.keypoints, maps.reliability), expected, strict=True):
        assert np.abs(found.numpy() - wanted).max() < 4e-5 * max(1, np.abs(wanted).max())


def test_lighterglue_says_what_the_published_graph_says():
    data = _file("lighterglue")
    network = LightGlue().eval()
    network.load_state_dict(lighterglue_state(read_onnx_tensors(data).by_node))
    generator = np.random.default_rng(1)
    n, m = 150, 180
    descriptors = generator.normal(size=(1, m, 64)).astype(np.float32)
    descriptors /= np.linalg.norm(descriptors, axis=2, keepdims=True)
    points = generator.uniform(-0.7, 0.7, (1, m, 2)).astype(np.float32)
    rows = generator.permutation(m)[:n]
    noisy = descriptors[:, rows] + 0.05 * generator.normal(size=(1, n, 64)).astype(np.float32)
    noisy = (noisy / np.linalg.norm(noisy, axis=2, keepdims=True)).astype(np.float32)
    feed = {"kpts0": points[:, rows] + np.float32(0.1), "desc0": noisy, "kpts1": points, "desc1": descriptors}
    matches, scores = _session(data).run(["matches", "scores"], feed)
    with torch.inference_mode():
        found = network(*(torch.from_numpy(feed[name]) for name in ("kpts0", "desc0", "kpts1", "desc1")))
    ours = found.log_scores[0].exp().numpy()
    assert len(matches) > 100
    assert np.abs(ours[matches[:, 0], matches[:, 1]] - scores).max() < 4e-5


def test_both_ways_of_attention_agree():
    network = LightGlue(LightGlueConfig(layers=1, heads=2)).eval()
    a, b = torch.rand(2, 7, 2), torch.rand(2, 9, 2)
    x, y = torch.rand(2, 7, 64), torch.rand(2, 9, 64)
    with_gradients = network(a, x, b, y).log_scores
    with torch.inference_mode():
        assert torch.allclose(network(a, x, b, y).log_scores, with_gradients, atol=1e-5)


def test_order_of_points_and_of_images_does_not_matter():
    torch.manual_seed(0)
    network = LightGlue(LightGlueConfig(layers=2)).eval()
    a, b, x, y = torch.rand(1, 7, 2), torch.rand(1, 9, 2), torch.rand(1, 7, 64), torch.rand(1, 9, 64)
    order = torch.randperm(7)
    with torch.inference_mode():
        plain = network(a, x, b, y).log_scores
        assert torch.allclose(network(a[:, order], x[:, order], b, y).log_scores, plain[:, order], atol=1e-5)
        assert torch.allclose(network(b, y, a, x).log_scores, plain.transpose(1, 2), atol=1e-5)


def test_other_files_are_refused():
    with pytest.raises(FormatError, match="not the published one"):
        xfeat_state(OnnxTensors({}, {}).by_node)
    with pytest.raises(FormatError):
        read_onnx_tensors(b"\x08\x07")
    with pytest.raises(FormatError):
        read_onnx_tensors(b"no network at all")
