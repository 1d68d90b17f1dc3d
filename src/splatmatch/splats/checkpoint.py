"""Saving and resuming a fit: one safetensors file with the numbers as JSON in its header, written atomically."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from splatmatch.errors import FormatError, InputError, NumericalError
from splatmatch.files import atomic_path
from splatmatch.scene.gaussians import TENSORS, Gaussians
from splatmatch.scene.views import Scene
from splatmatch.splats.corrections import Corrections
from splatmatch.splats.densification.statistics import ScreenStatistics
from splatmatch.splats.fit_config import FitConfig
from splatmatch.splats.parameters import Parameters

_VERSION = 1
_PARTS = ("values", "first", "second")
_STATISTICS = ("gradient", "seen")


@dataclass(frozen=True)
class FitRecord:
    """One line of a fit's history."""

    step: int
    """Steps done."""
    psnr: float
    """dB of the mean squared error over the training views shown since the previous record."""
    loss: float
    """Mean total loss since the previous record."""
    gaussians: int
    """Number of Gaussians."""


@dataclass(eq=False)
class FitState:
    """All that a fit carries from one step to the next."""

    step: int
    """Steps done."""
    parameters: Parameters
    statistics: ScreenStatistics
    corrections: Corrections
    history: list[FitRecord]
    squared_error: float = 0.0
    """Sum of the views' mean squared errors since the last record."""
    loss: float = 0.0
    """Sum of the losses since the last record."""


def fit_key(scene: Scene, config: FitConfig, engine: str) -> str:
    """What must agree for a checkpoint to be continued: a hash of config, engine, views, cameras, poses and points."""
    digest = hashlib.sha256()
    settings = asdict(replace(config, checkpoint_seconds=0.0))
    digest.update(json.dumps([_VERSION, engine, settings], sort_keys=True).encode())
    for view in scene.train_views:
        digest.update(json.dumps([view.name, asdict(view.camera), view.mask_path is not None]).encode())
        digest.update(view.camera_from_world.matrix.numpy().tobytes())
    digest.update(scene.points.positions.numpy().tobytes())
    digest.update(scene.points.colours.numpy().tobytes())
    return digest.hexdigest()


def save_checkpoint(path: Path, state: FitState, key: str) -> None:
    """Write ``state`` to ``path`` (a .safetensors file).

    Raises:
        NumericalError: a parameter is not finite; the file that is there already is left alone.
        OutputError: the file cannot be written.
    """
    tensors = _flat(state)
    for name, tensor in tensors.items():
        if not torch.isfinite(tensor).all():
            raise NumericalError(f"step {state.step}: {name} is not finite", f"the last good state is in {path}")
    values = state.parameters.values
    header = {
        "version": _VERSION,
        "key": key,
        "step": state.step,
        "history": [asdict(record) for record in state.history],
        "squared_error": state.squared_error,
        "loss": state.loss,
        "antialiased": values.antialiased,
        "frame": values.frame,
    }
    with atomic_path(path) as temporary:
        save_file({n: t.contiguous() for n, t in tensors.items()}, temporary, {"splatmatch": json.dumps(header)})


def load_checkpoint(path: Path, key: str, device: torch.device) -> FitState:
    """The state saved in ``path``, Gaussians and their statistics on ``device``.

    Raises:
        InputError: there is no such file, or it belongs to another scene, config or engine.
        FormatError: damaged or not one of our checkpoints.
    """
    if not path.is_file():
        raise InputError(f"{path}: no checkpoint to resume from", "start without --resume")
    try:
        with safe_open(path, framework="pt") as file:
            header = json.loads((file.metadata() or {})["splatmatch"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
        parts = [
            _gaussians(tensors, part, bool(header["antialiased"]), str(header["frame"])).to(device) for part in _PARTS
        ]
        state = FitState(
            step=int(header["step"]),
            parameters=Parameters(*parts),
            statistics=ScreenStatistics(*(tensors[f"statistics.{n}"].to(device) for n in _STATISTICS)),
            corrections=Corrections(
                **{n.removeprefix("corrections."): t for n, t in tensors.items() if n.startswith("corrections.")}
            ),
            history=[FitRecord(**record) for record in header["history"]],
            squared_error=float(header["squared_error"]),
            loss=float(header["loss"]),
        )
        saved = header["key"]
    except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
        raise FormatError(f"{path}: not a checkpoint of a fit ({error})", "delete it and start anew") from error
    if saved != key:
        raise InputError(
            f"{path}: the checkpoint belongs to another scene, configuration or engine",
            "repeat the options of the interrupted run, or start without --resume",
        )
    return state


def _flat(state: FitState) -> dict[str, Tensor]:
    tensors = {}
    for part in _PARTS:
        for name, tensor in getattr(state.parameters, part).tensors().items():
            tensors[f"{part}.{name}"] = tensor
    for name in _STATISTICS:
        tensors[f"statistics.{name}"] = getattr(state.statistics, name)
    for name, tensor in state.corrections.tensors().items():
        tensors[f"corrections.{name}"] = tensor
    return tensors


def _gaussians(tensors: dict[str, Tensor], part: str, antialiased: bool, frame: str) -> Gaussians:
    means, log_scales, quaternions, logit_opacities, sh = (tensors[f"{part}.{name}"] for name in TENSORS)
    return Gaussians(means, log_scales, quaternions, logit_opacities, sh, antialiased, frame)
