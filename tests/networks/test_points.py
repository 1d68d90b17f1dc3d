"""Keypoints are those of the published reading; refinement finds what it should; points stay in place."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional

from splatmatch.errors import MissingDependencyError
from splatmatch.formats.onnx_weights import read_onnx_tensors
from splatmatch.networks.points import PointMatcher, centred, mutual
from splatmatch.networks.published import xfeat_state
from splatmatch.networks.refinement import FineMaps, Refiner
from splatmatch.networks.sampling import sampled, windows
from splatmatch.weights.load import load


def _textured(height: int, width: int, seed: int) -> np.ndarray:
    generator = torch.Generator().manual_seed(seed)
    layers = [
        functional.interpolate(
            torch.rand(1, 3, height // k, width // k, generator=generator), (height, width), mode="bicubic"
        )
        for k in (4, 8, 32)
    ]
    image = sum(layers) / 3
    return (255 * image[0].permute(1, 2, 0).clamp(0, 1)).byte().numpy()


def test_keypoints_are_those_of_the_published_reading():
    from splatmatch.matchers.xfeat_detection import XFeatDetector, XFeatOptions

    try:
        state = xfeat_state(read_onnx_tensors(load("xfeat").read_bytes()).by_node)
    except MissingDependencyError as error:
        pytest.skip(str(error))
    image = _textured(192, 256, 0)
    expected = XFeatDetector(XFeatOptions(count=300), "cpu").find(image)
    network = PointMatcher().eval()
    network.backbone.load_state_dict(state)
    with torch.inference_mode():
        maps = network.backbone(torch.from_numpy(image).permute(2, 0, 1)[None].float() / 255)
        found = network.found(maps, 300)
    assert len(expected.points) > 100
    count = min(len(expected.points), int((found.scores > 0).sum()))
    ours = {tuple(point) for point in found.points[0, :count].tolist()}
    theirs = {tuple(point) for point in expected.points.tolist()}
    assert len(ours & theirs) >= 0.98 * count  # a tie at the end may fall either way
    rows = {tuple(point): row for row, point in enumerate(expected.points.tolist())}
    for row, point in enumerate(found.points[0, :count].tolist()):
        if tuple(point) in rows:
            assert np.dot(expected.descriptors[rows[tuple(point)]], found.descriptors[0, row].numpy()) > 0.9999


def test_images_without_points_are_filled_up_with_none():
    network = PointMatcher().eval()
    with torch.inference_mode():
        maps = network.backbone(torch.full((2, 3, 64, 64), 0.5))
        found = network.found(maps, 50, threshold=0.99)
        assignment = network.assigned(found, found, (64, 64), (64, 64))
    assert found.points.shape == (2, 50, 2)
    assert (found.scores == 0).all()
    assert len(mutual(assignment.log_scores[0], 0.1)[0]) == 0


def test_sampling_is_exact_on_a_ramp_and_at_the_centres_of_cells():
    y, x = torch.meshgrid(torch.arange(10) + 0.5, torch.arange(12) + 0.5, indexing="ij")
    ramp = torch.stack([x, y])[None] * 4
    points = torch.tensor([[[4.0, 6.0], [17.3, 22.9], [46.0, 38.0]]])
    assert torch.allclose(sampled(ramp, points, stride=4), points, atol=1e-4)
    values, places = windows(ramp, points[:, 1:2], reach=1, stride=4)
    assert torch.allclose(values[0, 0], points[0, 1] + places, atol=1e-4)
    assert places.tolist()[:4] == [[-4, -4], [0, -4], [4, -4], [-4, 0]]


@pytest.mark.parametrize("shift", [(0.0, 0.0), (3.0, -2.0), (-5.0, 4.0)])
def test_refinement_finds_a_shift_in_distinct_features(shift):
    """Proves the geometry of both stages, with features that are right by construction; not what training finds."""
    torch.manual_seed(0)
    dx, dy = shift
    y, x = torch.meshgrid(torch.arange(64.0) + 0.5, torch.arange(80.0) + 0.5, indexing="ij")

    def maps(x, y):
        waves = [
            f(k * v) for k in (0.11, 0.23, 0.37, 0.61) for v in (x, y, x + y, x - y) for f in (torch.sin, torch.cos)
        ]
        full = functional.normalize(torch.stack(waves)[None], dim=1)
        return FineMaps(functional.normalize(functional.avg_pool2d(full, 2), dim=1), full)

    refiner = Refiner().eval()
    with torch.inference_mode():
        refiner.search_sharpness.fill_(60.0)
        refiner.correction_sharpness.fill_(60.0)
        points_a = torch.tensor([[[30.5, 30.5], [40.5, 25.5], [25.5, 40.5]]])
        found = refiner(maps(x, y), maps(x - dx, y - dy), points_a, points_a.clone())
    wanted = points_a + torch.tensor([dx, dy])
    assert (found.points - wanted).abs().max() < 0.2
    assert (found.searched - wanted).abs().max() < 1.0


def test_gradients_reach_every_part_of_the_refiner():
    torch.manual_seed(0)
    refiner = Refiner()
    images = torch.rand(2, 3, 32, 32)
    maps = refiner.maps(images)
    points = torch.rand(2, 5, 2) * 16 + 8
    found = refiner(maps, maps, points, points)
    (found.points.sum() + found.log_sigma.sum() + found.searched.sum()).backward()
    torch.nn.init.normal_(refiner.reader[2].weight)
    refiner(maps := refiner.maps(images), maps, points, points).points.sum().backward()
    assert all(parameter.grad is not None and parameter.grad.abs().sum() > 0 for parameter in refiner.parameters())


def test_points_are_centred_by_their_own_image():
    size = (640, 480)
    points = torch.tensor([[[320.5, 240.5], [640.5, 240.5], [0.5, 0.5]]])
    assert torch.allclose(centred(points, size), torch.tensor([[[0.0, 0.0], [1.0, 0.0], [-1.0, -0.75]]]))


def test_mutual_partners_above_a_score():
    scores = torch.tensor([[0.9, 0.1, 0.0], [0.8, 0.2, 0.05], [0.0, 0.0, 0.3]]).clamp(min=1e-6).log()
    a, b, values = mutual(scores, 0.2)
    assert a.tolist() == [0, 2]
    assert b.tolist() == [0, 2]
    assert torch.allclose(values, torch.tensor([0.9, 0.3]))
    assert len(mutual(torch.zeros(0, 4), 0.1)[0]) == 0
