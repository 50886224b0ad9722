"""The notes' functional and subclassed models beside the real Keras: same weights, same batches, 20 epochs."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.model_selection import train_test_split

import lamina

keras = pytest.importorskip("keras")


@pytest.fixture
def housing(housing_file):
    data = lamina.datasets.fetch_california_housing()
    x, _, y, _ = train_test_split(data.data, data.target, random_state=42)
    x, _, y, _ = train_test_split(x, y, random_state=42)
    return x.astype("float32"), y.astype("float32")


def wide_and_deep(library, x):
    layers = library.layers
    norm = layers.Normalization()
    norm.adapt(x)
    inputs = layers.Input(shape=x.shape[1:])
    normed = norm(inputs)
    hidden = layers.Dense(30, activation="relu")(layers.Dense(30, activation="relu")(normed))
    output = layers.Dense(1)(layers.Concatenate()([normed, hidden]))
    return library.Model(inputs=[inputs], outputs=[output])


def branches(library, x):
    layers = library.layers
    wide, deep = layers.Input(shape=[5], name="inputWide"), layers.Input(shape=[6], name="inputDeep")
    norm_wide, norm_deep = layers.Normalization(), layers.Normalization()
    norm_wide.adapt(x[:, :5])
    norm_deep.adapt(x[:, 2:])
    hidden = layers.Dense(30, activation="relu")(layers.Dense(30, activation="relu")(norm_deep(deep)))
    output = layers.Dense(1, name="output")(layers.concatenate([norm_wide(wide), hidden]))
    return wide, deep, hidden, output


def two_inputs(library, x):
    wide, deep, _, output = branches(library, x)
    return library.Model(inputs=[wide, deep], outputs=[output])


def two_outputs(library, x):
    wide, deep, hidden, output = branches(library, x)
    aux = library.layers.Dense(1, name="aux")(hidden)
    return library.Model(inputs={"inputDeep": deep, "inputWide": wide}, outputs=[output, aux])


def subclassed(library, x):
    layers = library.layers

    class WideAndDeepModel(library.Model):
        def __init__(self, units=30, activation="relu", **kwargs):
            super().__init__(**kwargs)
            self.normLayerWide = layers.Normalization()
            self.normLayerDeep = layers.Normalization()
            self.hiddLayer1 = layers.Dense(units=units, activation=activation)
            self.hiddLayer2 = layers.Dense(units=units, activation=activation)
            self.mainOut = layers.Dense(1)
            self.auxOut = layers.Dense(1)

        def call(self, inputs):
            wide, deep = inputs
            hidden = self.hiddLayer2(self.hiddLayer1(self.normLayerDeep(deep)))
            concat = layers.concatenate([self.normLayerWide(wide), hidden])
            return self.mainOut(concat), self.auxOut(hidden)

    model = WideAndDeepModel(name="WideAndDeep")
    model.normLayerWide.adapt(x[:, :5])
    model.normLayerDeep.adapt(x[:, 2:])
    model((x[:2, :5], x[:2, 2:]))  # makes the weights
    return model


def parts(x):
    return x[:, :5], x[:, 2:]


def named(x):
    return {"inputWide": x[:, :5], "inputDeep": x[:, 2:]}


RMSE = "RootMeanSquaredError"
CASES = {
    "wide and deep": (wide_and_deep, {"loss": "mse", "metrics": [RMSE]}, lambda x: x, lambda y: y),
    "two inputs": (two_inputs, {"loss": "mse", "metrics": [RMSE]}, parts, lambda y: y),
    "two outputs": (
        two_outputs,
        {
            "loss": {"output": "mse", "aux": "mse"},
            "loss_weights": {"output": 0.9, "aux": 0.1},
            "metrics": [RMSE, RMSE],
        },
        named,
        lambda y: {"output": y, "aux": y},
    ),
    # Keras wants losses and targets in the outputs' own structure here; the notes' forms have a test of their own.
    "subclassed": (
        subclassed,
        {"loss": ["mse", "mse"], "loss_weights": [0.9, 0.1], "metrics": [RMSE, RMSE]},
        parts,
        lambda y: (y, y),
    ),
}


@pytest.mark.parametrize("case", list(CASES))
def test_twenty_epochs_have_the_losses_of_keras(case, housing):
    make, settings, inputs, targets = CASES[case]
    x, y = housing
    ours, theirs = make(lamina, x), make(keras, x)
    rng = np.random.default_rng(3)
    weights = [
        w if "normalization" in v.path else rng.normal(0, 0.25, w.shape).astype("float32")
        for v, w in zip(theirs.weights, theirs.get_weights(), strict=True)
    ]
    assert [w.shape for w in ours.get_weights()] == [w.shape for w in weights]
    histories = []
    for library, model in ((lamina, ours), (keras, theirs)):
        model.set_weights(weights)
        model.compile(optimizer=library.optimizers.Adam(learning_rate=1e-3), **settings)
        history = model.fit(inputs(x), targets(y), epochs=20, shuffle=False, verbose=0)
        histories.append(history.history)
    got, expected = histories
    assert len(got["loss"]) == 20
    assert set(got) <= set(expected)  # Keras logs the loss of each output, too
    for name, values in got.items():
        np.testing.assert_allclose(values, expected[name], rtol=1e-4, err_msg=name)
