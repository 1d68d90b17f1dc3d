"""Counting what has been made, from the descriptions of the samples alone, so that a resumed job counts the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from splatmatch.pairs.planning import Round
from splatmatch.pairs.selection import BANDS, band_of

ZOOM_EDGES = (1.0, 1.25, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0)
"""Edges of the histogram of apparent zoom, whichever way it goes."""


@dataclass
class Tally:
    """Counts over the samples of a job."""

    scenes: Counter[str] = field(default_factory=Counter)
    overlaps: Counter[str] = field(default_factory=Counter)
    zooms: Counter[str] = field(default_factory=Counter)
    lost: Counter[str] = field(default_factory=Counter)
    """Rendered pairs that were not stored, by scene."""

    def add(self, description: Mapping[str, Any]) -> None:
        """Count one sample by its JSON."""
        self.scenes[description["scene"]] += 1
        band = band_of(description["overlap"])
        self.overlaps[f"0-{BANDS[0]}" if band is None else f"{BANDS[band]}-{BANDS[band + 1]}"] += 1
        ratio = max(description["scale_ratio"], 1 / max(description["scale_ratio"], 1e-9))
        low = max(edge for edge in ZOOM_EDGES if edge <= max(ratio, 1.0))
        self.zooms[f"{low:g}+"] += 1

    def statistics(self, rounds: Iterable[Round]) -> dict[str, Any]:
        """What ``index.json`` records, plain JSON: per scene, and of the whole.

        ``rounds`` are those that samples were taken from, and those before them.
        """
        scenes: dict[str, dict[str, Any]] = {}
        for part in rounds:
            scene = scenes.setdefault(part.scene, part.facts | {"views": 0, "rejected": {}})
            scene["views"] += part.candidates
            for reason, count in part.rejected.items():
                scene["rejected"][reason] = scene["rejected"].get(reason, 0) + count
        for name, scene in scenes.items():
            scene["pairs"] = self.scenes[name]
            scene["pairs_without_overlap"] = self.lost[name]
        return {
            "overlap": {name: self.overlaps[name] for name in sorted(self.overlaps)},
            "zoom": {name: self.zooms[name] for name in sorted(self.zooms)},
            "scenes": scenes,
        }
