"""Pictures with exact depth, normals and instances from any camera, and exact hits of any rays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from splatmatch.geometry.camera import Camera
from splatmatch.geometry.pose import Pose
from splatmatch.jobs.kernels import announce_compilation
from splatmatch.jobs.threads import use_torch_threads
from splatmatch.synthetic.kernels import layout
from splatmatch.synthetic.kernels.casting import cast
from splatmatch.synthetic.kernels.rendering import BLOCK, filter_samples, render_samples
from splatmatch.synthetic.scene import SyntheticScene

FILTER_SIGMA = 0.5
"""Standard deviation of the pixel filter in pixels, cut off at one pixel."""


@dataclass(frozen=True, eq=False)
class SyntheticView:
    """One picture and its truth.

    Convention: corner pixels, z-depth; depth, normal and instance belong to the pixel's centre, colour to its area.
    """

    camera: Camera
    camera_from_world: Pose
    rgb: Tensor
    """(H, W, 3) float32, sRGB-encoded, 0..1."""
    depth: Tensor
    """(H, W) float32 metres along the camera's axis; 0 where not valid."""
    depth_valid: Tensor
    """(H, W) bool; False is sky."""
    normal: Tensor
    """(H, W, 3) float32 unit normals in the world frame, turned to the viewer; 0 where not valid."""
    instance: Tensor
    """(H, W) int32 index into ``SyntheticScene.names``; -1 where not valid."""


@dataclass(frozen=True, eq=False)
class Hits:
    """What N rays meet first."""

    distance: Tensor
    """(N,) float64 in lengths of the ray's direction; infinity where nothing is met."""
    normal: Tensor
    """(N, 3) float64 unit normal in the world frame, turned to the ray's origin; 0 where nothing is met."""
    instance: Tensor
    """(N,) int32 index into ``SyntheticScene.names``; -1 where nothing is met."""


def cast_rays(scene: SyntheticScene, origins: Tensor, directions: Tensor) -> Hits:
    """The first surface along each ray origin + distance * direction, exact to double precision.

    Shapes: origins (N, 3) or (3,), directions (N, 3) of any length above zero; world frame, metres.

    Raises:
        ValueError: shapes that do not fit, a direction of length zero, NaN or infinity.
    """
    ways = np.ascontiguousarray(directions.detach().to(torch.float64).numpy())
    if ways.ndim != 2 or ways.shape[1] != 3 or origins.shape not in {ways.shape, (3,)}:
        raise ValueError(
            f"rays need (N, 3) directions and origins, not {tuple(directions.shape)}, {tuple(origins.shape)}"
        )
    starts = np.ascontiguousarray(np.broadcast_to(origins.detach().to(torch.float64).numpy(), ways.shape))
    if not (np.isfinite(starts).all() and np.isfinite(ways).all() and (ways != 0.0).any(axis=1).all()):
        raise ValueError("rays need finite origins and finite directions of a length above zero")
    distance, normal, instance = _cast(scene, starts, ways)
    distance[instance < 0] = np.inf
    return Hits(torch.from_numpy(distance), torch.from_numpy(normal), torch.from_numpy(instance))


def ray_cast(
    scene: SyntheticScene, camera: Camera, camera_from_world: Pose, samples: int = 3, exposure: float | None = None
) -> SyntheticView:
    """The picture of ``scene`` from ``camera``, with its truth.

    Colour is a Gaussian-weighted mean over ``samples`` x ``samples`` rays per pixel and those around it.

    Args:
        scene: what to look at.
        camera: intrinsics and size.
        camera_from_world: pose.
        samples: rays along the side of a pixel, >= 1.
        exposure: factor on radiance; by default the one that suits the scene, the same for all its views.

    Raises:
        ValueError: ``samples`` below one.
    """
    if samples < 1:
        raise ValueError(f"a picture needs at least one sample per pixel, not {samples}")
    rgb = _picture(scene, camera, camera_from_world, samples, scene.exposure if exposure is None else exposure)
    directions = pixel_directions(camera, camera_from_world).numpy()
    shape = (camera.height, camera.width)
    origins = np.broadcast_to(camera_from_world.centre.numpy(), directions.shape)
    distance, normal, instance = _cast(scene, np.ascontiguousarray(origins), directions)
    valid = instance >= 0
    distance[~valid] = 0.0
    return SyntheticView(
        camera=camera,
        camera_from_world=camera_from_world,
        rgb=torch.from_numpy(rgb),
        depth=torch.from_numpy(distance.astype(np.float32).reshape(shape)),
        depth_valid=torch.from_numpy(valid.reshape(shape)),
        normal=torch.from_numpy(normal.astype(np.float32).reshape(*shape, 3)),
        instance=torch.from_numpy(instance.reshape(shape)),
    )


def pixel_directions(camera: Camera, camera_from_world: Pose) -> Tensor:
    """World directions (H*W, 3) through all pixel centres, of length one along the axis: distances are depths."""
    ones = torch.ones(camera.height, camera.width, dtype=torch.float64)
    points = camera.unproject(camera.pixel_centres(torch.float64), ones).reshape(-1, 3)
    return (points @ camera_from_world.rotation).contiguous()


def _cast(
    scene: SyntheticScene, origins: NDArray[np.float64], directions: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int32]]:
    count = len(directions)
    distance, normal, instance = np.empty(count), np.empty((count, 3)), np.empty(count, dtype=np.int32)
    announce_compilation(layout.__file__, "ray caster")
    use_torch_threads()
    cast(origins, directions, scene.nodes, scene.primitives, scene.heights, distance, normal, instance)
    return distance, normal, instance


def _picture(
    scene: SyntheticScene, camera: Camera, camera_from_world: Pose, samples: int, exposure: float
) -> NDArray[np.float32]:
    # Offsets of samples from the pixel's centre, as far as the filter reaches: the centre is sample (samples - 1) / 2.
    reach = int(np.ceil(1.5 * samples))
    steps = np.arange(-reach, samples + reach)
    offsets = (steps + 0.5) / samples - 0.5
    steps, offsets = steps[np.abs(offsets) < 0.999], offsets[np.abs(offsets) < 0.999]
    weights = np.exp(-0.5 * np.square(offsets / FILTER_SIGMA))
    weights /= weights.sum()
    margin = int(-steps[0])
    rows, columns = camera.height * samples + 2 * margin, camera.width * samples + 2 * margin
    bands = -(-rows // BLOCK)
    order = np.argsort((np.arange(bands) * 0.6180339887498949) % 1.0, kind="stable")
    light = scene.light
    picture = np.empty((rows, columns, 3), dtype=np.float32)
    image = np.empty((camera.height, camera.width, 3), dtype=np.float32)
    use_torch_threads()
    render_samples(
        np.array([camera.fx, camera.fy, camera.cx, camera.cy]),
        np.ascontiguousarray(camera_from_world.rotation.numpy()),
        np.ascontiguousarray(camera_from_world.centre.numpy()),
        samples, margin, scene.nodes, scene.primitives, scene.heights, scene.materials, scene.marks, scene.lights,
        scene.sky, light, exposure, order, picture,
    )  # fmt: skip
    filter_samples(picture, weights, samples, image)
    return image
