"""``splatmatch doctor``: what is here, how fast it is, and what to install for what is missing."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from splatmatch.cli import diagnosis
from splatmatch.cli.arguments import Count, OptionalFile
from splatmatch.cli.output import print_table, say, write_result


@dataclass(frozen=True)
class Options:
    """Versions, engines and their measured speed, threads, kernel cache, weights with licences, what is missing."""

    repeats: Count = 5
    """Timed renders per engine; the median is shown."""
    json: OptionalFile = None
    """Write all of it to this file."""


def run(options: Options) -> None:
    """Measure and print."""
    from splatmatch.weights.load import status

    packages, engines = diagnosis.packages(), diagnosis.engines(max(1, options.repeats))
    threads, weights = diagnosis.threads(), status()
    say(diagnosis.system())
    print_table("packages", ["package", "version"], [(p.name, p.version or "missing") for p in packages])
    print_table(
        f"engines (median of {max(1, options.repeats)})",
        ["engine", "workload", "forward ms", "backward ms", "first call s"],
        [(e.name, e.workload if not e.problem else e.problem, e.forward_ms, e.backward_ms, e.first_s) for e in engines],
    )
    say(f"threads: {threads.cores} cores, torch {threads.torch_threads}, numba {threads.numba_threads}")
    say(f"numba threading layer: {threads.numba_layer}")
    say(f"compiled kernels: {threads.kernel_cache}")
    print_table(
        "weights",
        ["name", "for", "licence", "products", "state"],
        [
            (w.weights.name, w.weights.purpose, w.weights.licence, "yes" if w.weights.commercial else "no", w.state)
            for w in weights
        ],
    )
    missing = [(p.name, p.advice) for p in packages if p.advice]
    missing += [(w.weights.name, w.advice) for w in weights if w.advice]
    if missing:
        print_table("not here", ["what", "how to get it"], missing)
    write_result(
        options.json,
        protocol="doctor",
        config={"system": diagnosis.system(), "packages": packages, "threads": threads, "weights": weights},
        mean={},
        items=[asdict(engine) for engine in engines],
    )
