"""Models with several outputs against the real Keras: every form of losses, factors, metrics, targets and weights."""

from __future__ import annotations

import numpy as np
import pytest

import lamina

keras = pytest.importorskip("keras")

RNG = np.random.default_rng(7)
X = RNG.normal(size=(48, 4)).astype("float32")
NUMBERS = RNG.normal(size=(48, 1)).astype("float32")
CLASSES = RNG.integers(0, 3, 48)
FIRST, SECOND = RNG.uniform(0, 2, (2, 48)).astype("float32")
SETTINGS = {"epochs": 2, "batch_size": 16, "shuffle": False, "verbose": 0}


def subclassed(library, outputs):
    """A model whose `call` gives the outputs as a tuple, dict or nest."""
    layers = library.layers

    class TwoHeads(library.Model):
        def __init__(self):
            super().__init__()
            self.hidden = layers.Dense(5, activation="tanh")
            self.price, self.kind = layers.Dense(1), layers.Dense(3, activation="softmax")

        def call(self, inputs):
            hidden = self.hidden(inputs)
            return outputs(self.price(hidden), self.kind(hidden))

    model = TwoHeads()
    model(X[:2])
    return model


def functional(library, outputs):
    """The same as a graph."""
    layers = library.layers
    inputs = layers.Input((4,))
    hidden = layers.Dense(5, activation="tanh")(inputs)
    price, kind = layers.Dense(1, name="price")(hidden), layers.Dense(3, activation="softmax", name="kind")(hidden)
    return library.Model(inputs, outputs(price, kind))


MODELS = {
    "subclassed, tuple": lambda library: subclassed(library, lambda price, kind: (price, kind)),
    "subclassed, list": lambda library: subclassed(library, lambda price, kind: [price, kind]),
    "subclassed, dict": lambda library: subclassed(library, lambda price, kind: {"price": price, "kind": kind}),
    "subclassed, nest": lambda library: subclassed(library, lambda price, kind: [price, {"kind": kind}]),
    "graph, list": lambda library: functional(library, lambda price, kind: [price, kind]),
    "graph, dict": lambda library: functional(library, lambda price, kind: {"price": price, "kind": kind}),
    "graph, nest": lambda library: functional(library, lambda price, kind: [price, {"kind": kind}]),
    "graph, dict of other names": lambda library: functional(library, lambda price, kind: {"a": price, "b": kind}),
}

PAIR, NAMED = (NUMBERS, CLASSES), {"price": NUMBERS, "kind": CLASSES}
CCE = "sparse_categorical_crossentropy"
LOSSES = {"price": "mse", "kind": CCE}
BY_ORDER = {  # what Keras takes for outputs in a list or tuple, in their order
    "losses": ({"loss": ["mse", CCE]}, PAIR, None),
    "a tuple of losses": ({"loss": ("mse", CCE)}, PAIR, None),
    "factors": ({"loss": ["mse", CCE], "loss_weights": [0.9, 0.1]}, PAIR, None),
    "one loss without targets for the other output": ({"loss": ["mse", None]}, [NUMBERS], None),
    "a metric each": ({"loss": ["mse", CCE], "metrics": ["mae", "accuracy"]}, PAIR, None),
    "lists of metrics": (
        {"loss": ["mse", CCE], "metrics": [["mae", "RootMeanSquaredError"], ["accuracy", CCE]]},
        PAIR,
        None,
    ),
    "metrics of one output": ({"loss": ["mse", CCE], "metrics": [None, ["accuracy"]]}, PAIR, None),
    "a metric of an output without loss": ({"loss": ["mse", None], "metrics": [None, "accuracy"]}, PAIR, None),
    "weighted metrics too": (
        {"loss": ["mse", CCE], "metrics": ["mae", CCE], "weighted_metrics": [["mae", "mse"], [CCE, "accuracy"]]},
        PAIR,
        (FIRST, SECOND),
    ),
    "weights for each": ({"loss": ["mse", CCE], "weighted_metrics": ["mae", "accuracy"]}, PAIR, (FIRST, SECOND)),
    "objects": (
        lambda library: {
            "loss": [library.losses.Huber(0.5), library.losses.SparseCategoricalCrossentropy(name="told")],
            "metrics": [library.metrics.MeanAbsoluteError(name="off"), [library.metrics.SparseCategoricalAccuracy()]],
        },
        PAIR,
        None,
    ),
}
BY_NAME = {  # what Keras takes for named outputs
    "losses": ({"loss": LOSSES}, NAMED, None),
    "factors": ({"loss": LOSSES, "loss_weights": {"kind": 0.25, "price": 2.0}}, NAMED, None),
    "metrics": ({"loss": LOSSES, "metrics": {"kind": ["accuracy"], "price": "mae"}}, NAMED, None),
    "metrics of one output": ({"loss": LOSSES, "metrics": {"kind": "accuracy"}}, NAMED, None),
    "weighted metrics too": (
        {"loss": LOSSES, "metrics": {"price": ["mae"]}, "weighted_metrics": {"price": ["mae", "mae"], "kind": CCE}},
        NAMED,
        None,
    ),
}
OF_DICTS = {  # what Keras takes for outputs in a dict only
    "a loss for one of them": ({"loss": {"kind": CCE}}, NAMED, None),
    "weights for each": (
        {"loss": LOSSES, "weighted_metrics": {"price": "mae"}},
        NAMED,
        {"price": FIRST, "kind": SECOND},
    ),
}
OF_NESTS = {
    "nested losses": ({"loss": ["mse", {"kind": CCE}]}, [NUMBERS, {"kind": CLASSES}], None),
    "losses in a flat list": ({"loss": ["mse", CCE]}, [NUMBERS, {"kind": CLASSES}], None),
    "factors": (
        {"loss": ["mse", {"kind": CCE}], "loss_weights": [0.5, {"kind": 3.0}]},
        [NUMBERS, {"kind": CLASSES}],
        None,
    ),
}
FORMS = {
    "subclassed, tuple": BY_ORDER,
    "subclassed, list": {name: BY_ORDER[name] for name in ("losses", "factors", "metrics of one output")},
    "subclassed, dict": BY_NAME | OF_DICTS,
    "subclassed, nest": OF_NESTS,
    "graph, list": BY_ORDER | {f"by name: {name}": form for name, form in BY_NAME.items()},
    "graph, dict": BY_NAME | OF_DICTS,
    "graph, nest": {
        "nested losses, metrics in a list": (
            {"loss": ["mse", {"kind": CCE}], "metrics": ["mae", "accuracy"]},
            [NUMBERS, {"kind": CLASSES}],
            None,
        )
    },
    "graph, dict of other names": {
        "losses and metrics": (
            {"loss": {"a": "mse", "b": CCE}, "metrics": {"b": "accuracy"}},
            {"a": NUMBERS, "b": CLASSES},
            None,
        )
    },
}


