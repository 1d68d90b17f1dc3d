"""The side panel of the live viewer: what to show, and a photo beside its render."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from splatmatch.scene.views import Scene, View
from splatmatch.viewer.comparison import compare
from splatmatch.viewer.live_nodes import look_through
from splatmatch.viewer.streaming import Mode, render_lock

SIDE = 480
"""Long side of the photo and the render, pixels."""
MODES = {
    "splat (browser)": Mode(),
    "rgb": Mode("rgb"),
    "depth (expected)": Mode("depth", "expected"),
    "depth (median)": Mode("depth", "median"),
    "depth (plane)": Mode("depth", "plane"),
    "normal": Mode("normal"),
    "alpha": Mode("alpha"),
}


def add_modes(server: Any, switch: Callable[[Mode], None]) -> None:
    """The list of what a window can show."""
    choice = server.gui.add_dropdown("show", tuple(MODES), hint="All but the first are drawn by splatmatch's engine.")
    choice.on_update(lambda _: switch(MODES[choice.value]))


def add_switch(server: Any, label: str, show: Callable[[bool], None], on: bool) -> None:
    """A check box; ``show`` is told of every change."""
    box = server.gui.add_checkbox(label, on)
    box.on_update(lambda _: show(box.value))


def add_photos(server: Any, scene: Scene, unit: float, engine: str) -> None:
    """A list of the photos, held-out ones first: the chosen one beside what the splat shows from there."""
    views = [view for view in scene.views if view.image_path is not None and view.image_path.is_file()]
    if not views or scene.gaussians is None:
        return
    views.sort(key=lambda view: view.split != "test")
    labels = {f"{view.name} (held out)" if view.split == "test" else view.name: view for view in views}

    def pictures(view: View) -> tuple[Any, Any, str]:
        assert scene.gaussians is not None
        with render_lock:
            pair = compare(scene.gaussians, view, SIDE, engine=engine)
        return pair.photo, pair.drawn["rgb"], f"render, {pair.psnr:.2f} dB"

    with server.gui.add_folder("photo and render"):
        choice = server.gui.add_dropdown("view", tuple(labels))
        photo, drawn, verdict = pictures(views[0])
        left = server.gui.add_image(photo, label="photo", format="jpeg")
        right = server.gui.add_image(drawn, label=verdict, format="jpeg")
        button = server.gui.add_button("look from here")

    def update(_: object) -> None:
        left.image, right.image, right.label = pictures(labels[choice.value])

    choice.on_update(update)
    button.on_click(lambda event: look_through(event.client, labels[choice.value], unit))
