"""The semi-dense network as a matcher of photos."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from splatmatch.errors import InputError, MissingDependencyError
from splatmatch.files import sha256
from splatmatch.matchers.devices import torch_device
from splatmatch.matchers.sizes import SizeOptions, shrink, to_photo, working_size
from splatmatch.matchers.sparse import check_photo, digest
from splatmatch.networks.points import mutual
from splatmatch.networks.semidense import MULTIPLE, PRESETS, SemiDense, centres
from splatmatch.networks.xfeat import CELL
from splatmatch.scene.matcher import MatcherCard, Pixels
from splatmatch.scene.matches import Matches
from splatmatch.weights.trained import fit_into, read_trained


@dataclass(frozen=True, kw_only=True)
class SemiDenseOptions(SizeOptions):
    """Settings of the matcher."""

    size: int = 640
    """Long side in pixels; larger photos are averaged down to it, smaller ones stay. 0 = the photo's own size."""
    score: float = 0.1
    """Smallest score of a match."""
    count: int = 4096
    """Most matches; the best are kept."""
    weights: str = ""
    """Safetensors file of a training run."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.score < 1 or self.count < 1:
            raise InputError(f"score={self.score}, count={self.count}: 0 <= score < 1 and at least one match")
        if self.tiles:
            raise InputError("a semi-dense matcher works on whole images", "leave tiles at 0 and choose a size")


class SemiDenseMatcher:
    """Matches cells of two photos and makes them precise; needs both photos, so nothing can be kept of one.

    Raises:
        InputError: no such device.
        MissingDependencyError: CUDA is asked for and there is none.
    """

    def __init__(
        self, card: MatcherCard, network: SemiDense, weights: str, options: SemiDenseOptions, device: str = "auto"
    ) -> None:
        self.card = card
        self._device = torch_device(device)
        self._network = network.eval().to(self._device)
        self._weights, self._options = weights, options
        self.settings_hash = digest("matches", card.name, weights, replace(options, weights=""))

    def match(self, a: Pixels, b: Pixels) -> Matches:
        """Correspondences with their covariance, best first; points of a are centres of its cells.

        Raises:
            InputError: a photo is no (H, W, 3) uint8 image.
        """
        sides = []
        for photo in (a, b):
            check_photo(photo)
            size = (photo.shape[1], photo.shape[0])
            image, shown = shrink(photo, working_size(size, self._options.size, MULTIPLE, MULTIPLE))
            tensor = torch.from_numpy(image).to(self._device).permute(2, 0, 1)[None].float() / 255
            sides.append((tensor, shown, size, photo.min() == photo.max()))
        (image_a, shown_a, size_a, even_a), (image_b, shown_b, size_b, even_b) = sides
        points_a, points_b, scores, sigma = self._matched(image_a, image_b, even_a or even_b)
        inside = _inside(points_a, shown_a) & _inside(points_b, shown_b)
        order = np.flatnonzero(inside)[np.argsort(-scores[inside], kind="stable")[: self._options.count]]
        ratio = np.array(size_b, np.float64) / np.array(shown_b)
        covariance = np.zeros((len(order), 2, 2), np.float32)
        covariance[:, [0, 1], [0, 1]] = 0.5 * (sigma[order, None] * ratio) ** 2
        return Matches(
            points_a=to_photo(points_a[order], shown_a, size_a),
            points_b=to_photo(points_b[order], shown_b, size_b),
            scores=scores[order],
            size_a=size_a,
            size_b=size_b,
            model=self.card.name,
            weights=self._weights,
            licence=self.card.licence,
            covariance=covariance,
        )

    def _matched(self, a: Tensor, b: Tensor, nothing: bool) -> tuple[NDArray[np.float32], ...]:
        """Points of a, of b (K, 2), scores (K,) and expected errors (K,), pixels of the images as matched."""
        if nothing:  # in one even colour a network finds its own padding
            return np.zeros((0, 2), np.float32), np.zeros((0, 2), np.float32), *(np.zeros(0, np.float32),) * 2
        with torch.inference_mode():
            described_a, described_b = self._network.described(a), self._network.described(b)
            assignment = self._network.assigned(described_a, described_b)
            rows_a, rows_b, scores = mutual(assignment.log_scores[0], self._options.score)
            start_a, start_b = centres(described_a, CELL)[:, rows_a], centres(described_b, CELL)[:, rows_b]
            refined = self._network.refined(a, b, start_a, start_b)
        found = (start_a[0], refined.points[0], scores, refined.log_sigma[0].exp())
        points_a, points_b, scores_found, sigma = (value.float().cpu().numpy() for value in found)
        return points_a, points_b, scores_found, sigma


def semidense_card(preset: str) -> MatcherCard:
    """The card of ``semidense-PRESET``."""
    return MatcherCard(
        name=f"semidense-{preset}",
        kind="semi-dense",
        source="own training; LoFTR: Sun et al. 2021, EfficientLoFTR: Wang et al. 2024",
        licence="Apache-2.0",
        commercial=True,
        size_rule=f"sides down to multiples of {MULTIPLE}",
        pixel_origin="corner",
        needs="weights=FILE",
    )


def open_trained(card: MatcherCard, preset: str, options: SemiDenseOptions, device: str) -> SemiDenseMatcher:
    """The network of that preset with the weights that ``options`` name.

    Raises:
        MissingDependencyError: no weights are named, or there is no such device.
        InputError: the file is missing, or holds the weights of another network.
        FormatError: it is damaged.
    """
    if not options.weights:
        raise MissingDependencyError(f"{card.name} has no weights here", "name those of a run with weights=FILE")
    path = Path(options.weights)
    network = SemiDense(PRESETS[preset])
    fit_into(network, read_trained(path).tensors, str(path), card.name)
    return SemiDenseMatcher(card, network, sha256(path), options, device)


def matcher_of(network: SemiDense, name: str, device: str = "cpu") -> SemiDenseMatcher:
    """``network`` as it is now as a matcher, for validation; it works at the size it is given."""
    card = replace(semidense_card(name.removeprefix("semidense-")), source="this network, in training")
    with torch.no_grad():
        values = [value.float().cpu().numpy().tobytes() for value in network.state_dict().values()]
    return SemiDenseMatcher(
        card, network, hashlib.sha256(b"".join(values)).hexdigest(), SemiDenseOptions(size=0), device
    )


def _inside(points: NDArray[np.float32], shown: tuple[float, float]) -> NDArray[np.bool_]:
    return np.asarray(((points >= 0) & (points < np.array(shown))).all(1))
