"""Does a graph or a class of one's own train as fast as a stack, and what does `model(x)` cost?"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from benchmarks._common import BATCH_SIZE, CASES, load, table
from benchmarks._harness import Record, Worker, alternate, installed, pair_ratio
from benchmarks.peers import keras_api

LIBRARIES = {"lamina": "lamina", "Keras on JAX": "keras"}
FORMS = ["functional", "subclassed"]
EPOCHS_A_ROUND = 10
SECONDS_A_ROUND = 0.3


def worker(peer: str, form: str) -> Iterator[Record]:
    """First the epoch that compiles, then rounds of a few epochs, and of calls of the model on one batch."""
    case = CASES["housing"]
    data = load(case)
    network = keras_api.build(LIBRARIES[peer], case, data, form)
    network.fit(1)
    yield {}
    import jax

    batch = jax.device_put(data.x[:BATCH_SIZE])
    weights = [v.value for v in network.model.trainable_variables]
    others = [v.value for v in network.model.non_trainable_variables]
    bare = jax.jit(lambda weights, others, x: network.model.stateless_call(weights, others, x)[0])
    while True:
        seconds = network.fit(EPOCHS_A_ROUND)
        yield {
            "epochs": seconds,
            "loss": network.loss,
            "call": _median_call(lambda: network.model(batch)),
            "bare": _median_call(lambda: bare(weights, others, batch)) if peer == "lamina" else None,
        }


def _median_call(call: Callable[[], Any]) -> float:
    times: list[float] = []
    end = time.perf_counter() + SECONDS_A_ROUND
    while time.perf_counter() < end or len(times) < 20:
        start = time.perf_counter()
        call().block_until_ready()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def run(rounds: int, quick: bool) -> Iterator[str]:
    """Yield one table and its verdicts."""
    rounds = 2 if quick else rounds
    there, absent = installed(list(LIBRARIES))
    with tempfile.TemporaryDirectory() as cache:
        start = {
            f"{peer}, {form}": partial(Worker, __name__, peer, cache, form=form) for peer in there for form in FORMS
        }
        records = alternate(start, rounds + 1)
    warm = {peer: [statistics.median(record["epochs"]) for record in kept[1:]] for peer, kept in records.items()}
    ours = warm[f"lamina, {FORMS[0]}"]
    header = [
        "",
        "ms an epoch, median",
        "times lamina's graph",
        "loss",
        "`model(x)`, us",
        "bare jitted call, us",
        "ratio",
    ]
    rows = []
    for peer, kept in records.items():
        call, bare = ([record[name] for record in kept[1:]] for name in ("call", "bare"))
        rows.append(
            [
                peer,
                f"{1e3 * statistics.median(warm[peer]):.1f}",
                f"{pair_ratio(warm[peer], ours):.2f}",
                f"{kept[-1]['loss']:.4f}",
                f"{1e6 * statistics.median(call):.0f}",
                f"{1e6 * statistics.median(bare):.0f}" if all(bare) else "-",
                f"{pair_ratio(call, bare):.2f}" if all(bare) else "-",
            ]
        )
    yield "\n\n".join(
        ["### The notes' wide & deep network on housing, 363 steps an epoch", table(header, rows), *_verdicts(warm)]
    )
    yield from absent


def _verdicts(warm: dict[str, list[float]]) -> Iterator[str]:
    graph, own = (warm[f"lamina, {form}"] for form in FORMS)
    yield f"The class takes {pair_ratio(own, graph):.2f} times the graph's time (must be at most 1.05)."
    for form in FORMS:
        theirs = warm.get(f"Keras on JAX, {form}")
        if theirs:
            ratio = pair_ratio(theirs, warm[f"lamina, {form}"])
            yield f"{form}: {ratio:.1f} times faster than Keras on JAX (must be at least 8)."
    yield "`model(x)` must take at most 5 times the bare jitted call."


if __name__ == "__main__":
    from benchmarks.__main__ import main

    main(["graphs"])
