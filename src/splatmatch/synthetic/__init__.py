"""Seeded captures of exact geometry: rooms, tables and streets, ray-cast with true depth, normals, instances and poses.

``capture`` makes pictures of a new scene, ``ray_cast`` one from any camera, ``cast_rays`` the truth along any ray.
"""

from splatmatch.synthetic.capture import SyntheticCapture, capture, save_capture, surface_points
from splatmatch.synthetic.paths import PathKind, camera_path, clearance, visible
from splatmatch.synthetic.rays import Hits, SyntheticView, cast_rays, ray_cast
from splatmatch.synthetic.scene import SceneKind, SyntheticScene
from splatmatch.synthetic.scenes import build_scene

__all__ = [
    "Hits",
    "PathKind",
    "SceneKind",
    "SyntheticCapture",
    "SyntheticScene",
    "SyntheticView",
    "build_scene",
    "camera_path",
    "capture",
    "cast_rays",
    "clearance",
    "ray_cast",
    "save_capture",
    "surface_points",
    "visible",
]
