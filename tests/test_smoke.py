"""The first look, in seconds: build, train, evaluate, predict, and the file is there."""

from __future__ import annotations

import numpy as np

import lamina


def test_a_small_network_learns_exclusive_or():
    lamina.utils.set_random_seed(0)
    x = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], "float32")
    y = np.array([0, 1, 1, 0])
    model = lamina.Sequential(
        [
            lamina.layers.Input((2,)),
            lamina.layers.Dense(16, activation="tanh"),
            lamina.layers.Dense(2, activation="softmax"),
        ]
    )
    model.compile(lamina.optimizers.Adam(0.05), "sparse_categorical_crossentropy", metrics=["accuracy"])
    history = model.fit(x, y, epochs=150, verbose=0)
    assert history.history["loss"][-1] < 0.1 * history.history["loss"][0]
    assert model.evaluate(x, y, verbose=0)[1] == 1.0
    assert (model.predict(x, verbose=0).argmax(axis=1) == y).all()
