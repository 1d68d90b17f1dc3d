"""The script and the extra style of audit pages: a click in one image shows the partner in the other."""

STYLE = """
.match { margin: 0 0 44px; }
.panes { display: grid; grid-template-columns: 1fr 1fr; gap: 12px; }
.pane { position: relative; border-radius: 10px; overflow: hidden; cursor: crosshair; touch-action: none;
  box-shadow: var(--shadow); }
.pane svg { position: absolute; inset: 0; width: 100%; height: 100%; }
.pane:focus-visible { outline: 3px solid var(--second); outline-offset: 2px; }
.pane .dot { stroke: #fff; stroke-width: 1.4; }
.pane .picked { fill: none; stroke: #fff; stroke-width: 6; }
.pane .picked + .picked { stroke: #f03b8f; stroke-width: 3; }
.pane .line { stroke: #f03b8f; stroke-width: 2; opacity: 0.9; }
.pane .line.under { stroke: #fff; stroke-width: 4; opacity: 0.55; }
.match h3 { display: flex; flex-wrap: wrap; gap: 4px 18px; align-items: baseline; }
.match h3 span { color: var(--soft); font-weight: 400; font-variant-numeric: tabular-nums; }
.readout { min-height: 1.5em; margin: 8px 0 14px; font-size: 14px; color: var(--soft);
  font-variant-numeric: tabular-nums; }
.readout b { color: var(--ink); font-weight: 600; }
.bars { display: grid; grid-template-columns: repeat(3, 1fr); gap: 28px 40px; }
.bars rect { fill: var(--second); } .bars .count { fill: var(--ink); }
.caveat { border-left: 3px solid var(--warn); padding: 2px 0 2px 14px; }
@media (max-width: 760px) { .panes, .bars { grid-template-columns: 1fr; } }
""".strip()

SCRIPT = """
"use strict";
const NONE = 65535, SVG = "http://www.w3.org/2000/svg";
const words = text => new Uint16Array(Uint8Array.from(atob(text), c => c.charCodeAt(0)).buffer);
const shape = (layer, name, attributes, style) => {
  const node = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.setAttribute("class", style);
  layer.appendChild(node);
};
function epipolarLine(F, transposed, x, y) {
  const f = (row, column) => transposed ? F[3 * column + row] : F[3 * row + column];
  return [0, 1, 2].map(row => f(row, 0) * x + f(row, 1) * y + f(row, 2));
}
function clipped([a, b, c], width, height) {
  const ends = [];
  const add = (x, y) => { if (x >= -1e-6 && x <= width + 1e-6 && y >= -1e-6 && y <= height + 1e-6) ends.push([x, y]); };
  if (Math.abs(b) > 1e-12) { add(0, -c / b); add(width, -(c + a * width) / b); }
  if (Math.abs(a) > 1e-12) { add(-c / a, 0); add(-(c + b * height) / a, height); }
  if (ends.length < 2) return null;
  return [ends[0], ends.reduce((far, e) =>
    Math.hypot(e[0] - ends[0][0], e[1] - ends[0][1]) > Math.hypot(far[0] - ends[0][0], far[1] - ends[0][1]) ? e : far)];
}
for (const match of document.querySelectorAll(".match")) {
  const data = JSON.parse(match.querySelector("script").textContent);
  const sides = data.sides.map(side => ({ ...side, labels: words(side.labels) }));
  const panes = [...match.querySelectorAll(".pane")];
  const layers = panes.map(pane => pane.querySelector(".mark"));
  const readout = match.querySelector(".readout");
  const mark = (which, x, y) => ["picked", "picked"].forEach(style => shape(layers[which], "circle",
    { cx: x, cy: y, r: sides[which].width / 70 }, style));
  const line = (which, equation) => {
    const ends = equation.some(v => v !== 0) ? clipped(equation, sides[which].width, sides[which].height) : null;
    if (!ends) return;
    const [[x1, y1], [x2, y2]] = ends;
    for (const style of ["line under", "line"]) shape(layers[which], "line", { x1, y1, x2, y2 }, style);
  };
  function show(which, px, py) {
    const here = sides[which], there = sides[1 - which];
    const column = Math.min(here.columns - 1, Math.max(0, Math.round((px - here.first) / here.step)));
    const row = Math.min(here.rows - 1, Math.max(0, Math.round((py - here.first) / here.step)));
    const x = here.first + column * here.step, y = here.first + row * here.step;
    layers.forEach(layer => layer.replaceChildren());
    const equation = epipolarLine(data.F, which === 1, x, y);
    line(1 - which, equation);
    mark(which, x, y);
    const at = 2 * (row * here.columns + column);
    const name = which === 0 ? "a" : "b", other = which === 0 ? "b" : "a";
    const start = `${name} (${x.toFixed(1)}, ${y.toFixed(1)})`;
    if (here.labels[at] === NONE) {
      readout.innerHTML = `<b>${start}</b> has no label: it is hidden or outside the other image, at a depth edge, or `
        + "its depth is not known";
      return;
    }
    const u = here.labels[at] * there.unit, v = here.labels[at + 1] * there.unit;
    line(which, epipolarLine(data.F, which === 0, u, v));
    mark(1 - which, u, v);
    const norm = Math.hypot(equation[0], equation[1]);
    const off = norm > 0 ? Math.abs(equation[0] * u + equation[1] * v + equation[2]) / norm : NaN;
    const away = Number.isFinite(off) ? `, ${off.toFixed(2)} px from its epipolar line` : "";
    readout.innerHTML = `<b>${start} → ${other} (${u.toFixed(1)}, ${v.toFixed(1)})</b>${away}`;
  }
  panes.forEach((pane, which) => {
    const pick = event => {
      const box = pane.getBoundingClientRect();
      show(which, (event.clientX - box.left) / box.width * sides[which].width,
        (event.clientY - box.top) / box.height * sides[which].height);
    };
    pane.addEventListener("pointerdown", event => { pane.setPointerCapture(event.pointerId); pick(event); });
    pane.addEventListener("pointermove", event => { if (event.buttons) pick(event); });
    let spot = [sides[which].width / 2, sides[which].height / 2];
    pane.addEventListener("keydown", event => {
      const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
      if (!way) return;
      event.preventDefault();
      spot = [0, 1].map(i => spot[i] + way[i] * sides[which].step);
      show(which, ...spot);
    });
  });
  if (data.shown) show(0, ...data.shown);
}
""".strip()
