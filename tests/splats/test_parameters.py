"""Edits keep values and moments in step."""

from __future__ import annotations

import pytest
import torch

from splatmatch.errors import NumericalError
from splatmatch.scene.gaussians import TENSORS
from splatmatch.splats.adam import AdamConfig
from splatmatch.splats.parameters import Parameters
from tests.splats.captures import true_splat


def trained(count: int = 10) -> Parameters:
    """Parameters whose moments carry the row number, so that a shift between values and moments shows."""
    parameters = Parameters.starting(true_splat(count))
    for part in (parameters.values, parameters.first, parameters.second):
        for tensor in part.tensors().values():
            tensor[:] = torch.arange(count).reshape(-1, *[1] * (tensor.ndim - 1)).expand_as(tensor)
    return parameters


def row_numbers(parameters: Parameters) -> list[set[float]]:
    """Per row, all numbers that occur in it."""
    tables = [t for part in (parameters.values, parameters.first, parameters.second) for t in part.tensors().values()]
    return [{float(x) for t in tables for x in t[row].reshape(-1)} for row in range(len(parameters))]


def test_starting_copies_and_has_no_moments():
    splat = true_splat(5)
    parameters = Parameters.starting(splat)
    parameters.values.means.zero_()
    assert splat.means.any()
    assert not any(t.any() for part in (parameters.first, parameters.second) for t in part.tensors().values())


@pytest.mark.parametrize("rows", [torch.tensor([7, 2, 2]), torch.arange(10) % 3 == 0])
def test_kept_selects_values_and_moments_alike(rows):
    kept = trained().kept(rows)
    wanted = torch.arange(10)[rows].tolist()
    assert row_numbers(kept) == [{float(row)} for row in wanted]


def test_appended_gaussians_start_without_moments():
    parameters = trained(4)
    longer = parameters.appended(trained(3).values)
    assert len(longer) == 7
    assert row_numbers(longer)[:4] == row_numbers(parameters)
    for part in (longer.first, longer.second):
        assert not any(t[4:].any() for t in part.tensors().values())
    assert torch.equal(longer.values.means[4:], trained(3).values.means)


def test_replaced_overwrites_rows_and_leaves_the_original():
    parameters = trained(6)
    changed = parameters.replaced(torch.tensor([1, 4]), trained(2).values)
    assert torch.equal(changed.values.means[:, 0], torch.tensor([0.0, 0.0, 2.0, 3.0, 1.0, 5.0]))
    assert changed.first.sh[4].eq(0).all()
    assert changed.first.sh[5].eq(5).all()
    assert row_numbers(parameters) == row_numbers(trained(6))


def test_a_higher_degree_adds_zero_bands_to_all():
    higher = trained(3).with_sh_degree(2)
    for part in (higher.values, higher.first, higher.second):
        assert part.sh.shape == (3, 9, 3)
        assert not part.sh[:, 1:].any()
        assert part.sh.is_contiguous()


def test_leaves_share_memory_with_the_values():
    parameters = trained(3)
    leaves = parameters.leaves()
    assert all(t.requires_grad and t.is_leaf for t in leaves.tensors().values())
    assert leaves.means.data_ptr() == parameters.values.means.data_ptr()


def test_a_step_moves_every_parameter_against_its_gradient():
    parameters = Parameters.starting(true_splat(20))
    before = parameters.values.mapped(torch.clone)
    rates = {name: torch.full(getattr(before, name).shape[1:], 0.1) for name in TENSORS}
    rates["logit_opacities"] = torch.tensor([0.1])
    parameters.step(before.mapped(torch.ones_like), rates, 1, AdamConfig())
    for name in TENSORS:
        torch.testing.assert_close(getattr(parameters.values, name), getattr(before, name) - 0.1)


def test_a_nan_gradient_names_the_parameter():
    parameters = Parameters.starting(true_splat(5))
    gradients = parameters.values.mapped(torch.zeros_like)
    gradients.quaternions[3, 2] = torch.nan
    rates = {name: torch.full(getattr(gradients, name).shape[1:], 0.1) for name in TENSORS}
    rates["logit_opacities"] = torch.tensor([0.1])
    with pytest.raises(NumericalError, match="quaternions"):
        parameters.step(gradients, rates, 1, AdamConfig())
