"""The device a matcher runs on."""

from __future__ import annotations

from typing import Literal

from splatmatch.errors import InputError, MissingDependencyError

DEVICES = ("auto", "cpu", "cuda")
Device = Literal["cpu", "cuda"]


def torch_device(device: str) -> Device:
    """Where a torch network runs; ``auto`` is CUDA where torch has it.

    Raises:
        InputError: no such device.
        MissingDependencyError: CUDA is asked for and torch has none.
    """
    import torch

    return _chosen(device, torch.cuda.is_available(), "torch sees no CUDA device")


def onnx_device(device: str) -> Device:
    """Where an ONNX network runs; ``auto`` is CUDA where onnxruntime has it.

    Raises:
        InputError: no such device.
        MissingDependencyError: CUDA is asked for and onnxruntime has none.
    """
    import onnxruntime

    found = "CUDAExecutionProvider" in onnxruntime.get_available_providers()
    return _chosen(device, found, "this onnxruntime has no CUDA; install onnxruntime-gpu in its place")


def check_device(device: str) -> None:
    """Raise InputError unless ``device`` is auto, cpu or cuda."""
    if device not in DEVICES:
        raise InputError(f"there is no device {device!r}", f"known: {', '.join(DEVICES)}")


def _chosen(device: str, cuda: bool, problem: str) -> Device:
    check_device(device)
    if device == "cuda" and not cuda:
        raise MissingDependencyError(f"device cuda is asked for, but {problem}", "take --device cpu")
    return "cuda" if cuda and device != "cpu" else "cpu"
