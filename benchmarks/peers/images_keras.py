"""Image networks in lamina and Keras: one text, since the API is the same."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from benchmarks._common import BATCH_SIZE, SEED

Epoch = Callable[[], float]  # trains on all rows once, returns the seconds


def cnn(library: Any) -> Any:
    """The notes' network for Fashion-MNIST: 1,413,834 weights."""
    layers = library.layers
    conv = partial(layers.Conv2D, kernel_size=3, padding="same", activation="relu", kernel_initializer="he_normal")
    dense = partial(layers.Dense, activation="relu", kernel_initializer="he_normal")
    return library.Sequential(
        [
            layers.Input(shape=(28, 28, 1)),
            layers.Reshape(target_shape=(28, 28, 1)),
            conv(filters=64, kernel_size=7),
            layers.MaxPool2D(),
            conv(filters=128),
            conv(filters=128),
            layers.MaxPool2D(),
            conv(filters=256),
            conv(filters=256),
            layers.MaxPool2D(),
            layers.Flatten(),
            dense(units=128),
            layers.Dropout(0.5),
            dense(units=64),
            layers.Dropout(0.5),
            layers.Dense(units=10, activation="softmax"),
        ]
    )


def resnet18(library: Any) -> Any:
    """ResNet-18 for images of 32 x 32 (He et al. 2016, https://arxiv.org/abs/1512.03385), as a graph."""
    layers = library.layers

    def conv(x: Any, filters: int, size: int, strides: int = 1) -> Any:
        x = layers.Conv2D(filters, size, strides=strides, padding="same", use_bias=False)(x)
        return layers.BatchNormalization()(x)

    def block(x: Any, filters: int, strides: int) -> Any:
        y = layers.ReLU()(conv(x, filters, 3, strides))
        y = conv(y, filters, 3)
        if strides > 1 or x.shape[-1] != filters:
            x = conv(x, filters, 1, strides)
        return layers.ReLU()(layers.Add()([x, y]))

    inputs = layers.Input(shape=(32, 32, 3))
    x = layers.ReLU()(conv(inputs, 64, 3))
    for filters, strides in [(64, 1), (64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), (512, 1)]:
        x = block(x, filters, strides)
    outputs = layers.Dense(10, activation="softmax")(layers.GlobalAveragePooling2D()(x))
    return library.Model(inputs, outputs)


NETWORKS = {"cnn": cnn, "resnet18": resnet18}


def trainer(library: Any, name: str, x: np.ndarray, y: np.ndarray, batch_size: int = BATCH_SIZE) -> Epoch:
    """A function that trains the network on all rows once."""
    library.utils.set_random_seed(SEED)
    model = NETWORKS[name](library)
    optimizer = library.optimizers.SGD(learning_rate=0.01)
    model.compile(loss="sparse_categorical_crossentropy", optimizer=optimizer, metrics=["accuracy"])

    def epoch() -> float:
        start = time.perf_counter()
        model.fit(x, y, batch_size=batch_size, epochs=1, verbose=0)
        return time.perf_counter() - start

    return epoch


def predictor(library: Any, name: str) -> Callable[[np.ndarray], Any]:
    """A function from images to class probabilities."""
    model = NETWORKS[name](library)
    return lambda x: model.predict(x, verbose=0)


def augmenter(library: Any) -> Callable[[np.ndarray], Any]:
    """Flip, rotate, zoom and change the contrast of a batch, each image in its own way."""
    layers = library.layers
    pipeline = library.Sequential(
        [
            layers.RandomFlip("horizontal"),
            layers.RandomRotation(0.1),
            layers.RandomZoom(0.2),
            layers.RandomContrast(0.2),
        ]
    )
    return lambda x: np.asarray(pipeline(x, training=True))
