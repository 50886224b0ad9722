"""Small data, small models, and counters that the training tests share."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import jax
import numpy as np

import lamina
from lamina import layers


def regression_data(rows: int = 100, features: int = 4, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Noisy linear data: x (rows, features), y (rows, 1), float32."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, features)).astype("float32")
    y = x @ rng.normal(size=(features, 1)) + 0.1 * rng.normal(size=(rows, 1))
    return x, y.astype("float32")


def class_data(rows: int = 100, features: int = 4, classes: int = 3, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Clusters: x (rows, features) float32, y (rows,) class numbers, every class present."""
    rng = np.random.default_rng(seed)
    y = np.arange(rows) % classes
    x = rng.normal(size=(rows, features)) + 2 * rng.normal(size=(classes, features))[y]
    return x.astype("float32"), y


def regressor(seed: int = 1, optimizer: Any = "adam", features: int = 4, **compile_arguments: Any) -> lamina.Sequential:
    """A small compiled regression network with dropout and batch normalization."""
    lamina.utils.set_random_seed(seed)
    model = lamina.Sequential(
        [
            layers.Input((features,)),
            layers.Dense(8, activation="relu"),
            layers.BatchNormalization(),
            layers.Dropout(0.3),
            layers.Dense(1),
        ]
    )
    model.compile(optimizer=optimizer, loss="mse", metrics=["mae"], **compile_arguments)
    return model


def classifier(seed: int = 1, optimizer: Any = "adam", features: int = 4, classes: int = 3) -> lamina.Sequential:
    """A small compiled classification network."""
    lamina.utils.set_random_seed(seed)
    model = lamina.Sequential(
        [
            layers.Input((features,)),
            layers.Dense(8, activation="relu"),
            layers.Dense(classes, activation="softmax"),
        ]
    )
    model.compile(optimizer=optimizer, loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def same_bits(first: list[np.ndarray], second: list[np.ndarray]) -> bool:
    """Whether two lists of weights are equal bit for bit."""
    return len(first) == len(second) and all(
        a.dtype == b.dtype and a.tobytes() == b.tobytes() for a, b in zip(first, second, strict=True)
    )


@contextlib.contextmanager
def count_compilations() -> Iterator[list[str]]:
    """Collect one entry for each program that XLA compiles (or takes from its cache on disk) inside the context."""
    compiled: list[str] = []

    def listen(event: str, duration: float, **_: Any) -> None:
        if event == "/jax/core/compile/backend_compile_duration":
            compiled.append(event)

    jax.monitoring.register_event_duration_secs_listener(listen)
    try:
        yield compiled
    finally:
        jax.monitoring.unregister_event_duration_listener(listen)
