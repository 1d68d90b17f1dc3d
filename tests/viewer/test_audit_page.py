"""The audit page: complete in itself, what it embeds is what the labels say, and a click works in a browser."""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
from dataclasses import replace

import numpy as np
import pytest

from splatmatch.pairs.audit import AuditConfig, audit
from splatmatch.pairs.labels import both_correspondences
from splatmatch.pairs.reader import ShardReader
from splatmatch.viewer.audit_page import write_audit_page
from tests.pairs.exact_pairs import pair, write_pairs


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    folder = tmp_path_factory.mktemp("audit")
    samples = [pair("first"), replace(pair("second", step=0.6), scene="room-3")]
    reader = ShardReader(write_pairs(folder / "a<b>&amp", samples))
    write_audit_page(audit(reader), reader, folder / "page.html", AuditConfig())
    return folder / "page.html", reader


def test_nothing_is_fetched_and_names_are_escaped(page):
    text = page[0].read_text()
    assert not re.search(r"""(src|href)\s*=\s*["'](?!data:)""", text)
    assert "fetch(" not in text and "import(" not in text and "@import" not in text
    assert "a&lt;b&gt;&amp;amp" in text and "<b>&amp" not in text.replace("<b>$", "")
    for heading in ("Pairs", "How hard", "Consistency", "Against exact geometry", "Provenance"):
        assert f"<h2>{heading}</h2>" in text
    assert "proves nothing about depth" in text


def test_embedded_labels_are_those_of_the_pair_to_a_hundredth_of_a_pixel(page):
    text, reader = page[0].read_text(), page[1]
    blocks = re.findall(r'<script type="application/json">(.*?)</script>', text)
    assert len(blocks) == 2
    samples = {sample.key: sample for sample in reader}
    names = re.findall(r"<h3>(\w+)<span>", text)
    for name, block in zip(names, blocks, strict=True):
        data = json.loads(block)
        fields = both_correspondences(samples[name])
        for side, field, other in zip(data["sides"], fields, reversed(data["sides"]), strict=True):
            words = np.frombuffer(base64.b64decode(side["labels"]), "<u2").reshape(side["rows"], side["columns"], 2)
            start = round(side["first"] - 0.5)
            grid = (slice(start, None, side["step"]), slice(start, None, side["step"]))
            known = words[..., 0] != 65535
            assert np.array_equal(known, field.covisible[grid]) and known.sum() > 20
            assert np.abs(words[known] * other["unit"] - field.target[grid][known]).max() < 0.01
        x, y = data["shown"]
        assert fields[0].covisible[int(y), int(x)]
        partner = fields[0].target[int(y), int(x)].astype(float)
        line = np.array(data["F"]).reshape(3, 3) @ [x, y, 1]
        assert abs(line @ [*partner, 1]) / np.hypot(*line[:2]) < 1e-3


@pytest.mark.skipif(shutil.which("chromium") is None, reason="needs chromium")
def test_a_click_marks_the_partner_and_both_lines(page, tmp_path):
    """In a browser without a window: a labelled point of image b is clicked, and the drawing read back."""
    text = page[0].read_text()
    data = json.loads(re.search(r'<script type="application/json">(.*?)</script>', text).group(1))
    side = data["sides"][1]
    words = np.frombuffer(base64.b64decode(side["labels"]), "<u2").reshape(side["rows"], side["columns"], 2)
    row, column = np.argwhere(words[..., 0] != 65535)[10]
    x, y = (side["first"] + side["step"] * at for at in (column, row))
    click = """<script>
      const pane = document.querySelectorAll(".pane")[1], box = pane.getBoundingClientRect();
      pane.setPointerCapture = () => {};
      pane.dispatchEvent(new PointerEvent("pointerdown", {pointerId: 1, clientX: box.left + box.width * SHARE_X,
        clientY: box.top + box.height * SHARE_Y}));
      document.title = [...document.querySelectorAll(".match")[0].querySelectorAll(".mark")].map(layer =>
        [...layer.children].map(node => node.tagName).join("+")).join("|")
        + "|" + document.querySelector(".readout").textContent;
    </script></body>"""
    click = click.replace("SHARE_X", str(x / side["width"])).replace("SHARE_Y", str(y / side["height"]))
    (tmp_path / "clicked.html").write_text(text.replace("</body>", click))
    command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    command += [f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom", f"file://{tmp_path / 'clicked.html'}"]
    dom = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout
    first, second, readout = re.search(r"<title>(.*?)</title>", dom).group(1).split("|")
    assert first == "line+line+circle+circle" and second == "circle+circle+line+line"
    u, v = words[row, column] * data["sides"][0]["unit"]
    start = rf"b \({x:.1f}, {y:.1f}\) → a \({u:.1f}, {v:.1f}\)"
    assert re.fullmatch(rf"{start}, 0\.0\d px from its epipolar line", readout)
