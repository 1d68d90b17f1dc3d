"""Loading the next item while the present one is being worked on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Loaded = TypeVar("Loaded")


def prefetched(load: Callable[[Item], Loaded], items: Sequence[Item]) -> Iterator[tuple[Item, Future[Loaded]]]:
    """Each item with its ``load(item)``, which one thread computes one item ahead: at most two are in memory."""
    with ThreadPoolExecutor(max_workers=1) as pool:
        futures: list[Future[Loaded]] = []
        for index, item in enumerate(items):
            while len(futures) < 2 and index + len(futures) < len(items):
                futures.append(pool.submit(load, items[index + len(futures)]))
            yield item, futures.pop(0)
