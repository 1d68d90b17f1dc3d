"""ONNX priors: what is fed, what is read back, which files are refused."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch
from scipy.stats import spearmanr

from splatmatch.errors import FormatError, InputError, MissingDependencyError
from splatmatch.formats.images import read_image_float
from splatmatch.priors.onnx import UNROUNDED, OnnxDepth, OnnxDepthCard
from splatmatch.priors.prediction import network_size
from splatmatch.priors.registry import open_prior
from tests.conftest import data_folder, weight_file
from tests.priors.tiny_onnx import write_network


def photo(height: int = 64, width: int = 96) -> torch.Tensor:
    x = np.linspace(0.1, 0.9, width, dtype=np.float32)
    return torch.from_numpy(np.repeat(np.repeat(x[None, :, None], height, 0), 3, 2).copy())


def test_the_output_is_read_whatever_it_is_called(tmp_path):
    prior = OnnxDepth(write_network(tmp_path / "net.onnx"), OnnxDepthCard(long_side=96))
    depth = prior.predict(photo())
    assert depth.values.shape == (64, 96) and bool(depth.valid.all())
    torch.testing.assert_close(depth.values, photo()[..., 0].exp(), rtol=1e-5, atol=0)


def test_the_unrounded_tensor_is_taken_where_the_file_has_it(tmp_path):
    """exp of the mean comes out of both graphs, but here through the inner tensor that is no output of the file."""
    network = write_network(tmp_path / "net.onnx", hidden=UNROUNDED)
    prior = OnnxDepth(network, OnnxDepthCard(long_side=96, kind="depth"))  # the kind of the tensor itself is known
    torch.testing.assert_close(prior.predict(photo()).values, photo()[..., 0].exp(), rtol=1e-5, atol=0)


def test_a_card_beside_the_file_says_that_it_is_depth(tmp_path):
    network = write_network(tmp_path / "net.onnx")
    (tmp_path / "net.json").write_text('{"kind": "depth", "long_side": 96, "licence": "CC0", "mean": [0.1, 0.1, 0.1]}')
    prior = open_prior(str(network))
    assert prior.licence == "CC0" and prior.name == "net"
    torch.testing.assert_close(prior.predict(photo()).values, (0.1 - photo()[..., 0]).exp(), rtol=1e-5, atol=0)


@pytest.mark.parametrize(
    "card", ['{"kind": "metres"}', '{"kinds": 1}', "[]", '{"long_side": 0}', '{"mean": [0, 1]}', '{"std": NaN}']
)
def test_unusable_cards_are_refused_by_name(tmp_path, card):
    network = write_network(tmp_path / "net.onnx")
    (tmp_path / "net.json").write_text(card)
    with pytest.raises(FormatError, match=r"net\.json"):
        open_prior(str(network))


def test_a_network_of_fixed_size_is_fed_that_size(tmp_path):
    prior = OnnxDepth(write_network(tmp_path / "net.onnx", height=40, width=50))
    values = prior.predict(photo()).values
    assert values.shape == (64, 96)
    assert (values - photo()[..., 0].exp()).abs().max() < 0.02  # through 50 x 40 pixels and back


def test_damaged_foreign_and_missing_files_are_told_apart(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        open_prior(str(tmp_path / "none.onnx"))
    (tmp_path / "cut.onnx").write_bytes(write_network(tmp_path / "net.onnx").read_bytes()[:60])
    with pytest.raises(FormatError, match=r"cut\.onnx: not an ONNX network"):
        open_prior(str(tmp_path / "cut.onnx"))
    with pytest.raises(InputError, match="did you mean tiefenrausch"):
        open_prior("tiefenrauch")


def test_a_network_for_something_else_is_refused():
    with pytest.raises(FormatError, match="depth network"):
        OnnxDepth(weight_file("lighterglue_L3.onnx"))


def test_absent_weights_say_what_to_put_where(tmp_path, monkeypatch):
    monkeypatch.setenv("SPLATMATCH_WEIGHTS", str(tmp_path))
    with pytest.raises(MissingDependencyError, match=r"put tiefenrausch\.onnx"):
        open_prior("tiefenrausch")


@pytest.mark.parametrize(
    ("size", "fed"), [((640, 480), (384, 288)), ((1000, 1600), (224, 384)), ((2000, 90), (384, 32))]
)
def test_the_long_side_is_384_and_both_are_multiples_of_32(size, fed):
    assert network_size(*size, 384, 32) == fed


@pytest.mark.data
def test_tiefenrausch_gives_the_published_values_without_their_steps():
    """Values of the weights' own documentation, one step of 2 % allowed; many more than 256 levels come out."""
    weight_file("tiefenrausch.onnx")
    rgb = read_image_float(data_folder("llff_fern") / "images_4" / "image005.png")
    small = cv2.resize(rgb, (384, 288), interpolation=cv2.INTER_AREA)
    values = open_prior("tiefenrausch").predict(torch.from_numpy(small)).values.numpy()
    found = [values.min(), np.median(values), values.max()]
    np.testing.assert_allclose(found, [0.464, 1.659, 3.257], rtol=0.04)
    assert len(np.unique(values)) > 10_000


@pytest.mark.data
def test_tiefenrausch_ranks_the_motorcycle_as_its_true_disparity_does():
    weight_file("tiefenrausch.onnx")
    folder = data_folder("skimage_data")
    disparity = np.load(folder / "motorcycle_disp.npz")["arr_0"]
    rgb = read_image_float(folder / "motorcycle_left.png")
    values = open_prior("tiefenrausch").predict(torch.from_numpy(rgb)).values.numpy()
    known = np.isfinite(disparity)
    assert spearmanr(values[known], disparity[known]).statistic > 0.6
