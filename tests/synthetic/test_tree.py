"""The tree of boxes changes nothing but the time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from splatmatch.synthetic import build_scene
from splatmatch.synthetic.kernels import layout
from splatmatch.synthetic.tree import build_tree
from tests.synthetic.one import cast


@pytest.mark.parametrize("kind", ["room", "table", "street"])
def test_same_hits_as_testing_every_primitive(kind):
    """Hits through the tree equal, bit for bit, those through one leaf that holds all primitives."""
    scene = build_scene(kind, 3)
    every = np.zeros((1, layout.NODE_COLUMNS))
    every[0, layout.LOW : layout.LOW + 3], every[0, layout.HIGH : layout.HIGH + 3] = -1e9, 1e9
    every[0, layout.SKIP], every[0, layout.COUNT] = 1, len(scene.primitives)
    rng = np.random.default_rng(0)
    origins = rng.uniform(scene.guide.low, scene.guide.high, (600, 3))
    ways = rng.standard_normal((600, 3))
    ways[:30] = np.tile(np.vstack([np.eye(3), -np.eye(3)]), (5, 1))
    for a, b in zip(cast(scene, origins, ways), cast(replace(scene, nodes=every), origins, ways), strict=True):
        assert_array_equal(a, b)


@pytest.mark.parametrize("count", [1, 2, 3, 50, 400])
def test_tree_is_sound(count):
    """Every primitive stands in one leaf, children lie in their parent's box, and skipping goes past the subtree."""
    rng = np.random.default_rng(count)
    low = rng.uniform(-1, 1, (count, 3))
    high = low + rng.uniform(0, 0.3, (count, 3))
    tree = build_tree(low, high)
    assert sorted(tree.order.tolist()) == list(range(count))
    leaves = tree.links[:, layout.COUNT - layout.SKIP] > 0
    assert tree.links[leaves, 2].sum() == count
    for node, (skip, first, number) in enumerate(tree.links):
        assert node < skip <= len(tree.links)
        members = tree.order[first : first + number] if number else []
        assert (low[members] >= tree.boxes[node, :3]).all()
        assert (high[members] <= tree.boxes[node, 3:]).all()
        below = tree.boxes[node:skip]
        assert (below[:, :3] >= tree.boxes[node, :3]).all()
        assert (below[:, 3:] <= tree.boxes[node, 3:]).all()


def test_equal_boxes_are_divided():
    """Primitives on one spot (nothing to gain by a cut) still make a tree that ends."""
    tree = build_tree(np.zeros((100, 3)), np.ones((100, 3)))
    assert len(tree.order) == 100
