"""Preflight: set-ups that Keras takes in silence and that must stay silent here, and the checks seen one by one.

What each check says is in the table of `bad_input.py`; here is above all what must not raise: a false alarm is worse
than a mistake that goes through.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lamina
from lamina import activations, layers, losses
from lamina.core.errors import LaminaConfigError
from lamina.training import preflight
from lamina.training.preflight.head import KNOWN, POSITIVE, PROBABILITIES, find_heads
from lamina.training.prepare import as_batch
from tests.training.bad_input import IMAGES, NUMBERS, ONE_HOT, PIXELS, YES_NO, X, Y, classifier, out, stack
from tests.training.helpers import count_compilations, same_bits

RNG = np.random.default_rng(0)
SOFT = RNG.dirichlet(np.ones(3), 60).astype("float32")
MANY = (RNG.random((60, 3)) < 0.5).astype("float32")
MAP = np.arange(60 * 4).reshape(60, 4) % 3  # a class for each of four places
VOID = np.where(np.arange(60) % 4 == 0, 255, Y)
BINARY, CATEGORICAL, SPARSE = (
    losses.BinaryCrossentropy,
    losses.CategoricalCrossentropy,
    losses.SparseCategoricalCrossentropy,
)


class Own(layers.Layer):
    """A layer of the user's, of which nothing is known."""

    def call(self, inputs):
        return jax.nn.softmax(inputs.astype("float32"))


class OwnDense(layers.Dense):
    """A built-in layer that the user has changed."""

    def call(self, inputs):
        return jax.nn.sigmoid(super().call(inputs))


class OwnStack(lamina.Sequential):
    """A stack that ends in more than its last layer."""

    def call(self, inputs, training=None):
        return jax.nn.softmax(super().call(inputs, training=training))


class OwnLoss(losses.Loss):
    def call(self, y_true, y_pred):
        return jnp.mean(jnp.square(y_pred), axis=-1)


class OwnSparse(losses.SparseCategoricalCrossentropy):
    """Labels that count from 1."""

    def call(self, y_true, y_pred):
        return super().call(y_true - 1, y_pred)


class Penalty(layers.Layer):
    def call(self, inputs):
        self.add_loss(jnp.mean(jnp.square(inputs)))
        return inputs


def own_loss(y_true, y_pred):
    return jnp.mean(jnp.square(y_pred), axis=-1)


def places(*tail, loss):
    """A model with a prediction for each of four places."""
    model = lamina.Sequential([layers.Input((4, 2)), *tail])
    model.compile("sgd", loss)
    return model


