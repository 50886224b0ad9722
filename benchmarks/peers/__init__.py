"""The same network, data and optimizer, written for each library as a skilled user of it would.

Each has `fit(epochs)`, which trains on and returns the seconds of each epoch, `loss` (of the last epoch, mean over its
batches as the library reports it), and `predict(x)`, which returns a NumPy array.
"""

from __future__ import annotations

import importlib
from typing import Protocol

import numpy as np

from benchmarks._common import Case, Data

_HOMES = {
    "lamina": "keras_api",
    "Keras on JAX": "keras_api",
    "PyTorch": "pytorch",
    "scikit-learn": "scikit",
    "bare JAX": "bare_jax",
    "Keras on TensorFlow": "keras_api",
}
PACKAGES = {
    "lamina": "lamina",
    "Keras on JAX": "keras",
    "PyTorch": "torch",
    "scikit-learn": "sklearn",
    "bare JAX": "jax",
    "Keras on TensorFlow": "tensorflow",
}


class Network(Protocol):
    loss: float

    def fit(self, epochs: int) -> list[float]: ...

    def predict(self, x: np.ndarray) -> np.ndarray: ...


def build(peer: str, case: Case, data: Data) -> Network:
    """Build the peer's network for the case; its library is imported here."""
    home = importlib.import_module(f"benchmarks.peers.{_HOMES[peer]}")
    return home.build("lamina" if peer == "lamina" else "keras", case, data)
