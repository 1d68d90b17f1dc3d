"""PSNR, SSIM and LPIPS by value, by invariance and by bad input."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch

from splatmatch.errors import MissingDependencyError
from splatmatch.metrics.lpips import Lpips, load_lpips
from splatmatch.metrics.psnr import psnr
from splatmatch.metrics.ssim import ssim, ssim_map
from tests.conftest import data_folder


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def window_ssim(a: np.ndarray, b: np.ndarray) -> float:
    """SSIM of one full 11 x 11 window of one channel, straight from the paper's sums."""
    offsets = np.arange(-5, 6)
    weights = np.exp(-(offsets[:, None] ** 2 + offsets[None] ** 2) / (2 * 1.5**2))
    weights /= weights.sum()
    mean_a, mean_b = (weights * a).sum(), (weights * b).sum()
    variance_a, variance_b = (weights * (a - mean_a) ** 2).sum(), (weights * (b - mean_b) ** 2).sum()
    covariance = (weights * (a - mean_a) * (b - mean_b)).sum()
    top = (2 * mean_a * mean_b + 1e-4) * (2 * covariance + 9e-4)
    return top / ((mean_a**2 + mean_b**2 + 1e-4) * (variance_a + variance_b + 9e-4))


def test_psnr_of_a_constant_error():
    image = torch.full((4, 6, 3), 0.5)
    assert psnr(image + 0.1, image).item() == pytest.approx(20.0, abs=1e-5)


def test_psnr_clamps_to_what_a_file_would_show():
    reference = torch.ones(4, 4, 3)
    assert psnr(torch.full((4, 4, 3), 1.7), reference).isinf()
    assert psnr(torch.full((4, 4, 3), -3.0), reference).item() == pytest.approx(0.0)


def test_psnr_mask_leaves_pixels_out():
    reference = noise(8, 8, 3)
    image = reference.clone()
    image[:4] += 0.3
    mask = torch.zeros(8, 8, dtype=torch.bool)
    mask[4:] = True
    assert psnr(image, reference, mask).isinf()
    assert psnr(image, reference).isfinite()


def test_ssim_windows_against_the_sums_of_the_paper():
    a, b = noise(13, 12, 3), noise(13, 12, 3, seed=1)
    valid = ssim_map(a, b, "valid")
    assert valid.shape == (3, 2, 3)
    for y, x, c in [(0, 0, 0), (2, 1, 2), (1, 0, 1)]:
        window = slice(y, y + 11), slice(x, x + 11), c
        assert valid[y, x, c].item() == pytest.approx(window_ssim(a[window].numpy(), b[window].numpy()), rel=1e-9)


def test_padded_ssim_is_valid_ssim_of_the_zero_padded_images():
    a, b = noise(9, 14, 3), noise(9, 14, 3, seed=1)
    pad = (0, 0, 5, 5, 5, 5)
    wide = [torch.nn.functional.pad(image, pad) for image in (a, b)]
    torch.testing.assert_close(ssim_map(a, b, "padded"), ssim_map(*wide, "valid"))


@pytest.mark.parametrize("border", ["padded", "valid"])
def test_ssim_is_one_for_equal_images_symmetric_and_equivariant(border):
    a, b = noise(20, 17, 3), noise(20, 17, 3, seed=1)
    assert ssim(a, a, border).item() == pytest.approx(1.0)
    assert ssim(a, b, border).item() == pytest.approx(ssim(b, a, border).item(), rel=1e-12)
    torch.testing.assert_close(ssim_map(a.flip(1), b.flip(1), border), ssim_map(a, b, border).flip(1))


def test_ssim_mask_follows_the_window_centres_in_both_dialects():
    a, b = noise(24, 20, 3), noise(24, 20, 3, seed=1)
    mask = torch.zeros(24, 20, dtype=torch.bool)
    mask[7, 9] = True
    padded, valid = ssim(a, b, "padded", mask), ssim(a, b, "valid", mask)
    assert padded.item() == pytest.approx(ssim_map(a, b)[7, 9].mean().item())
    assert valid.item() == pytest.approx(padded.item())


def test_ssim_gradient():
    a = noise(12, 11, 1).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: ssim(x, noise(12, 11, 1, seed=1)), (a,))


@pytest.mark.parametrize("metric", [psnr, ssim])
def test_shapes_that_differ_are_refused(metric):
    with pytest.raises(ValueError, match="not"):
        metric(noise(12, 12, 3), noise(12, 13, 3))


@pytest.mark.parametrize("metric", [psnr, lambda a, b, m: ssim(a, b, mask=m)])
def test_an_empty_mask_is_refused(metric):
    image = noise(12, 12, 3)
    with pytest.raises(ValueError, match="mask"):
        metric(image, image, torch.zeros(12, 12, dtype=torch.bool))


def small_lpips(inputs: str = "-1..1") -> Lpips:
    """AlexNet's layout with few channels and random weights: the arithmetic without the download."""
    channels = [3, 4, 5, 6, 5, 4]
    sizes = [11, 5, 3, 3, 3]
    tensors = {}
    for i, size in enumerate(sizes):
        tensors[f"conv.{i}.weight"] = noise(channels[i + 1], channels[i], size, size, seed=i).float() - 0.5
        tensors[f"conv.{i}.bias"] = noise(channels[i + 1], seed=10 + i).float() - 0.5
        tensors[f"head.{i}"] = noise(channels[i + 1], seed=20 + i).float()
    return Lpips("alex", inputs, tensors)


def test_lpips_is_zero_for_equal_images_symmetric_and_positive():
    network, a, b = small_lpips(), noise(40, 48, 3), noise(40, 48, 3, seed=1)
    assert network(a, a).item() == 0
    assert network(a, b).item() > 0
    assert network(a, b).item() == pytest.approx(network(b, a).item(), rel=1e-5)


def test_lpips_dialects_feed_different_ranges():
    a, b = noise(40, 48, 3), noise(40, 48, 3, seed=1)
    rescaled, raw = small_lpips("-1..1"), small_lpips("0..1")
    assert rescaled((a + 1) / 2, (b + 1) / 2).item() == pytest.approx(raw(a, b).item(), rel=1e-4)
    assert rescaled.dialect == "alex, inputs -1..1"


def test_lpips_refuses_images_below_its_receptive_field():
    with pytest.raises(ValueError, match="32 pixels"):
        small_lpips()(noise(16, 48, 3), noise(16, 48, 3))


@pytest.mark.data
@pytest.mark.parametrize(("network", "fountain", "fox"), [("alex", 0.217067, 0.195577), ("vgg", 0.343113, 0.396394)])
def test_lpips_equals_the_published_implementation_on_real_pairs(network, fountain, fox):
    """Values of the class of PyPI lpips 0.1.4 with the same weights; needs the weights in the cache."""
    try:
        lpips = load_lpips(network, fetch=False)
    except MissingDependencyError as error:
        pytest.skip(str(error))
    pairs = [("strecha_fountain_P11", "0004.jpg", "0005.jpg", (320, 240), fountain)]
    pairs += [("ingp_fox", "0001.jpg", "0003.jpg", (225, 400), fox)]
    for folder, a, b, size, expected in pairs:
        images = []
        for name in (a, b):
            pixels = cv2.imread(str(data_folder(folder) / "images" / name))[..., ::-1]
            small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
            images.append(torch.from_numpy(small.copy()).float() / 255)
        assert lpips(*images).item() == pytest.approx(expected, abs=2e-6)
