"""Weights of our own networks: safetensors in half precision that say which network they belong to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from splatmatch.errors import FormatError, InputError
from splatmatch.files import atomic_path


@dataclass(frozen=True, eq=False)
class TrainedWeights:
    """What a file of weights holds."""

    tensors: dict[str, Tensor]
    """By the names of the module."""
    facts: dict[str, str]
    """What was recorded when they were written: ``preset`` names the network; steps, licences and so on."""


def write_trained(path: Path, tensors: Mapping[str, Tensor], facts: Mapping[str, str]) -> None:
    """Write ``tensors``, floating ones as float16, atomically.

    Raises:
        OutputError: the file cannot be written.
    """
    from safetensors.torch import save_file

    stored = {
        name: tensor.detach().to("cpu", torch.float16 if tensor.is_floating_point() else tensor.dtype).contiguous()
        for name, tensor in tensors.items()
    }
    with atomic_path(path) as temporary:
        save_file(stored, temporary, dict(facts))


def read_trained(path: Path) -> TrainedWeights:
    """The weights in a safetensors file, floating ones as float32.

    Raises:
        InputError: there is no such file.
        FormatError: it is no safetensors file, or holds NaN or infinity.
    """
    from safetensors import SafetensorError, safe_open

    if not Path(path).is_file():
        raise InputError(f"{path}: there are no weights here")
    try:
        with safe_open(path, "pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no mapping)
            facts = dict(file.metadata() or {})
    except (SafetensorError, OSError, ValueError) as error:
        raise FormatError(f"{path}: not a safetensors file ({error})") from error
    tensors = {name: tensor.float() if tensor.is_floating_point() else tensor for name, tensor in tensors.items()}
    for name, tensor in tensors.items():
        if not torch.isfinite(tensor).all():
            raise FormatError(f"{path}: {name} holds NaN or infinity")
    return TrainedWeights(tensors, facts)


def fit_into(module: nn.Module, tensors: Mapping[str, Tensor], source: str, preset: str) -> None:
    """Load ``tensors`` into ``module``, all of them or none.

    Raises:
        InputError: they are those of another network; names the first tensor that does not fit.
    """
    wanted = module.state_dict()
    for name, tensor in wanted.items():
        if name not in tensors:
            problem = f"there is no {name}"
        elif tensors[name].shape != tensor.shape:
            problem = f"{name} is {tuple(tensors[name].shape)}, not {tuple(tensor.shape)}"
        else:
            continue
        raise InputError(f"{source}: these are not weights of {preset}: {problem}", "name the preset they belong to")
    surplus = [name for name in tensors if name not in wanted]
    if surplus:
        raise InputError(
            f"{source}: these are not weights of {preset}: it has no {surplus[0]}", "name the preset they belong to"
        )
    module.load_state_dict(dict(tensors))
