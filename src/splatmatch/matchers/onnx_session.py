"""Opening ONNX networks of matchers."""

from __future__ import annotations

from typing import Any

from splatmatch.errors import FormatError
from splatmatch.matchers.devices import Device


def open_session(model: bytes, name: str, device: Device) -> Any:
    """An onnxruntime session of a serialised graph, with as many threads as torch has, waiting asleep.

    Memory is given back after each run: with inputs of many sizes an arena would only grow.

    Raises:
        FormatError: it is no graph that onnxruntime can load.
    """
    import onnxruntime
    import torch

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.enable_cpu_mem_arena = False
    options.enable_mem_pattern = False
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    providers = ["CUDAExecutionProvider"] * (device == "cuda") + ["CPUExecutionProvider"]
    try:
        return onnxruntime.InferenceSession(model, options, providers=providers)
    except Exception as error:  # onnxruntime raises its own types
        raise FormatError(f"{name}: cannot be loaded ({str(error).splitlines()[0][:200]})") from error