def on_images(*first, shape=(6, 6, 3)):
    model = lamina.Sequential([layers.Input(shape), *first, out(3, "softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy")
    return model


def own_stack(loss):
    model = OwnStack([layers.Input((4,)), out(3)])
    model.compile("sgd", loss)
    return model


def regularized():
    model = lamina.Sequential([layers.Input((4,)), layers.Dense(3, kernel_regularizer="l2")])
    model.compile("sgd", None)
    return model


LEGAL = {
    "logits, sparse": (lambda: stack(out(3), loss=SPARSE(from_logits=True)), X, Y),
    "logits, one-hot": (lambda: stack(out(3), loss=CATEGORICAL(from_logits=True)), X, ONE_HOT),
    "logits, binary": (
        lambda: stack(
            out(1), loss=BINARY(from_logits=True), metrics=[lamina.metrics.BinaryAccuracy(threshold=0), "mae"]
        ),
        X,
        YES_NO,
    ),
    "logits, dropout last": (lambda: stack(out(3), layers.Dropout(0.1), loss=SPARSE(from_logits=True)), X, Y),
    "log_softmax as logits": (lambda: stack(out(3, "log_softmax"), loss=SPARSE(from_logits=True)), X, Y),
    "relu as logits": (lambda: stack(out(3, "relu"), loss=SPARSE(from_logits=True)), X, Y),
    "softmax as a layer": (lambda: stack(out(3), layers.Activation("softmax"), loss="crossentropy"), X, Y),
    "softmax, then linear": (
        lambda: stack(out(3, "softmax"), layers.Activation("linear"), loss="crossentropy"),
        X,
        Y,
    ),
    "softmax, then a new shape": (
        lambda: stack(out(4, "sigmoid"), layers.Reshape((2, 2)), loss="binary_crossentropy"),
        X,
        np.ones((60, 2, 2)),
    ),
    "softmax in an inner model": (
        lambda: stack(lamina.Sequential([layers.Dense(3), layers.Activation("softmax")]), loss="crossentropy"),
        X,
        Y,
    ),
    "sigmoid per class": (lambda: stack(out(3, "sigmoid"), loss="sparse_categorical_crossentropy"), X, Y),
    "exponential": (lambda: stack(out(3, "exponential"), loss="categorical_crossentropy"), X, ONE_HOT),
    "softmax beside binary": (lambda: stack(out(3, "softmax"), loss="binary_crossentropy"), X, ONE_HOT),
    "label smoothing, binary": (lambda: stack(out(1, "sigmoid"), loss=BINARY(label_smoothing=0.2)), X, YES_NO),
    "label smoothing, one-hot": (lambda: stack(out(3, "softmax"), loss=CATEGORICAL(label_smoothing=0.1)), X, ONE_HOT),
    "soft labels": (lambda: stack(out(3, "softmax"), loss="categorical_crossentropy"), X, SOFT),
    "soft binary labels": (lambda: stack(out(1, "sigmoid"), loss="binary_crossentropy"), X, SOFT[:, 0]),
    "several labels": (lambda: stack(out(3, "sigmoid"), loss="binary_crossentropy", metrics=["accuracy"]), X, MANY),
    "bool labels": (lambda: stack(out(1, "sigmoid"), loss="binary_crossentropy"), X, YES_NO.astype(bool)),
    "one-hot bools": (lambda: stack(out(3, "softmax"), loss="categorical_crossentropy"), X, ONE_HOT.astype(bool)),
    "one-hot integers": (lambda: stack(out(3, "softmax"), loss="categorical_crossentropy"), X, ONE_HOT.astype(int)),
    "rows of zeros": (lambda: stack(out(3, "softmax"), loss="categorical_crossentropy"), X, ONE_HOT * YES_NO[:, None]),
    "classes as floats": (classifier, X, Y.astype("float32")),
    "classes as a column": (classifier, X, Y[:, None]),
    "classes as bools": (classifier, X, YES_NO.astype(bool)),
    "one class only": (classifier, X, np.zeros(60, int)),
    "ignore_class=-1": (lambda: stack(out(3, "softmax"), loss=SPARSE(ignore_class=-1)), X, np.where(Y, Y, -1)),
    "ignore_class=255": (lambda: stack(out(3, "softmax"), loss=SPARSE(ignore_class=255)), X, VOID.astype("uint8")),
    "ignored floats": (lambda: stack(out(3, "softmax"), loss=SPARSE(ignore_class=255)), X, VOID.astype("float32")),
    "a class per place": (
        lambda: places(layers.Dense(3, "softmax"), loss="sparse_categorical_crossentropy"),
        RNG.random((60, 4, 2)),
        MAP,
    ),
    "a class per place, as a column": (
        lambda: places(layers.Dense(3, "softmax"), loss="sparse_categorical_crossentropy"),
        RNG.random((60, 4, 2)),
        MAP[..., None],
    ),
    "one-hot per place": (
        lambda: places(layers.Dense(3, "softmax"), loss="categorical_crossentropy"),
        RNG.random((60, 4, 2)),
        np.eye(3)[MAP],
    ),
    "yes or no per place": (
        lambda: places(layers.Dense(1, "sigmoid"), loss="binary_crossentropy"),
        RNG.random((60, 4, 2)),
        MAP > 1,
    ),
    "probabilities as numbers, softmax": (lambda: stack(out(3, "softmax"), loss="mse"), X, SOFT),
    "probabilities as numbers, sigmoid": (lambda: stack(out(1, "sigmoid"), loss="mse"), X, YES_NO),
    "targets (n,) for one unit": (lambda: stack(out(1), loss="mse", metrics=["mae"]), X, NUMBERS[:, 0]),
    "targets (n, 1) for outputs (n,)": (lambda: stack(out(1), layers.Reshape(()), loss="mse"), X, NUMBERS),
    "counts": (lambda: stack(out(1), loss="huber"), X, Y),
    "counts, Poisson": (lambda: stack(out(1, "exponential"), loss="poisson"), X, Y),
    "one-hot, least squares": (lambda: stack(out(3), loss="mse"), X, ONE_HOT),
    "hinge": (lambda: stack(out(1, "tanh"), loss="hinge"), X, 2 * YES_NO - 1),
    "divergence": (lambda: stack(out(3, "softmax"), loss="kl_divergence"), X, SOFT),
    "inputs as targets": (lambda: stack(out(4), loss="mse"), X, X),
    "own loss": (lambda: stack(out(3), loss=own_loss), X, Y + 7),
    "own loss class": (lambda: stack(out(3), loss=OwnLoss()), X, -Y),
    "own kind of cross-entropy": (lambda: stack(out(3, "softmax"), loss=OwnSparse()), X, Y + 1),
    "own layer last": (lambda: stack(out(3), Own(), loss="sparse_categorical_crossentropy"), X, Y),
    "own Dense last": (lambda: stack(OwnDense(1), loss="binary_crossentropy"), X, YES_NO),
    "own activation": (lambda: stack(out(3, lambda x: jax.nn.softmax(x)), loss="crossentropy"), X, Y),
    "JAX's activation": (lambda: stack(out(3, jax.nn.softmax), loss="sparse_categorical_crossentropy"), X, Y),
    "own stack": (lambda: own_stack("sparse_categorical_crossentropy"), X, Y),
    "a layer's loss, no y": (lambda: stack(Penalty(), loss=None), X, None),
    "a regularizer, no y": (regularized, X, None),
    "tables of large numbers": (classifier, X * 1e4, Y),
    "whole numbers": (classifier, (X * 10).astype(int), Y),
    "pixels, scaled": (lambda: on_images(layers.Flatten()), IMAGES, Y),
    "pixels, Rescaling": (lambda: on_images(layers.Rescaling(1 / 255), layers.Flatten()), PIXELS, Y),
    "pixels, Flatten, Rescaling": (lambda: on_images(layers.Flatten(), layers.Rescaling(1 / 255)), PIXELS, Y),
    "pixels, BatchNormalization": (lambda: on_images(layers.BatchNormalization(), layers.Flatten()), PIXELS, Y),
    "pixels, own layer": (lambda: on_images(Own(), layers.Flatten()), PIXELS, Y),
    "pixels, function": (lambda: on_images(layers.Activation(lambda x: x / 255), layers.Flatten()), PIXELS, Y),
    "pixels from 0 to 16": (lambda: on_images(layers.Flatten(), shape=(8, 8)), RNG.integers(0, 17, (60, 8, 8)), Y),
    "prices": (lambda: on_images(layers.Flatten(), shape=(5, 4)), 90 + 60 * RNG.random((60, 5, 4)), Y),
    "ticks around zero": (lambda: on_images(layers.Flatten(), shape=(5, 4)), RNG.integers(-255, 255, (60, 5, 4)), Y),
    "JAX arrays": (classifier, jax.device_put(X), jax.device_put(Y)),
}


@pytest.mark.parametrize("case", LEGAL)
def test_legal_setups_pass_in_silence_and_compile_nothing(case):
    make, x, y = LEGAL[case]
    model = make()
    before = model.get_weights()
    with count_compilations() as compiled:
        batch = as_batch(model, x, y, None)
        preflight.check(model, batch, "", x)
        preflight.check_fit(model, batch, "")
    assert compiled == []
    assert same_bits(before, model.get_weights())


@pytest.mark.parametrize("case", ["logits, sparse", "a class per place", "a layer's loss, no y"])
def test_legal_setups_train(case):
    make, x, y = LEGAL[case]
    assert np.isfinite(make().fit(x, y, verbose=0).history["loss"]).all()


@pytest.mark.parametrize("dtype", ["float64", "uint8"])
def test_memory_maps_pass_in_silence_and_train(tmp_path, dtype):
    files = [tmp_path / "x.npy", tmp_path / "y.npy"]
    for file, values in zip(files, (np.abs(X).astype(dtype), Y), strict=True):
        np.save(file, values)
    x, y = (np.load(file, mmap_mode="r") for file in files)
    assert np.isfinite(classifier().fit(x, y, verbose=0).history["loss"]).all()


def test_legal_setups_with_weights_pass_in_silence():
    for weights in (np.zeros(60), np.full((60, 1), 0.5), RNG.random(60)):
        model = classifier()
        preflight.check(model, as_batch(model, X, Y, weights, {0: 0.5, 1: 2, 2: 0}), "")


# Which activations may stand before which loss ------------------------------------------------------------------------


def outputs_of(activation):
    """What an activation gives for logits of all sizes, (many, 3)."""
    logits = np.random.default_rng(0).normal(size=(2000, 3)) * np.geomspace(0.01, 20, 2000)[:, None]
    needed = {"threshold": (0.5, 0.0)}.get(activation.__name__, ())
    return np.asarray(activation(jnp.asarray(logits, "float32"), *needed))


NAMES = sorted({f.__name__ for f in KNOWN} - {"get", "serialize", "deserialize", "glu"})  # glu halves the axis


@pytest.mark.parametrize("name", NAMES)
def test_activations_are_sorted_by_the_values_that_they_give(name):
    activation = getattr(activations, name)
    values = outputs_of(activation)
    assert (activation in PROBABILITIES) == bool((values >= 0).all() and (values <= 1).all())
    assert (activation in POSITIVE) == bool((values >= 0).all() and (activation in PROBABILITIES or (values > 0).all()))


@pytest.mark.parametrize("activation", [name for name in NAMES if name != "threshold"])  # which needs arguments
def test_each_activation_is_allowed_or_refused_before_each_crossentropy(activation):
    function = getattr(activations, activation)
    cases = [
        (BINARY(), MANY, function in PROBABILITIES),
        (CATEGORICAL(), ONE_HOT, function in POSITIVE),
        (SPARSE(), Y, function in POSITIVE),
        (BINARY(from_logits=True), MANY, function not in PROBABILITIES),
        (CATEGORICAL(from_logits=True), ONE_HOT, function not in PROBABILITIES),
        (losses.CategoricalFocalCrossentropy(), ONE_HOT, function in POSITIVE),
    ]
    for loss, y, allowed in cases:
        model = stack(out(3, activation), loss=loss)
        batch = as_batch(model, X, y, None)
        if allowed:
            preflight.check(model, batch, "")
        else:
            with pytest.raises(LaminaConfigError, match=rf"'out' \(Dense, 3 units, .*\).*{loss.__class__.__name__}"):
                preflight.check(model, batch, "")


def test_the_head_is_the_last_layer_that_changes_values():
    model = stack(out(3, "tanh"), layers.Identity(), layers.Activation("linear"), layers.Dropout(0.5), loss="mse")
    [head] = find_heads(model)
    assert head.layer.name == "out"
    assert str(head) == "layer 'out' (Dense, 3 units, tanh)"
    assert find_heads(stack(Own(), loss="mse")) == [None]
    assert find_heads(stack(layers.BatchNormalization(), loss="mse")) == [None]
    assert find_heads(own_stack("mse")) == []


def test_each_output_of_a_graph_has_its_own_head():
    inputs = layers.Input((4,))
    hidden = layers.Dense(5, "relu")(inputs)
    inner = lamina.Sequential([layers.Input((5,)), layers.Dense(2, "tanh", name="deep"), layers.Dropout(0.5)])
    outputs = [layers.Dense(3, "softmax", name="kind")(hidden), inner(hidden), Own()(hidden), hidden + 1.0]
    heads = find_heads(lamina.Model(inputs, outputs))
    assert [head and head.layer.name for head in heads] == ["kind", "deep", None, None]


def test_softmax_layer_over_one_unit_is_refused_as_well():
    model = stack(out(1), layers.Activation("softmax", name="end"), loss="mse")
    message = r"'end' \(Activation, softmax\): softmax over 1 unit"
    with pytest.warns(UserWarning, match="always 1"), pytest.raises(LaminaConfigError, match=message):
        model.fit(X, NUMBERS, verbose=0)  # the activation itself warns as well


# What is left unchanged -----------------------------------------------------------------------------------------------


def test_model_without_shapes_takes_other_data_after_an_error():
    model = classifier(shape=None)
    with pytest.raises(LaminaConfigError, match="y: row 2 is 3"):
        model.fit(X[:, :2], Y + 1, verbose=0)
    assert not model.built
    assert model.weights == []
    model.fit(X, Y, verbose=0)
    assert model.layers[0].kernel.shape == (4, 5)
    assert [v.path for v in model.weights][:2] == ["sequential/hidden/kernel", "sequential/hidden/bias"]


def test_accuracy_is_chosen_by_the_labels_that_train_not_by_refused_ones():
    model = classifier()
    with pytest.raises(LaminaConfigError, match="cannot compare y"):
        model.fit(X, ONE_HOT, verbose=0)
    model.fit(X, Y, epochs=30, verbose=0)
    expected = np.mean(model.predict(X, verbose=0).argmax(-1) == Y)
    assert model.evaluate(X, Y, verbose=0)[1] == pytest.approx(expected)


def test_metric_object_is_not_bound_to_refused_data():
    model = stack(out(3, "softmax"), loss="categorical_crossentropy", metrics=[lamina.metrics.F1Score()])
    with pytest.raises(LaminaConfigError, match="cannot compare y"):
        model.fit(X, np.eye(5)[Y], verbose=0)
    assert model.fit(X, ONE_HOT, verbose=0).history["f1_score"][0].shape == (3,)


def test_loss_is_there_after_a_fit_without_labels_was_refused():
    model = classifier()
    with pytest.raises(LaminaConfigError, match="y is missing"):
        model.fit(X, verbose=0)
    assert model.fit(X, Y, verbose=0).history["loss"][0] > 0


def test_a_good_fit_excuses_no_later_labels():
    model = classifier()
    model.fit(X, Y, verbose=0)
    with pytest.raises(LaminaConfigError, match="cannot compare y of shape"):
        model.fit(X, ONE_HOT, verbose=0)
    with pytest.raises(LaminaConfigError, match="y: row 2 is 3"):
        model.fit(X, Y + 1, verbose=0)


# preflight=False, eager models ----------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:fit. the loss is nan:UserWarning")
def test_preflight_false_compares_no_values():
    model = stack(out(3), loss="sparse_categorical_crossentropy")
    model.compile("sgd", "sparse_categorical_crossentropy", preflight=False)
    model.fit(X, Y + 1, sample_weight=-np.ones(60), epochs=1, verbose=0)  # logits, labels and weights that are none
    assert not np.isfinite(model.history.history["loss"][0])


def test_preflight_false_still_checks_shapes():
    model = classifier()
    model.compile("sgd", "sparse_categorical_crossentropy", preflight=False)
    with pytest.raises(LaminaConfigError, match=r"x of shape \(60, 3\) does not fit"):
        model.fit(X[:, :3], Y, verbose=0)
    with pytest.raises(LaminaConfigError, match=r"cannot compare y of shape \(60, 2\)"):
        model.fit(X, np.ones((60, 2)), verbose=0)
    with pytest.raises(LaminaConfigError, match="y is missing"):
        model.fit(X, verbose=0)


def test_functions_that_look_at_values_run_eagerly():
    def loss(y_true, y_pred):
        if float(jnp.max(y_true)) > 1e6:
            raise OverflowError
        return jnp.mean(jnp.square(y_true - y_pred), axis=-1)

    model = stack(out(1), loss=loss)
    model.compile("sgd", loss, metrics=[loss], run_eagerly=True)
    assert np.isfinite(model.fit(X[:8], NUMBERS[:8], verbose=0).history["loss"]).all()


def test_error_in_a_users_loss_arrives_as_it_is_with_a_note():
    class Broken(Exception):
        pass

    def loss(y_true, y_pred):
        raise Broken("not today")

    model = stack(out(1), loss=loss)
    with pytest.raises(Broken, match="not today") as caught:
        model.fit(X, NUMBERS, verbose=0)
    assert "Loss 'loss' cannot compare y of shape (60, 1)" in "".join(caught.value.__notes__)


# Models whose class computes its own steps ----------------------------------------------------------------------------


class OwnObjective(lamina.Sequential):
    """Targets are what its own loss makes of them."""

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        return jnp.mean(jnp.square(y["shift"] + y["scale"] * x[:, :1] - y_pred))


class Networks(lamina.Model):
    """Two networks that its own step trains; it has no call."""

    def __init__(self):
        super().__init__()
        self.first, self.second = layers.Dense(2), layers.Dense(2)
        self.first.build((None, 4))
        self.second.build((None, 2))

    def train_step(self, state, data):
        trainable, *others = state
        return {"loss": jnp.sum(trainable[0] ** 2)}, ([0.9 * value for value in trainable], *others)


def test_a_loss_of_the_models_own_takes_targets_of_any_structure():
    model = OwnObjective([layers.Input((4,)), layers.Dense(1, "softplus")])
    model.compile("sgd")
    y = {"shift": NUMBERS, "scale": NUMBERS, "unused": ONE_HOT}
    assert np.isfinite(model.fit(X, y, verbose=0).history["loss"]).all()
    with pytest.raises(ValueError, match=r"y\['scale'\]: row 0, column 0 is nan"):
        model.fit(X, y | {"scale": NUMBERS * np.nan}, verbose=0)


def test_labels_are_not_compared_with_a_loss_that_the_models_class_may_change():
    class Shifted(lamina.Sequential):
        def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
            return super().compute_loss(x, y - 1, jax.nn.softmax(y_pred), sample_weight, training)

    model = Shifted([layers.Input((4,)), out(3)])
    model.compile("sgd", "sparse_categorical_crossentropy")
    assert np.isfinite(model.fit(X, Y + 1, verbose=0).history["loss"]).all()


def test_a_model_of_several_networks_needs_no_call_and_no_loss():
    model = Networks()
    model.compile("sgd")
    before = model.get_weights()
    model.fit(X, verbose=0)
    np.testing.assert_allclose(model.get_weights()[0], 0.9**2 * before[0], rtol=1e-6)  # two batches


# By batch, streams, warnings ------------------------------------------------------------------------------------------


def test_steps_by_hand_check_structure_once_and_values_always(monkeypatch):
    model = classifier()
    model.train_on_batch(X[:16], Y[:16])
    traced = []
    monkeypatch.setattr("lamina.training.preflight.checks.check_inputs", lambda *a: traced.append(a))
    model.train_on_batch(X[16:32], Y[16:32])
    assert traced == []
    with pytest.raises(LaminaConfigError, match="y: row 2 is 3"):
        model.train_on_batch(X[:16], Y[:16] + 1)


def test_every_batch_of_a_stream_is_checked():
    def batches():
        for i in range(5):
            yield X, Y + (i == 3)

    model = classifier()
    with pytest.raises(LaminaConfigError, match="y in batch 4: row 2 is 3"):
        model.fit(batches(), steps_per_epoch=5, verbose=0)


def test_pixels_are_told_once_a_fit():
    model = on_images(layers.Flatten())
    with pytest.warns(UserWarning, match="looks like pixels") as caught:
        model.fit(PIXELS, Y, epochs=3, validation_data=(PIXELS, Y), verbose=0)
    assert len(caught) == 1


def test_classes_missing_by_chance_are_no_reason_to_warn():
    model = classifier()
    model.fit(X, Y, validation_data=(X[:2], Y[:2]), verbose=0)


def test_classes_are_compared_for_one_hot_labels_too():
    model = stack(out(3, "softmax"), loss="categorical_crossentropy")
    with pytest.warns(UserWarning, match="validation_data have no row of class 2"):
        model.fit(X, ONE_HOT, validation_data=(X[Y < 2], ONE_HOT[Y < 2]), verbose=0)


def test_numbers_are_no_classes():
    model = stack(out(1), loss="mse")
    model.fit(X, Y, validation_data=(X, Y + 100), verbose=0)
