"""Transfer learning on real images: cut the head off, add another, freeze, thaw; and what sharing weights means."""

from __future__ import annotations

import numpy as np
import pytest

import lamina
from lamina import layers


def classifier(classes):
    inputs = layers.Input((28, 28), name="image")
    x = layers.Rescaling(1 / 255)(layers.Flatten()(inputs))
    x = layers.Dense(100, activation="relu", name="low")(x)
    x = layers.BatchNormalization(name="norm")(x)
    x = layers.Dense(50, activation="relu", name="high")(x)
    return lamina.Model(inputs, layers.Dense(classes, activation="softmax", name="head")(x), name="base")


def values(model):
    return [np.array(w) for w in model.get_weights()]


@pytest.fixture
def clothes(fashion_mnist_folder):
    """Images of the classes 0 to 4, and of 5 to 9 as classes 0 to 4: (x, y, x_test, y_test) of each."""
    (x, y), (x_test, y_test) = lamina.datasets.fashion_mnist.load_data()
    x, y, x_test, y_test = x[:12_000], y[:12_000].astype("int32"), x_test[:4000], y_test[:4000].astype("int32")
    low, low_test = y < 5, y_test < 5
    first = (x[low], y[low], x_test[low_test], y_test[low_test])
    return first, (x[~low], y[~low] - 5, x_test[~low_test], y_test[~low_test] - 5)


def test_a_new_head_on_a_frozen_trunk_learns_other_classes(clothes):
    (x, y, x_test, y_test), (x2, y2, x2_test, y2_test) = clothes
    base = classifier(5)
    base.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    base.fit(x, y, epochs=3, verbose=0)
    before_scores = base.evaluate(x_test, y_test, verbose=0)
    assert before_scores[1] > 0.8

    trunk = lamina.Model(base.input, base.get_layer("high").output, name="trunk")
    assert trunk.get_layer("low") is base.get_layer("low")
    trunk.trainable = False
    inputs = layers.Input((28, 28))
    model = lamina.Model(inputs, layers.Dense(5, activation="softmax")(trunk(inputs)))
    assert len(model.trainable_variables) == 2
    model.compile(lamina.optimizers.Adam(0.01), "sparse_categorical_crossentropy", metrics=["accuracy"])
    frozen = values(trunk)
    few = slice(0, 1000)
    model.fit(x2[few], y2[few], epochs=5, verbose=0)
    for old, new in zip(frozen, values(trunk), strict=True):
        np.testing.assert_array_equal(new, old)  # the moving statistics of the BatchNormalization too
    with_frozen = model.evaluate(x2_test, y2_test, verbose=0)[1]
    assert with_frozen > 0.75
    assert base.evaluate(x_test, y_test, verbose=0) == pytest.approx(
        before_scores
    )  # the shared weights are as they were

    trunk.trainable = True
    trunk.get_layer("norm").trainable = False
    assert len(model.trainable_variables) == 6
    model.compile(lamina.optimizers.Adam(1e-3), "sparse_categorical_crossentropy", metrics=["accuracy"])
    moving = np.array(trunk.get_layer("norm").moving_mean)
    model.fit(x2, y2, epochs=3, verbose=0)
    np.testing.assert_array_equal(trunk.get_layer("norm").moving_mean, moving)
    assert model.evaluate(x2_test, y2_test, verbose=0)[1] > with_frozen
    assert base.get_layer("low").get_weights()[0].tolist() == trunk.get_layer("low").get_weights()[0].tolist()
    assert not np.array_equal(trunk.get_layer("low").get_weights()[0], frozen[0])


def test_a_change_of_trainable_takes_effect_at_the_next_fit_and_keeps_the_optimizer(clothes):
    (x, y, *_), _ = clothes
    model = classifier(5)
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(x[:640], y[:640], epochs=1, verbose=0)
    model.get_layer("low").trainable = False
    frozen = model.get_layer("low").get_weights()
    steps = int(model.optimizer.iterations.value)
    model.fit(x[:640], y[:640], epochs=1, verbose=0)
    for old, new in zip(frozen, model.get_layer("low").get_weights(), strict=True):
        np.testing.assert_array_equal(new, old)
    assert int(model.optimizer.iterations.value) == 2 * steps


@pytest.mark.parametrize("library", ["lamina", "keras"])
def test_frozen_parts_count_as_in_keras(library):
    library = pytest.importorskip(library)
    inner = library.Sequential([library.layers.Input((4,)), library.layers.Dense(3), library.layers.Dense(2)])
    inputs = library.layers.Input((4,))
    model = library.Model(inputs, library.layers.Dense(1)(inner(inputs)))
    counts = [len(model.trainable_variables)]
    inner.trainable = False
    counts.append(len(model.trainable_variables))
    inner.layers[0].trainable = True  # inside of a frozen model
    counts += [len(model.trainable_variables), len(inner.trainable_variables)]
    inner.trainable = True
    counts.append(len(model.trainable_variables))
    model.trainable = False
    counts.append(len(model.trainable_variables))
    assert counts == [6, 2, 4, 0, 6, 0]


def test_a_layer_called_twice_trains_one_set_of_weights():
    lamina.utils.set_random_seed(1)
    left, right = layers.Input((3,), name="left"), layers.Input((3,), name="right")
    encode = layers.Dense(4, activation="tanh")
    distance = layers.Subtract()([encode(left), encode(right)])
    model = lamina.Model([left, right], layers.Dense(1)(distance))
    assert model.count_params() == 16 + 5
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 200, 3)).astype("float32")
    y = (a - b).sum(1)
    model.compile(lamina.optimizers.Adam(0.02), "mse")
    history = model.fit((a, b), y, epochs=20, verbose=0).history["loss"]
    assert history[-1] < 0.2 * history[0]
    np.testing.assert_allclose(model.predict((a, b)), -model.predict((b, a)) + 2 * model.layers[-1].bias, atol=1e-4)
