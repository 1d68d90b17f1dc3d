"""A task of a few parameters that learns something real: to tell which of two pixels is the same point, by colour."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from splatmatch.errors import InputError
from splatmatch.matchers.registry import open_matcher
from splatmatch.training.task import LossTerms, ParameterGroup


@dataclass(frozen=True)
class ToyTask:
    """Descriptors of single pixels by two convolutions; the loss is that of picking the partner among the others."""

    name: str = "toy"
    width: int = 8
    nan_at: int = -1
    """Step whose loss is NaN."""
    most: int = 0
    """Pairs that the device has memory for; 0 = any number."""

    def build(self):
        return nn.Sequential(nn.Conv2d(3, self.width, 3, padding=1), nn.ReLU(), nn.Conv2d(self.width, self.width, 1))

    def start_from_published(self, module):
        raise InputError("there are no public weights for toy", "take --init scratch")

    def loss(self, module, batch, step):
        if self.most and len(batch) > self.most:
            raise torch.cuda.OutOfMemoryError("no memory")
        a, b = module(batch.images_a), module(batch.images_b)
        losses = []
        for row in range(len(batch)):
            y, x = torch.nonzero(batch.covisible_ab[row], as_tuple=True)
            chosen = torch.randperm(len(y))[:40]
            y, x = y[chosen], x[chosen]
            u, v = (batch.target_ab[row, y, x] - 0.5).round().long().unbind(-1)
            there = b[row][:, v.clamp(0, b.shape[2] - 1), u.clamp(0, b.shape[3] - 1)]
            logits = a[row][:, y, x].T.float() @ there.float()
            losses.append(nn.functional.cross_entropy(logits, torch.arange(len(y))))
        total = torch.stack(losses).mean()
        if step == self.nan_at:
            total = total * torch.nan
        return LossTerms(total, {"entropy": total})

    def groups(self, module):
        return (
            ParameterGroup("first", list(module[0].parameters())),
            ParameterGroup("last", list(module[2].parameters()), 2.0),
        )

    def matcher(self, module):
        assert not module.training
        return open_matcher("sift", device="cpu", size=0)


def curve(lines):
    return np.array([line["loss"] for line in lines if "loss" in line])
