"""How much memory does a Fashion-MNIST fit of two epochs need at its peak?"""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Iterator
from functools import partial

from benchmarks._common import CASES, load, peak_mib, table
from benchmarks._harness import Record, Worker, fresh, installed, pair_ratio
from benchmarks.peers import build

PEERS = ["lamina", "Keras on JAX", "PyTorch", "bare JAX"]


def worker(peer: str, epochs: int) -> Iterator[Record]:
    """One record: the process's peak after loading the data and after the fit."""
    case = CASES["fashion-mnist"]
    data = load(case)
    before = peak_mib()
    network = build(peer, case, data)
    network.fit(epochs)
    yield {"data": before, "peak": peak_mib(), "loss": network.loss}


def run(rounds: int, quick: bool) -> Iterator[str]:
    """Yield one table of peaks."""
    rounds, epochs = (1, 1) if quick else (min(rounds, 5), 2)
    there, absent = installed(PEERS)
    with tempfile.TemporaryDirectory() as cache:
        records = fresh({peer: partial(Worker, __name__, peer, cache, epochs=epochs) for peer in there}, rounds)
    peaks = {peer: [record["peak"] for record in kept] for peer, kept in records.items()}
    reference = "lamina" if "lamina" in peaks else next(iter(peaks))
    rows = [
        [
            peer,
            *(f"{value:.0f}" for value in (statistics.median(kept), min(kept), max(kept))),
            f"{statistics.median(record['data'] for record in records[peer]):.0f}",
            f"{pair_ratio(kept, peaks[reference]):.2f}",
            f"{records[peer][-1]['loss']:.4f}",
        ]
        for peer, kept in peaks.items()
    ]
    header = ["", "peak MiB, median", "min", "max", "with the data alone", f"times {reference}'s", "loss"]
    yield f"### Peak resident memory, {epochs} epochs, fresh processes\n\n" + table(header, rows)
    yield "lamina must stay below Keras on JAX."
    yield from absent


if __name__ == "__main__":
    from benchmarks.__main__ import main

    main(["memory"])
