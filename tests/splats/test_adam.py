"""The Adam step against torch's own, and what is special about ours: untouched rows and the finite check."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from splatmatch.splats.adam import AdamConfig, _with_torch, adam_step

CONFIG = AdamConfig()


def tensors(rows: int, columns: int, seed: int = 0) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    values, gradient = torch.randn(2, rows, columns, generator=generator).unbind()
    return values.contiguous(), gradient.contiguous(), torch.zeros(rows, columns), torch.zeros(rows, columns)


@pytest.mark.parametrize("shape", [(1, 1), (5, 3), (4097, 1), (3000, 48)])
def test_ten_steps_equal_torchs_adam_in_float64(shape):
    values, _, first, second = tensors(*shape)
    twin = values.double().requires_grad_()
    peer = torch.optim.Adam([twin], lr=1e-2, betas=(CONFIG.beta1, CONFIG.beta2), eps=CONFIG.epsilon)
    for step in range(1, 11):
        gradient = tensors(*shape, seed=step)[1]
        twin.grad = gradient.double()
        peer.step()
        assert adam_step(values, gradient, first, second, torch.full(shape[1:], 1e-2), step, CONFIG)
    torch.testing.assert_close(values.double(), twin.detach(), atol=2e-6, rtol=1e-5)


def test_each_column_has_its_own_rate():
    values, gradient, first, second = tensors(200, 4)
    before = values.clone()
    rates = torch.tensor([0.0, 1e-3, 1e-2, 1e-1])
    adam_step(values, gradient, first, second, rates, 1, CONFIG)
    torch.testing.assert_close((values - before).abs().mean(0), rates, atol=1e-6, rtol=1e-3)


def test_elements_without_gradient_keep_value_and_moments():
    values, gradient, first, second = tensors(100, 3)
    first.fill_(0.5)
    second.fill_(0.25)
    gradient[::2] = 0
    before = values.clone()
    adam_step(values, gradient, first, second, torch.full((3,), 0.1), 5, CONFIG)
    assert torch.equal(values[::2], before[::2])
    assert (first[::2] == 0.5).all()
    assert (second[::2] == 0.25).all()
    assert (values[1::2] != before[1::2]).all()


def test_the_torch_path_takes_the_same_step():
    a, gradient, first_a, second_a = tensors(300, 7)
    gradient[5] = 0
    b, first_b, second_b = a.clone(), first_a.clone(), second_a.clone()
    rates = torch.linspace(1e-3, 1e-2, 7)
    for step in range(1, 4):
        adam_step(a, gradient, first_a, second_a, rates, step, CONFIG)
        corrections = 1 / (1 - CONFIG.beta1**step), 1 / (1 - CONFIG.beta2**step)
        _with_torch(b, gradient, first_b, second_b, rates, *corrections, CONFIG)
    torch.testing.assert_close(a, b, atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize("poison", [float("nan"), float("inf"), float("-inf")])
def test_a_gradient_that_is_not_finite_is_reported(poison):
    values, gradient, first, second = tensors(5000, 3)
    gradient[4321, 1] = poison
    assert not adam_step(values, gradient, first, second, torch.full((3,), 0.1), 1, CONFIG)


def test_same_bits_for_one_and_two_threads():
    before = torch.get_num_threads()
    results = []
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            values, gradient, first, second = tensors(20_000, 3)
            adam_step(values, gradient, first, second, torch.full((3,), 0.1), 1, CONFIG)
            results.append(values)
    finally:
        torch.set_num_threads(before)
    assert torch.equal(*results)


def test_an_empty_tensor_is_a_step_too():
    assert adam_step(*(torch.zeros(0, 3) for _ in range(4)), torch.ones(3), 1, CONFIG)
