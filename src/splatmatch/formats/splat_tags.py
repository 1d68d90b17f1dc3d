"""Header comments of splat .ply files that say how they were trained and which way up they are.

``SplatRenderMode: mip`` (Brush, SuperSplat) and ``antialiased 1`` (Postshot) mark Gaussians trained with the
antialiasing factor; ``frame: z-up`` is ours. Case and spacing do not matter; the last comment wins.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_MODE = re.compile(r"splatrendermode\s*:\s*(\w+)", re.IGNORECASE)
_POSTSHOT = re.compile(r"antialiased\s*:?\s*([01])", re.IGNORECASE)
_FRAME = re.compile(r"frame\s*:\s*([\w-]+)", re.IGNORECASE)
FRAMES = ("z-up", "opencv", "unknown")
"""What ``Gaussians.frame`` may say; other words in a file count as unknown."""


@dataclass(frozen=True)
class SplatTags:
    """What the comments of a splat file say."""

    antialiased: bool = False
    frame: str = "unknown"

    def comments(self) -> tuple[str, ...]:
        """The comments that carry these tags."""
        return (f"SplatRenderMode: {'mip' if self.antialiased else 'default'}", f"frame: {self.frame}")


def read_tags(comments: tuple[str, ...]) -> SplatTags:
    """The tags in the comments of a header."""
    antialiased, frame = False, "unknown"
    for comment in comments:
        if match := _MODE.fullmatch(comment.strip()):
            antialiased = match[1].lower() == "mip"
        elif match := _POSTSHOT.fullmatch(comment.strip()):
            antialiased = match[1] == "1"
        elif match := _FRAME.fullmatch(comment.strip()):
            frame = match[1].lower() if match[1].lower() in FRAMES else "unknown"
    return SplatTags(antialiased, frame)
