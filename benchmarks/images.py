"""How long is a training step, a prediction and an augmentation of images, beside the peers?"""

from __future__ import annotations

import importlib
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

from benchmarks._common import BATCH_SIZE, SEED, table
from benchmarks._harness import Record, Worker, alternate, installed, pair_ratio

PEERS = ["lamina", "PyTorch", "Keras on TensorFlow", "Keras on JAX"]
_MODULES = {"lamina": "lamina", "PyTorch": "torch", "Keras on TensorFlow": "keras", "Keras on JAX": "keras"}
STEPS = {"cnn": 20, "resnet18": 5}  # a round
SHAPES = {"cnn": (28, 28, 1), "resnet18": (32, 32, 3)}
CASES = {  # title, peers, what lamina's time may be at most, against the fastest peer
    "train cnn": ("A training step of the notes' CNN, 32 images", PEERS, 1.3),
    "train resnet18": ("A training step of ResNet-18, 32 images of 32 x 32", PEERS[:2], 1.2),
    "predict cnn": ("Class probabilities of 1,000 images, the notes' CNN", PEERS, 1.0),
    "augment": ("Flip, rotate, zoom, contrast: 32 images of 64 x 64 x 3", ["lamina", *PEERS[2:]], 0.5),
    "max pool": ("Max pooling by 2, forward and backward, 32 x 28 x 28 x 64, in a loop", ["lamina"], None),
}
LIMIT = {"max pool": 1.0}  # ms


def worker(peer: str, case: str) -> Iterator[Record]:
    """First the run that compiles, then rounds: seconds a step or a call."""
    rng = np.random.default_rng(SEED)
    library = importlib.import_module(_MODULES[peer])
    home = importlib.import_module(f"benchmarks.peers.images_{'torch' if peer == 'PyTorch' else 'keras'}")
    task, _, name = case.partition(" ")
    if task == "train":
        x = rng.random((BATCH_SIZE * STEPS[name], *SHAPES[name]), np.float32)
        epoch = home.trainer(library, name, x, rng.integers(0, 10, len(x)).astype(np.int32))
        run, count = epoch, STEPS[name]
    elif task == "predict":
        x = rng.random((1_000, *SHAPES[name]), np.float32)
        run, count = partial(_timed, home.predictor(library, name), x), 1
    elif task == "augment":
        x = rng.random((BATCH_SIZE, 64, 64, 3), np.float32)
        run, count = partial(_timed, home.augmenter(library), x), 1
    else:
        run, count = _pooling(), 200
    yield {"seconds": run() / count}
    while True:
        times = [run() / count for _ in range(3 if task == "train" else 7)]
        yield {"seconds": statistics.median(times)}


def _timed(function: Callable[[np.ndarray], Any], x: np.ndarray) -> float:
    start = time.perf_counter()
    function(x)
    return time.perf_counter() - start


def _pooling() -> Callable[[], float]:
    """200 times forward and backward in one compiled loop, as training has it."""
    import jax
    from jax import lax

    from lamina import ops

    def gradient(x: jax.Array) -> jax.Array:
        y, back = jax.vjp(lambda x: ops.max_pool(x, 2), x)
        return back(y)[0]

    x = jax.numpy.asarray(np.random.default_rng(SEED).normal(size=(BATCH_SIZE, 28, 28, 64)), "float32")
    loop = jax.jit(lambda x: lax.fori_loop(0, 200, lambda _, x: x - 1e-3 * gradient(x), x))

    def run() -> float:
        start = time.perf_counter()
        loop(x).block_until_ready()
        return time.perf_counter() - start

    return run


def run(rounds: int, quick: bool) -> Iterator[str]:
    """Yield a table and its verdict for each case."""
    rounds = 2 if quick else rounds
    for case, (title, peers, limit) in CASES.items():
        there, absent = installed(peers)
        with tempfile.TemporaryDirectory() as cache:
            start = {peer: partial(Worker, __name__, peer, cache, case=case) for peer in there}
            records = alternate(start, rounds + 1)
        yield f"### {title}\n\n" + _report(case, records, limit)
        yield from absent


def _report(case: str, records: dict[str, list[Record]], limit: float | None) -> str:
    warm = {peer: [record["seconds"] for record in kept[1:]] for peer, kept in records.items()}
    header = ["", "ms, median", "min", "max", "times lamina's", "first run, ms"]
    rows = []
    for peer, seconds in warm.items():
        numbers = [statistics.median(seconds), min(seconds), max(seconds)]
        ratio = pair_ratio(seconds, warm["lamina"]) if "lamina" in warm else float("nan")
        first = f"{1e3 * records[peer][0]['seconds']:.1f}"
        rows.append([peer, *(f"{1e3 * number:.2f}" for number in numbers), f"{ratio:.2f}", first])
    parts = [table(header, rows)]
    rivals = [peer for peer in warm if peer != "lamina"]
    if limit is not None and rivals and "lamina" in warm:
        fastest = min(rivals, key=lambda peer: statistics.median(warm[peer]))
        ratio = pair_ratio(warm["lamina"], warm[fastest])
        parts.append(f"lamina takes {ratio:.2f} times the time of {fastest} (must be at most {limit:g}).")
    if case in LIMIT and "lamina" in warm:
        parts.append(f"{1e3 * statistics.median(warm['lamina']):.2f} ms (must be at most {LIMIT[case]:g}).")
    return "\n\n".join(parts)
