"""The model behind the same-place score: collect evidence, fit it, report it.

    python benchmarks/same_place.py collect xfeat-lighterglue --data DIR --out evidence/xfeat-lighterglue.json
    python benchmarks/same_place.py fit evidence/*.json
    python benchmarks/same_place.py collect xfeat-lighterglue --data DIR --roles test --out test/xfeat-lighterglue.json
    python benchmarks/same_place.py report test/*.json

True pairs are those of the lists in DIR/pairs, and photos one to three apart in the captures of DIR/cycles_train; false
pairs are photos of different places among these. Fitted on the validation lists and the rendered captures only: the
weights printed go into ``splatmatch/correspondence/same_place.py``.
"""

from __future__ import annotations

import argparse
import json
from itertools import combinations
from pathlib import Path

import numpy as np
from scipy.optimize import minimize

from splatmatch.correspondence.same_place import ACCEPTED, Evidence, evidence, probability
from splatmatch.correspondence.two_view import two_view_geometry
from splatmatch.formats.images import read_photo_info
from splatmatch.formats.pair_list import read_pair_list
from splatmatch.jobs.progress import Silent
from splatmatch.matchers.pair_selection import PairSelection
from splatmatch.matchers.photo_matches import PhotoSource, match_photo_set
from splatmatch.matchers.registry import open_matcher
from splatmatch.scene.matches import Matches

LISTS = {
    "validation": ("cycles_room", "ingp_fox"),
    "test": (
        *("strecha_fountain_P11", "strecha_herzjesu_P8", "llff_fern"),
        *("sevenscenes_redkitchen_150", "superglue_scannet15"),
    ),
}
RECALL = 0.95
LEAST_OVERLAP = 0.2
"""True pairs that overlap less are counted apart: no matcher here finds most of them."""


def listed(data: Path, name: str) -> list[tuple[Path, Path, float | None]]:
    found = read_pair_list(data / "pairs" / f"{name}.json")
    return [(found.folder / pair.name_a, found.folder / pair.name_b, pair.overlap) for pair in found.pairs]


def across(photos: dict[str, list[Path]], count: int, random: np.random.Generator) -> list[tuple[str, Path, Path]]:
    """Pairs of photos of different places, every two places alike.

    Rendered captures of one kind (room_*, outdoor_*, table_*) share models, so they are no different places.
    """
    kinds = {name: name.split("_")[0] if name.split("_")[-1].isdigit() else name for name in photos}
    allowed = [(a, b) for a, b in combinations(photos, 2) if kinds[a] != kinds[b]]
    random.shuffle(allowed)
    chosen = []
    for a, b in (allowed * count)[:count]:
        chosen.append((f"{a} x {b}", *(photos[name][random.integers(len(photos[name]))] for name in (a, b))))
    return chosen


def tasks(data: Path, roles: str, count: int) -> list[dict]:
    """All pairs of the roles: those of the lists, and ``count`` false ones between the photos of these."""
    rows = []
    for role in roles.split(","):
        random = np.random.default_rng(0)
        true = rendered(data, random) if role == "rendered" else {name: listed(data, name) for name in LISTS[role]}
        photos = {name: sorted({path for a, b, _ in pairs for path in (a, b)}) for name, pairs in true.items()}
        for name, pairs in true.items():
            rows += [{"true": True, "list": name, "a": a, "b": b, "overlap": overlap} for a, b, overlap in pairs]
        for name, a, b in across(photos, count, random):
            rows.append({"true": False, "list": name, "a": a, "b": b, "overlap": 0.0})
    return rows


def rendered(data: Path, random: np.random.Generator) -> dict[str, list[tuple[Path, Path, float | None]]]:
    """Two pairs of each capture, one to three photos apart."""
    found = {}
    for folder in sorted(path for path in (data / "cycles_train").iterdir() if path.is_dir()):
        photos = sorted((folder / "images").glob("*.jpg"))
        starts, steps = random.integers(0, len(photos) - 3, 2), random.integers(1, 4, 2)
        found[folder.name] = [(photos[k], photos[k + step], None) for k, step in zip(starts, steps, strict=True)]
    return found


def collect(arguments: argparse.Namespace) -> None:
    """Match all pairs and keep what verification says."""
    matcher = open_matcher(arguments.matcher)
    rows = tasks(arguments.data, arguments.roles, arguments.false_pairs)
    paths = sorted({path for row in rows for path in (row["a"], row["b"])})
    infos = [read_photo_info(path) for path in paths]
    photos = [PhotoSource(path, (info.width, info.height)) for path, info in zip(paths, infos, strict=True)]
    index = {path: k for k, path in enumerate(paths)}
    pairs = [tuple(sorted((index[row["a"]], index[row["b"]]))) for row in rows]
    work = arguments.work / arguments.matcher
    found = match_photo_set(matcher, photos, PairSelection("list", given=tuple(pairs)), work, Silent()).matches
    for row, (a, b) in zip(rows, pairs, strict=True):
        table = found.rows.get((a, b), np.zeros((0, 2), np.int64))
        matches = Matches(
            points_a=found.keypoints[a][table[:, 0]],
            points_b=found.keypoints[b][table[:, 1]],
            scores=found.scores.get((a, b), np.zeros(0, np.float32)),
            size_a=photos[a].size,
            size_b=photos[b].size,
            model=arguments.matcher,
            weights="",
            licence="",
        )
        row |= {"matcher": arguments.matcher, **vars(evidence(matches, two_view_geometry(matches).inliers))}
        row["a"], row["b"] = str(row["a"]), str(row["b"])
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps(rows))


