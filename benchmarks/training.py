"""How long is an epoch after the first, beside the peers and beside bare JAX?"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Iterator
from functools import partial

from benchmarks._common import CASES, Case, load, table
from benchmarks._harness import Record, Worker, alternate, installed, pair_ratio
from benchmarks.peers import build

PEERS = ["lamina", "Keras on JAX", "PyTorch", "scikit-learn", "Keras on TensorFlow", "bare JAX"]
RIVALS = ["Keras on JAX", "PyTorch", "scikit-learn"]  # the fastest of these is what lamina is held against
TIMES_FASTER = {"housing": 8.0, "fashion-mnist": 2.0}
EPOCHS_A_ROUND = {"housing": 10, "fashion-mnist": 3}


def worker(peer: str, case: str) -> Iterator[Record]:
    """First the epoch that compiles, then rounds of a few epochs; the score on the test rows, off the clock."""
    chosen = CASES[case]
    data = load(chosen)
    network = build(peer, chosen, data)
    epochs = 1
    while True:
        start = time.perf_counter()
        seconds = network.fit(epochs)
        whole = time.perf_counter() - start
        score = chosen.score(network.predict(data.x_test), data.y_test)
        yield {"epochs": seconds, "fit": whole / epochs, "loss": network.loss, "score": score}
        epochs = EPOCHS_A_ROUND[case]


def run(rounds: int, quick: bool) -> Iterator[str]:
    """Yield a table and its verdict for each case."""
    rounds = 2 if quick else rounds
    there, absent = installed(PEERS)
    for case in CASES.values():
        with tempfile.TemporaryDirectory() as cache:
            start = {peer: partial(Worker, __name__, peer, cache, case=case.name) for peer in there}
            records = alternate(start, rounds + 1)
        yield f"### One epoch of `{case.name}` after the first\n\n" + _report(case, records)
        yield from absent


def _report(case: Case, records: dict[str, list[Record]]) -> str:
    warm = {peer: [statistics.median(record["epochs"]) for record in kept[1:]] for peer, kept in records.items()}
    reference = "lamina" if "lamina" in warm else next(iter(warm))
    header = ["", "ms an epoch, median", "min", "max", "with the rest of `fit`", f"times {reference}'s"]
    header += ["first epoch, ms", "epochs trained", "loss", case.score_name]
    rows = [_row(case, peer, kept, warm[peer], warm[reference]) for peer, kept in records.items()]
    return "\n\n".join([table(header, rows), *_verdicts(case, warm)])


def _row(case: Case, peer: str, kept: list[Record], warm: list[float], reference: list[float]) -> list[str]:
    each = [seconds for record in kept[1:] for seconds in record["epochs"]]
    numbers = [statistics.median(warm), min(each), max(each), statistics.median(record["fit"] for record in kept[1:])]
    last = kept[-1]
    return [
        peer,
        *(f"{1e3 * number:.1f}" for number in numbers),
        f"{pair_ratio(warm, reference):.2f}",
        f"{1e3 * kept[0]['fit']:.0f}",
        str(sum(len(record["epochs"]) for record in kept)),
        f"{last['loss']:.4f}",
        f"{last['score']:.4f}",
    ]


def _verdicts(case: Case, warm: dict[str, list[float]]) -> Iterator[str]:
    """What the table must show: so many times faster than the fastest rival, at most 1.15 times the floor."""
    rivals = {peer: statistics.median(warm[peer]) for peer in RIVALS if peer in warm}
    if "lamina" not in warm or not rivals:
        return
    fastest = min(rivals, key=lambda peer: rivals[peer])
    ratio = pair_ratio(warm[fastest], warm["lamina"])
    yield f"Fastest peer: {fastest}, {ratio:.2f} times lamina's time (must be at least {TIMES_FASTER[case.name]:g})."
    if "bare JAX" in warm:
        floor = pair_ratio(warm["lamina"], warm["bare JAX"])
        yield f"lamina takes {floor:.2f} times the bare JAX loop (must be at most 1.15)."


if __name__ == "__main__":
    from benchmarks.__main__ import main

    main(["training"])
