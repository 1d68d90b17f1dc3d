"""The public weights that training may begin with."""

from __future__ import annotations

from torch import Tensor, nn

from splatmatch.formats.onnx_weights import read_onnx_tensors
from splatmatch.networks.lightglue import LightGlue
from splatmatch.networks.published import lighterglue_state, xfeat_state
from splatmatch.networks.xfeat import XFeat
from splatmatch.weights.load import load
from splatmatch.weights.registry import entry


def start_from_xfeat(backbone: XFeat, assigner: LightGlue) -> str:
    """Load XFeat into ``backbone`` and LighterGlue into the first layers of ``assigner``, in place.

    Further layers begin as no change: what they add is zero.

    Returns:
        Names and licences, for the record.

    Raises:
        MissingDependencyError: the weights are not on this machine.
        FormatError: they are not the registered ones.
    """
    backbone.load_state_dict(xfeat_state(read_onnx_tensors(load("xfeat").read_bytes()).by_node))
    known = lighterglue_state(read_onnx_tensors(load("lighterglue").read_bytes()).by_node)
    state: dict[str, Tensor] = assigner.state_dict()
    unknown = [name for name in state if name not in known]
    assigner.load_state_dict(state | known | {n: state[n].zero_() for n in unknown if "update.outer" in n})
    return ", ".join(f"{name} ({entry(name).licence})" for name in ("xfeat", "lighterglue"))


def parameters_without(module: nn.Module, heads: tuple[str, ...]) -> list[nn.Parameter]:
    """All parameters but those of the parts called ``heads``."""
    return [values for name, values in module.named_parameters() if name.split(".")[0] not in heads]
