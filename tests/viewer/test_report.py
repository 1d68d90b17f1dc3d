"""The HTML report: complete in itself, well formed, honest about what is missing, safe against hostile names."""

from __future__ import annotations

import base64
import math
import re
from dataclasses import replace
from html.parser import HTMLParser

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from splatmatch.errors import InputError
from splatmatch.evaluation.views import ViewsConfig, evaluate_views
from splatmatch.scene.views import Scene, SparsePoints, Unregistered
from splatmatch.splats.checkpoint import FitRecord
from splatmatch.viewer.report import ReportConfig, write_report
from splatmatch.viewer.report_parts import chart, duration, nice_ticks, shares, short, slider
from tests.viewer.scenes import arc_scene

CONFIG = ReportConfig(engine="cpu", size=32, views=2)
VOID = {"meta", "img", "input", "line", "polyline", "circle", "br", "link"}
HISTORY = [FitRecord(50 * i, 15 + i / 10, 0.1, 1000 * i) for i in range(1, 40)]


class Reader(HTMLParser):
    """Collects tags, words and every address; fails on tags that do not nest."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.addresses: list[str] = []
        self.tags: list[str] = []
        self.words = ""

    def handle_starttag(self, tag, attributes) -> None:
        self.tags.append(tag)
        for name, value in attributes:
            if name in {"src", "href", "srcset", "action", "data", "poster"}:
                self.addresses.append(value)
            assert name not in {"onload", "onerror", "onclick"}
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data) -> None:
        if not self.open or self.open[-1] not in {"style", "script"}:
            self.words += data


def read(path) -> Reader:
    reader = Reader()
    reader.feed(path.read_text())
    reader.close()
    assert reader.open == []
    return reader


@pytest.fixture
def scene(tmp_path) -> Scene:
    provenance = {
        "command": "splatmatch reconstruct photos --out scene",
        "seed": 3,
        "timings": {"matching": 30.0, "fit": 90.0},
        "versions": {"splatmatch": "9.8.7", "torch": "2.13"},
        "config": {"steps": 7000, "nested": {"left": "out"}},
    }
    lost = (Unregistered("lost.jpg", "no overlap with any other photo"),)
    return replace(arc_scene(tmp_path / "my scene"), provenance=provenance, unregistered=lost, metric=True)


def test_a_full_report_tells_everything_and_needs_nothing(scene, tmp_path):
    config = ViewsConfig(lpips=False)
    metrics = evaluate_views(scene, engine="reference", config=config)
    write_report(scene, tmp_path / "report.html", metrics=metrics, history=HISTORY, config=CONFIG)
    reader = read(tmp_path / "report.html")
    assert all(address.startswith("data:image/jpeg;base64,") for address in reader.addresses)
    assert "script" not in reader.tags
    assert "link" not in reader.tags
    text = (tmp_path / "report.html").read_text()
    assert not re.search(r"url\(|@import|https?://", text)
    assert "prefers-color-scheme: dark" in text
    for words in (
        "my scene", "9 / 10", "lost.jpg", "no overlap", "views/gsplat", "64 × 48 (9)", "2 min 00 s", "9.8.7",
        "splatmatch reconstruct photos --out scene", "not asked for", "PSNR of training photos", "World in metres",
        f"{metrics.mean.psnr:.2f}", "400 Gaussians",
    ):  # fmt: skip
        assert words in reader.words, words
    assert "left" not in reader.words


def test_its_pictures_are_the_photos_and_their_renders(scene, tmp_path):
    write_report(scene, tmp_path / "report.html", config=CONFIG)
    pictures = []
    for address in read(tmp_path / "report.html").addresses:
        data = np.frombuffer(base64.b64decode(address.split(",", 1)[1]), np.uint8)
        pictures.append(cv2.imdecode(data, cv2.IMREAD_COLOR))
    assert pictures[0].shape[1] == 1280  # overview
    assert {p.shape[:2] for p in pictures[1:]} == {(48, 64), (24, 32)}
    assert len(pictures) == 1 + 2 + 2 * 4  # overview, slider, two views of photo, render, depth, normal


def test_hostile_names_stay_text(scene, tmp_path):
    evil = '<script>alert("x")</script>&"\''
    views = tuple(replace(view, name=f"{i}{evil}.png") for i, view in enumerate(scene.views))
    hostile = replace(
        scene,
        views=views,
        unregistered=(Unregistered(evil, evil),),
        provenance={"command": evil, evil: evil, "timings": {evil: 3.0}, "versions": {evil: evil, "splatmatch": evil}},
    )
    write_report(hostile, tmp_path / "report.html", config=replace(CONFIG, title=evil))
    reader = read(tmp_path / "report.html")
    assert "script" not in reader.tags
    assert evil in reader.words


@pytest.mark.parametrize("provenance", [{}, {"timings": "soon", "versions": 3, "command": ["a", "b"]},
                                        {"timings": {"fit": None, "x": -1, "y": True}}])  # fmt: skip
def test_strange_or_empty_provenance_does_not_stop_it(scene, tmp_path, provenance):
    write_report(replace(scene, provenance=provenance), tmp_path / "report.html", config=CONFIG)
    reader = read(tmp_path / "report.html")
    assert "Time" not in reader.words.split()


def test_it_says_so_when_nothing_was_held_out(scene, tmp_path):
    trained = replace(scene, views=tuple(replace(view, split="train") for view in scene.views))
    write_report(trained, tmp_path / "report.html", config=CONFIG)
    assert "say nothing about new views" in read(tmp_path / "report.html").words


def test_scenes_without_splat_or_photos_are_reported_too(scene, tmp_path):
    write_report(scene.with_gaussians(None), tmp_path / "cameras.html", config=CONFIG)
    assert "Held-out photos" not in read(tmp_path / "cameras.html").words
    bare = Scene((), SparsePoints.empty(), scene.gaussians)
    write_report(bare, tmp_path / "splat.html", config=CONFIG)
    assert "Cameras" not in read(tmp_path / "splat.html").words
    with pytest.raises(InputError):
        write_report(Scene((), SparsePoints.empty()), tmp_path / "none.html", config=CONFIG)
    assert not (tmp_path / "none.html").exists()


def test_the_psnr_beside_a_picture_is_the_one_of_the_table(scene, tmp_path):
    metrics = evaluate_views(scene, engine="reference", config=ViewsConfig(lpips=False))
    write_report(scene, tmp_path / "report.html", metrics=metrics, config=replace(CONFIG, views=3))
    words = read(tmp_path / "report.html").words
    for item in metrics.items:
        assert f"{item.name}{item.psnr:.2f} dB" in words


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6), st.integers(2, 8))
def test_ticks_are_round_cover_the_range_and_are_few(low, span, count):
    ticks = nice_ticks(low, low + span, count)
    assert ticks[0] <= low + 1e-6 * abs(low) + 1e-9
    assert ticks[-1] >= low + span - 1e-6 * abs(low + span) - 1e-9
    assert 2 <= len(ticks) <= 2 * count + 3
    step = ticks[1] - ticks[0]
    mantissa = step / 10 ** math.floor(math.log10(step) + 1e-9)
    assert min(abs(mantissa - good) for good in (1, 2, 2.5, 5, 10)) < 1e-3


def test_charts_draw_what_is_finite_and_nothing_else():
    assert chart("t", [], "red", "") == ""
    assert chart("t", [(1, 2.0), (2, math.nan)], "red", "") == ""
    drawn = chart("t", [(0, 1.0), (5, math.inf), (10, 3.0)], "red", "dB")
    points = re.search(r'points="([^"]*)"', drawn).group(1).split()
    assert len(points) == 2
    assert float(points[0].split(",")[1]) > float(points[1].split(",")[1])  # more is further up
    assert chart("flat", [(0, 5.0), (10, 5.0)], "red", "")


def test_words_for_numbers():
    assert [duration(s) for s in (8.44, 192, 3900, 59.99)] == ["8.4 s", "3 min 12 s", "1 h 05 min", "60.0 s"]
    assert [short(v) for v in (1.2e6, 7000, 0.5, 0)] == ["1.2M", "7k", "0.5", "0"]
    assert shares({}) == ""
    assert shares({"a": 0.0}) == ""
    grey = np.zeros((8, 8, 3), np.uint8)
    assert slider(grey, grey, 'a"b', "c").count("&quot;") >= 1
