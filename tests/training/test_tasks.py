"""Both tasks learn on a pair whose truth is a shift; what they start from already knows a good part of it."""

from __future__ import annotations

import pytest
import torch

from splatmatch.errors import InputError, MissingDependencyError
from splatmatch.networks.semidense import PRESETS
from splatmatch.training.batch import NOWHERE, PairBatch
from splatmatch.training.point_task import PointTask, PointTaskConfig
from splatmatch.training.semidense_task import SemiDenseTask, SemiDenseTaskConfig

HEIGHT, WIDTH, SHIFT = 128, 160, 11
TASKS = [PointTask(config=PointTaskConfig(points=200)), SemiDenseTask()]


def _shifted() -> PairBatch:
    """Two pairs; b shows what a does, ``SHIFT`` pixels further to the left, and new things at its right border."""
    generator = torch.Generator().manual_seed(2)
    coarse = torch.rand(2, 3, HEIGHT // 4, (WIDTH + SHIFT) // 4 + 1, generator=generator)
    wide = torch.nn.functional.interpolate(coarse, scale_factor=4, mode="bicubic").clamp(0, 1)[..., : WIDTH + SHIFT]
    y, x = torch.meshgrid(torch.arange(HEIGHT) + 0.5, torch.arange(WIDTH) + 0.5, indexing="ij")
    targets, seen = [], []
    for shift in (-SHIFT, SHIFT):
        targets.append(torch.stack([x + shift, y], dim=-1).expand(2, -1, -1, -1).contiguous())
        seen.append(((x + shift > 0) & (x + shift < WIDTH)).expand(2, -1, -1).contiguous())
    everywhere = torch.ones(2, HEIGHT, WIDTH, dtype=torch.bool)
    K = torch.eye(3).expand(2, 3, 3)
    return PairBatch(
        ("first", "second"), wide[..., :WIDTH].contiguous(), wide[..., SHIFT:].contiguous(), targets[0], targets[1],
        seen[0], seen[1], everywhere, everywhere, torch.zeros(2, HEIGHT, WIDTH), torch.zeros(2, HEIGHT, WIDTH),
        torch.ones(2, HEIGHT, WIDTH), torch.ones(2, HEIGHT, WIDTH), everywhere, everywhere, K, K,
        torch.eye(4).expand(2, 4, 4),
    )  # fmt: skip


@pytest.mark.parametrize(("task", "known"), [(TASKS[0], 0.9), (TASKS[1], 0.15)], ids=["points", "cells"])
def test_a_published_start_knows_the_shift_and_steps_make_it_better(task, known):
    torch.manual_seed(0)
    network, batch = task.build(), _shifted()
    try:
        assert "Apache-2.0" in task.start_from_published(network)
    except MissingDependencyError as error:
        pytest.skip(str(error))
    groups = [{"params": list(g.parameters), "lr": 1e-3 * g.rate} for g in task.groups(network)]
    optimiser = torch.optim.Adam(groups)
    first = task.loss(network, batch, 0)
    assert first.parts["recall"] > known  # the texture is noise: cells of XFeat know it less well than its points
    assert first.parts["matched"] > 0.3
    for step in range(25):
        torch.manual_seed(step)
        optimiser.zero_grad()
        terms = task.loss(network, batch, step)
        terms.total.backward()
        assert all(torch.isfinite(p.grad).all() for g in groups for p in g["params"] if p.grad is not None)
        optimiser.step()
    torch.manual_seed(0)
    last = task.loss(network, batch, 0)
    assert last.total < 0.3 * first.total
    assert last.parts["recall"] > 0.9
    assert last.parts["error"] < 0.7 * first.parts["error"]


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_every_trained_parameter_is_in_one_group_and_gets_a_gradient(task):
    torch.manual_seed(0)
    network = task.build()
    torch.nn.init.normal_(network.refiner.reader[2].weight)
    task.loss(network, _shifted(), 0).total.backward()
    grouped = [p for group in task.groups(network) for p in group.parameters]
    assert len({id(p) for p in grouped}) == len(grouped)
    with_gradient = {id(p) for p in network.parameters() if p.grad is not None and p.grad.abs().sum() > 0}
    missing = {name for name, p in network.named_parameters() if id(p) in {id(g) for g in grouped} - with_gradient}
    assert not missing


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_pairs_that_show_nothing_in_common_cost_only_loneliness(task):
    torch.manual_seed(0)
    batch = _shifted()
    nothing = torch.zeros_like(batch.covisible_ab)
    nowhere = torch.full_like(batch.target_ab, NOWHERE)
    values = {name: getattr(batch, name) for name in batch.__dataclass_fields__}
    alone = PairBatch(**values | {
        "covisible_ab": nothing, "covisible_ba": nothing, "target_ab": nowhere, "target_ba": nowhere
    })  # fmt: skip
    terms = task.loss(task.build(), alone, 0)
    assert torch.isfinite(terms.total)
    assert terms.parts["search"] == terms.parts["precision"] == terms.parts["matched"] == 0
    assert terms.parts["assignment"] > 0


def test_larger_networks_have_no_published_start():
    task = SemiDenseTask("semidense-m", SemiDenseTaskConfig(network=PRESETS["m"]))
    with pytest.raises(InputError, match="no public weights"):
        task.start_from_published(task.build())
