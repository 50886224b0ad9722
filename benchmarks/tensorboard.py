"""How much does the `TensorBoard` callback, by default and with more, slow training down?"""

from __future__ import annotations

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

# Units of the layers, rows, features, epochs, and the callback's settings.
HOUSING, IMAGES = ((50, 50, 50, 1), 11_610, 8, 80), ((300, 100, 10), 55_000, 784, 4)
CASES: dict[str, tuple[tuple[tuple[int, ...], int, int, int], dict[str, Any]]] = {
    "8-50-50-50-1, by default": (HOUSING, {}),
    "784-300-100-10, by default": (IMAGES, {}),
    "784-300-100-10, update_freq=100": (IMAGES, {"update_freq": 100}),
    "784-300-100-10, histograms and pictures": (IMAGES, {"histogram_freq": 1, "write_images": True}),
}


def worker(peer: str, case: str, quick: bool, folder: str) -> Iterator[Record]:
    """Rounds of one training without the callback and one with, in turn; seconds of the clock and of all CPUs."""
    import lamina
    from lamina import callbacks, layers

    (widths, rows, features, epochs), settings = CASES[case]
    rows, epochs = (640, 2) if quick else (rows, epochs)
    rng = np.random.default_rng(0)
    x, y = rng.random((rows, features), "float32"), rng.integers(0, max(2, widths[-1]), rows)
    hidden = [layers.Dense(width, "relu") for width in widths[:-1]]
    classify = widths[-1] > 1
    model = lamina.Sequential(
        [layers.Input((features,)), *hidden, layers.Dense(widths[-1], "softmax" if classify else None)]
    )
    loss, metric = ("sparse_categorical_crossentropy", "accuracy") if classify else ("mse", "mae")
    model.compile("adam", loss, metrics=[metric])
    held_out = (x[: rows // 10], y[: rows // 10])

    def train(number: int, logging: bool) -> tuple[float, float]:
        began, cpu = time.perf_counter(), time.process_time()
        given = [callbacks.TensorBoard(Path(folder) / f"{case}-{number}", **settings)] if logging else []
        model.fit(x, y, epochs=epochs, validation_data=held_out, callbacks=given, verbose=0)
        return time.perf_counter() - began, time.process_time() - cpu

    number = 0
    train(number, True)  # compiles, and imports TensorBoard
    while True:
        number += 1
        results = {logging: train(number, logging) for logging in ((False, True) if number % 2 else (True, False))}
        yield {"without": results[False], "with": results[True], "epochs": epochs}


def run(rounds: int, quick: bool) -> Iterator[str]:
    """Yield one table."""
    rows = []
    for case in CASES:
        with tempfile.TemporaryDirectory() as folder:
            start = partial(Worker, __name__, "lamina", case=case, quick=quick, folder=folder)
            records = alternate({"lamina": start}, 2 if quick else rounds)["lamina"]
        clock, cpu = ([100 * (r["with"][i] / r["without"][i] - 1) for r in records] for i in (0, 1))
        epoch = statistics.median(record["without"][0] / record["epochs"] for record in records)
        spread = f"{statistics.median(clock):+.1f} ({min(clock):+.1f} to {max(clock):+.1f})"
        rows.append([case, f"{1000 * epoch:.1f}", spread, f"{statistics.median(cpu):+.1f}"])
    header = ["model, settings", "ms an epoch without", "time with, % more (range)", "CPU time, % more"]
    yield "### One training with the callback and one without, in turn\n\n" + table(header, rows)
    yield "By default it must cost less than 2 %."


if __name__ == "__main__":
    from benchmarks.__main__ import main

    main(["tensorboard"])
