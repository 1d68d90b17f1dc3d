"""Photos that are crops of one texture, so the truth is a shift, and matchers to watch."""

from __future__ import annotations

import cv2
import numpy as np

from splatmatch.formats.images import write_image
from splatmatch.matchers.registry import open_matcher
from splatmatch.scene.matcher import MatcherCard
from splatmatch.scene.matches import Matches

SHIFTS = [(0, 0), (24, 8), (48, 16), (72, 40)]
SIZE = (320, 240)


def texture(seed=3, size=(440, 320)):
    random = np.random.default_rng(seed)
    layers = [cv2.resize(random.uniform(0, 255, (size[1] // k, size[0] // k, 3)), size) for k in (4, 9, 25)]
    return np.clip(sum(layers) / 3 * 1.6 - 70, 0, 255).astype(np.uint8)


def write_photos(folder, shifts=SHIFTS, seed=3):
    """Crop k begins at ``shifts[k]`` of the texture: what lies at p in it lies at p - shift in the photo."""
    whole = texture(seed)
    folder.mkdir(parents=True, exist_ok=True)
    for index, (x, y) in enumerate(shifts):
        write_image(folder / f"{index}.png", whole[y : y + SIZE[1], x : x + SIZE[0]])
    return folder


class Watched:
    """SIFT that counts what it is asked for."""

    def __init__(self):
        self._inner = open_matcher("sift", size=0)
        self.card = self._inner.card
        self.settings_hash, self.features_hash = self._inner.settings_hash, self._inner.features_hash
        self.extracted = self.matched = 0

    def extract(self, photo):
        self.extracted += 1
        return self._inner.extract(photo)

    def match_features(self, a, b):
        self.matched += 1
        return self._inner.match_features(a, b)

    def match(self, a, b):
        return self.match_features(self.extract(a), self.extract(b))


class Grid:
    """A semi-dense matcher of shifted photos: the shift by phase correlation, matches on a grid of a."""

    card = MatcherCard("grid", "semi-dense", "test", "Apache-2.0", True)
    settings_hash = "grid"

    def match(self, a, b):
        grey = [cv2.cvtColor(p, cv2.COLOR_RGB2GRAY).astype(np.float32) for p in (a, b)]
        shift, _ = cv2.phaseCorrelate(*grey)
        x, y = np.meshgrid(np.arange(4.0, a.shape[1], 8), np.arange(4.0, a.shape[0], 8))
        first = np.column_stack([x.ravel(), y.ravel()])
        second = first + np.round(shift)
        inside = ((second > 0) & (second < (b.shape[1], b.shape[0]))).all(axis=1)
        points = [p[inside].astype(np.float32) for p in (first, second)]
        sizes = [(p.shape[1], p.shape[0]) for p in (a, b)]
        return Matches(*points, np.full(inside.sum(), 0.9, np.float32), *sizes, "grid", "", "Apache-2.0")
