"""Training with several outputs: the forms in which targets and weights may come, and the numbers that they give.

Numbers are those of NumPy in float64, computed from `predict`; tests/parity/test_multi_output.py has those of Keras.
"""

from __future__ import annotations

import numpy as np
import pytest

import lamina
from lamina import layers
from lamina.core.errors import LaminaConfigError
from tests.training.helpers import count_compilations, same_bits

RNG = np.random.default_rng(11)
X = RNG.normal(size=(50, 4)).astype("float32")
PRICE = RNG.normal(size=(50, 1)).astype("float32")
KIND = RNG.choice(3, 50, p=[0.6, 0.3, 0.1])
WEIGHTS = RNG.uniform(0, 2, (2, 50)).astype("float32")
CCE = "sparse_categorical_crossentropy"


class TwoHeads(lamina.Model):
    """Outputs without names: a tuple."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.hidden = layers.Dense(5, activation="tanh")
        self.price, self.kind = layers.Dense(1, name="price"), layers.Dense(3, activation="softmax", name="kind")

    def call(self, inputs):
        hidden = self.hidden(inputs)
        return self.price(hidden), self.kind(hidden)


class NamedHeads(TwoHeads):
    """Outputs in a dict."""

    def call(self, inputs):
        price, kind = super().call(inputs)
        return {"price": price, "kind": kind}


def graph(**kwargs):
    """Outputs in a list, named after their layers."""
    inputs = layers.Input((4,))
    hidden = layers.Dense(5, activation="tanh")(inputs)
    price, kind = layers.Dense(1, name="price")(hidden), layers.Dense(3, activation="softmax", name="kind")(hidden)
    return lamina.Model(inputs, [price, kind], **kwargs)


def compiled(make=TwoHeads, loss=("mse", CCE), **arguments):
    lamina.utils.set_random_seed(5)
    model = make()
    model.compile(lamina.optimizers.SGD(0.1), loss, **arguments)
    return model


def fitted(model, y, x=X, **arguments):
    """The history and the weights after two epochs."""
    history = model.fit(x, y, **{"epochs": 2, "batch_size": 16, "shuffle": False, "verbose": 0} | arguments)
    return history.history, model.get_weights()


def losses_of(model):
    """The squared error and the cross-entropy of each row, in float64."""
    price, kind = model.predict(X, verbose=0)
    rows = -np.log(np.asarray(kind, "float64")[np.arange(50), KIND])
    return (np.asarray(price, "float64") - PRICE)[:, 0] ** 2, rows


# Targets --------------------------------------------------------------------------------------------------------------

TARGETS = {
    "tuple": (PRICE, KIND),
    "list": [PRICE, KIND],
    "dict": {"price": PRICE, "kind": KIND},
}


@pytest.mark.parametrize("make", [TwoHeads, NamedHeads, graph])
@pytest.mark.parametrize("form", TARGETS)
def test_targets_in_any_form_train_alike(make, form):
    order = [1, 0] if make is NamedHeads else [0, 1]  # a dict's outputs come by sorted keys: kind, price
    given = TARGETS[form]
    if isinstance(given, (list, tuple)):
        given = type(given)(given[i] for i in order)
    loss = {"price": "mse", "kind": CCE}
    expected = fitted(compiled(make, loss), {"kind": KIND, "price": PRICE} if make is not TwoHeads else (PRICE, KIND))
    found = fitted(compiled(make, loss), given)
    assert found[0] == expected[0]
    assert same_bits(found[1], expected[1])


def test_lists_of_numbers_are_several_targets_where_the_model_says_so():
    expected = fitted(compiled(graph), (PRICE, KIND))
    found = fitted(compiled(graph), [PRICE.tolist(), KIND.tolist()])
    assert found[0] == expected[0]


def test_the_keys_of_the_first_dict_name_outputs_without_names():
    model = compiled(metrics={"second": "accuracy"})
    first = fitted(model, {"first": PRICE, "second": KIND})[0]
    assert sorted(first) == ["accuracy", "loss"]
    turned = model.evaluate(X, {"second": KIND, "first": PRICE}, verbose=0)
    assert turned == model.evaluate(X, (PRICE, KIND), verbose=0)
    assert turned == model.evaluate(X, {"x": PRICE, "y": KIND}, verbose=0)


def test_a_stream_keeps_the_order_of_its_dicts():
    def batches():
        for start in (0, 25):
            rows = slice(start, start + 25)
            yield X[rows], {"price": PRICE[rows], "kind": KIND[rows]}  # sorted keys would turn them round

    expected = fitted(compiled(), (PRICE, KIND), batch_size=25)
    found = fitted(compiled(), None, batches, batch_size=None)
    np.testing.assert_allclose(found[0]["loss"], expected[0]["loss"], rtol=1e-6)
    assert compiled().fit(batches, validation_data=batches, verbose=0).history["val_loss"][0] > 0


def test_outputs_without_loss_and_metrics_need_no_targets():
    expected = fitted(compiled(graph, [None, CCE], metrics=[None, ["accuracy"]]), (PRICE, KIND))
    for y in (KIND, [KIND], [None, KIND], {"kind": KIND}):
        found = fitted(compiled(graph, [None, CCE], metrics=[None, ["accuracy"]]), y)
        assert found[0] == expected[0]
        assert same_bits(found[1], expected[1])


def test_a_change_of_the_targets_form_is_told_when_it_does_not_fit():
    model = compiled(graph)
    fitted(model, (PRICE, KIND))
    with pytest.raises(LaminaConfigError, match=r"y: model 'functional' has no output 'kinds'\. Did you mean 'kind'"):
        model.evaluate(X, {"price": PRICE, "kinds": KIND}, verbose=0)
    with pytest.raises(LaminaConfigError, match=r"validation_data y is a list of 3, but model 'functional' has 2"):
        fitted(model, (PRICE, KIND), validation_data=(X, [PRICE, KIND, KIND]))


# The notes' own forms (chapters 1.7.3 and 1.7.4) ----------------------------------------------------------------------


def test_evaluate_gives_the_loss_and_a_value_for_each_metric():
    y = {"price": PRICE, "kind": RNG.random((50, 3)).astype("float32")}
    metrics = ["RootMeanSquaredError", "RootMeanSquaredError"]
    model = compiled(graph, {"price": "mse", "kind": "mse"}, loss_weights={"price": 0.9, "kind": 0.1}, metrics=metrics)
    history = fitted(model, y, validation_data=(X, y))[0]
    names = ["kind_RootMeanSquaredError", "loss", "price_RootMeanSquaredError"]
    assert list(history) == [*names, *(f"val_{name}" for name in names)]
    total, price, kind = model.evaluate(X, y, verbose=0)
    outputs = dict(zip(model.output_names, model.predict(X, verbose=0), strict=True))
    errors = {name: np.mean((np.asarray(outputs[name], "float64") - y[name]) ** 2) for name in y}
    assert total == pytest.approx(0.9 * errors["price"] + 0.1 * errors["kind"], rel=1e-5)
    assert (price, kind) == pytest.approx((errors["price"] ** 0.5, errors["kind"] ** 0.5), rel=1e-5)


def test_one_loss_serves_all_outputs_of_a_subclassed_model():
    y = {"output": PRICE, "aux": np.eye(3, dtype="float32")[KIND]}
    model = compiled(loss="mse", loss_weights=[0.9, 0.1], metrics=["RootMeanSquaredError", "RootMeanSquaredError"])
    history = fitted(model, y)[0]
    assert list(history) == ["RootMeanSquaredError", "RootMeanSquaredError_1", "loss"]
    total, price, kind = model.evaluate(X, y, verbose=0)
    assert total == pytest.approx(0.9 * price**2 + 0.1 * kind**2, rel=1e-5)


def test_losses_of_the_outputs_are_logged_when_asked_for():
    model = compiled(graph, loss_weights=[0.5, 2.0], metrics=["mae", None], output_losses=True)
    logs = model.evaluate(X, (PRICE, KIND), verbose=0, return_dict=True)
    error, entropy = losses_of(model)
    assert logs["price_loss"] == pytest.approx(error.mean(), rel=1e-5)
    assert logs["kind_loss"] == pytest.approx(entropy.mean(), rel=1e-5)
    assert logs["loss"] == pytest.approx(0.5 * error.mean() + 2 * entropy.mean(), rel=1e-5)
    assert model.metrics_names == ["loss", "price_loss", "kind_loss", "price_mae"]
    single = compiled(graph, [None, CCE], output_losses=True)
    assert single.evaluate(X, KIND, verbose=0) == single.evaluate(X, KIND, verbose=0, return_dict=True)["loss"]


# Weights of samples and classes ---------------------------------------------------------------------------------------


def weighted_loss(model, price, kind):
    """The sum of the weighted means, in float64."""
    error, entropy = losses_of(model)
    return np.mean(error * price) + np.mean(entropy * kind)


@pytest.mark.parametrize("make", [TwoHeads, graph])
@pytest.mark.parametrize(
    ("weights", "price", "kind"),
    [
        (WEIGHTS[0], WEIGHTS[0], WEIGHTS[0]),
        (WEIGHTS[0][:, None], WEIGHTS[0], WEIGHTS[0]),
        ([WEIGHTS[0], WEIGHTS[1]], WEIGHTS[0], WEIGHTS[1]),
        ((WEIGHTS[0], None), WEIGHTS[0], 1),
        ({"price": WEIGHTS[0], "kind": WEIGHTS[1]}, WEIGHTS[0], WEIGHTS[1]),
    ],
    ids=["one for all", "a column", "list", "None for one", "dict"],
)
def test_sample_weights_are_for_all_outputs_or_for_each(make, weights, price, kind):
    model, y = compiled(make), {"price": PRICE, "kind": KIND}
    model.evaluate(X, y, verbose=0) if model.built else model.build((None, 4))
    found = model.evaluate(X, y, sample_weight=weights, verbose=0, batch_size=50)
    assert found == pytest.approx(weighted_loss(model, price, kind), rel=1e-5)
    stream = lambda: iter([(X, y, weights)])  # noqa: E731
    assert model.evaluate(stream, verbose=0) == pytest.approx(found, rel=1e-6)


def test_weights_without_names_go_by_their_order():
    model = compiled()
    model.build((None, 4))
    found = model.evaluate(X, (PRICE, KIND), sample_weight={"z": WEIGHTS[0], "a": WEIGHTS[1]}, verbose=0, batch_size=50)
    assert found == pytest.approx(weighted_loss(model, WEIGHTS[0], WEIGHTS[1]), rel=1e-5)


def by_class(weights, labels=KIND):
    return np.array([weights.get(int(label), 1.0) for label in labels])


def balanced(labels=KIND):
    return np.array([50 / (3 * np.sum(labels == label)) for label in labels])


@pytest.mark.parametrize("one_hot", [False, True], ids=["class numbers", "one-hot"])
@pytest.mark.parametrize(
    ("form", "chosen"),
    [("arrays", {0: 0.5, 1: 1.0, 2: 4.0}), ("arrays", "balanced"), ("stream", {0: 0.5, 1: 1.0, 2: 4.0})],
    ids=["arrays", "arrays, balanced", "stream"],
)
def test_class_weights_belong_to_the_output_that_they_name(form, chosen, one_hot):
    loss = {"price": "mse", "kind": "categorical_crossentropy" if one_hot else CCE}
    y = {"price": PRICE, "kind": np.eye(3, dtype="float32")[KIND] if one_hot else KIND}
    expected = by_class(chosen) if isinstance(chosen, dict) else balanced()
    model = compiled(graph, loss)
    want = weighted_loss(model, 1, expected)  # at the start: the loss of the first step, in one batch
    given = {"class_weight": {"kind": chosen}, "epochs": 1, "batch_size": 50}
    if form == "arrays":
        found = fitted(model, y, **given)[0]["loss"]
    else:
        found = fitted(model, None, lambda: iter([(X, y)]), **given | {"batch_size": None})[0]["loss"]
    assert found[0] == pytest.approx(want, rel=1e-5)


def test_class_weights_of_targets_in_a_list_go_by_name_or_by_order():
    want = weighted_loss(compiled(graph), 1, by_class({0: 0.5, 1: 1, 2: 4}))
    for class_weight in ({"kind": {0: 0.5, 1: 1, 2: 4}}, [None, {0: 0.5, 1: 1, 2: 4}]):
        found = fitted(compiled(graph), [PRICE, KIND], class_weight=class_weight, epochs=1, batch_size=50)[0]["loss"]
        assert found[0] == pytest.approx(want, rel=1e-5)
    alone = compiled(graph, [None, CCE])
    _, entropy = losses_of(alone)
    found = fitted(alone, KIND, class_weight={"kind": "balanced"}, epochs=1, batch_size=50)[0]["loss"]
    assert found[0] == pytest.approx(np.mean(entropy * balanced()), rel=1e-5)


@pytest.mark.parametrize(
    ("weights", "price", "kind"),
    [
        (WEIGHTS[0], WEIGHTS[0], WEIGHTS[0]),
        ({"price": WEIGHTS[0]}, WEIGHTS[0], 1),
        ({"kind": WEIGHTS[1]}, 1, WEIGHTS[1]),
    ],
)
def test_class_weights_and_sample_weights_multiply(weights, price, kind):
    model, y = compiled(graph), {"price": PRICE, "kind": KIND}
    want = weighted_loss(model, price, kind * balanced())
    given = {"class_weight": {"kind": "balanced"}, "sample_weight": weights}
    assert fitted(model, y, **given, epochs=1, batch_size=50)[0]["loss"][0] == pytest.approx(want, rel=1e-5)


# Steps by hand, compilations, warnings --------------------------------------------------------------------------------


def test_steps_by_hand_take_the_same_forms():
    y = {"price": PRICE, "kind": KIND}
    model, other = compiled(graph, metrics=["mae", "accuracy"]), compiled(graph, metrics=["mae", "accuracy"])
    first = model.train_on_batch(X, y, sample_weight=[WEIGHTS[0], None], return_dict=True)
    assert first == other.train_on_batch(X, (PRICE, KIND), sample_weight={"price": WEIGHTS[0]}, return_dict=True)
    assert list(first) == ["kind_accuracy", "loss", "price_mae"]
    assert len(model.test_on_batch(X, y)) == 3


def test_the_last_smaller_batch_is_masked_in_every_output():
    model = compiled(graph, metrics=["mse", CCE], weighted_metrics=[None, CCE])
    y, weights = (PRICE, KIND), WEIGHTS[0]
    with count_compilations() as programs:
        first = model.evaluate(X, y, batch_size=16, sample_weight=weights, verbose=0, return_dict=True)
    assert len(programs) == 1
    error, entropy = losses_of(model)
    starts = [slice(start, min(start + 16, 50)) for start in range(0, 50, 16)]
    means = [np.mean((error * weights)[part]) + np.mean((entropy * weights)[part]) for part in starts]
    assert first["loss"] == pytest.approx(np.average(means, weights=[16, 16, 16, 2]), rel=1e-5)
    assert first["price_mse"] == pytest.approx(error.mean(), rel=1e-5)
    assert first[f"kind_{CCE}"] == pytest.approx(entropy.mean(), rel=1e-5)
    assert first[f"kind_weighted_{CCE}"] == pytest.approx(np.average(entropy, weights=weights), rel=1e-5)


def test_classes_are_compared_output_by_output():
    model = compiled(graph)
    message = r"^validation_data have no row of class 2 of y\['kind'\], but the training data have"
    y = {"price": PRICE, "kind": np.arange(50) % 3}
    held_out = {"price": PRICE, "kind": np.arange(50) % 2}
    with pytest.warns(UserWarning, match=message) as caught:
        fitted(model, y, validation_data=(X, held_out))
    assert len(caught) == 1


def test_numbers_of_outputs_and_names_follow_the_model_after_an_error():
    model = compiled(TwoHeads, "mse")
    with pytest.raises(LaminaConfigError, match=r"y is a tuple of 3, but model 'two_heads' has 2 outputs"):
        model.fit(X, (PRICE,) * 3, verbose=0)
    assert not model.built
    fitted(model, (PRICE, np.eye(3)[KIND]), X[:, :3])
    assert model.hidden.kernel.shape == (3, 5)
