"""LightGlue (Lindenberger et al., ICCV 2023): attention within and between two sets of points, and their assignment."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional


@dataclass(frozen=True)
class LightGlueConfig:
    """Sizes of the network; the defaults are those of the small one of XFeat's authors."""

    input_width: int = 64
    """Length of the descriptors."""
    width: int = 96
    layers: int = 3
    heads: int = 1


@dataclass(frozen=True, eq=False)
class Assignment:
    """Which points belong together."""

    log_scores: Tensor
    """(B, N, M) logarithm of the probability that point i of a and point j of b are the same."""
    matchable_a: Tensor
    """(B, N) logit that the point is seen in b at all."""
    matchable_b: Tensor
    """(B, M)."""


class LightGlue(nn.Module):
    """Assigns points of two images to each other by their descriptors and places.

    Convention: points are corner pixels, moved to the image's centre and divided by half of its longer side.
    """

    def __init__(self, config: LightGlueConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or LightGlueConfig()
        self.input = nn.Linear(config.input_width, config.width)
        self.frequencies = nn.Linear(2, config.width // config.heads // 2, bias=False)
        self.layers = nn.ModuleList(Layer(config.width, config.heads) for _ in range(config.layers))
        self.projection = nn.Linear(config.width, config.width)
        self.matchability = nn.Linear(config.width, 1)

    def forward(self, points_a: Tensor, descriptors_a: Tensor, points_b: Tensor, descriptors_b: Tensor) -> Assignment:
        """Assign points (B, N, 2) with descriptors (B, N, D) to points (B, M, 2) with descriptors (B, M, D)."""
        return self.assigned(self.layered(points_a, descriptors_a, points_b, descriptors_b)[-1])

    def layered(
        self, points_a: Tensor, descriptors_a: Tensor, points_b: Tensor, descriptors_b: Tensor
    ) -> list[tuple[Tensor, Tensor]]:
        """States (B, N, W), (B, M, W) after each layer."""
        a, b = self.input(descriptors_a), self.input(descriptors_b)
        turns_a, turns_b = self._turns(points_a), self._turns(points_b)
        states = []
        for layer in self.layers:
            a, b = layer(a, turns_a, b, turns_b)
            states.append((a, b))
        return states

    def assigned(self, state: tuple[Tensor, Tensor]) -> Assignment:
        """What the states (B, N, W), (B, M, W) say: double softmax times both matchabilities (eq. 7)."""
        a, b = (self.projection(x) * self.config.width**-0.25 for x in state)
        similarity = (a @ b.transpose(1, 2)).float()
        matchable = [self.matchability(x).squeeze(-1).float() for x in state]
        log_scores = functional.log_softmax(similarity, 2) + functional.log_softmax(similarity, 1)
        log_scores = log_scores + functional.logsigmoid(matchable[0])[:, :, None]
        return Assignment(log_scores + functional.logsigmoid(matchable[1])[:, None], *matchable)

    def _turns(self, points: Tensor) -> tuple[Tensor, Tensor]:
        """Cosines and sines (B, 1, N, width / heads) of the rotary encoding (eq. 4)."""
        angles = self.frequencies(points).repeat_interleave(2, dim=-1)[:, None]
        return angles.cos(), angles.sin()


class Layer(nn.Module):
    """Self attention in both images, then cross attention between them."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.own, self.across = SelfAttention(width, heads), CrossAttention(width, heads)

    def forward(
        self, a: Tensor, turns_a: tuple[Tensor, Tensor], b: Tensor, turns_b: tuple[Tensor, Tensor]
    ) -> tuple[Tensor, Tensor]:
        """New states of both images."""
        across: tuple[Tensor, Tensor] = self.across(self.own(a, turns_a), self.own(b, turns_b))
        return across


class SelfAttention(nn.Module):
    """Points of one image look at each other; queries and keys are turned by their places."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.update = Update(width)

    def forward(self, x: Tensor, turns: tuple[Tensor, Tensor]) -> Tensor:
        """New states (B, N, W)."""
        batch, points, width = x.shape
        q, k, v = self.qkv(x).reshape(batch, points, self.heads, width // self.heads, 3).transpose(1, 2).unbind(-1)
        message = attended(_turned(q, turns), _turned(k, turns), v)
        updated: Tensor = self.update(x, self.out(message.transpose(1, 2).flatten(2)))
        return updated


class CrossAttention(nn.Module):
    """Points of two images look at each other; queries and keys are one and the same."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qk = nn.Linear(width, width)
        self.v = nn.Linear(width, width)
        self.out = nn.Linear(width, width)
        self.update = Update(width)

    def forward(self, a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
        """New states (B, N, W), (B, M, W)."""
        qk_a, qk_b = self._split(self.qk(a)), self._split(self.qk(b))
        from_b = attended(qk_a, qk_b, self._split(self.v(b)))
        from_a = attended(qk_b, qk_a, self._split(self.v(a)))
        return self._updated(a, from_b), self._updated(b, from_a)

    def _split(self, x: Tensor) -> Tensor:
        batch, points, width = x.shape
        return x.reshape(batch, points, self.heads, width // self.heads).transpose(1, 2)

    def _updated(self, x: Tensor, message: Tensor) -> Tensor:
        updated: Tensor = self.update(x, self.out(message.transpose(1, 2).flatten(2)))
        return updated


class Update(nn.Module):
    """x + MLP([x, message])."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.inner = nn.Linear(2 * width, 2 * width)
        self.norm = nn.LayerNorm(2 * width)
        self.outer = nn.Linear(2 * width, width)

    def forward(self, x: Tensor, message: Tensor) -> Tensor:
        """New states (B, N, W)."""
        hidden = functional.gelu(self.norm(self.inner(torch.cat([x, message], dim=-1))))
        updated: Tensor = x + self.outer(hidden)
        return updated


def attended(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """softmax(q k^T / sqrt(width)) v, for (B, heads, N, width) and (B, heads, M, width).

    Where gradients are wanted on a CPU, as two products: for some hundreds of points that is the faster way there and
    back, above all in bfloat16.
    """
    if torch.is_grad_enabled() and q.device.type == "cpu":
        weights: Tensor = (q @ k.transpose(-1, -2) * q.shape[-1] ** -0.5).softmax(-1)
        return weights @ v
    message: Tensor = functional.scaled_dot_product_attention(q, k, v)
    return message


def _turned(x: Tensor, turns: tuple[Tensor, Tensor]) -> Tensor:
    quarter = torch.stack([-x[..., 1::2], x[..., ::2]], dim=-1).flatten(-2)
    return x * turns[0] + quarter * turns[1]
