"""The protocols every matcher fulfils, and what users must know of one before they use it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from splatmatch.scene.matches import Features, Matches

MatcherKind = Literal["sparse", "semi-dense", "dense"]
Pixels = NDArray[np.uint8]
"""(H, W, 3) RGB, as ``formats.images.read_image`` returns it."""


@dataclass(frozen=True)
class MatcherCard:
    """What stands in the table of matchers."""

    name: str
    kind: MatcherKind
    source: str
    """Paper or origin, a few words."""
    licence: str
    """SPDX identifiers of code and weights."""
    commercial: bool
    """May be used in products."""
    weights: tuple[str, ...] = ()
    """Names in the registry of weights."""
    input_range: str = "RGB 0..1"
    """What the network inside takes."""
    size_rule: str = "any"
    """What sizes the network inside takes, and how photos are brought there."""
    pixel_origin: Literal["corner", "centre"] = "centre"
    """Where (0, 0) lies for the network inside. Outside, pixels are always corner pixels of the original photo."""
    needs: str = ""
    """A setting without which it cannot be opened, such as weights=FILE; empty for most."""
    extra: str = ""
    """The optional part of the installation it needs, such as models."""


@runtime_checkable
class Matcher(Protocol):
    """Finds correspondences between two photos."""

    @property
    def card(self) -> MatcherCard:
        """What it is."""
        ...

    @property
    def settings_hash(self) -> str:
        """SHA-256 over name, weights and settings: equal hashes give equal results."""
        ...

    def match(self, a: Pixels, b: Pixels) -> Matches:
        """Correspondences, in corner pixels of ``a`` and ``b`` as given, best first."""
        ...


@runtime_checkable
class FeatureMatcher(Matcher, Protocol):
    """A matcher that looks at one photo at a time first: features can be kept and used for many pairs."""

    @property
    def features_hash(self) -> str:
        """SHA-256 over what ``extract`` depends on."""
        ...

    def extract(self, photo: Pixels) -> Features:
        """Features of one photo; none where there is nothing to find."""
        ...

    def match_features(self, a: Features, b: Features) -> Matches:
        """Correspondences between features, with ``rows``."""
        ...
