"""The tensors inside an ONNX file, by the node that uses them; nothing of the graph is run.

Field numbers are those of onnx.proto: ModelProto.graph = 7; GraphProto.node = 1, initializer = 5; NodeProto.input = 1,
name = 3, op_type = 4; TensorProto.dims = 1, data_type = 2 (FLOAT = 1), float_data = 4, name = 8, raw_data = 9.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from splatmatch.errors import FormatError
from splatmatch.formats.protobuf import Field, read_message, read_varints

_FLOAT = 1


@dataclass(frozen=True, eq=False)
class OnnxTensors:
    """The float tensors of a graph."""

    by_name: dict[str, NDArray[np.float32]]
    """All of them, by their own name."""
    by_node: dict[str, tuple[NDArray[np.float32], ...]]
    """Those that each node takes, in the order of its inputs; nodes without any are left out."""


def read_onnx_tensors(data: bytes) -> OnnxTensors:
    """The float tensors of the ONNX file ``data``.

    Raises:
        FormatError: it is no ONNX file, is cut off, or a tensor's size is not what its shape says.
    """
    graph = next((field for field in read_message(data) if field.number == 7 and field.wire == 2), None)
    if graph is None:
        raise FormatError("no graph inside: not an ONNX file")
    fields = read_message(graph.data)
    tensors = {}
    for field in fields:
        if field.number == 5:
            found = _tensor(read_message(field.data))
            if found is not None:
                tensors[found[0]] = found[1]
    nodes = {}
    for field in fields:
        if field.number == 1:
            inside = read_message(field.data)
            inputs = [inner.data.decode() for inner in inside if inner.number == 1]
            name = next((inner.data.decode() for inner in inside if inner.number == 3), "")
            taken = tuple(tensors[text] for text in inputs if text in tensors)
            if taken:
                nodes[name] = taken
    return OnnxTensors(tensors, nodes)


def _tensor(fields: list[Field]) -> tuple[str, NDArray[np.float32]] | None:
    """Name and values; None for one that holds no floats."""
    name, dims, kind, raw = "", [], 0, b""
    for field in fields:
        if field.number == 1:
            dims += [field.value] if isinstance(field.value, int) else read_varints(field.data)
        elif field.number == 2 and isinstance(field.value, int):
            kind = field.value
        elif field.number in {4, 9}:
            raw += field.data
        elif field.number == 8:
            name = field.data.decode()
    if kind != _FLOAT:
        return None
    if len(raw) != 4 * math.prod(dims):
        raise FormatError(f"tensor {name}: {len(raw)} bytes for the shape {dims}")
    return name, np.frombuffer(raw, "<f4").reshape(dims).copy()
