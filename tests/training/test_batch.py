"""Batches: shapes, swapping, parts."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest
import torch

from splatmatch.training.batch import Example, PairBatch, collate


def example(seed: int, width: int = 12, height: int = 8) -> Example:
    rng = np.random.default_rng(seed)
    pose = np.eye(4, dtype=np.float32)
    pose[:3, 3] = rng.normal(size=3)
    arrays = {}
    for side in ("a", "b"):
        arrays[f"images_{side}"] = rng.integers(0, 256, (height, width, 3), np.uint8)
        arrays[f"depth_{side}"] = rng.uniform(1, 2, (height, width)).astype(np.float32)
        arrays[f"valid_{side}"] = rng.uniform(size=(height, width)) < 0.5
        arrays[f"K_{side}"] = np.diag(rng.uniform(1, 2, 3)).astype(np.float32)
    for way in ("ab", "ba"):
        arrays[f"target_{way}"] = rng.uniform(0, 8, (height, width, 2)).astype(np.float32)
        arrays[f"covisible_{way}"] = rng.uniform(size=(height, width)) < 0.5
        arrays[f"known_{way}"] = rng.uniform(size=(height, width)) < 0.5
        arrays[f"sigma_{way}"] = rng.uniform(size=(height, width)).astype(np.float32)
    return Example(key=f"k{seed}", b_from_a=pose, **arrays)


def test_images_become_floats_in_channel_order() -> None:
    one, two = example(0), example(1)
    batch = collate([one, two])
    assert batch.keys == ("k0", "k1") and len(batch) == 2 and batch.size == (12, 8)
    assert batch.images_b.shape == (2, 3, 8, 12)
    assert float(batch.images_b[1, 2, 5, 7]) == pytest.approx(two.images_b[5, 7, 2] / 255)
    assert batch.target_ab.shape == (2, 8, 12, 2) and batch.covisible_ab.dtype == torch.bool


def test_swapping_twice_changes_nothing_and_once_exchanges_everything() -> None:
    batch = collate([example(0), example(1)])
    swapped = batch.swapped()
    for name in ("images", "depth", "valid", "K"):
        assert torch.equal(getattr(swapped, f"{name}_a"), getattr(batch, f"{name}_b"))
    for name in ("target", "covisible", "known", "sigma"):
        assert torch.equal(getattr(swapped, f"{name}_ba"), getattr(batch, f"{name}_ab"))
    assert torch.allclose(swapped.b_from_a @ batch.b_from_a, torch.eye(4).expand(2, 4, 4), atol=1e-6)
    again = swapped.swapped()
    for field in fields(PairBatch):
        left, right = getattr(again, field.name), getattr(batch, field.name)
        assert left == right if field.name == "keys" else torch.allclose(left, right, atol=1e-6)


def test_parts_keep_their_keys() -> None:
    batch = collate([example(seed) for seed in range(3)])
    part = batch.part(slice(1, 3))
    assert part.keys == ("k1", "k2") and torch.equal(part.depth_b, batch.depth_b[1:])


def test_moving_makes_images_channels_last() -> None:
    assert collate([example(0)]).to("cpu").images_a.is_contiguous(memory_format=torch.channels_last)


def test_nothing_and_different_sizes_are_refused() -> None:
    with pytest.raises(ValueError, match="needs an example"):
        collate([])
    with pytest.raises(ValueError, match="same shape"):
        collate([example(0), example(1, width=14)])
