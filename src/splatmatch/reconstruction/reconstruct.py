"""``reconstruct()``: a folder of photos becomes a posed scene with its splat."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from splatmatch.errors import InputError
from splatmatch.formats.scene_folder import SCENE_FILE, load_scene, save_scene
from splatmatch.jobs.progress import Progress, Silent
from splatmatch.matchers.registry import card
from splatmatch.priors.registry import open_prior
from splatmatch.reconstruction.config import ReconstructConfig
from splatmatch.reconstruction.depth_targets import depth_targets
from splatmatch.reconstruction.held_out import held_out_scores
from splatmatch.reconstruction.output_folder import WORK, check_folders, default_folder, remove_work, work_folder
from splatmatch.reconstruction.posed_scene import posed_scene, read_source, source_key
from splatmatch.reconstruction.provenance import (
    cameras_hash,
    command_line,
    finite,
    options_of,
    peak_megabytes,
    versions,
)
from splatmatch.reconstruction.structure.stopwatch import Stopwatch
from splatmatch.scene.depth_prior import DepthPrior
from splatmatch.scene.views import Scene
from splatmatch.splats.fit import FitProgress, FitResult, fit

_CHECKPOINT = "fit.safetensors"


def reconstruct(
    photos: str | Path,
    out: str | Path | None = None,
    *,
    poses: str | Path | None = None,
    config: ReconstructConfig | None = None,
    progress: Progress | None = None,
) -> Scene:
    """Photos to cameras to a Gaussian splat.

    The scene folder is saved when the cameras are known and again when the splat is fitted, so an interrupted run
    keeps what it has, and goes on from there with ``config.resume``.

    Args:
        photos: folder of photos (jpg, png, tiff, webp), searched with all folders below it.
        out: the scene folder; None = a folder in the user's cache, named after the photos.
        poses: COLMAP model, transforms.json, poses_bounds.npy, camera list or scene folder with poses that are kept;
            None = they are found from the photos.
        config: see ``ReconstructConfig``.
        progress: told about every stage and decision.

    Returns:
        The scene as it lies in ``out``: views with undistorted images, sparse points, Gaussians (None with
        ``steps=0``), photos without a pose and why, and the provenance that ``scene.json`` records.

    Raises:
        InputError: unusable photos, options or poses.
        ReconstructionError: the photos could not be turned into cameras; says which failed and why.
        OutputError: ``out`` cannot be written.
        NumericalError: the fit diverged.
        CrashError: the process that finds the cameras died.
    """
    config, progress = config or ReconstructConfig(), progress or Silent()
    photos, poses = Path(photos), None if poses is None else Path(poses)
    folder = default_folder(photos) if out is None else Path(out)
    check_folders(photos, folder)
    card(config.matcher)  # a name that is not known is better told now
    prior = None if config.depth_prior is None else open_prior(config.depth_prior)
    scene = _with_cameras(photos, poses, folder, config, progress)
    wanted = options_of(config)
    if scene.provenance.get("config") == wanted:
        progress.say(f"{folder}: is complete")
    else:
        scene = _with_splat(scene, folder, config, prior, progress) if config.fits else scene.with_gaussians(None)
        told = {"command": command_line(photos, folder, poses, config), "config": wanted}
        scene = save_scene(replace(scene, provenance={**told, **scene.provenance, **told}), folder)
    remove_work(folder)
    return scene


def _with_cameras(
    photos: Path, poses: Path | None, folder: Path, config: ReconstructConfig, progress: Progress
) -> Scene:
    """The posed scene in ``folder``: that of an interrupted run where it fits, else a new one, saved."""
    clock = Stopwatch()
    with work_folder(folder, keep=config.resume) as work:
        with clock("photos"):
            source = read_source(photos, poses, config, progress)
        key = source_key(source, config)
        if config.resume and (folder / SCENE_FILE).is_file():
            return _resumed(folder, key, progress)
        scene = posed_scene(source, config, folder, work, progress)
    provenance = {
        **{"key": key, "seed": config.seed, "versions": versions(), "licences": []},
        **scene.provenance,
        "timings": {**clock.seconds, **scene.provenance["timings"]},
    }
    return save_scene(replace(scene, provenance=finite(provenance)), folder)


def _resumed(folder: Path, key: str, progress: Progress) -> Scene:
    scene = load_scene(folder)
    if scene.provenance.get("key") != key:
        raise InputError(
            f"{folder}: was made from other photos or with other options", "run the command without --resume"
        )
    progress.say(f"cameras: those of {len(scene.views)} photos are in {folder} already")
    return scene


def _with_splat(
    scene: Scene, folder: Path, config: ReconstructConfig, prior: DepthPrior | None, progress: Progress
) -> Scene:
    """``scene`` with fitted Gaussians, and what the held-out photos say about them."""
    checkpoint = folder / WORK / _CHECKPOINT
    cameras = scene.provenance.get("cameras", {}) | {"hash": cameras_hash(scene)}
    clock, licences, prior_record = Stopwatch(), list(scene.provenance.get("licences", [])), {}
    targets = None
    if prior is not None:
        with clock("depth prior"):
            targets = depth_targets(scene, prior, progress)
        prior_record = {"depth_prior": targets.record(prior)}
        licences.append(f"{prior.name}: {prior.licence}")
    with clock("fit"):
        result = fit(
            scene.with_gaussians(None),
            config.fit(),
            engine=config.engine,
            depth_targets=None if targets is None else targets.targets,
            checkpoint=checkpoint,
            resume=config.resume and checkpoint.is_file(),
            progress=lambda state: _report(state, progress),
        )
    refined = {view.name: view for view in result.views}
    views = tuple(refined.get(view.name, view) for view in scene.views)
    scene = replace(scene, views=views, gaussians=result.gaussians)
    with clock("held-out views"):
        scores = held_out_scores(scene, config.engine, progress)
    before = scene.provenance
    provenance = {
        **before,
        "cameras": cameras,
        "fit": _fit_record(result) | prior_record,
        "licences": licences,
        "timings": {**before.get("timings", {}), **clock.seconds},
        "peak_memory": {**before.get("peak_memory", {}), "process": peak_megabytes()},
    }
    if scores:
        mean = {name: sum(getattr(s, name) for s in scores) / len(scores) for name in ("psnr", "ssim")}
        progress.say(f"held-out photos ({len(scores)}): PSNR {mean['psnr']:.2f} dB, SSIM {mean['ssim']:.4f}")
        provenance["metrics"] = {"mean": mean, "held_out": [asdict(score) for score in scores]}
    return replace(scene, gaussians=result.gaussians.to("cpu"), provenance=finite(provenance))


def _report(state: FitProgress, progress: Progress) -> None:
    record, speed = state.record, state.steps_per_second
    text = f"step {record.step}, {record.psnr:.1f} dB, {record.gaussians:,} Gaussians, {speed:.1f} it/s"
    progress.update("fit", record.step / state.steps, text)


def _fit_record(result: FitResult) -> dict[str, Any]:
    """What the fit was and cost."""
    return {
        "gaussians": len(result.gaussians),
        "background": result.background.tolist(),
        "seconds": asdict(result.seconds),
        "history": [asdict(record) for record in result.history],
    }
