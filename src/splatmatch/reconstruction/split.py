"""Which photos are held out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from splatmatch.errors import InputError
from splatmatch.scene.views import View


def held_out(views: Sequence[View], every: int) -> tuple[View, ...]:
    """The views sorted by name, those with index % ``every`` == 0 held out; none if ``every`` is 0.

    Raises:
        InputError: ``every`` is 1 or negative: nothing would be left to fit to.
    """
    if every < 0 or every == 1:
        raise InputError(f"--test-every {every} leaves no photo to fit to", "give 0 for none or a number from 2 on")
    by_name = sorted(views, key=lambda view: view.name)
    return tuple(
        replace(view, split="test" if every and index % every == 0 else "train") for index, view in enumerate(by_name)
    )
