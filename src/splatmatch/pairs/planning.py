"""Planning a job: rounds of candidate views of one scene after the other, checked, and the pairs chosen among them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from splatmatch.errors import InputError
from splatmatch.jobs.progress import Progress
from splatmatch.pairs.check import CheckConfig, check
from splatmatch.pairs.depth_choice import DepthChoice, choose_depth
from splatmatch.pairs.making import PairTask
from splatmatch.pairs.opening import SourceCache, SourceSpec
from splatmatch.pairs.overlap import directed_overlaps
from splatmatch.pairs.selection import ChosenPair, Order, select
from splatmatch.pairs.sources import Anchor, Source
from splatmatch.pairs.splat_source import SplatSource
from splatmatch.pairs.viewpoints import Viewpoint, ViewpointConfig, jittered
from splatmatch.scene.render import DepthMode

DepthWish = Literal["auto", DepthMode]

ROUND = 200
"""Most pairs that one scene gives before the next one's turn."""
FEWEST_VIEWS, MOST_VIEWS = 40, 120
"""Candidate views of a round; between them, one for each pair."""
LOOK = 128
"""Long side of a look at a candidate, pixels."""


@dataclass(frozen=True)
class PlanConfig:
    """What the plan depends on."""

    pairs: int
    size: tuple[int, int]
    """Width and height of the images."""
    seed: int
    viewpoints: ViewpointConfig
    check: CheckConfig
    order: Order
    depth: DepthWish
    strict: bool
    """A scene folder whose geometry was not fitted faithfully is an error."""


@dataclass(frozen=True, eq=False)
class Round:
    """What one round found; all of it follows from the plan alone."""

    turn: int
    scene: str
    facts: dict[str, Any]
    candidates: int
    rejected: dict[str, int]
    """Candidates left out, by reason."""
    tasks: tuple[PairTask, ...]


@dataclass
class Planner:
    """Plans round after round, as long as pairs are asked for."""

    specs: tuple[SourceSpec, ...]
    config: PlanConfig
    cache: SourceCache
    progress: Progress
    rounds: list[Round] = field(default_factory=list)
    """Those planned so far."""
    _anchors: dict[tuple[str, int], tuple[Anchor, ...]] = field(default_factory=dict)
    _choices: dict[str, DepthChoice] = field(default_factory=dict)

    def tasks(self) -> Iterator[PairTask]:
        """Pairs to make, scene after scene in rounds, without an end but where no scene gives any more.

        Raises:
            InputError: a scene cannot be used, or none gives a pair; the message says why views were left out.
        """
        productive = list(self.specs)
        size = max(1, min(ROUND, -(-self.config.pairs // len(self.specs))))
        turn = given = 0
        while productive:
            for spec in list(productive):
                part = self.plan(spec, turn, size, given)
                self.rounds.append(part)
                turn += 1
                given += len(part.tasks)
                if not part.tasks:
                    productive.remove(spec)
                    self.progress.say(f"{part.scene}: gives no pairs: {_reasons(part)}")
                yield from part.tasks
        if not given:
            raise InputError(
                f"no pairs can be made: {'; '.join(f'{part.scene}: {_reasons(part)}' for part in self.rounds)}",
                "give other scenes, or milder viewpoints",
            )

    def plan(self, spec: SourceSpec, turn: int, size: int, given: int = 0) -> Round:
        """One round: up to ``size`` pairs of ``spec``, after ``given`` others, which follow from ``turn`` alone.

        Raises:
            InputError: the scene cannot be used.
        """
        config = self.config
        scene_seed = spec.seed(config.seed, turn)
        source = self.cache.open(spec, scene_seed)
        self.progress.update("planning", None, source.name)
        self._judge(source)
        rng = np.random.default_rng((config.seed, turn, 11))
        count = min(MOST_VIEWS, max(FEWEST_VIEWS, size))
        views = jittered(self._known(source, spec, scene_seed), source.glance, count, config.viewpoints, rng)
        looks = [source.glance(view.camera.with_long_side(LOOK), view.camera_from_source) for view in views]
        reasons = check(looks, source.closed, config.check)
        kept = [row for row, reason in enumerate(reasons) if not reason]
        views, looks = [views[row] for row in kept], [looks[row] for row in kept]
        span = (min(1.0, given / config.pairs), min(1.0, (given + size) / config.pairs))
        shares = directed_overlaps(looks, [view.camera_from_source for view in views])
        chosen = select(shares, size, config.order, span, rng)
        choice = self._depth(source, spec, views, chosen)
        facts = source.facts() | {"depth_mode": choice.mode}
        if choice.cross_view_error:
            facts["cross_view_error"] = choice.cross_view_error
        tasks = tuple(
            PairTask(
                key=f"{source.name}-{turn:04d}-{number:04d}",
                spec=spec,
                scene_seed=scene_seed,
                turn=turn,
                depth=choice.mode,
                a=views[pair.a],
                b=views[pair.b],
                seed=(config.seed, turn, number),
            )
            for number, pair in enumerate(chosen)
        )
        rejected = dict(sorted(Counter(reason for reason in reasons if reason).items()))
        return Round(turn, source.name, facts, count, rejected, tasks)

    def _known(self, source: Source, spec: SourceSpec, scene_seed: int) -> tuple[Anchor, ...]:
        key = (spec.text, scene_seed)
        if key not in self._anchors:
            self._anchors[key] = source.anchors(self.config.size, self.config.seed)
        return self._anchors[key]

    def _judge(self, source: Source) -> None:
        """Warn, once, of a scene whose depth was only fitted to photos.

        Raises:
            InputError: so with ``strict``.
        """
        if not isinstance(source, SplatSource) or source.kind != "scene" or source.faithful:
            return
        what = f"{source.name}: its geometry was not fitted faithfully, labels may be off"
        mend = "reconstruct it with --geometry faithful"
        if self.config.strict:
            raise InputError(what, mend)
        if all(part.scene != source.name for part in self.rounds):
            self.progress.say(f"warning: {what}; {mend}")

    def _depth(self, source: Source, spec: SourceSpec, views: list[Viewpoint], chosen: list[ChosenPair]) -> DepthChoice:
        """The depth mode of a scene, decided at its first round and said."""
        if not isinstance(source, SplatSource):
            return DepthChoice("exact", {})
        if self.config.depth != "auto":
            return DepthChoice(self.config.depth, {})
        if source.faithful:
            return DepthChoice("plane", {})
        if spec.name not in self._choices:
            choice = choose_depth(source, views, chosen)
            errors = ", ".join(f"{mode} {error:.4f}" for mode, error in choice.cross_view_error.items())
            self.progress.say(f"{source.name}: {choice.mode} depth (cross-view error: {errors or 'not measured'})")
            self._choices[spec.name] = choice
        return self._choices[spec.name]


def _reasons(part: Round) -> str:
    listed = ", ".join(f"{count} {reason}" for reason, count in part.rejected.items())
    return f"of {part.candidates} views {listed or 'none is left out, but none overlap'}"
