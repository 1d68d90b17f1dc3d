"""Whole captures: a scene, views of it, their pictures with truth, surface points to start from; and their folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from splatmatch.files import atomic_folder, write_json
from splatmatch.formats.images import write_image
from splatmatch.formats.nerfstudio import write_transforms
from splatmatch.formats.points_ply import PointCloud, write_points_ply
from splatmatch.formats.posed_capture import PosedCapture, PosedImage
from splatmatch.geometry.distorted import DistortedCamera
from splatmatch.scene.views import SparsePoints, Tracks, View
from splatmatch.synthetic.paths import camera_path, renamed, visible
from splatmatch.synthetic.rays import SyntheticView, cast_rays, ray_cast
from splatmatch.synthetic.scene import SceneKind, SyntheticScene
from splatmatch.synthetic.scenes import build_scene


@dataclass(frozen=True, eq=False)
class SyntheticCapture:
    """Pictures of one scene with exact truth."""

    scene: SyntheticScene
    views: tuple[View, ...]
    """First the walk (split ``train``), then the extreme views (``test``)."""
    pictures: tuple[SyntheticView, ...]
    """One for each view."""
    points: SparsePoints
    """Exact points on surfaces, each seen by at least three views of the walk, with tracks into ``views``."""


def capture(
    kind: SceneKind,
    seed: int,
    views: int = 40,
    extreme: int = 0,
    width: int = 640,
    height: int = 480,
    samples: int = 3,
    points: int = 5000,
) -> SyntheticCapture:
    """Build a scene, walk through it, and take pictures.

    Args:
        kind: of scene.
        seed: of scene and path.
        views: on the walk, >= 1.
        extreme: held-out views off the walk.
        width: of the images, pixels.
        height: of the images, pixels.
        samples: rays along the side of a pixel.
        points: surface points to sample; fewer are found where views hardly overlap.

    Raises:
        ValueError: an unknown kind, or numbers out of range.
        NumericalError: the scene has no room for the path.
    """
    scene = build_scene(kind, seed)
    taken = camera_path(scene, "walk", views, seed, width, height)
    if extreme > 0:
        taken += camera_path(scene, "extreme", extreme, seed, width, height)
    pictures = tuple(ray_cast(scene, view.camera, view.camera_from_world, samples) for view in taken)
    return SyntheticCapture(
        scene, taken, pictures, surface_points(scene, taken[:views], pictures[:views], points, seed)
    )


def surface_points(
    scene: SyntheticScene, views: tuple[View, ...], pictures: tuple[SyntheticView, ...], count: int, seed: int = 0
) -> SparsePoints:
    """Up to ``count`` exact points on surfaces that at least three of the views see.

    Points lie behind random pixel centres of random views. Colours are means over the views that see a point; tracks
    hold the exact projections.
    """
    rng = np.random.default_rng((seed, scene.seed, 3))
    tries = 2 * count
    owner = np.sort(rng.integers(len(views), size=tries))
    places = []
    for index, view in enumerate(views):
        number = int((owner == index).sum())
        pixels = torch.from_numpy(rng.integers((view.camera.width, view.camera.height), size=(number, 2)) + 0.5)
        rays = view.camera.unproject(pixels, torch.ones(number, dtype=torch.float64)) @ view.camera_from_world.rotation
        distance = cast_rays(scene, view.camera_from_world.centre, rays).distance if number else rays[:, 0]
        met = torch.isfinite(distance)
        places.append(view.camera_from_world.centre + distance[met, None] * rays[met])
    positions = torch.cat(places)
    positions = positions[torch.from_numpy(rng.permutation(len(positions)))]
    seen = visible(scene, positions, [(view.camera, view.camera_from_world) for view in views])
    kept = torch.nonzero(seen.sum(0) >= 3).ravel()[:count]
    return _coloured(positions[kept], seen[:, kept], views, pictures)


def _coloured(
    positions: Tensor, seen: Tensor, views: tuple[View, ...], pictures: tuple[SyntheticView, ...]
) -> SparsePoints:
    """Points (P, 3) with colours and tracks from the views that see them, ``seen`` (V, P)."""
    total = torch.zeros(len(positions), 3, dtype=torch.float64)
    point_index, view_index, pixels = [], [], []
    for index, (view, picture) in enumerate(zip(views, pictures, strict=True)):
        rows = torch.nonzero(seen[index]).ravel()
        at = view.camera.project(view.camera_from_world.apply(positions[rows]))
        column, row = at.floor().long().unbind(1)
        total[rows] += picture.rgb[row, column].double()
        point_index.append(rows)
        view_index.append(torch.full_like(rows, index))
        pixels.append(at)
    colours = (255.0 * total / seen.sum(0).clamp(min=1)[:, None]).round().to(torch.uint8)
    tracks = Tracks(torch.cat(point_index), torch.cat(view_index), torch.cat(pixels))
    return SparsePoints(positions, colours, torch.zeros(len(positions), dtype=torch.float64), tracks)


def save_capture(taken: SyntheticCapture, folder: Path, suffix: str = ".png") -> None:
    """Write a capture as a folder that nerfstudio readers open, atomically.

    ``images/NAME`` (``suffix`` .png or .jpg), ``depth/STEM.npy`` (float32 metres along the axis, 0 = nothing there),
    ``normal/STEM.png`` (n = value / 127.5 - 1 in the world frame), ``instance/STEM.png`` (16 bit, 0 = nothing there,
    else one more than the index into ``names`` of ``scene.json``), ``transforms.json`` with train and test lists,
    ``points.ply``, ``scene.json`` (kind, seed, names).

    Raises:
        InputError: another suffix.
        OutputError: the folder cannot be written.
    """
    from PIL import Image

    with atomic_folder(Path(folder)) as root:
        for name in ("images", "depth", "normal", "instance"):
            (root / name).mkdir()
        posed = []
        for view, picture in zip(renamed(taken.views, suffix), taken.pictures, strict=True):
            stem = Path(view.name).stem
            write_image(root / "images" / view.name, picture.rgb.numpy())
            np.save(root / "depth" / f"{stem}.npy", picture.depth.numpy())
            write_image(root / "normal" / f"{stem}.png", 0.5 + 0.5 * picture.normal.numpy())
            Image.fromarray((picture.instance.numpy() + 1).astype(np.uint16)).save(root / "instance" / f"{stem}.png")
            camera = DistortedCamera.from_pinhole(view.camera)
            posed.append(
                PosedImage(view.name, camera, view.camera_from_world, root / "images" / view.name, split=view.split)
            )
        write_points_ply(PointCloud(taken.points.positions.numpy(), taken.points.colours.numpy()), root / "points.ply")
        write_transforms(PosedCapture(tuple(posed)), root / "transforms.json", "points.ply")
        scene = taken.scene
        write_json(root / "scene.json", {"kind": scene.kind, "seed": scene.seed, "names": list(scene.names)})
