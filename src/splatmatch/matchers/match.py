"""``match()``: the correspondences of two photos, which of them are verified, and whether both show one place."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from splatmatch.correspondence.same_place import SamePlace, same_place
from splatmatch.correspondence.two_view import AnyCamera, TwoViewGeometry, two_view_geometry
from splatmatch.formats.images import read_image
from splatmatch.matchers.registry import open_matcher
from splatmatch.scene.matcher import Matcher, Pixels
from splatmatch.scene.matches import Matches

DEFAULT_MATCHER = "xfeat-lighterglue"
"""What ``match`` takes when no matcher is named: free weights, fast on a CPU."""


@dataclass(frozen=True, eq=False)
class MatchedPair:
    """Two photos and what matching them came to."""

    matches: Matches
    """Best first, in corner pixels of the photos."""
    geometry: TwoViewGeometry
    """Which matches are verified, and by what."""
    place: SamePlace
    """Whether both photos show the same place; where not, the verified matches are not to be trusted either."""

    @property
    def verified(self) -> Matches:
        """The verified matches; none where the photos do not show the same place."""
        keep = self.geometry.inliers if self.place.same else np.zeros(len(self.matches), bool)
        return self.matches.chosen(keep)


def match(
    a: str | Path | Pixels,
    b: str | Path | Pixels,
    model: str | Matcher = DEFAULT_MATCHER,
    *,
    camera_a: AnyCamera | None = None,
    camera_b: AnyCamera | None = None,
    device: str = "auto",
    **settings: Any,
) -> MatchedPair:
    """Match two photos.

    Args:
        a: a file, or an image (H, W, 3) of 8-bit RGB.
        b: the other.
        model: name of a matcher, or one that is open already.
        camera_a: intrinsics of a, to get a relative pose; both or none.
        camera_b: intrinsics of b.
        device: ``auto``, ``cpu`` or ``cuda``.
        **settings: of the matcher, such as ``size``.

    Raises:
        InputError: no such file or matcher, or a camera of another size than its photo.
        FormatError: a file is no readable image.
        MissingDependencyError: weights or a package that the matcher needs are not here.
    """
    matcher = open_matcher(model, device=device, **settings) if isinstance(model, str) else model
    pixels = [read_image(Path(photo)) if isinstance(photo, (str, Path)) else photo for photo in (a, b)]
    return matched_pair(matcher.match(*pixels), camera_a, camera_b)


def matched_pair(matches: Matches, camera_a: AnyCamera | None = None, camera_b: AnyCamera | None = None) -> MatchedPair:
    """What follows from matches that are there already.

    Raises:
        InputError: a camera of another size than its photo, or a point that is NaN.
    """
    geometry = two_view_geometry(matches, camera_a, camera_b)
    return MatchedPair(matches, geometry, same_place(matches, geometry.inliers))