def pair(kind, arguments):
    """The same model in both libraries, with the same weights, compiled alike."""
    models = []
    for library in (lamina, keras):
        model = MODELS[kind](library)
        given = arguments(library) if callable(arguments) else arguments
        own = {"output_losses": True} if library is lamina else {}
        model.compile(library.optimizers.SGD(0.1), **given, **own)
        models.append(model)
    models[1].set_weights(models[0].get_weights())
    return models


@pytest.mark.parametrize(("kind", "form"), [(kind, form) for kind, forms in FORMS.items() for form in forms])
def test_names_and_values_are_those_of_keras(kind, form):
    arguments, y, weights = FORMS[kind][form]
    ours, theirs = pair(kind, arguments)
    settings = SETTINGS | ({} if weights is None else {"sample_weight": weights})
    mine, other = ours.fit(X, y, **settings).history, theirs.fit(X, y, **settings).history
    assert set(mine) == set(other)
    for name, values in other.items():
        np.testing.assert_allclose(mine[name], values, rtol=1e-5, err_msg=name)
    settings = {"sample_weight": weights, "batch_size": 16, "verbose": 0, "return_dict": True}
    mine, other = ours.evaluate(X, y, **settings), theirs.evaluate(X, y, **settings)
    assert set(mine) == set(other)
    for name, value in other.items():
        np.testing.assert_allclose(mine[name], value, rtol=1e-5, err_msg=name)
    for a, b in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


def test_one_loss_with_factors_is_that_loss_for_each_output_in_keras():
    y = (NUMBERS, NUMBERS + 1)
    models = []
    for library, loss in ((lamina, "mse"), (keras, ["mse", "mse"])):
        inputs = library.layers.Input((4,))
        outputs = [library.layers.Dense(1, name=name)(inputs) for name in ("first", "second")]
        model = library.Model(inputs, outputs)
        model.compile("sgd", loss, loss_weights=[0.9, 0.1])
        models.append(model)
    models[1].set_weights(models[0].get_weights())
    mine, other = (model.fit(X, y, **SETTINGS).history["loss"] for model in models)
    np.testing.assert_allclose(mine, other, rtol=1e-5)


def test_the_number_of_a_name_used_twice_is_keras_own():
    arguments = {"loss": ["mse", "mse"], "metrics": ["mae", "mae"], "weighted_metrics": ["mae", ["mae", "mae"]]}
    names = []
    for library in (lamina, keras):
        model = subclassed(library, lambda price, kind: (price, kind))
        model.compile("sgd", **arguments)
        logs = model.evaluate(X, (NUMBERS, NUMBERS * np.ones(3, "float32")), verbose=0, return_dict=True)
        names.append({name for name in logs if not name.endswith("_loss")})
    assert names[0] == names[1] == {"loss", "mae", "mae_1", "weighted_mae", "weighted_mae_1", "weighted_mae_2"}


def test_masked_steps_count_in_no_loss_and_no_mean_of_a_function():
    x = RNG.normal(size=(24, 6, 2)).astype("float32")
    x[RNG.random((24, 6)) < 0.4] = 0
    y = [RNG.normal(size=(24, 6, 1)).astype("float32"), RNG.integers(0, 3, (24, 6))]
    models = []
    for library in (lamina, keras):
        layers = library.layers
        inputs = layers.Input((6, 2))
        hidden = layers.Masking()(inputs)
        outputs = [layers.Dense(1, name="price")(hidden), layers.Dense(3, activation="softmax", name="kind")(hidden)]
        model = library.Model(inputs, outputs)
        model.compile("sgd", ["mse", CCE], metrics=["mae", "accuracy"], weighted_metrics=["mse", None])
        models.append(model)
    models[1].set_weights(models[0].get_weights())
    weights = RNG.uniform(0, 2, (24, 6)).astype("float32")
    settings = {"batch_size": 8, "verbose": 0, "return_dict": True}
    for given in (None, [weights, weights]):
        mine, other = (model.evaluate(x, y, sample_weight=given, **settings) for model in models)
        for name in mine:
            np.testing.assert_allclose(mine[name], other[name], rtol=1e-5, err_msg=name)
