"""Opening a depth prior by name, file or folder."""

from __future__ import annotations

import difflib
from pathlib import Path

from splatmatch.errors import InputError
from splatmatch.priors.depth_anything import DepthAnything
from splatmatch.priors.folder import FolderDepth
from splatmatch.priors.onnx import OnnxDepth, OnnxDepthCard
from splatmatch.scene.depth_prior import DepthPrior
from splatmatch.weights.load import load
from splatmatch.weights.registry import entry

NAMES = ("tiefenrausch", "depth-anything-v2-small")
"""Priors with a name; any other is a .onnx file or a folder of maps."""


def open_prior(prior: str) -> DepthPrior:
    """The prior called ``prior``.

    Args:
        prior: ``tiefenrausch`` (Kopf et al., 2020; a file in SPLATMATCH_WEIGHTS), ``depth-anything-v2-small``
            (needs the extra ``models``; downloaded at first use), the path of a .onnx file, or a folder of maps.

    Raises:
        InputError: no such prior.
        MissingDependencyError: the weights of ``tiefenrausch`` are not on this machine.
        FormatError: the file or its card cannot be used.
    """
    if prior == "tiefenrausch":
        return OnnxDepth(load(prior), OnnxDepthCard(licence=entry(prior).licence), prior)
    if prior == "depth-anything-v2-small":
        return DepthAnything()
    path = Path(prior)
    if path.suffix.lower() == ".onnx":
        return OnnxDepth(path)
    if path.is_dir():
        return FolderDepth(path)
    close = difflib.get_close_matches(prior, NAMES, n=1)
    mend = f"did you mean {close[0]}?" if close else f"give {', '.join(NAMES)}, a .onnx file or a folder of maps"
    raise InputError(f"there is no depth prior {prior!r}", mend)
