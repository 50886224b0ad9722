"""How fast is a model of 500 MB saved and loaded, beside the disk's own speed, and in how much memory?"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks._common import held_mib, peak_mib, table
from benchmarks._harness import Record, Worker, alternate, pair_ratio

PEERS = {"lamina": "lamina", "Keras on JAX": "keras", "safetensors": "safetensors"}
WIDTH, LAYERS = 4096, 8  # 8 kernels of 64 MiB


def _model(library: Any, width: int) -> Any:
    layers = library.layers
    stack = [layers.Dense(width, kernel_initializer="zeros") for _ in range(LAYERS)]
    return library.Sequential([layers.Input((width,)), *stack])


def _work(peer: str, width: int, path: Path) -> tuple[Callable[[], Any], Callable[[], Any]]:
    """How the peer saves its model, and how it loads it again."""
    if peer == "safetensors":
        from safetensors.numpy import load_file, save_file

        arrays = {f"kernel{i}": np.ones((width, width), np.float32) for i in range(LAYERS)}
        return lambda: save_file(arrays, path), lambda: load_file(path)
    library = __import__(PEERS[peer])
    model = _model(library, width)
    return lambda: model.save(path), lambda: library.saving.load_model(path)


def worker(peer: str, width: int, folder: str) -> Iterator[Record]:
    """Rounds of one save and one load, and of a plain copy of the file's bytes to the disk."""
    path = Path(folder) / f"{peer.split()[0]}.{'safetensors' if peer == 'safetensors' else 'keras'}"
    save, load = _work(peer, width, path)
    while True:
        held = held_mib()
        saving = _seconds(save)
        if peer != "lamina":
            saving += _seconds(lambda: _to_disk(path))  # which lamina's save has done
        saved = peak_mib() - held
        loading = _seconds(load)
        size = path.stat().st_size / 2**20
        extra = [saved / size, (peak_mib() - held) / size]  # true in the first round, before `_disk` holds the bytes
        yield {"save": saving, "load": loading, "size": size, "extra": extra, "disk": _disk(path)}


def _seconds(work: Callable[[], Any]) -> float:
    start = time.perf_counter()
    result = work()
    elapsed = time.perf_counter() - start
    del result
    return elapsed


def _to_disk(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def _disk(path: Path) -> dict[str, float]:
    """Seconds to write the same bytes with fsync, and to read them."""
    data = path.read_bytes()
    copy = path.with_suffix(".copy")

    def write() -> None:
        with copy.open("wb", buffering=0) as file:
            file.write(data)
            os.fsync(file.fileno())

    seconds = {"write": _seconds(write), "read": _seconds(copy.read_bytes)}
    copy.unlink()
    return seconds


def run(rounds: int, quick: bool) -> Iterator[str]:
    """Yield one table."""
    rounds, width = (1, 512) if quick else (rounds, WIDTH)
    with tempfile.TemporaryDirectory() as folder:
        records = alternate({p: partial(Worker, __name__, p, width=width, folder=folder) for p in PEERS}, rounds + 1)
    kept = {peer: values[1:] for peer, values in records.items()}
    rows = [
        [
            peer,
            *(f"{statistics.median(record[key] for record in values):.2f}" for key in ("save", "load")),
            *(f"{_share(values, work, disk):.2f}" for work, disk in (("save", "write"), ("load", "read"))),
            *(f"{extra:.2f}" for extra in records[peer][0]["extra"]),
        ]
        for peer, values in kept.items()
    ]
    size = next(iter(kept.values()))[0]["size"]
    memory = ["extra memory to save, sizes", "to load, the model included"]
    header = ["", "save, s", "load, s", "of the disk's writing speed", "of its reading speed", *memory]
    yield f"### A model of {size:.0f} MiB, with fsync\n\n" + table(header, rows)
    yield "lamina must reach half of the disk's speed, with at most 1.2 times the model's size in extra memory."


def _share(records: list[Record], work: str, disk: str) -> float:
    return pair_ratio([record["disk"][disk] for record in records], [record[work] for record in records])


if __name__ == "__main__":
    from benchmarks.__main__ import main

    main(["files"])
