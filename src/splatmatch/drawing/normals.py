"""Pictures of normal maps."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from splatmatch.drawing.colours import checker
from splatmatch.drawing.pictures import Picture


def normal_picture(normal: Tensor, alpha: Tensor | None = None) -> Picture:
    """Normals (H, W, 3) of the camera frame as colours, over a dark chequerboard where there are none.

    Convention: red = points right, green = points up, blue = points to the camera; (0.5, 0.5, 1) looks at the camera.
    The vectors may have any length; ``alpha`` (H, W) in 0..1 fades them out, by default where the length is zero.
    """
    length = normal.norm(dim=-1, keepdim=True)
    unit = normal / length.clamp_min(1e-12)
    flipped = unit * unit.new_tensor([1.0, -1.0, -1.0])
    colour = (0.5 + 0.5 * flipped).detach().cpu().numpy()
    weight = (length[..., 0] > 0) if alpha is None else alpha * (length[..., 0] > 0)
    blend = weight.detach().clamp(0, 1).float().cpu().numpy()[..., None]
    over = blend * 255 * colour + (1 - blend) * checker(*normal.shape[:2])
    return np.asarray(np.round(over), np.uint8)
