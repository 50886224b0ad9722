"""Writes the files that every later version must read: run once for each release of Keras or of lamina.

    python tests/saving/make_fixtures.py keras tests/saving/fixtures       (with that Keras, on JAX)
    python tests/saving/make_fixtures.py lamina tests/saving/fixtures

For each: a model of many layers, trained a little, with what it predicts; weights alone; for Keras its older `.h5` too.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

os.environ["KERAS_BACKEND"] = "jax"
import numpy as np


def make(library: Any) -> Any:
    layers = library.layers
    inputs = layers.Input((8, 8, 1), name="image")
    x = layers.Rescaling(1 / 255)(inputs)
    x = layers.Conv2D(4, 3, padding="same", activation="relu")(x)
    x = layers.BatchNormalization()(x)
    x = layers.MaxPooling2D()(x)
    x = layers.SeparableConv2D(4, 3, activation="gelu")(x)
    x = layers.Flatten()(x)
    branch = layers.LayerNormalization()(layers.Dense(6, kernel_regularizer="l2")(x))
    other = layers.PReLU()(layers.Dense(6, kernel_initializer="he_normal")(x))
    x = layers.Dropout(0.3)(layers.Concatenate()([branch, layers.Add()([branch, other])]))
    outputs = layers.Dense(3, activation="softmax", name="classes")(x)
    model = library.Model(inputs, outputs, name="fixture")
    rate = library.optimizers.schedules.ExponentialDecay(0.01, 100, 0.9)
    optimizer = library.optimizers.Adam(rate)
    model.compile(optimizer=optimizer, loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def data() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return rng.uniform(0, 255, (12, 8, 8, 1)).astype("float32"), rng.integers(0, 3, 12).astype("int32")


def write(name: str, folder: Path) -> None:
    library = __import__(name)
    library.utils.set_random_seed(1)
    model = make(library)
    x, y = data()
    model.fit(x, y, batch_size=4, epochs=2, verbose=0)
    stem = str(folder / f"{name}-{library.__version__}")
    model.save(f"{stem}.keras")
    model.save_weights(f"{stem}.weights.h5")
    model.save(f"{stem}.h5")
    np.save(f"{stem}.npy", np.asarray(model.predict(x, verbose=0)))


if __name__ == "__main__":
    Path(sys.argv[2]).mkdir(parents=True, exist_ok=True)
    write(sys.argv[1], Path(sys.argv[2]))
