"""All options of ``reconstruct``: one frozen dataclass, from which the command line is made, and its presets."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from splatmatch.correspondence.pair_choice import PairChoice, PairOptions
from splatmatch.errors import InputError
from splatmatch.reconstruction.intrinsics import CameraChoice
from splatmatch.reconstruction.structure.features import FeatureOptions
from splatmatch.reconstruction.structure.mapping import StructureOptions
from splatmatch.reconstruction.structure.matching import CorrespondenceOptions
from splatmatch.reconstruction.structure.principal_point import PrincipalPointChoice
from splatmatch.solvers.match_database import MatchingOptions
from splatmatch.splats.fit_config import FitConfig
from splatmatch.splats.surfaces.config import GEOMETRY


@dataclass(frozen=True)
class Preset:
    """How much work is put into a reconstruction."""

    steps: int
    max_gaussians: int
    sh_degree: int
    size: int
    """Long side of the training images in pixels."""
    search: int = 2048
    """Long side up to which features are looked for at the original size; larger photos are reduced to it."""
    features: int = 4096
    """Features per photo of a large set."""


PRESETS = {
    "fast": Preset(steps=2_000, max_gaussians=100_000, sh_degree=1, size=640),
    "standard": Preset(steps=7_000, max_gaussians=300_000, sh_degree=2, size=800),
    "best": Preset(steps=30_000, max_gaussians=1_000_000, sh_degree=3, size=1600, search=3200, features=8192),
}
_ALL_FEATURES, _MOST_FEATURES = 200_000, 8192
"""Few photos get more features each, up to this sum or number: they need them more, and have the time."""


@dataclass(frozen=True)
class ReconstructConfig:
    """Options of a reconstruction besides the photos, the poses and the output folder."""

    preset: Literal["fast", "standard", "best"] = "standard"
    """How much work: fast (2,000 steps, 100k Gaussians, SH 1, 640 px), standard (7,000, 300k, SH 2, 800 px) or best
    (30,000, 1M, SH 3, 1600 px). The options below replace single values of it."""
    size: int | None = None
    """Long side of the training images in pixels; smaller photos stay as they are, 0 = never reduce. The cameras are
    found independently of it."""
    steps: int | None = None
    """Optimiser steps of the splat; 0 = only cameras and points."""
    max_gaussians: int | None = None
    """Budget of Gaussians; bounds memory and time."""
    sh_degree: int | None = None
    """Degree of the view-dependent colour, 0 to 3."""
    test_every: int = 8
    """Hold out every n-th photo of the sorted names (index % n == 0) and print metrics on them; 0 = none. A
    transforms.json with train and test lists keeps those."""
    masks: Path | None = None
    """Folder of masks named as the photos (NAME.png, or the same name); black is ignored everywhere."""
    camera: CameraChoice = "auto"
    """Which photos share a camera: auto = those of one size and EXIF focal length, shared = those of one size,
    per-image = none."""
    intrinsics: str | None = None
    """Known camera of all photos, kept fixed: f, f,cx,cy, fx,fy,cx,cy or MODEL:p1,p2,... (any COLMAP model), in pixels
    of the photos, the corner of the image being 0,0."""
    principal_point: PrincipalPointChoice = "auto"
    """Principal point: centre = kept there, free = estimated, auto = estimated in a last adjustment and kept only where
    the photos determine it; both values are printed."""
    pairs: PairChoice = "auto"
    """Which pairs of photos are matched: all; sequence = frames of a video, by neighbourhood and likeness; auto = all
    for few photos (promising ones first from 21 on), sequence and likeness above 60."""
    matcher: str = "sift"
    """What finds the matches between the photos; splatmatch models lists the matchers."""
    matcher_size: int | None = None
    """Long side in pixels that another matcher than sift works at; its own default if not given."""
    up: Literal["auto", "cameras", "keep"] = "auto"
    """World axes: cameras = +z against gravity, judged by how the cameras are held; keep = as they are; auto = cameras
    for poses found here, keep for given ones."""
    scale_by: tuple[str, str, float] | None = None
    """Two photos and the distance between their cameras in metres: makes the scene metric."""
    strategy: Literal["adaptive", "mcmc"] = "adaptive"
    """How Gaussians are added and removed: clone, split and prune, or relocation under a fixed budget."""
    geometry: Literal["vanilla", "faithful"] = "vanilla"
    """vanilla = the colours of the photos alone decide; faithful = Gaussians are held on surfaces, so that depth and
    normals can be trusted (for generate), at two to three times the time."""
    depth_prior: str | None = None
    """Pull the depth towards a monocular prior: tiefenrausch, depth-anything-v2-small, an ONNX file or a folder of
    maps named as the photos."""
    antialiased: bool = False
    """Train with opacity compensation for the screen blur; viewers must support it."""
    exposure: bool = False
    """Compensate differences of exposure and white balance between the photos."""
    refine_poses: bool = False
    """Refine the camera poses together with the splat."""
    engine: str = "auto"
    """What renders: auto (gsplat on a CUDA device, else cpu), cpu, gsplat or reference."""
    seed: int = 0
    """Seed of everything random."""
    threads: int | None = None
    """Threads of the camera search; all cores by default."""
    resume: bool = False
    """Go on where an interrupted run with the same options stopped."""

    def __post_init__(self) -> None:
        if self.size is not None and self.size != 0 and self.size < 16:
            raise InputError(f"--size {self.size} is too small for training images", "give 16 pixels or more")
        if self.threads is not None and self.threads < 1:
            raise InputError(f"--threads {self.threads} is no number of threads", "give 1 or more")
        if self.steps is not None and self.steps < 0:
            raise InputError(f"--steps {self.steps} is negative", "give 0 for cameras alone")
        if self.matcher_size is not None and (self.matcher_size < 64 or self.matcher == "sift"):
            raise InputError(
                f"--matcher-size {self.matcher_size} cannot be used",
                "give 64 or more; with sift the preset decides" if self.matcher == "sift" else "give 64 or more",
            )
        if self.scale_by is not None:
            first, second, metres = self.scale_by
            if first == second or not (math.isfinite(metres) and metres > 0):
                raise InputError(
                    f"--scale-by {first} {second} {metres} is no distance", "name two photos and a positive number"
                )
        if self.test_every < 0 or self.test_every == 1:
            raise InputError(
                f"--test-every {self.test_every} leaves no photo to fit to", "give 0 for none or a number from 2 on"
            )
        if self.steps != 0:
            self.fit()  # raises where the options make no fit

    @property
    def long_side(self) -> int | None:
        """Long side of the training images; None = as the photos are."""
        size = PRESETS[self.preset].size if self.size is None else self.size
        return size or None

    @property
    def fits(self) -> bool:
        """Whether a splat is fitted at all."""
        return self.steps != 0

    def fit(self) -> FitConfig:
        """The options of the fit."""
        preset = PRESETS[self.preset]
        return FitConfig(
            steps=preset.steps if self.steps is None else self.steps,
            max_gaussians=preset.max_gaussians if self.max_gaussians is None else self.max_gaussians,
            sh_degree=preset.sh_degree if self.sh_degree is None else self.sh_degree,
            seed=self.seed,
            strategy=self.strategy,
            antialiased=self.antialiased,
            exposure=self.exposure,
            refine_poses=self.refine_poses,
            surfaces=GEOMETRY[self.geometry],
        )

    def correspondences(self, photos: int, threads: int) -> CorrespondenceOptions:
        """The options of features and matches for that many photos."""
        preset = PRESETS[self.preset]
        count = max(preset.features, min(_MOST_FEATURES, _ALL_FEATURES // max(photos, 1)))
        return CorrespondenceOptions(
            features=FeatureOptions(count=count, size=preset.search),
            pairs=PairOptions(choice=self.pairs, seed=self.seed),
            matching=MatchingOptions(seed=self.seed),
            threads=threads,
        )

    def structure(self, photos: int, threads: int) -> StructureOptions:
        """The options of structure from motion for that many photos."""
        return StructureOptions(
            correspondences=self.correspondences(photos, threads),
            principal_point=self.principal_point,
            fixed_intrinsics=self.intrinsics is not None,
            seed=self.seed,
        )
