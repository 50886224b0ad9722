"""Whole networks against the real Keras: same weights, same batches, same losses, weights and metrics."""

from __future__ import annotations

import numpy as np
import pytest

import lamina
from lamina.training import compilation

keras = pytest.importorskip("keras")

OPTIMIZERS = {
    "sgd": {"learning_rate": 0.05},
    "nesterov": {"learning_rate": 0.05, "momentum": 0.9, "nesterov": True},
    "adam": {"learning_rate": 0.01},
    "adamw": {"learning_rate": 0.01, "weight_decay": 0.01},
    "rmsprop": {"learning_rate": 0.005, "momentum": 0.5, "centered": True},
    "clipped": {"learning_rate": 0.05, "global_clipnorm": 0.1},
    "accumulated": {"learning_rate": 0.05, "gradient_accumulation_steps": 2},
    "ema": {"learning_rate": 0.05, "use_ema": True, "ema_momentum": 0.9},
}
CLASSES = {"nesterov": "SGD", "clipped": "SGD", "accumulated": "SGD", "ema": "SGD", "sgd": "SGD", "adam": "Adam",
           "adamw": "AdamW", "rmsprop": "RMSprop"}  # fmt: skip


def build(library, task):
    layers = library.layers
    inner = [
        layers.Dense(12, activation="relu", kernel_regularizer="l2"),
        layers.BatchNormalization(),
        layers.Dense(7, activation="tanh", bias_constraint="non_neg"),
    ]
    last = {
        "regression": layers.Dense(1),
        "binary": layers.Dense(1, activation="sigmoid"),
        "multiclass": layers.Dense(3, activation="softmax"),
    }[task]
    return library.Sequential([layers.Input((5,)), layers.Normalization(), *inner, last])


COMPILE = {
    "regression": ("mse", ["RootMeanSquaredError", "mae"]),
    "binary": ("binary_crossentropy", ["accuracy", "AUC", "Precision"]),
    "multiclass": ("sparse_categorical_crossentropy", ["accuracy"]),
}


def data(task):
    rng = np.random.default_rng(3)
    x = rng.normal(2, 3, (75, 5)).astype("float32")
    y = {
        "regression": rng.normal(size=(75, 1)).astype("float32"),
        "binary": (x[:, :1] > 2).astype("float32"),
        "multiclass": rng.integers(0, 3, 75),
    }[task]
    return x, y


def pair(task, optimizer="adam"):
    """The same network in both libraries, with the same weights, compiled alike."""
    models = []
    for library in (lamina, keras):
        model = build(library, task)
        model.layers[0].adapt(data(task)[0])
        loss, metrics = COMPILE[task]
        make = getattr(library.optimizers, CLASSES[optimizer])
        model.compile(make(**OPTIMIZERS[optimizer]), loss, metrics=metrics)
        models.append(model)
    ours, theirs = models
    theirs.set_weights(ours.get_weights())
    return ours, theirs


@pytest.mark.parametrize("task", list(COMPILE))
def test_history_weights_and_scores_equal_keras(task):
    x, y = data(task)
    ours, theirs = pair(task)
    settings = {"epochs": 4, "batch_size": 16, "shuffle": False, "verbose": 0, "validation_data": (x[:37], y[:37])}
    mine, other = ours.fit(x, y, **settings).history, theirs.fit(x, y, **settings).history
    assert list(mine) == sorted(mine)
    assert set(mine) == set(other)
    for name, values in other.items():
        np.testing.assert_allclose(mine[name], values, rtol=1e-4, atol=1e-5, err_msg=name)
    for a, b in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(ours.evaluate(x, y, verbose=0), theirs.evaluate(x, y, verbose=0), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(ours.predict(x, verbose=0), theirs.predict(x, verbose=0), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("size", ["small", "large"])
@pytest.mark.parametrize("optimizer", list(OPTIMIZERS))
def test_every_optimizer_takes_the_steps_that_keras_takes(optimizer, size, monkeypatch):
    if size == "large":  # the loop of a large model holds its kernels transposed
        monkeypatch.setattr(compilation, "_SMALL_MODEL", 0)
    x, y = data("regression")
    ours, theirs = pair("regression", optimizer)
    settings = {"epochs": 2, "batch_size": 16, "shuffle": False, "verbose": 0}
    mine, other = ours.fit(x, y, **settings).history, theirs.fit(x, y, **settings).history
    np.testing.assert_allclose(mine["loss"], other["loss"], rtol=1e-5)
    for a, b in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-5, atol=2e-6)
    assert int(ours.optimizer.iterations) == int(
        theirs.optimizer.iterations.numpy()
        if hasattr(theirs.optimizer.iterations, "numpy")
        else theirs.optimizer.iterations
    )


@pytest.mark.parametrize("weights", ["sample", "class"])
def test_weighted_training_equals_keras(weights):
    x, y = data("multiclass")
    ours, theirs = pair("multiclass", "sgd")
    settings = {"epochs": 2, "batch_size": 16, "shuffle": False, "verbose": 0}
    if weights == "sample":
        settings["sample_weight"] = np.random.default_rng(0).uniform(0, 2, 75).astype("float32")
    else:
        settings["class_weight"] = {0: 0.5, 1: 1.0, 2: 3.0}
    mine, other = ours.fit(x, y, **settings).history, theirs.fit(x, y, **settings).history
    np.testing.assert_allclose(mine["loss"], other["loss"], rtol=1e-5)
    np.testing.assert_allclose(mine["accuracy"], other["accuracy"], rtol=1e-5)
    for a, b in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-5, atol=2e-6)


def test_learning_rate_schedules_equal_keras():
    x, y = data("regression")
    results = []
    for library in (lamina, keras):
        model = build(library, "regression")
        schedule = library.optimizers.schedules.CosineDecay(0.0, 8, warmup_target=0.05, warmup_steps=3)
        model.compile(library.optimizers.SGD(schedule), "mse")
        if results:
            model.set_weights(results[0][1])
        start = model.get_weights()
        results.append((model, start))
    settings = {"epochs": 3, "batch_size": 16, "shuffle": False, "verbose": 0}
    losses = [model.fit(x, y, **settings).history["loss"] for model, _ in results]
    np.testing.assert_allclose(*losses, rtol=1e-5)


@pytest.mark.parametrize("task", list(COMPILE))
def test_summary_and_configs_equal_keras(task):
    lamina.utils.clear_session()
    keras.utils.clear_session()
    texts = []
    for library in (lamina, keras):
        model = build(library, task)
        lines: list[str] = []
        model.summary(print_fn=lambda text, *_, lines=lines, **__: lines.append(text))
        texts.append(" ".join("".join(lines).split()))
    assert texts[0] == texts[1]


def test_keras_train_on_batch_logs_equal():
    x, y = data("multiclass")
    ours, theirs = pair("multiclass", "sgd")
    for start in (0, 16, 32):
        part = slice(start, start + 16)
        mine = ours.train_on_batch(x[part], y[part], return_dict=True)
        other = theirs.train_on_batch(x[part], y[part], return_dict=True)
        assert set(mine) == set(other)
        for name in mine:
            np.testing.assert_allclose(mine[name], other[name], rtol=1e-5, err_msg=name)
