"""Depth from any ONNX network that maps one photo to one map."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from splatmatch.errors import FormatError, InputError
from splatmatch.priors.card import Kind, read_card
from splatmatch.priors.prediction import inverse_depth, network_input, network_size
from splatmatch.scene.depth_prior import InverseDepth

UNROUNDED = "log_inverse_depth_unrounded"
"""Inner tensor of the quantised network tiefenrausch before its last rounding: without the 256 levels of its output."""
MAX_BYTES = 2 * 1024**3


@dataclass(frozen=True)
class OnnxDepthCard:
    """What FILE.json beside FILE.onnx says of the network."""

    kind: Kind = "inverse"
    """What its output means."""
    long_side: int = 384
    """Pixels of the longer side of its input, where the file does not fix it."""
    multiple: int = 32
    """Both sides of its input are rounded down to multiples of this."""
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """Taken from the RGB values in 0..1."""
    std: tuple[float, float, float] = (1.0, 1.0, 1.0)
    """Divides what is left."""
    licence: str = "unstated"


class OnnxDepth:
    """A network with one float input (1, 3, H, W) and, among its outputs, a map (1, 1, H, W), (1, H, W) or (H, W).

    Args:
        path: the .onnx file; nothing in it can run code.
        card: what its output means; FILE.json beside it, or the defaults, if None.
        name: what to call it; the file's stem if empty.

    Raises:
        InputError: no such file.
        FormatError: not an ONNX network of that kind, or an unusable card.
    """

    def __init__(self, path: Path, card: OnnxDepthCard | None = None, name: str = "") -> None:
        if not path.is_file():
            raise InputError(f"{path}: no such file")
        self._path = path
        self._card = card or read_card(path.with_suffix(".json"), OnnxDepthCard)
        self.name = name or path.stem
        self.licence = self._card.licence
        self._session = _session(path)
        inputs = [i for i in self._session.get_inputs() if i.type == "tensor(float)" and len(i.shape) == 4]
        if len(self._session.get_inputs()) != 1 or not inputs or inputs[0].shape[1] not in (3, "C"):
            raise FormatError(
                f"{path}: takes something else than one float image (1, 3, H, W)", "it is no depth network"
            )
        self._input = inputs[0].name
        self._fixed = inputs[0].shape[2:]
        names = [output.name for output in self._session.get_outputs()]
        self._output = UNROUNDED if UNROUNDED in names else _map_output(self._session.get_outputs(), path)
        self._kind: Kind = "log_inverse" if self._output == UNROUNDED else self._card.kind

    def predict(self, rgb: Tensor, name: str = "") -> InverseDepth:
        """See ``DepthPrior.predict``; the same bits for any number of threads where the network's sums are exact."""
        height, width = rgb.shape[:2]
        size = network_size(width, height, self._card.long_side, self._card.multiple)
        if all(isinstance(side, int) for side in self._fixed):
            size = (self._fixed[1], self._fixed[0])
        pixels = network_input(rgb, size, self._card.mean, self._card.std)
        try:
            raw = np.squeeze(self._session.run([self._output], {self._input: pixels})[0])
        except Exception as error:  # onnxruntime raises its own types
            raise FormatError(f"{self._path}: the network cannot run at {size[0]} x {size[1]} ({error})") from error
        if raw.ndim != 2:
            raise FormatError(f"{self._path}: {self._output} is no map (shape {raw.shape})")
        return inverse_depth(raw, self._kind, width, height, str(self._path))


def _session(path: Path) -> Any:
    import onnxruntime

    if path.stat().st_size > MAX_BYTES:
        raise FormatError(f"{path}: larger than an ONNX file can be")
    model = path.read_bytes()
    if UNROUNDED.encode() in model:
        model += _extra_output(UNROUNDED)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime raises its own types
        reason = str(error).splitlines()[0][:200]
        raise FormatError(f"{path}: not an ONNX network that can be loaded ({reason})") from error


def _extra_output(name: str) -> bytes:
    """Bytes that, appended to a serialised ModelProto, make the float tensor ``name`` one more output.

    Protocol buffers merge repeated occurrences of one embedded message: graph = field 7 of the model, output = field
    12 of the graph; of a ValueInfoProto, name = 1 and type = 2, whose tensor_type = 1 has elem_type = 1 (FLOAT = 1).
    """

    def message(field: int, payload: bytes) -> bytes:
        assert len(payload) < 128
        return bytes([field << 3 | 2, len(payload)]) + payload

    float_tensor = message(2, message(1, bytes([1 << 3, 1])))
    return message(7, message(12, message(1, name.encode()) + float_tensor))


def _map_output(outputs: list[Any], path: Path) -> str:
    """The first float output that can be one map: all its dimensions but the last two are 1 or unknown."""
    for output in outputs:
        if "float" in output.type and all(side == 1 or not isinstance(side, int) for side in output.shape[:-2]):
            return str(output.name)
    raise FormatError(f"{path}: none of its outputs is a map of one channel", "it is no depth network")
