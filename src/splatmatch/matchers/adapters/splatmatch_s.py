"""Our own matcher of keypoints, trained by ``splatmatch train splatmatch-s``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from splatmatch.errors import MissingDependencyError
from splatmatch.files import sha256
from splatmatch.matchers.devices import torch_device
from splatmatch.matchers.points import PointOptions, RefinedPoints, point_matcher
from splatmatch.matchers.sparse import SparseMatcher
from splatmatch.networks.points import PointMatcher
from splatmatch.scene.matcher import MatcherCard
from splatmatch.weights.trained import fit_into, read_trained

CARD = MatcherCard(
    name="splatmatch-s",
    kind="sparse",
    source="own training; XFeat: Potje et al. 2024, LightGlue: Lindenberger et al. 2023",
    licence="Apache-2.0",
    commercial=True,
    size_rule="sides down to multiples of 32",
    pixel_origin="corner",
    needs="weights=FILE",
)


@dataclass(frozen=True, kw_only=True)
class Options(PointOptions):
    """Settings of splatmatch-s."""

    weights: str = ""
    """Safetensors file of a training run."""


def open_adapter(options: Options, device: str) -> SparseMatcher | RefinedPoints:
    """splatmatch-s, ready to use; with ``refine=False`` features are reused between pairs and matches stay coarse.

    Raises:
        MissingDependencyError: no weights are named.
        InputError: the file is missing, or holds the weights of another network.
        FormatError: it is damaged.
    """
    if not options.weights:
        raise MissingDependencyError("splatmatch-s has no weights here", "name those of a run with weights=FILE")
    path = Path(options.weights)
    network = PointMatcher()
    fit_into(network, read_trained(path).tensors, str(path), CARD.name)
    return point_matcher(network, CARD, sha256(path), options, torch_device(device))


def matcher_of(network: PointMatcher, options: PointOptions | None = None) -> SparseMatcher | RefinedPoints:
    """A network that is being trained, where it stands, at the size of the photos; results bear no hash of weights."""
    device = torch_device("cuda" if next(network.parameters()).is_cuda else "cpu")
    return point_matcher(network, CARD, "", options or PointOptions(size=0), device)
