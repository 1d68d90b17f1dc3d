"""splatmatch: 3D-grounded image matching, localisation and Gaussian splatting.

Importing the package loads nothing heavy and changes nothing global; each name below is loaded when it is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from splatmatch.evaluation.matching.known_displacements import evaluate_homographies as evaluate_homographies
    from splatmatch.evaluation.matching.known_displacements import evaluate_stereo as evaluate_stereo
    from splatmatch.evaluation.matching.mapfree import evaluate_mapfree as evaluate_mapfree
    from splatmatch.evaluation.matching.pairs import evaluate_pairs as evaluate_pairs
    from splatmatch.evaluation.views import evaluate_views as evaluate_views
    from splatmatch.formats.export import export_scene as export_scene
    from splatmatch.formats.scene_folder import load_scene as load_scene
    from splatmatch.formats.scene_folder import save_scene as save_scene
    from splatmatch.formats.splat_files import read_splat as read_splat
    from splatmatch.formats.splat_files import write_splat as write_splat
    from splatmatch.geometry.camera import Camera as Camera
    from splatmatch.geometry.pose import Pose as Pose
    from splatmatch.matchers.folder import FolderOptions as FolderOptions
    from splatmatch.matchers.folder import match_folder as match_folder
    from splatmatch.matchers.match import match as match
    from splatmatch.matchers.registry import open_matcher as open_matcher
    from splatmatch.pairs.audit import AuditConfig as AuditConfig
    from splatmatch.pairs.audit import audit as audit
    from splatmatch.pairs.generate import GenerateConfig as GenerateConfig
    from splatmatch.pairs.generate import generate as generate
    from splatmatch.pairs.lift.config import LiftConfig as LiftConfig
    from splatmatch.pairs.lift.job import LiftJob as LiftJob
    from splatmatch.pairs.lift.job import lift as lift
    from splatmatch.pairs.reader import ShardReader as ShardReader
    from splatmatch.priors.registry import open_prior as open_prior
    from splatmatch.reconstruction.config import ReconstructConfig as ReconstructConfig
    from splatmatch.reconstruction.reconstruct import reconstruct as reconstruct
    from splatmatch.scene.gaussians import Gaussians as Gaussians
    from splatmatch.scene.render import Render as Render
    from splatmatch.scene.views import Scene as Scene
    from splatmatch.scene.views import View as View
    from splatmatch.splats.fit import fit as fit
    from splatmatch.splats.fit_config import FitConfig as FitConfig
    from splatmatch.splats.render import render as render
    from splatmatch.training.config import TrainConfig as TrainConfig
    from splatmatch.training.loop import train as train
    from splatmatch.viewer.live import view as view

_HOMES = {
    "AuditConfig": "pairs.audit",
    "Camera": "geometry.camera",
    "FitConfig": "splats.fit_config",
    "FolderOptions": "matchers.folder",
    "Gaussians": "scene.gaussians",
    "GenerateConfig": "pairs.generate",
    "LiftConfig": "pairs.lift.config",
    "LiftJob": "pairs.lift.job",
    "Pose": "geometry.pose",
    "ReconstructConfig": "reconstruction.config",
    "Render": "scene.render",
    "Scene": "scene.views",
    "TrainConfig": "training.config",
    "ShardReader": "pairs.reader",
    "View": "scene.views",
    "audit": "pairs.audit",
    "evaluate_homographies": "evaluation.matching.known_displacements",
    "evaluate_mapfree": "evaluation.matching.mapfree",
    "evaluate_pairs": "evaluation.matching.pairs",
    "evaluate_stereo": "evaluation.matching.known_displacements",
    "evaluate_views": "evaluation.views",
    "export_scene": "formats.export",
    "fit": "splats.fit",
    "generate": "pairs.generate",
    "lift": "pairs.lift.job",
    "load_scene": "formats.scene_folder",
    "match": "matchers.match",
    "match_folder": "matchers.folder",
    "open_matcher": "matchers.registry",
    "open_prior": "priors.registry",
    "read_splat": "formats.splat_files",
    "reconstruct": "reconstruction.reconstruct",
    "render": "splats.render",
    "save_scene": "formats.scene_folder",
    "train": "training.loop",
    "view": "viewer.live",
    "write_splat": "formats.splat_files",
}
__all__ = ["__version__", *_HOMES]  # noqa: PLE0604 (names are strings)


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("splatmatch")
    if name not in _HOMES:
        raise AttributeError(f"module 'splatmatch' has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(f"splatmatch.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
