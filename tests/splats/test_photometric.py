"""The fused L1 + SSIM loss against an independent float64 reference."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from splatmatch.splats.photometric import photometric_loss


def dense_reference(image: Tensor, target: Tensor, weight: Tensor | None, share: float) -> tuple[Tensor, Tensor]:
    """Loss and SSIM map by explicit two-dimensional windows in float64."""
    x, y = image.double(), target.double()
    w = torch.ones_like(x[..., 0]) if weight is None else weight.double()
    x, y = w[..., None] * x, w[..., None] * y
    offsets = torch.arange(-5, 6).double()
    window = torch.exp(-(offsets[:, None] ** 2 + offsets[None] ** 2) / (2 * 1.5**2))
    window = window / window.sum()

    def local_mean(plane: Tensor) -> Tensor:
        padded = torch.nn.functional.pad(plane.permute(2, 0, 1), (5, 5, 5, 5)).permute(1, 2, 0)
        return torch.einsum("ijcuv,uv->ijc", padded.unfold(0, 11, 1).unfold(1, 11, 1), window)

    mx, my = local_mean(x), local_mean(y)
    vx, vy = local_mean(x * x) - mx**2, local_mean(y * y) - my**2
    cov = local_mean(x * y) - mx * my
    ssim = (2 * mx * my + 1e-4) * (2 * cov + 9e-4) / ((mx**2 + my**2 + 1e-4) * (vx + vy + 9e-4))
    l1 = (x - y).abs().mean()
    return (1 - share) * l1 + share * (w[..., None] * (1 - ssim)).mean(), ssim


def images(height: int, width: int, seed: int) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    image = torch.rand(3, height, width, generator=generator).permute(1, 2, 0)
    target = (0.7 * image + 0.3 * torch.rand(height, width, 3, generator=generator)).contiguous()
    weight = (torch.rand(height, width, generator=generator) > 0.3).float()
    return image, target, weight


@pytest.mark.parametrize("size", [(1, 1), (5, 200), (37, 129), (170, 128), (330, 21)])
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("share", [0.0, 0.2, 1.0])
def test_value_and_gradient_equal_the_float64_reference(size, masked, share):
    image, target, weight = images(*size, seed=1)
    mask = weight if masked else None
    leaf = image.clone().requires_grad_()
    result = photometric_loss(leaf, target, mask, share)
    result.loss.backward()
    twin = image.double().requires_grad_()
    loss, ssim = dense_reference(twin, target, mask, share)
    loss.backward()
    assert result.loss.item() == pytest.approx(loss.item(), rel=2e-6, abs=1e-7)
    assert (leaf.grad - twin.grad).norm() <= 2e-5 * twin.grad.norm() + 1e-12
    counted = torch.ones(size) if mask is None else mask
    if counted.sum() > 0:
        assert result.ssim == pytest.approx(((ssim * counted[..., None]).sum() / counted.sum() / 3).item(), abs=2e-6)


@given(height=st.integers(1, 40), width=st.integers(1, 140), seed=st.integers(0, 99), masked=st.booleans())
def test_kernel_and_torch_path_agree_on_any_size(height, width, seed, masked):
    image, target, weight = images(height, width, seed)
    leaf, twin = image.clone().requires_grad_(), image.double().requires_grad_()
    ours = photometric_loss(leaf, target, weight if masked else None)
    torchs = photometric_loss(twin, target, weight if masked else None)
    ours.loss.backward()
    torchs.loss.backward()
    assert ours.loss.item() == pytest.approx(torchs.loss.item(), rel=5e-6, abs=1e-7)
    assert ours.mse == pytest.approx(torchs.mse, rel=1e-5, abs=1e-9)
    assert (leaf.grad - twin.grad).norm() <= 2e-5 * twin.grad.norm() + 1e-12


def test_bytes_and_floats_are_the_same_target():
    image, target, _ = images(30, 40, seed=2)
    stored = (target * 255).round().to(torch.uint8)
    a = photometric_loss(image, stored)
    b = photometric_loss(image, stored.float() / 255)
    assert a.loss.item() == pytest.approx(b.loss.item(), rel=1e-6)


def test_masked_pixels_neither_count_nor_leak_into_their_neighbours():
    image, target, weight = images(40, 50, seed=3)
    kept = weight[..., None] > 0
    a, b = image.clone().requires_grad_(), torch.where(kept, image, torch.rand_like(image)).requires_grad_()
    first = photometric_loss(a, target, weight)
    second = photometric_loss(b, torch.where(kept, target, torch.rand_like(target)), weight)
    first.loss.backward()
    second.loss.backward()
    assert first.loss.item() == second.loss.item()
    assert torch.equal(a.grad, b.grad)
    assert not a.grad[weight == 0].any()


def test_equal_images_have_no_loss_and_the_highest_psnr():
    image, _, _ = images(20, 20, seed=4)
    result = photometric_loss(image, image.clone())
    assert abs(result.loss.item()) < 1e-6
    assert result.ssim == pytest.approx(1, abs=1e-6)
    assert result.psnr == 100


@pytest.mark.parametrize("threads", [2, 3])
def test_same_bits_for_any_number_of_threads(threads):
    image, target, weight = images(200, 300, seed=5)

    def run(count: int) -> tuple[float, Tensor]:
        before = torch.get_num_threads()
        torch.set_num_threads(count)
        try:
            leaf = image.clone().requires_grad_()
            loss = photometric_loss(leaf, target, weight).loss
            loss.backward()
            return loss.item(), leaf.grad
        finally:
            torch.set_num_threads(before)

    one, many = run(1), run(threads)
    assert one[0] == many[0]
    assert torch.equal(one[1], many[1])


def test_upstream_gradient_scales():
    image, target, _ = images(20, 30, seed=6)
    a, b = image.clone().requires_grad_(), image.clone().requires_grad_()
    photometric_loss(a, target).loss.backward()
    (3 * photometric_loss(b, target).loss).backward()
    torch.testing.assert_close(b.grad, 3 * a.grad)


def test_planar_memory_is_not_copied():
    """The gradient comes back planar, which shows that the kernel worked on the engine's own layout."""
    image, target, _ = images(20, 30, seed=7)
    leaf = image.requires_grad_()
    photometric_loss(leaf, target).loss.backward()
    assert leaf.grad.permute(2, 0, 1).is_contiguous()


@pytest.mark.parametrize("target", [torch.zeros(4, 5, 3), torch.zeros(5, 4)])
def test_shapes_that_differ_are_refused(target):
    with pytest.raises(ValueError, match="fit together"):
        photometric_loss(torch.zeros(5, 4, 3), target)
