"""The semi-dense network as a matcher: pixels of the photos, whatever their size; nothing where there is nothing."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from splatmatch.errors import InputError, MissingDependencyError
from splatmatch.formats.onnx_weights import read_onnx_tensors
from splatmatch.matchers.registry import open_matcher
from splatmatch.matchers.semidense import SemiDenseOptions, matcher_of
from splatmatch.networks.published import lighterglue_state, xfeat_state
from splatmatch.networks.semidense import SemiDense
from splatmatch.weights.load import load
from splatmatch.weights.trained import write_trained


@pytest.fixture(scope="module")
def network() -> SemiDense:
    """Published weights; the refiner, which has none, is made to say that every start is right."""
    try:
        states = [read_onnx_tensors(load(name).read_bytes()).by_node for name in ("xfeat", "lighterglue")]
    except MissingDependencyError as error:
        pytest.skip(str(error))
    torch.manual_seed(0)
    network = SemiDense()
    network.backbone.load_state_dict(xfeat_state(states[0]))
    network.assigner.load_state_dict(lighterglue_state(states[1]))
    return network


def _photo(height: int, width: int) -> np.ndarray:
    coarse = torch.rand(1, 3, 40, 40, generator=torch.Generator().manual_seed(3))
    image = torch.nn.functional.interpolate(coarse, (height, width), mode="bicubic").clamp(0, 1)
    return (255 * image[0].permute(1, 2, 0)).byte().numpy()


@pytest.mark.parametrize("size", [(192, 256), (200, 301)])
def test_a_photo_matches_itself_in_its_own_pixels(network, size):
    photo = _photo(*size)
    found = matcher_of(network, "semidense-s").match(photo, photo)
    assert len(found) > 100
    assert found.size_a == (size[1], size[0])
    assert found.covariance is not None and found.covariance.shape == (len(found), 2, 2)
    assert (np.diff(found.scores) <= 0).all()
    offset = found.points_b - found.points_a
    assert np.median(np.abs(offset)) < 2.0  # the refiner is not trained; the cells are right
    scale = np.array([size[1] / (size[1] // 32 * 32), size[0] / (size[0] // 32 * 32)])
    cells = found.points_a / scale / 8 - 0.5
    assert np.abs(cells - np.rint(cells)).max() < 1e-3


def test_nothing_is_found_in_even_and_tiny_photos(network):
    matcher = matcher_of(network, "semidense-s")
    even = np.full((64, 96, 3), 77, np.uint8)
    assert len(matcher.match(even, _photo(64, 96))) == 0
    tiny = matcher.match(_photo(8, 8), _photo(8, 8))
    assert (tiny.points_a < 8).all() and (tiny.points_b < 8).all()
    with pytest.raises(InputError):
        matcher.match(even[..., 0], even)
    with pytest.raises(InputError, match="whole images"):
        SemiDenseOptions(tiles=512)


def test_weights_of_a_run_are_opened_by_name(network, tmp_path):
    write_trained(tmp_path / "s.safetensors", network.state_dict(), {"preset": "semidense-s"})
    opened = open_matcher("semidense-s", weights=str(tmp_path / "s.safetensors"), size=0)
    photo = _photo(96, 128)
    found, expected = opened.match(photo, photo), matcher_of(network, "semidense-s").match(photo, photo)
    assert abs(len(found) - len(expected)) <= 3  # half precision
    assert opened.card.kind == "semi-dense"
    with pytest.raises(MissingDependencyError, match="weights=FILE"):
        open_matcher("semidense-m")
    with pytest.raises(InputError, match="semidense-m"):
        open_matcher("semidense-m", weights=str(tmp_path / "s.safetensors"))


def test_settings_hash_follows_the_weights(network):
    before = matcher_of(network, "semidense-s").settings_hash
    assert matcher_of(network, "semidense-s").settings_hash == before
    with torch.no_grad():
        network.refiner.search_sharpness += 1
    assert matcher_of(network, "semidense-s").settings_hash != before
