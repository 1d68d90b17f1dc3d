"""Published ONNX files of XFeat and LighterGlue as state dicts of our modules."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from splatmatch.errors import FormatError

Nodes = Mapping[str, tuple[NDArray[np.float32], ...]]
"""Tensors by the name of the node that uses them, see ``formats.onnx_weights``."""

_XFEAT_PARTS = {
    "block1": ("block1", 4),
    "block2": ("block2", 2),
    "block3": ("block3", 3),
    "block4": ("block4", 3),
    "block5": ("block5", 4),
    "block_fusion": ("fusion", 2),
    "heatmap_head": ("reliability", 2),
    "keypoint_head": ("keypoints", 3),
}
"""Our name and the number of convolutions with an activation, by the published name."""
_LAST = {"block_fusion.2": "fusion.2", "heatmap_head.2": "reliability.2", "keypoint_head.3": "keypoints.3"}


def xfeat_state(nodes: Nodes) -> dict[str, Tensor]:
    """For ``networks.xfeat.XFeat``.

    Raises:
        FormatError: a tensor is missing.
    """
    state: dict[str, Tensor] = {}
    for theirs, (ours, count) in _XFEAT_PARTS.items():
        for i in range(count):
            state |= _pair(nodes, f"/{theirs}/{theirs}.{i}/layer/layer.0/Conv", f"{ours}.{i}.0")
    for theirs, ours in _LAST.items():
        state |= _pair(nodes, f"/{theirs.split('.')[0]}/{theirs}/Conv", ours)
    return state | _pair(nodes, "/skip1/skip1.1/Conv", "skip")


def lighterglue_state(nodes: Nodes) -> dict[str, Tensor]:
    """For ``networks.lightglue.LightGlue`` in its default size.

    Raises:
        FormatError: a tensor is missing.
    """
    state = _linear(nodes, "/net/input_proj", "input") | _linear(nodes, "/net/posenc/Wr", "frequencies", bias=False)
    for i in range(3):
        own, across = f"/net/transformers.{i}/self_attn", f"/net/transformers.{i}/cross_attn"
        state |= _linear(nodes, f"{own}/Wqkv", f"layers.{i}.own.qkv")
        state |= _linear(nodes, f"{own}/out_proj", f"layers.{i}.own.out")
        for theirs, ours in (("to_qk", "qk"), ("to_v", "v"), ("to_out", "out")):
            state |= _linear(nodes, f"{across}/{theirs}", f"layers.{i}.across.{ours}")
        for theirs, ours in ((own, "own"), (across, "across")):
            update = f"layers.{i}.{ours}.update"
            state |= _linear(nodes, f"{theirs}/ffn/ffn.0", f"{update}.inner")
            state |= _linear(nodes, f"{theirs}/ffn/ffn.3", f"{update}.outer")
            state |= _pair(nodes, f"{theirs}/ffn/ffn.1/LayerNormalization", f"{update}.norm")
    state |= _linear(nodes, "/net/log_assignment.2/final_proj", "projection")
    return state | _linear(nodes, "/net/log_assignment.2/matchability", "matchability")


def _pair(nodes: Nodes, node: str, name: str) -> dict[str, Tensor]:
    """Weight and bias of a node that takes both."""
    weight, bias = _of(nodes, node, 2)
    return {f"{name}.weight": torch.from_numpy(weight), f"{name}.bias": torch.from_numpy(bias)}


def _linear(nodes: Nodes, node: str, name: str, bias: bool = True) -> dict[str, Tensor]:
    """A product (in, out) and, in the node after it, a bias."""
    state = {f"{name}.weight": torch.from_numpy(_of(nodes, f"{node}/MatMul", 1)[0]).T.contiguous()}
    return state | ({f"{name}.bias": torch.from_numpy(_of(nodes, f"{node}/Add", 1)[0])} if bias else {})


def _of(nodes: Nodes, node: str, count: int) -> tuple[NDArray[np.float32], ...]:
    for name in (node, node.replace("/MatMul", "_1/MatMul").replace("/Add", "_1/Add")):
        if len(nodes.get(name, ())) == count:
            return nodes[name]
    raise FormatError(f"the file holds no node {node} with {count} tensors: not the published one")
