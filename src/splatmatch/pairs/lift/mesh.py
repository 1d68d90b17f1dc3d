"""What a lifted photo looks like from another viewpoint."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from splatmatch.geometry.camera import Camera
from splatmatch.geometry.pose import Pose
from splatmatch.jobs.kernels import announce_compilation
from splatmatch.jobs.threads import use_torch_threads
from splatmatch.pairs.lift.kernels import mesh as kernels


@dataclass(frozen=True, eq=False)
class Lifted:
    """A photo with depth: what the mesh is made of."""

    rgb: NDArray[np.uint8]
    """(H, W, 3)."""
    inverse: NDArray[np.float32]
    """(H, W) inverse z-depth in 1 / scene units: 0 = at infinity (sky), below 0 = unknown (no surface)."""
    camera: Camera


@dataclass(frozen=True, eq=False)
class SecondView:
    """The mesh as the second camera sees it.

    Convention: corner pixels.
    """

    inverse: NDArray[np.float32]
    """(H, W) inverse z-depth of the nearest surface, 0 = at infinity, -1 = there is nothing."""
    source: NDArray[np.float32]
    """(H, W, 2) the photo's pixel that is seen here; NaN where there is nothing or only the back of a surface."""

    @property
    def holes(self) -> NDArray[np.bool_]:
        """(H, W) where no pixel of the photo is seen."""
        return np.isnan(self.source[..., 0])


def draw(lifted: Lifted, camera: Camera, b_from_a: Pose, max_jump: float) -> SecondView:
    """The photo's mesh, cut at depth edges, from another camera.

    The same bits for any number of threads. Surfaces seen from behind hide what is behind them and count as holes.

    Args:
        lifted: the photo, in camera frame a.
        camera: the second camera.
        b_from_a: its pose.
        max_jump: relative difference of depth above which neighbouring pixels are not joined.
    """
    announce_compilation(kernels.__file__, "mesh renderer")
    use_torch_threads()
    shape = lifted.inverse.shape
    right, below = np.empty(shape, np.bool_), np.empty(shape, np.bool_)
    kernels.join_vertices(lifted.inverse, max_jump, right, below)
    corners = np.empty((4, *shape))
    top, bottom = np.empty(shape[0]), np.empty(shape[0])
    kernels.project_vertices(
        lifted.inverse, lifted.camera.intrinsics.numpy(), camera.intrinsics.numpy(),
        b_from_a.rotation.contiguous().numpy(), b_from_a.translation.contiguous().numpy(), corners, top, bottom,
    )  # fmt: skip
    inverse = np.empty((camera.height, camera.width), np.float32)
    source = np.empty((camera.height, camera.width, 2), np.float32)
    kernels.draw_mesh(corners, right, below, top, bottom, inverse, source)
    return SecondView(inverse, source)


@dataclass(frozen=True, eq=False)
class Texture:
    """A picture that lies over the lifted photo: pixel x of the photo is pixel x * scale + offset of the picture."""

    rgb: NDArray[np.uint8]
    """(h, w, 3)."""
    scale: tuple[float, float] = (1.0, 1.0)
    offset: tuple[float, float] = (0.0, 0.0)


def colours(texture: Texture, view: SecondView) -> NDArray[np.uint8]:
    """Colours (H, W, 3) of the second view, bilinear in the texture; 0 in its holes."""
    rgb = np.empty((*view.inverse.shape, 3), np.uint8)
    use_torch_threads()
    kernels.sample_picture(
        np.ascontiguousarray(texture.rgb), view.source, np.array(texture.scale), np.array(texture.offset), rgb
    )
    return rgb


def seen_in(mask: NDArray[np.bool_], view: SecondView) -> NDArray[np.bool_]:
    """Which pixels of the second view show a pixel of the photo that is in ``mask``; False in holes."""
    hole = view.holes
    nearest = np.where(hole[..., None], 0, view.source).astype(np.int64)  # corner pixels: floor is the pixel
    rows, columns = mask.shape
    y, x = nearest[..., 1].clip(0, rows - 1), nearest[..., 0].clip(0, columns - 1)
    return np.asarray(mask[y, x] & ~hole)


def dilated(mask: NDArray[np.bool_], pixels: int) -> NDArray[np.bool_]:
    """The mask (H, W) grown by ``pixels`` on all sides."""
    if pixels < 1:
        return mask
    side = 2 * pixels + 1
    return np.asarray(cv2.dilate(mask.astype(np.uint8), np.ones((side, side), np.uint8))) > 0
