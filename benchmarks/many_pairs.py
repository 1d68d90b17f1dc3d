"""Time and memory of matching many photos with each other.

    python benchmarks/many_pairs.py PHOTOS --photos 60 [--model NAME] [--pairs 300]

All pairs of the first photos, or ``--pairs`` of them spread evenly, with an empty store of features. Prints the seconds
on the clock and of the processor per pair, what that makes for all pairs, and the peak of the process's memory.
"""

from __future__ import annotations

import argparse
import itertools
import resource
import tempfile
import time
from pathlib import Path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--photos", type=int, default=60)
    parser.add_argument("--model", default="xfeat-lighterglue")
    parser.add_argument("--pairs", type=int, default=0, help="0 = all")
    arguments = parser.parse_args()

    import torch

    from splatmatch.formats.images import list_photos
    from splatmatch.matchers.feature_store import FeatureStore
    from splatmatch.matchers.many import extract_photos, match_pairs
    from splatmatch.matchers.registry import open_matcher
    from splatmatch.scene.matcher import FeatureMatcher

    names = list_photos(arguments.folder)[: arguments.photos]
    photos = [arguments.folder / name for name in names]
    every = list(itertools.combinations(range(len(photos)), 2))
    pairs = every[:: max(1, len(every) // arguments.pairs)][: arguments.pairs] if arguments.pairs else every
    matcher = open_matcher(arguments.model)
    with tempfile.TemporaryDirectory() as folder:
        store = FeatureStore(Path(folder))
        clock, processor = time.perf_counter(), time.process_time()
        if isinstance(matcher, FeatureMatcher):
            for _ in extract_photos(matcher, photos, store):
                pass
        features = (time.perf_counter() - clock, time.process_time() - processor)
        clock, processor = time.perf_counter(), time.process_time()
        found = sum(len(matches) for _, matches in match_pairs(matcher, photos, pairs, store))
        matching = (time.perf_counter() - clock, time.process_time() - processor)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    threads = f"{torch.get_num_threads()} threads"
    print(f"{len(photos)} photos, {len(pairs)} of {len(every)} pairs, {arguments.model}, {threads}")
    print(f"features: {features[0]:.0f} s on the clock, {features[1]:.0f} s of the processor")
    print(
        f"a pair: {matching[0] / len(pairs):.2f} s, {matching[1] / len(pairs):.2f} s, {found / len(pairs):.0f} matches"
    )
    total = [one + two / len(pairs) * len(every) for one, two in zip(features, matching, strict=True)]
    print(f"all pairs: {total[0]:.0f} s on the clock, {total[1]:.0f} s of the processor; peak memory {peak:.2f} GiB")


if __name__ == "__main__":
    main()
