"""What does a small `predict` cost, does it leak, and how often does it compile?"""

from __future__ import annotations

import gc
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np

from benchmarks._common import CASES, held_mib, load, table
from benchmarks._harness import Record, Worker, alternate, installed, pair_ratio
from benchmarks.peers import build

PEERS = ["lamina", "Keras on JAX", "PyTorch", "bare JAX"]
ROWS = 3
SECONDS_A_ROUND = 0.5
LIMIT_SECONDS = 60.0  # for the many calls of a slow peer; the number of calls is in the table


def worker(peer: str, rounds: int, calls: int, row_counts: int) -> Iterator[Record]:
    """Rounds of the median call; then one with the memory that many calls leave and the number of compilations."""
    case = CASES["fashion-mnist"]
    x = load(case).x_test
    seen = None
    if peer in ("lamina", "Keras on JAX"):
        from benchmarks._watch import watch

        seen = watch()
    network = build(peer, case, load(case))
    few = x[:ROWS]
    network.predict(few)
    for _ in range(rounds):
        yield {"seconds": _median_call(network.predict, few)}
    done, growth = _growth(network.predict, few, calls)
    record: Record = {"calls": done, "growth": growth}
    if seen is not None:
        fresh = build(peer, case, load(case))
        before = seen.number
        for rows in range(1, row_counts + 1):
            fresh.predict(x[:rows])
        record["compilations"] = seen.number - before
    yield record


def _median_call(predict: Callable[[np.ndarray], np.ndarray], x: np.ndarray) -> float:
    times: list[float] = []
    end = time.perf_counter() + SECONDS_A_ROUND
    while time.perf_counter() < end or len(times) < 20:
        start = time.perf_counter()
        predict(x)
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def _growth(predict: Callable[[np.ndarray], np.ndarray], x: np.ndarray, calls: int) -> tuple[int, float]:
    """Calls made, and MiB held more after them than before; the first tenth warms up."""
    for _ in range(calls // 10):
        predict(x)
    gc.collect()
    before = held_mib()
    end = time.perf_counter() + LIMIT_SECONDS
    done = 0
    while done < calls and time.perf_counter() < end:
        predict(x)
        done += 1
    gc.collect()
    return done, held_mib() - before


def run(rounds: int, quick: bool) -> Iterator[str]:
    """Yield one table: microseconds a call, growth, compilations."""
    rounds, calls, row_counts = (2, 500, 100) if quick else (rounds, 10_000, 1000)
    there, absent = installed(PEERS)
    sizes = {"rounds": rounds, "calls": calls, "row_counts": row_counts}
    with tempfile.TemporaryDirectory() as cache:
        records = alternate({peer: partial(Worker, __name__, peer, cache, **sizes) for peer in there}, rounds + 1)
    seconds = {peer: [record["seconds"] for record in kept[:-1]] for peer, kept in records.items()}
    rows = []
    for peer, kept in records.items():
        times, last = seconds[peer], kept[-1]
        rows.append(
            [
                peer,
                *(f"{1e6 * value:.0f}" for value in (statistics.median(times), min(times), max(times))),
                f"{pair_ratio(times, seconds['bare JAX']):.2f}" if "bare JAX" in seconds else "-",
                f"{last['growth']:.1f} in {last['calls']}",
                str(last.get("compilations", "-")),
            ]
        )
    header = ["", f"µs for {ROWS} rows, median", "min", "max", "times the bare jitted call", "MiB more, in calls"]
    header.append(f"compilations for 1 to {row_counts} rows")
    yield "### `predict` of the Fashion-MNIST network, warm\n\n" + table(header, rows)
    yield "lamina must take at most 150 µs and 5 times the bare call, grow by less than 5 MB, compile at most 11 times."
    yield from absent


if __name__ == "__main__":
    from benchmarks.__main__ import main

    main(["predict"])
