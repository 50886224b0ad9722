"""How much does `fit(resume=folder)`, which saves on a thread, slow training down?"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks._common import table
from benchmarks._harness import Record, Worker, alternate

# Units of the hidden layers, rows, epochs, and how often a checkpoint is due.
CASES: dict[str, tuple[tuple[int, ...], int, int, dict[str, Any]]] = {
    "300-100-10, by default": ((300, 100), 55_000, 12, {}),
    "300-100-10, every 2 s": ((300, 100), 55_000, 12, {"seconds": 2.0}),
    "2048-2048-10, Adam, by default": ((2048, 2048), 12_800, 4, {}),
    "2048-2048-10, Adam, every 100 steps": ((2048, 2048), 12_800, 4, {"save_freq": 100}),
}


def worker(peer: str, case: str, quick: bool, folder: str) -> Iterator[Record]:
    """Rounds of one training without checkpoints and one with, in turn; seconds of the clock and of all CPUs."""
    import lamina
    from lamina import callbacks, layers

    widths, rows, epochs, settings = CASES[case]
    rows, epochs = (640, 2) if quick else (rows, epochs)
    rng = np.random.default_rng(0)
    x, y = rng.random((rows, 784), "float32"), rng.integers(0, 10, rows)
    hidden = [layers.Dense(width, "relu") for width in widths]
    model = lamina.Sequential([layers.Input((784,)), *hidden, layers.Dense(10, "softmax")])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])

    def train(number: int, saving: bool) -> tuple[float, float, int]:
        run = Path(folder) / f"{case.replace(' ', '')}-{number}"
        backup = callbacks.BackupAndRestore(run, delete_checkpoint=False, **settings) if saving else None
        began, cpu = time.perf_counter(), time.process_time()
        model.fit(x, y, epochs=epochs, resume=backup, verbose=0)
        elapsed = time.perf_counter() - began, time.process_time() - cpu
        saved = [int(name[11:17]) for name in os.listdir(run) if name != "lock"] if saving else [0]
        return *elapsed, max(saved)

    number = 0
    train(number, True)  # compiles
    while True:
        number += 1
        results = {saving: train(number, saving) for saving in ((False, True) if number % 2 else (True, False))}
        size = max(path.stat().st_size for path in Path(folder).glob(f"*-{number}/*.lamina")) / 2**20
        yield {"without": results[False][:2], "with": results[True][:2], "saves": results[True][2], "size": size}


def run(rounds: int, quick: bool) -> Iterator[str]:
    """Yield one table."""
    rows = []
    for case in CASES:
        with tempfile.TemporaryDirectory() as folder:
            start = partial(Worker, __name__, "lamina", case=case, quick=quick, folder=folder)
            records = alternate({"lamina": start}, 1 if quick else rounds)["lamina"]
        clock, cpu = ([100 * (r["with"][i] / r["without"][i] - 1) for r in records] for i in (0, 1))
        seconds = statistics.median(r["without"][0] for r in records)
        rows.append(
            [
                case,
                f"{seconds:.2f}",
                f"{records[-1]['saves']} of {records[-1]['size']:.1f}",
                f"{statistics.median(clock):+.1f} ({min(clock):+.1f} to {max(clock):+.1f})",
                f"{statistics.median(cpu):+.1f}",
            ]
        )
    header = ["model", "s without", "checkpoints, MiB", "time with, % more (range)", "CPU time, % more"]
    yield "### One training with checkpoints and one without, in turn\n\n" + table(header, rows)
    yield "Checkpoints must cost less than 3 %. The CPU time counts the thread that writes, which may use an idle core."


if __name__ == "__main__":
    from benchmarks.__main__ import main

    main(["checkpoints"])
