"""What fills the pixels a splat leaves empty: a photo of the user's or a colour. It is never labelled."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from splatmatch.formats.images import list_photos, read_image_float


@dataclass(frozen=True)
class Backgrounds:
    """A folder of photos, or none."""

    folder: Path | None
    names: tuple[str, ...] = ()

    @classmethod
    def open(cls, folder: Path | None) -> Backgrounds:
        """The photos in ``folder`` and below it.

        Raises:
            InputError: no such folder, or no photo in it.
        """
        return cls(folder, list_photos(folder) if folder is not None else ())

    def filled(
        self, rgb: NDArray[np.float32], alpha: NDArray[np.float32], rng: np.random.Generator
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """The image (H, W, 3) over a background, alpha (H, W) its opacity; and what was taken, as plain JSON."""
        if float(alpha.min()) > 0.999:
            return rgb, {}
        colour = rng.uniform(0, 1, 3)
        gap = 1.0 - alpha[..., None]
        if self.folder is None:
            return (rgb + gap * colour).astype(np.float32), {"colour": colour.tolist()}
        name = self.names[int(rng.integers(len(self.names)))]
        photo = _covering(read_image_float(self.folder / name), rgb.shape[1], rgb.shape[0])
        return (rgb + gap * photo).astype(np.float32), {"photo": name}


def _covering(photo: NDArray[np.float32], width: int, height: int) -> NDArray[np.float32]:
    """The middle of the photo, scaled to width x height."""
    scale = max(width / photo.shape[1], height / photo.shape[0])
    inner = min(photo.shape[1], round(width / scale)), min(photo.shape[0], round(height / scale))
    left, top = (photo.shape[1] - inner[0]) // 2, (photo.shape[0] - inner[1]) // 2
    cut = photo[top : top + inner[1], left : left + inner[0]]
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(cut, (width, height), interpolation=way))
