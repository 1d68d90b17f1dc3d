"""The style sheet of reports: one column, quiet colours, light or dark as the reader's system has it."""

CSS = """
:root { color-scheme: light dark;
  --paper: #ffffff; --ink: #16181d; --soft: #626a78; --line: #e4e7ec; --card: #f6f7f9; --accent: #c2477f;
  --second: #4a62c4; --warn: #a15c00; --shadow: 0 1px 2px rgb(20 24 40 / 6%), 0 10px 30px rgb(20 24 40 / 8%); }
@media (prefers-color-scheme: dark) { :root {
  --paper: #101216; --ink: #eceef2; --soft: #98a1b0; --line: #2a2e37; --card: #181b21; --accent: #f07aa8;
  --second: #8ea2f5; --warn: #f0b35e; --shadow: 0 10px 30px rgb(0 0 0 / 45%); } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); -webkit-text-size-adjust: 100%;
  font: 16px/1.6 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
main { max-width: 1180px; margin: 0 auto; padding: 56px 28px 80px; }
header p { margin: 6px 0 0; color: var(--soft); font-size: 18px; }
h1 { margin: 0; font-size: 40px; line-height: 1.15; letter-spacing: -0.022em; font-weight: 680; }
h2 { margin: 64px 0 6px; font-size: 24px; line-height: 1.25; letter-spacing: -0.012em; font-weight: 640; }
h2 + p, .note { margin: 0 0 20px; color: var(--soft); max-width: 72ch; }
.note { font-size: 14px; margin-top: 12px; }
img { display: block; width: 100%; height: auto; }
.hero { margin: 32px 0 0; border-radius: 14px; overflow: hidden; box-shadow: var(--shadow); }
figcaption { color: var(--soft); font-size: 13px; line-height: 1.4; padding: 7px 2px 0; }
.keys { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 14px; margin: 26px 0 0; }
.key { background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 14px 18px 12px; }
.key b { display: block; font-size: 24px; line-height: 1.2; font-weight: 650; letter-spacing: -0.015em;
  white-space: nowrap; font-variant-numeric: tabular-nums; }
.key span { color: var(--soft); font-size: 13px; }
.views { display: grid; gap: 26px; }
.view h3 span { color: var(--soft); font-weight: 400; margin-left: 10px; font-variant-numeric: tabular-nums; }
.row { display: grid; grid-template-columns: repeat(var(--columns), 1fr); gap: 12px; }
.row figure { margin: 0; }
.row img { border-radius: 8px; }
.slide { position: relative; border-radius: 12px; overflow: hidden; box-shadow: var(--shadow); --x: 50%; }
.slide .over { position: absolute; inset: 0; clip-path: inset(0 calc(100% - var(--x)) 0 0); }
.slide::after { content: ""; position: absolute; top: 0; bottom: 0; left: var(--x); width: 2px; margin-left: -1px;
  background: #fff; box-shadow: 0 0 6px rgb(0 0 0 / 60%); pointer-events: none; }
.slide input { position: absolute; inset: 0; width: 100%; height: 100%; margin: 0; opacity: 0; cursor: ew-resize; }
.slide input:focus-visible + .tags { outline: 3px solid var(--second); outline-offset: -3px; }
.tags { position: absolute; inset: 0; pointer-events: none; border-radius: 12px; }
.tags span { position: absolute; bottom: 12px; padding: 2px 10px; border-radius: 20px; font-size: 13px; color: #fff;
  background: rgb(0 0 0 / 55%); }
.tags span:first-child { left: 12px; } .tags span:last-child { right: 12px; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: 14.5px; font-variant-numeric: tabular-nums; }
th { text-align: left; font-weight: 600; vertical-align: bottom; }
th small { display: block; font-weight: 400; color: var(--soft); }
th, td { padding: 8px 14px 8px 0; border-bottom: 1px solid var(--line); }
th.n, td.n { text-align: right; padding: 8px 0 8px 14px; }
tbody tr:last-child td { border-bottom-color: var(--soft); }
tfoot td { font-weight: 650; border-bottom: 0; }
.two { display: grid; grid-template-columns: 1fr 1fr; gap: 20px 48px; }
.two > * { min-width: 0; align-self: start; }
h3 { margin: 0 0 8px; font-size: 15px; font-weight: 600; }
h2 + :not(p) { margin-top: 18px; }
dl + .scroll { margin-top: 28px; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 6px 20px; margin: 0; font-size: 14.5px; }
dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; font-variant-numeric: tabular-nums; }
pre { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 14px 18px; margin: 0 0 20px;
  overflow-x: auto; font: 13.5px/1.55 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
code { font: 0.93em ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
.chart { width: 100%; height: auto; display: block; }
.chart text { fill: var(--soft); font-size: 12px; }
.chart .grid { stroke: var(--line); } .chart .curve { fill: none; stroke-width: 2.2; stroke-linejoin: round; }
.chart .title { fill: var(--ink); font-size: 13.5px; font-weight: 600; }
.bar { display: flex; height: 14px; border-radius: 7px; overflow: hidden; margin: 0 0 16px; gap: 2px; }
.swatch { display: inline-block; width: 10px; height: 10px; border-radius: 3px; margin-right: 9px; }
.warn { color: var(--warn); }
footer { margin-top: 72px; padding-top: 18px; border-top: 1px solid var(--line); color: var(--soft); font-size: 13px; }
@media (max-width: 760px) { main { padding: 32px 18px 56px; } h1 { font-size: 30px; }
  .row { grid-template-columns: repeat(2, 1fr); } .two { grid-template-columns: 1fr; } }
@media print { .hero, .slide { box-shadow: none; } .view, .key { break-inside: avoid; } }
""".strip()
"""Inlined into every report: nothing is fetched from anywhere."""
