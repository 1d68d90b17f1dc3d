"""How large a streamed image may be so that looking around stays fluent."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Pace:
    """Learns from measured renders how many pixels fit into the time of one frame.

    A render costs a constant (projecting and sorting the Gaussians) and a part per pixel; one running estimate of the
    pixels per second at about the present size is enough, because every step is bounded.
    """

    target: float = 0.1
    """Seconds a frame may take while the camera moves."""
    largest: int = 1280
    """Long side of an image while the camera rests, pixels."""
    smallest: int = 160
    """Long side below which an image would show nothing."""
    moving_side: float = field(default=400.0)
    """Present long side while the camera moves."""

    def measured(self, long_side: int, seconds: float) -> None:
        """Tell how long a render of that size took; the next one is at most 1.5 x larger or 2 x smaller."""
        wanted = long_side * (self.target / max(seconds, 1e-3)) ** 0.5
        bounded = min(max(wanted, 0.5 * self.moving_side), 1.5 * self.moving_side)
        self.moving_side = min(max(bounded, self.smallest), self.largest)

    def size(self, width: int, height: int, moving: bool) -> tuple[int, int]:
        """(width, height) of the next image for a window of that size in pixels."""
        limit = self.moving_side if moving else self.largest
        scale = min(1.0, limit / max(width, height))
        return max(1, round(width * scale)), max(1, round(height * scale))