def load(files: list[Path]) -> list[dict]:
    return [row for path in files for row in json.loads(path.read_text())]


def found_of(row: dict) -> Evidence:
    return Evidence(row["matches"], row["inliers"], row["arranged"])


def easy_enough(row: dict) -> bool:
    """False pairs, and true ones whose overlap is not known to be below the limit."""
    return not row["true"] or row["overlap"] is None or row["overlap"] >= LEAST_OVERLAP


def fit(arguments: argparse.Namespace) -> None:
    """Logistic regression with a weak ridge; true and false pairs of each matcher weigh the same."""
    rows = [row for row in load(arguments.files) if row["inliers"]]
    features = np.array([found_of(row).features for row in rows])
    labels = np.array([row["true"] for row in rows], float)
    groups = np.array([f"{row['matcher']} {row['true']}" for row in rows])
    weights = np.array([1 / (groups == group).sum() for group in groups])
    mean, spread = features.mean(0), features.std(0)
    scaled = (features - mean) / spread

    def loss(parameters: np.ndarray) -> float:
        value = scaled @ parameters[:-1] + parameters[-1]
        return float(
            (weights * np.logaddexp(0, np.where(labels > 0, -value, value))).sum() + 1e-2 * (parameters[:-1] ** 2).sum()
        )

    best = minimize(loss, np.zeros(features.shape[1] + 1)).x
    final = best[:-1] / spread
    print("WEIGHTS =", tuple(round(float(w), 3) for w in final))
    print("BIAS =", round(float(best[-1] - final @ mean), 3))
    score = features @ final + best[-1] - final @ mean
    print(f"area under the curve {area(score, labels):.4f} of {len(rows)} pairs")


def area(score: np.ndarray, labels: np.ndarray) -> float:
    true, false = score[labels > 0], score[labels == 0]
    return float((true[:, None] > false[None]).mean() + 0.5 * (true[:, None] == false[None]).mean())


def report(arguments: argparse.Namespace) -> None:
    """By matcher: false accepts where 95 % of the true pairs are accepted, and at the threshold of the package."""
    rows = load(arguments.files)
    for row in rows:
        row["score"] = probability(found_of(row))
    columns = ["matcher", "true / false pairs", "AUC", "false accepts at 95 % recall", "recall", "false accepts"]
    print("| " + " | ".join([*columns, "weak true pairs accepted"]) + " |")
    print("|---|---|---|---|---|---|---|")
    for matcher in dict.fromkeys(row["matcher"] for row in rows):
        mine = [row for row in rows if row["matcher"] == matcher]
        true = np.array([row["score"] for row in mine if row["true"] and easy_enough(row)])
        weak = np.array([row["score"] for row in mine if row["true"] and not easy_enough(row)])
        false = np.array([row["score"] for row in mine if not row["true"]])
        limit = np.quantile(true, 1 - RECALL, method="lower")
        labels = np.repeat([1.0, 0.0], [len(true), len(false)])
        cells = [
            matcher,
            f"{len(true)} / {len(false)}",
            f"{area(np.concatenate([true, false]), labels):.3f}",
            f"{100 * (false >= limit).mean():.1f} % (score {limit:.3f})",
            f"{100 * (true >= ACCEPTED).mean():.1f} %",
            f"{100 * (false >= ACCEPTED).mean():.1f} %",
            f"{(weak >= ACCEPTED).sum()} of {len(weak)}",
        ]
        print("| " + " | ".join(cells) + " |")
    for name in dict.fromkeys(row["list"] for row in rows if row["true"]):
        parts = []
        for matcher in dict.fromkeys(row["matcher"] for row in rows):
            scores = np.array([r["score"] for r in rows if r["list"] == name and r["matcher"] == matcher])
            parts.append(f"{matcher} {100 * (scores >= ACCEPTED).mean():.0f} %")
        print(f"{name}: recall {', '.join(parts)}")


def main() -> None:
    """Run one of the three."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = parser.add_subparsers(required=True)
    one = verbs.add_parser("collect")
    one.add_argument("matcher")
    one.add_argument("--data", type=Path, required=True)
    one.add_argument("--roles", default="validation,rendered")
    one.add_argument("--false-pairs", type=int, default=150)
    one.add_argument("--work", type=Path, default=Path("evidence"), help="features and matches are kept here")
    one.add_argument("--out", type=Path, required=True)
    one.set_defaults(run=collect)
    for name, function in (("fit", fit), ("report", report)):
        verb = verbs.add_parser(name)
        verb.add_argument("files", type=Path, nargs="+")
        verb.set_defaults(run=function)
    arguments = parser.parse_args()
    arguments.run(arguments)


if __name__ == "__main__":
    main()
