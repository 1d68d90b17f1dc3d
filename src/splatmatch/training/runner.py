"""Where a run runs: lightning-fabric if it is installed, else torch alone on one device, behind the same few calls."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Literal, Protocol, TypeVar

import torch
from torch import Tensor, nn

from splatmatch.errors import InputError

Module = TypeVar("Module", bound=nn.Module)
Chosen = Literal["float32", "bfloat16"]


class Runner(Protocol):
    """What the loop needs of a device, or of many."""

    device: torch.device
    rank: int
    """Of this process."""
    world: int
    """Processes that train together."""

    def setup(self, module: nn.Module, optimizer: torch.optim.Optimizer) -> tuple[nn.Module, torch.optim.Optimizer]:
        """Both, ready to train; the module's forward pass runs in the precision of the run."""
        ...

    def backward(self, loss: Tensor) -> None:
        """Gradients of ``loss``."""
        ...

    def clip(self, module: nn.Module, optimizer: torch.optim.Optimizer, largest: float) -> float:
        """Shorten the gradient to ``largest``; returns the length it had."""
        ...

    def wait(self) -> None:
        """Until all processes are here."""
        ...


class PlainRunner:
    """One device."""

    rank, world = 0, 1

    def __init__(self, device: str, precision: Chosen) -> None:
        self.device = torch.device(device)
        self._precision = precision

    def setup(self, module: nn.Module, optimizer: torch.optim.Optimizer) -> tuple[nn.Module, torch.optim.Optimizer]:
        """The module, wrapped so that it runs in the precision of the run."""
        return _Autocast(module.to(self.device), self.device.type, self._precision), optimizer

    def backward(self, loss: Tensor) -> None:
        """Gradients."""
        loss.backward()  # type: ignore[no-untyped-call]

    def clip(self, module: nn.Module, optimizer: torch.optim.Optimizer, largest: float) -> float:
        """Shorten the gradient."""
        return float(nn.utils.clip_grad_norm_(module.parameters(), largest))

    def wait(self) -> None:
        """Nobody else is there."""


class FabricRunner:
    """Lightning's Fabric: one device, or as many as ``torchrun`` started processes for."""

    def __init__(self, fabric: Any) -> None:
        self._fabric = fabric
        self.device: torch.device = fabric.device
        self.rank, self.world = int(fabric.global_rank), int(fabric.world_size)

    def setup(self, module: nn.Module, optimizer: torch.optim.Optimizer) -> tuple[nn.Module, torch.optim.Optimizer]:
        """Both as Fabric wraps them."""
        wrapped: tuple[nn.Module, torch.optim.Optimizer] = self._fabric.setup(module, optimizer)
        return wrapped

    def backward(self, loss: Tensor) -> None:
        """Gradients."""
        self._fabric.backward(loss)

    def clip(self, module: nn.Module, optimizer: torch.optim.Optimizer, largest: float) -> float:
        """Shorten the gradient."""
        return float(self._fabric.clip_gradients(module, optimizer, max_norm=largest, error_if_nonfinite=False))

    def wait(self) -> None:
        """Until all processes are here."""
        self._fabric.barrier()


def open_runner(device: str, precision: Chosen) -> Runner:
    """Fabric if it is installed, else plain torch.

    Args:
        device: cpu or cuda.
        precision: of forward passes.

    Raises:
        InputError: ``torchrun`` started several processes and Fabric is not installed.
    """
    processes = int(os.environ.get("WORLD_SIZE", "1"))
    create = _fabric()
    if create is None:
        if processes > 1:
            raise InputError(
                "training with several processes needs lightning-fabric", "pip install 'splatmatch[train]'"
            )
        return PlainRunner(device, precision)
    for package in ("lightning_fabric", "lightning.fabric"):
        logging.getLogger(package).setLevel(logging.WARNING)  # it tells every user what precision was chosen
    fabric = create(
        accelerator=device,
        devices=int(os.environ.get("LOCAL_WORLD_SIZE", "1")),
        num_nodes=max(1, processes // int(os.environ.get("LOCAL_WORLD_SIZE", "1"))),
        strategy="ddp" if processes > 1 else "auto",
        precision="bf16-mixed" if precision == "bfloat16" else "32-true",
    )
    fabric.launch()
    return FabricRunner(fabric)


def autocast(device_type: str, precision: Chosen) -> AbstractContextManager[Any]:
    """A context in which torch computes in ``precision`` where that is safe."""
    return torch.autocast(device_type, torch.bfloat16, enabled=precision == "bfloat16")


def _fabric() -> Callable[..., Any] | None:
    for package in ("lightning_fabric", "lightning.fabric"):
        try:
            module = __import__(package, fromlist=["Fabric"])
        except ImportError:
            continue
        created: Callable[..., Any] = module.Fabric
        return created
    return None


class _Autocast(nn.Module):
    """Runs a module in a precision."""

    def __init__(self, module: nn.Module, device_type: str, precision: Chosen) -> None:
        super().__init__()
        self.module, self._settings = module, (device_type, precision)

    def forward(self, *arguments: Any) -> Any:
        """What the module gives."""
        with autocast(*self._settings):
            return self.module(*arguments)
