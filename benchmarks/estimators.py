"""Are the scikit-learn estimators faster than scikit-learn's own, compilation included?"""

from __future__ import annotations

import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

from benchmarks._common import BATCH_SIZE, CASES, SEED, load, table
from benchmarks._harness import Record, Worker, fresh, pair_ratio

PEERS = ["lamina", "lamina, programs on disk", "scikit-learn"]
TASKS = {
    "MLPRegressor, housing, 3 x 50, batch 32, 20 epochs": "housing",
    "MLPClassifier, digits, defaults": "digits",
    "MLPClassifier, iris, defaults": "iris",
    "Perceptron, 100,000 x 20, 10 epochs": "perceptron",
    "GridSearchCV, digits, 50 candidates": "search",
}


def worker(peer: str, task: str, quick: bool) -> Iterator[Record]:
    """One record of a fresh process: seconds of the first fit, of the second, and the score."""
    warnings.simplefilter("ignore")
    first = globals()[f"_{task}"](peer.startswith("lamina"), quick)
    seconds = []
    for _ in range(1 if task == "search" else 2):
        start = time.perf_counter()
        score = first()
        seconds.append(time.perf_counter() - start)
    yield {"first": seconds[0], "again": seconds[-1], "score": score}


def _modules(ours: bool) -> tuple[Any, Any, Any]:
    if ours:
        import jax

        from lamina.estimators import MLPClassifier, MLPRegressor, Perceptron

        jax.devices()  # starting JAX belongs to importing it
        return MLPClassifier, MLPRegressor, Perceptron
    from sklearn.linear_model import Perceptron
    from sklearn.neural_network import MLPClassifier, MLPRegressor

    return MLPClassifier, MLPRegressor, Perceptron


def _housing(ours: bool, quick: bool) -> Callable[[], float]:
    from sklearn.preprocessing import StandardScaler

    data = load(CASES["housing"])
    scaler = StandardScaler().fit(data.x.astype(np.float64))
    x, x_test = (scaler.transform(one.astype(np.float64)) for one in (data.x, data.x_test))
    settings = {"batch_size": BATCH_SIZE, "max_iter": 2 if quick else 20, "random_state": SEED}
    regressor = _modules(ours)[1](hidden_layer_sizes=[50, 50, 50], **settings)

    def fit() -> float:
        answers = regressor.fit(x, data.y.astype(np.float64)).predict(x_test)
        return float(np.sqrt(np.mean((answers - data.y_test) ** 2)))

    return fit


def _digits(ours: bool, quick: bool) -> Callable[[], float]:
    from sklearn.datasets import load_digits

    return _classes(ours, quick, *load_digits(return_X_y=True))


def _iris(ours: bool, quick: bool) -> Callable[[], float]:
    from sklearn.datasets import load_iris

    return _classes(ours, quick, *load_iris(return_X_y=True))


def _classes(ours: bool, quick: bool, x: np.ndarray, y: np.ndarray) -> Callable[[], float]:
    classifier = _modules(ours)[0](random_state=SEED, **({"max_iter": 5} if quick else {}))
    return lambda: float(classifier.fit(x, y).score(x, y))


def _perceptron(ours: bool, quick: bool) -> Callable[[], float]:
    from sklearn.datasets import make_classification

    x, y = make_classification(10_000 if quick else 100_000, 20, n_informative=10, random_state=SEED)
    perceptron = _modules(ours)[2](max_iter=10, tol=None, random_state=SEED)
    return lambda: float(perceptron.fit(x, y).score(x, y))


def _search(ours: bool, quick: bool) -> Callable[[], float]:
    from sklearn.datasets import load_digits
    from sklearn.model_selection import GridSearchCV

    x, y = load_digits(return_X_y=True)
    rates, alphas = np.geomspace(1e-4, 1e-2, 2 if quick else 10), np.geomspace(1e-5, 1e-1, 1 if quick else 5)
    classifier = _modules(ours)[0](random_state=SEED, max_iter=5 if quick else 20)
    search = GridSearchCV(classifier, {"learning_rate_init": list(rates), "alpha": list(alphas)}, cv=3)
    return lambda: float(search.fit(x, y).best_score_)


def run(rounds: int, quick: bool) -> Iterator[str]:
    """Yield a table for each task: seconds of the first fit in a process, and how many times faster that is."""
    header = ["", "first fit, s", "times faster", "second fit, s", "times faster", "score"]
    for title, task in TASKS.items():
        with tempfile.TemporaryDirectory() as cache:
            kept = {"lamina": "off", "lamina, programs on disk": cache, "scikit-learn": None}
            start = {peer: partial(Worker, __name__, peer, kept[peer], task=task, quick=quick) for peer in PEERS}
            fresh({"lamina, programs on disk": start["lamina, programs on disk"]}, 1)  # fills the cache
            records = fresh(start, 2 if quick else min(rounds, 3))
        rows = []
        theirs = records.get("scikit-learn", [])
        for peer, own in records.items():
            first, again = ([one[key] for one in own] for key in ("first", "again"))
            ratios = [
                f"{pair_ratio([one[key] for one in theirs], mine):.1f}" if theirs else ""
                for key, mine in (("first", first), ("again", again))
            ]
            median = [f"{np.median(seconds):.2f}" for seconds in (first, again)]
            rows.append([peer, median[0], ratios[0], median[1], ratios[1], f"{own[0]['score']:.3f}"])
        yield f"{title}\n\n{table(header, rows)}"
