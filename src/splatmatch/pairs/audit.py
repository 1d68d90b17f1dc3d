"""Auditing pairs: how hard they are, how consistent their labels, and how true where the truth is known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import spearmanr

from splatmatch.geometry.epipolar import fundamental_matrix, symmetric_epipolar_distance
from splatmatch.geometry.pose import rotation_angle_degrees
from splatmatch.pairs.labels import Correspondences, LabelConfig, correspondences
from splatmatch.pairs.reader import Corrupt, ShardReader
from splatmatch.pairs.sample import PairSample
from splatmatch.pairs.truth import exact_correspondences, exact_scene
from splatmatch.synthetic import SyntheticScene

PROTOCOL = (
    "labels from a to b by depth and pose; consistency on a grid of 10 pixels; end-point error against ray-cast "
    "geometry on a grid of 4 pixels, divided by the zoom where that is above 1"
)
CURVE_STEPS = 20
"""Points of the error-coverage curve."""
ZOOMED = 1.25
"""Zoom, either way, from which a pair counts as a zoom pair."""
USUAL = (0.05, 0.3)
"""Translations over median depth, from and to, that are also judged together."""
BASELINES = (0.0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, float("inf"))
"""Edges of the bins of translation over median depth."""


@dataclass(frozen=True)
class AuditConfig:
    """How an audit is made."""

    pairs: int = 200
    """At most so many, spread evenly over the data set."""
    exact: str = ""
    """``synthetic:KIND:SEED``: the exact geometry in whose frame all scenes are."""
    labels: LabelConfig = field(default_factory=LabelConfig)
    """What counts as a label."""
    grid: int = 10
    """Pixels between the points that consistency is measured at."""
    exact_grid: int = 4
    """Pixels between the points that are compared with the truth."""


@dataclass(frozen=True)
class Errors:
    """End-point errors in pixels against exact geometry."""

    median: float
    percentile_95: float
    coverage: float
    """Share of the truly covisible pixels that are labelled."""
    labels: int
    """How many labels were compared."""


@dataclass(frozen=True)
class PairAudit:
    """One pair."""

    key: str
    scene: str
    source: str
    depth_mode: str
    overlap: float
    rotation: float
    """Degrees."""
    zoom: float
    """Apparent, b over a."""
    baseline: float
    """Translation over the median depth of a."""
    density: float
    """Share of the pixels of a that are labelled."""
    kept: float
    """Share of the valid pixels of a that are labelled."""
    cycle: float
    """Median forward-backward error of the labels in pixels."""
    reprojection: float
    """Mean relative difference of depth where a point lands on a surface of b, occlusions included."""
    label_reprojection: float
    """The same of the labels alone."""
    epipolar: float
    """Mean symmetric epipolar distance in pixels of all points that are carried over; NaN without translation."""
    errors: Errors | None
    """Against exact geometry; None where there is none."""


@dataclass(frozen=True)
class CurvePoint:
    """Labels up to some predicted uncertainty."""

    sigma: float
    """Largest predicted standard deviation, pixels."""
    coverage: float
    """Share of the truly covisible pixels that are kept."""
    median: float
    """Of the end-point error, pixels."""
    percentile_95: float


@dataclass(frozen=True)
class Exactness:
    """Labels of one depth mode against exact geometry, all pairs together."""

    depth_mode: str
    ordinary: Errors | None
    """Pairs without zoom."""
    zoomed: Errors | None
    """Zoom pairs, errors divided by the zoom."""
    by_baseline: tuple[tuple[float, float, Errors], ...]
    """(from, to, errors) of the ordinary pairs, by translation over median depth; first USUAL as a whole."""
    curve: tuple[CurvePoint, ...]
    """From the most certain labels to all of whatever uncertainty; ordinary pairs."""
    rank_correlation: float
    """Spearman's, of predicted uncertainty and actual error, over the labels of ``curve``; NaN where the prediction
    does not vary."""


@dataclass(frozen=True)
class Audit:
    """What an audit found."""

    pairs: tuple[PairAudit, ...]
    total: int
    """Pairs in the data set."""
    corrupt: tuple[Corrupt, ...]
    """What could not be read."""
    index: dict[str, Any]
    """``index.json``."""
    exactness: tuple[Exactness, ...]
    """One per depth mode; empty where no pair has exact geometry."""


@dataclass(frozen=True, eq=False)
class _Compared:
    """Labels of one pair and their errors."""

    error: NDArray[np.float64]
    """(L,) pixels, divided by the zoom."""
    sigma: NDArray[np.float64]
    """(L,) predicted, divided likewise."""
    kept: NDArray[np.bool_]
    """(L,) certain enough to be labels; the others only show what the limit does."""
    covisible: NDArray[np.bool_]
    """(L,) truly."""
    truly: int
    """Truly covisible pixels, labelled or not."""


def audit(
    reader: ShardReader,
    config: AuditConfig | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Audit:
    """Measure the pairs of a data set.

    Args:
        reader: the data set; damaged samples are counted or an error, as it was opened.
        config: what to measure.
        progress: called with pairs done and to do.

    Raises:
        InputError: ``config.exact`` is no synthetic scene.
        FormatError: exact geometry is promised and the sample does not say where it stands.
    """
    config = config or AuditConfig()
    count = min(config.pairs, len(reader))
    results: list[tuple[PairAudit, _Compared | None]] = []
    for number in range(count):
        sample = reader.read(number * len(reader) // count)
        if sample is not None:
            results.append(_audit_pair(sample, _facts(reader.index, sample.scene), config))
        progress(number + 1, count)
    judged = [(pair, compared) for pair, compared in results if compared is not None]
    exactness = tuple(
        _exactness(mode, [one for one in judged if one[0].depth_mode == mode])
        for mode in sorted({pair.depth_mode for pair, _ in judged})
    )
    return Audit(tuple(pair for pair, _ in results), len(reader), tuple(reader.corrupt), reader.index, exactness)


def _facts(index: dict[str, Any], scene: str) -> dict[str, Any]:
    """What the index says of a scene."""
    node: Any = index
    for name in ("statistics", "scenes", scene):
        node = node.get(name) if isinstance(node, dict) else None
    return node if isinstance(node, dict) else {}


def _audit_pair(sample: PairSample, facts: dict[str, Any], config: AuditConfig) -> tuple[PairAudit, _Compared | None]:
    unlimited = correspondences(sample.a, sample.b, sample.b_from_a, replace(config.labels, max_sigma=float("inf")))
    labels = unlimited.limited(config.labels.max_sigma)
    scene = exact_scene(sample, facts, config.exact)
    compared = _compare(scene, sample, unlimited, config) if scene is not None else None
    grid = np.zeros(labels.covisible.shape, np.bool_)
    grid[config.grid // 2 :: config.grid, config.grid // 2 :: config.grid] = True
    known = sample.a.depth[sample.a.valid]
    translation = float(sample.b_from_a.translation.norm())
    landed = grid & np.isfinite(labels.depth_error)
    kept = labels.covisible
    pair = PairAudit(
        key=sample.key,
        scene=sample.scene,
        source=sample.provenance.source,
        depth_mode=sample.provenance.depth_mode,
        overlap=sample.overlap,
        rotation=float(rotation_angle_degrees(sample.b_from_a.rotation)),
        zoom=sample.scale_ratio,
        baseline=translation / float(np.median(known)) if len(known) else 0.0,
        density=float(kept.mean()),
        kept=float(kept.sum() / max(int(sample.a.valid.sum()), 1)),
        cycle=_median(labels.cycle[kept]),
        reprojection=_mean(labels.depth_error[landed]),
        label_reprojection=_mean(labels.depth_error[grid & kept]),
        epipolar=_epipolar(sample, labels, grid),
        errors=_errors([compared]) if compared is not None else None,
    )
    return pair, compared


def _epipolar(sample: PairSample, labels: Correspondences, grid: NDArray[np.bool_]) -> float:
    y, x = np.nonzero(grid & np.isfinite(labels.target[..., 0]))
    fundamental = fundamental_matrix(sample.a.camera, sample.b.camera, sample.b_from_a)
    starts, ends = torch.from_numpy(np.stack([x, y], 1) + 0.5), torch.from_numpy(labels.target[y, x])
    distance = symmetric_epipolar_distance(fundamental, starts, ends).numpy()
    return _mean(distance[np.isfinite(distance)])


def _compare(scene: SyntheticScene, sample: PairSample, labels: Correspondences, config: AuditConfig) -> _Compared:
    grid = config.exact_grid
    height, width = labels.covisible.shape
    y, x = (axis.ravel() for axis in np.mgrid[grid // 2 : height : grid, grid // 2 : width : grid])
    truth = exact_correspondences(scene, sample, x, y)
    kept = labels.covisible[y, x]
    error = np.linalg.norm(labels.target[y, x] - truth.target, axis=1)[kept]
    error[np.isnan(error)] = np.inf  # a label where there is nothing to match
    scale = max(sample.scale_ratio, 1.0)
    sigma = labels.sigma[y, x][kept]
    certain = sigma <= config.labels.max_sigma
    return _Compared(error / scale, sigma / scale, certain, truth.covisible[kept], int(truth.covisible.sum()))


def _exactness(mode: str, results: list[tuple[PairAudit, _Compared]]) -> Exactness:
    zoomed = [compared for pair, compared in results if not 1 / ZOOMED <= pair.zoom <= ZOOMED]
    ordinary = [(pair, compared) for pair, compared in results if 1 / ZOOMED <= pair.zoom <= ZOOMED]
    bins = []
    for low, high in (USUAL, *pairwise(BASELINES)):
        inside = [compared for pair, compared in ordinary if low <= pair.baseline < high]
        if inside:
            bins.append((low, high, _errors(inside)))
    plain = [compared for _, compared in ordinary]
    curve, correlation = _curve(plain)
    near, far = (_errors(group) if group else None for group in (plain, zoomed))
    return Exactness(mode, near, far, tuple(bins), curve, correlation)


def _errors(compared: list[_Compared]) -> Errors:
    error = np.concatenate([one.error[one.kept] for one in compared])
    truly = sum(one.truly for one in compared)
    found = sum(int(one.covisible[one.kept].sum()) for one in compared)
    median, high = _percentiles(error) if len(error) else (np.nan, np.nan)
    return Errors(float(median), float(high), found / truly if truly else float("nan"), len(error))


def _curve(compared: list[_Compared]) -> tuple[tuple[CurvePoint, ...], float]:
    """Error and coverage of the labels in order of their predicted uncertainty, and its rank correlation."""
    error = np.concatenate([one.error for one in compared]) if compared else np.zeros(0)
    if not len(error):
        return (), float("nan")
    sigma = np.concatenate([one.sigma for one in compared])
    covisible = np.concatenate([one.covisible for one in compared])
    order = np.argsort(sigma, kind="stable")
    error, sigma, covisible = error[order], sigma[order], covisible[order]
    truly = max(sum(one.truly for one in compared), 1)
    points = []
    for step in range(1, CURVE_STEPS + 1):
        end = max(1, step * len(error) // CURVE_STEPS)
        median, high = _percentiles(error[:end])
        points.append(
            CurvePoint(float(sigma[end - 1]), float(covisible[:end].sum() / truly), float(median), float(high))
        )
    varies = sigma[0] < sigma[-1] and error.min() < error.max()
    return tuple(points), float(spearmanr(sigma, error).statistic) if varies else float("nan")


def _percentiles(error: NDArray[np.float64]) -> tuple[float, float]:
    """Median and 95th percentile, each an error that occurs: between infinite ones there is no middle."""
    median, high = np.percentile(error, [50, 95], method="inverted_cdf")
    return float(median), float(high)


def _median(values: NDArray[Any]) -> float:
    return float(np.median(values)) if len(values) else float("nan")


def _mean(values: NDArray[Any]) -> float:
    return float(values.mean(dtype=np.float64)) if len(values) else float("nan")
