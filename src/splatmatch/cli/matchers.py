"""Matchers by name, as the commands of evaluation take them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from tyro.conf import arg

if TYPE_CHECKING:
    from splatmatch.scene.matcher import Matcher

MatcherNames = Annotated[str, arg(metavar="A,B,...")]
DeviceName = Literal["auto", "cpu", "cuda"]


def open_matchers(models: str, device: str, threads: int) -> list[Matcher]:
    """The matchers of a list of names, working at the size that a protocol gives them."""
    import cv2
    import torch

    from splatmatch.errors import InputError
    from splatmatch.matchers.registry import open_matcher, settings_of

    if threads < 1:
        raise InputError(f"--threads {threads}: give 1 or more")
    torch.set_num_threads(threads)
    cv2.setNumThreads(threads)
    names = words_of(models)
    if not names:
        raise InputError("--models names no matcher", "splatmatch models lists them")
    return [open_matcher(name, device=device, **({"size": 0} if "size" in settings_of(name) else {})) for name in names]


def words_of(text: str) -> list[str]:
    """The words between commas."""
    return [word.strip() for word in text.split(",") if word.strip()]
