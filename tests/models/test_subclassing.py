"""Subclassed models: written as in Keras, built on first data, equal to functional ones, compiled when called."""

from __future__ import annotations

import copy
import json
import threading
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lamina
from lamina import Model, layers
from lamina.core.masking import get_mask
from lamina.core.random import SeedGenerator
from lamina.layers.base import Layer
from lamina.layers.masking import Masking
from lamina.ops import concatenate

keras = pytest.importorskip("keras")

RNG = np.random.default_rng(0)
X = RNG.normal(size=(48, 5)).astype("float32")
Z = RNG.normal(size=(48, 3)).astype("float32")
Y = np.tanh(X @ RNG.normal(size=(5, 1)) + Z[:, :1]).astype("float32")
FIT = {"epochs": 20, "batch_size": 16, "shuffle": False, "verbose": 0}


def op_by_op(model: Any, x: Any) -> Any:
    return Layer.__call__(model, x)


# Equal to the functional model, and to Keras --------------------------------------------------------------------------


def wide_and_deep(library: Any) -> Any:
    class WideAndDeep(library.Model):
        def __init__(self, units=8, activation="relu", **kwargs):
            super().__init__(**kwargs)
            self.hidden1 = library.layers.Dense(units, activation=activation)
            self.hidden2 = library.layers.Dense(units, activation=activation, kernel_regularizer="l2")
            self.norm = library.layers.BatchNormalization()
            self.main_output = library.layers.Dense(1)
            self.aux_output = library.layers.Dense(1)

        def call(self, inputs, training=None):
            wide, deep = inputs
            hidden = self.norm(self.hidden2(self.hidden1(deep)), training=training)
            return self.main_output(jnp.concatenate([wide, hidden], axis=-1)), self.aux_output(hidden)

    return WideAndDeep


def functional_wide_and_deep() -> Any:
    wide, deep = layers.Input((3,)), layers.Input((5,))
    hidden = layers.Dense(8, activation="relu", name="hidden1")(deep)
    hidden = layers.Dense(8, activation="relu", kernel_regularizer="l2", name="hidden2")(hidden)
    hidden = layers.BatchNormalization(name="norm")(hidden)
    joined = concatenate([wide, hidden], axis=-1)
    return Model(
        [wide, deep], [layers.Dense(1, name="main_output")(joined), layers.Dense(1, name="aux_output")(hidden)]
    )


def compiled(model: Any, library: Any = lamina) -> Any:
    model.compile(library.optimizers.Adam(0.01), ["mse", "mse"], loss_weights=[0.9, 0.1])
    return model


def test_a_subclassed_model_trains_exactly_as_the_functional_one():
    subclassed, functional = wide_and_deep(lamina)(), functional_wide_and_deep()
    subclassed.build([(None, 3), (None, 5)])
    for name in ("hidden1", "hidden2", "norm", "main_output", "aux_output"):
        getattr(subclassed, name).set_weights(functional.get_layer(name).get_weights())
    histories = [compiled(model).fit([Z, X], [Y, Y], **FIT).history for model in (subclassed, functional)]
    assert histories[0]["loss"] == histories[1]["loss"]
    for mine, other in zip(subclassed.predict([Z, X], verbose=0), functional.predict([Z, X], verbose=0), strict=True):
        np.testing.assert_array_equal(mine, other)


def test_a_subclassed_model_trains_as_in_keras():
    ours, theirs = wide_and_deep(lamina)(), wide_and_deep(keras)()
    for model in (ours, theirs):
        model([Z, X])
    theirs.set_weights(ours.get_weights())
    mine = compiled(ours).fit([Z, X], [Y, Y], **FIT).history["loss"]
    other = compiled(theirs, keras).fit([Z, X], [Y, Y], **FIT).history["loss"]
    np.testing.assert_allclose(mine, other, rtol=1e-4)
    for first, second in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(first, second, rtol=1e-3, atol=1e-4)


def test_layers_are_in_training_mode_whether_or_not_call_hands_it_on():
    class Silent(wide_and_deep(lamina)):
        def call(self, inputs):  # in Keras on JAX, it would train in inference mode
            return super().call(inputs)

    told, silent = wide_and_deep(lamina)(), Silent()
    for model in (told, silent):
        model.build([(None, 3), (None, 5)])
    silent.set_weights(told.get_weights())
    losses = [compiled(model).fit([Z, X], [Y, Y], **FIT | {"epochs": 2}).history["loss"] for model in (told, silent)]
    assert losses[0] == losses[1]


# Structures, control flow and JAX in call -----------------------------------------------------------------------------


class Dicts(Model):
    """Dicts of nests in, dicts of nests out."""

    def __init__(self):
        super().__init__()
        self.left, self.right = layers.Dense(4), layers.Dense(2)

    def call(self, inputs):
        left, (a, b) = inputs["left"], inputs["pair"]
        return {"sum": self.left(left) + self.left(a), "parts": [self.right(a), (self.right(b),)]}


def test_nests_of_inputs_and_outputs_keep_their_structure():
    model, data = Dicts(), {"left": X, "pair": (X, X[:, ::-1].copy())}
    outputs = model(data)
    assert jax.tree.map(np.shape, outputs) == {"sum": (48, 4), "parts": [(48, 2), ((48, 2),)]}
    predicted = model.predict(data, batch_size=10, verbose=0)
    assert jax.tree.structure(predicted) == jax.tree.structure(outputs)
    for mine, other in zip(jax.tree.leaves(predicted), jax.tree.leaves(outputs), strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-5, atol=1e-6)


def test_a_model_is_built_on_the_first_data_of_any_dtype():
    class Lookup(Model):
        def __init__(self):
            super().__init__()
            self.last = layers.Dense(1)

        def call(self, inputs):
            assert inputs.dtype == jnp.int32
            return self.last(jax.nn.one_hot(inputs, 7).sum(1))

    model = Lookup()
    model.compile("adam", "mse")
    assert not model.built
    model.fit(RNG.integers(0, 7, (48, 4)), Y, verbose=0)
    assert model.count_params() == 8


def test_python_decides_on_what_does_not_change():
    class Stack(Model):
        def __init__(self, depth, residual):
            super().__init__()
            self.blocks = [layers.Dense(5, activation="tanh") for _ in range(depth)]
            self.residual, self.last = residual, layers.Dense(1)

        def call(self, inputs, training=False):
            for i, block in enumerate(self.blocks):
                hidden = block(inputs)
                inputs = hidden + inputs if self.residual and i % 2 else hidden
            if training and inputs.shape[-1] > 1:
                inputs = inputs * 1.0
            return self.last(inputs)

    for depth, residual in [(0, True), (3, False), (3, True)]:
        model = Stack(depth, residual)
        model.compile("sgd", "mse")
        assert np.isfinite(model.fit(X, Y, verbose=0).history["loss"]).all()
        assert len(model.weights) == 2 * depth + 2


class Recurrent(Model):
    """`lax.scan` and `lax.cond` around layers and weights."""

    def __init__(self):
        super().__init__()
        self.inner, self.last = layers.Dense(4, use_bias=False), layers.Dense(1)

    def build(self, input_shape):
        self.start = self.add_weight((4,), initializer="ones", name="start")
        self.inner.build((None, 4 + input_shape[-1]))
        self.last.build((None, 4))

    def call(self, inputs):
        steps = jnp.swapaxes(inputs[:, :, None], 0, 1)
        steps = jnp.broadcast_to(steps, (*steps.shape[:2], inputs.shape[-1]))

        def step(carry, x):
            carry = jnp.tanh(self.inner(jnp.concatenate([carry, x], -1)))
            return carry, None

        carry, _ = jax.lax.scan(step, jnp.broadcast_to(self.start.value, (inputs.shape[0], 4)), steps)
        carry = jax.lax.cond(jnp.mean(carry) > 2, lambda c: c * 0, lambda c: 2 * c, carry)
        return self.last(carry)


def test_scan_and_cond_work_inside_call():
    model = Recurrent()
    model.compile(lamina.optimizers.Adam(0.02), "mse")
    losses = model.fit(X, Y, epochs=10, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    start, kernel, last, bias = (w.astype("float64") for w in model.get_weights())
    carry = np.tile(start, (48, 1))
    for i in range(5):
        carry = np.tanh(np.concatenate([carry, np.tile(X[:, i : i + 1], 5)], 1) @ kernel)
    expected = 2 * carry @ last + bias
    np.testing.assert_allclose(model.predict(X, batch_size=48, verbose=0), expected, rtol=1e-4, atol=1e-5)


@jax.custom_vjp
def clipped_gradient(x: jax.Array) -> jax.Array:
    return x


clipped_gradient.defvjp(lambda x: (x, None), lambda _, g: (jnp.clip(g, -1e-3, 1e-3),))


def test_the_gradient_is_the_one_that_custom_vjp_says():
    def step_sizes(call):
        class Net(Model):
            def __init__(self):
                super().__init__()
                self.dense = layers.Dense(1, kernel_initializer="zeros")

        Net.call = call
        model = Net()
        model.compile(lamina.optimizers.SGD(1.0), "mse")
        model.build((None, 5))
        model.train_on_batch(X, Y + 10)
        return np.abs(model.dense.bias.numpy()).max()

    plain = step_sizes(lambda self, inputs: self.dense(inputs))
    clipped = step_sizes(lambda self, inputs: clipped_gradient(self.dense(inputs)))
    assert plain > 10
    np.testing.assert_allclose(clipped, 48 * 1e-3, rtol=1e-5)  # one clipped gradient for each sample


# Layers in layers -----------------------------------------------------------------------------------------------------


class Attend(Layer):
    """A layer of two arrays, whose `build` takes both shapes."""

    def __init__(self, units: int = 4, **kwargs: Any):
        super().__init__(**kwargs)
        self.units = units

    def build(self, query_shape, value_shape):
        self.shapes = query_shape, value_shape
        self.q = self.add_weight((query_shape[-1], self.units), name="q")
        self.v = self.add_weight((value_shape[-1], self.units), name="v")

    def call(self, query, value, scale=1.0):
        return scale * (query @ self.q) * (value @ self.v)


class Nested(Layer):
    """Layers in layers, without a `build`."""

    def __init__(self, **kwargs: Any):
        super().__init__(**kwargs)
        self.attend, self.rest = Attend(name="attend"), {"norm": layers.BatchNormalization(), "last": [layers.Dense(1)]}

    def call(self, inputs, training=False):
        return self.rest["last"][0](self.rest["norm"](self.attend(inputs[0], value=inputs[1], scale=2.0)))


def test_build_is_given_the_shape_of_each_argument_of_call():
    for arguments, named in [((X, Z), {}), ((X,), {"value": Z}), ((), {"query": X, "value": Z})]:
        layer = Attend()
        layer(*arguments, **named)
        assert layer.shapes == ((None, 5), (None, 3))
    assert Attend()(layers.Input((5,)), layers.Input((3,))).shape == (None, 4)


def test_build_from_config_makes_the_same_weights():
    layer = Attend(units=6)
    layer(X, Z)
    again = Attend.from_config(json.loads(json.dumps(layer.get_config())))
    again.build_from_config(json.loads(json.dumps(layer.get_build_config())))
    again.set_weights(layer.get_weights())
    np.testing.assert_array_equal(again(X, Z), layer(X, Z))
    theirs = keras.layers.Dense(2)
    theirs.build((None, 3))
    ours = layers.Dense(2)
    ours.build((None, 3))
    assert json.dumps(ours.get_build_config()) == json.dumps(theirs.get_build_config())


def test_layers_in_layers_need_no_build():
    assert Nested()([X, Z]).shape == (48, 1)
    inputs = [layers.Input((5,)), layers.Input((3,))]
    nested = Nested(name="third")
    model = Model(inputs, nested(inputs))
    model.compile("adam", "mse")
    assert np.isfinite(model.fit([X, Z], Y, verbose=0).history["loss"]).all()
    assert [v.path for v in nested.weights[:2]] == ["third/attend/q", "third/attend/v"]
    assert len(nested.trainable_weights) == 6


def test_compute_output_shape_needs_no_code():
    assert Nested().compute_output_shape([(None, 5), (None, 3)]) == (None, 1)
    nest = {"left": (None, 5), "pair": ((None, 5), (None, 5))}
    assert Dicts().compute_output_shape(nest) == {"sum": (None, 4), "parts": [(None, 2), ((None, 2),)]}
    assert Recurrent().compute_output_shape((7, 5)) == (7, 1)


# training= and mask= --------------------------------------------------------------------------------------------------


class Probe(Layer):
    """Tells the `training` that it was called with."""

    seen: list[bool] = []

    def call(self, inputs, training=None):
        self.seen.append(training)
        return inputs


def inner_models() -> dict[str, Any]:
    class Inner(Model):
        def __init__(self):
            super().__init__()
            self.body = [Probe(), layers.BatchNormalization()]

        def call(self, inputs):
            return self.body[1](self.body[0](inputs))

    class Told(Inner):
        def call(self, inputs, training=None):
            return self.body[1](self.body[0](inputs, training=training), training=training)

    inputs = layers.Input((5,))
    return {
        "subclassed": Inner(),
        "told": Told(),
        "sequential": lamina.Sequential([layers.Input((5,)), Probe(), layers.BatchNormalization()]),
        "functional": Model(inputs, layers.BatchNormalization()(Probe()(inputs))),
    }


@pytest.mark.parametrize("kind", ["subclassed", "told", "sequential", "functional"])
@pytest.mark.parametrize("flag", [None, False, True])
def test_an_explicit_training_of_an_inner_model_reaches_all_below(kind, flag):
    class Outer(Model):
        def __init__(self):
            super().__init__()
            self.inner, self.last = inner_models()[kind], layers.Dense(1)

        def call(self, inputs):
            return self.last(self.inner(inputs) if flag is None else self.inner(inputs, training=flag))

    model = Outer()
    model.build((None, 5))
    model.compile("sgd", "mse")
    moving = [v for v in model.variables if "moving" in v.path]
    before = [v.numpy() for v in moving]
    Probe.seen.clear()
    model.fit(X, Y, verbose=0)
    moved = any((v.numpy() != old).any() for v, old in zip(moving, before, strict=True))
    assert moved == (flag is not False)
    assert set(Probe.seen[-1:]) == {flag is not False}
    Probe.seen.clear()
    model.predict(X[:7], verbose=0)
    assert set(Probe.seen) == {bool(flag)}


def test_training_is_given_to_call_by_name_or_place_as_in_keras():
    def probe(library):
        class Net(library.Model):
            def call(self, inputs, training=False):
                return inputs * (2.0 if training else 1.0)

        return Net()

    for call in (lambda m: m(X), lambda m: m(X, training=True), lambda m: m(X, training=False)):
        np.testing.assert_array_equal(call(probe(lamina)), call(probe(keras)))


def sequences() -> tuple[np.ndarray, np.ndarray]:
    x = RNG.normal(size=(6, 4, 3)).astype("float32")
    kept = np.arange(4) < np.array([4, 3, 2, 1, 4, 2])[:, None]
    return x * kept[..., None], kept


class Mean(Layer):
    """The mean over the steps that the mask keeps."""

    def call(self, inputs, mask=None):
        if mask is None:
            return jnp.mean(inputs, 1)
        weights = jnp.asarray(mask, inputs.dtype)[..., None]
        return jnp.sum(inputs * weights, 1) / jnp.sum(weights, 1)


class Masked(Model):
    """Masks that are made, handed on and used inside a model."""

    def __init__(self):
        super().__init__()
        self.masking, self.same, self.mean = Masking(), layers.Activation("relu"), Mean()

    def call(self, inputs, mask=None):
        return self.mean(self.same(self.masking(inputs)), mask=mask)


def test_masks_go_from_layer_to_layer_inside_call():
    x, kept = sequences()
    model = Masked()
    expected = (np.maximum(x, 0) * kept[..., None]).sum(1) / kept.sum(1)[:, None]
    for _ in range(2):  # first operation by operation, then compiled
        np.testing.assert_allclose(model(x), expected, rtol=1e-5)
    np.testing.assert_allclose(model.predict(x, verbose=0), expected, rtol=1e-5)
    given = np.ones_like(kept)
    np.testing.assert_allclose(model(x, mask=given), np.maximum(x, 0).mean(1), rtol=1e-5)


def test_outputs_carry_the_mask_that_compute_mask_says():
    class Every(Model):
        def __init__(self):
            super().__init__()
            self.masking, self.supports_masking = Masking(), True

        def call(self, inputs):
            return self.masking(inputs)[:, ::2]

        def compute_mask(self, inputs, previous_mask):
            return jnp.any(inputs != 0, -1)[:, ::2]

    x, kept = sequences()
    model = Every()
    for _ in range(2):
        np.testing.assert_array_equal(get_mask(model(x)), kept[:, ::2])


# model(x) is compiled -------------------------------------------------------------------------------------------------


class Net(Model):
    """A little of everything."""

    def __init__(self, rate: float = 0.0):
        super().__init__()
        self.hidden = layers.Dense(16, activation="gelu", activity_regularizer="l2", kernel_regularizer="l2")
        self.norm, self.drop, self.last = layers.LayerNormalization(), layers.Dropout(rate), layers.Dense(2, "softmax")

    def call(self, inputs):
        return self.last(self.drop(self.norm(self.hidden(inputs))))


def test_a_call_is_what_its_operations_give_one_by_one():
    model = Net()
    first = model(X)
    for x in (X, jnp.asarray(X), X.astype("float64"), X[:1]):
        outputs = model(x)
        assert isinstance(outputs, jax.Array)
        np.testing.assert_allclose(outputs, op_by_op(model, np.asarray(x, "float32")), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(model(X), first, rtol=1e-5, atol=1e-6)
    assert model.calls_compiled


def test_losses_of_the_call_are_there_afterwards():
    model = Net()
    model(X)
    one_by_one = [float(loss) for loss in model.losses]
    assert len(one_by_one) == 2
    model(X)
    np.testing.assert_allclose([float(loss) for loss in model.losses], one_by_one, rtol=1e-6)
    model(2 * X)
    assert float(model.losses[0]) > one_by_one[0]
    assert not any(isinstance(loss, jax.core.Tracer) for loss in model.losses)


def test_weights_that_were_assigned_are_seen():
    model = Net()
    for _ in range(2):
        model(X)
    before = np.asarray(model(X))
    model.last.kernel.assign(model.last.kernel.value * -1)
    np.testing.assert_allclose(model(X), op_by_op(model, X), rtol=1e-5, atol=1e-6)
    assert (np.asarray(model(X)) != before).any()
    model.set_weights([np.zeros_like(w) for w in model.get_weights()])
    np.testing.assert_allclose(model(X), np.full((48, 2), 0.5), rtol=1e-6)
    model.compile("sgd", "sparse_categorical_crossentropy")
    model.fit(X, np.zeros(48, int), verbose=0)
    np.testing.assert_allclose(model(X), model.predict(X, batch_size=48, verbose=0), rtol=1e-6)


def test_layers_that_were_added_or_changed_are_seen():
    class Growing(Model):
        def __init__(self):
            super().__init__()
            self.stack = [layers.Dense(5)]

        def call(self, inputs):
            for layer in self.stack:
                inputs = layer(inputs)
            return inputs

    model = Growing()
    for _ in range(2):
        assert model(X).shape == (48, 5)
    model.stack.append(layers.Dense(3))
    for _ in range(3):
        assert model(X).shape == (48, 3)
    np.testing.assert_allclose(model(X), op_by_op(model, X), rtol=1e-5, atol=1e-6)
    model.stack[0] = layers.Dense(4, kernel_initializer="zeros")
    del model.stack[1:]
    np.testing.assert_array_equal(model(X), np.zeros((48, 4)))
    assert len(model.weights) == 2


@pytest.mark.parametrize(
    "look",
    [
        lambda x: x * float(jnp.max(x)),
        lambda x: x if x.sum() > 0 else -x,
        lambda x: jnp.asarray(np.tanh(np.asarray(x))),
        lambda x: x[np.asarray(x[:, 0]) > 0],
        lambda x: x[x[:, 0] > 0],
        lambda x: x * len(np.unique(x)),
        lambda x: x[: int(x[0, 0]) + 3],
    ],
    ids=["float", "if", "numpy", "numpy mask", "mask", "unique", "slice"],
)
def test_a_call_that_looks_at_values_runs_operation_by_operation(look):
    class Looking(Model):
        def __init__(self):
            super().__init__()
            self.dense = layers.Dense(3)

        def call(self, inputs):
            return look(self.dense(inputs))

    model = Looking()
    expected = look(model.dense(X))
    for _ in range(3):
        np.testing.assert_allclose(model(X), expected, rtol=1e-6)
    assert not model.calls_compiled


def test_random_layers_draw_anew_at_every_call():
    class Sampling(Model):
        def __init__(self):
            super().__init__()
            self.dense, self.seeds = layers.Dense(3), SeedGenerator(1)

        def call(self, inputs):
            mean = self.dense(inputs)
            return mean + jax.random.normal(self.seeds.next(), mean.shape)

    model = Sampling()
    drawn = [np.asarray(model(X)) for _ in range(4)] + [model.predict(X, verbose=0) for _ in range(2)]
    for i, first in enumerate(drawn):
        for second in drawn[:i]:
            assert (first != second).mean() > 0.99
    dropping = Net(rate=0.5)
    np.testing.assert_allclose(dropping(X), dropping(X), rtol=1e-6)
    assert (dropping(X, training=True) != dropping(X, training=True)).any()


def test_what_layers_assign_in_a_call_is_kept():
    class Counting(Layer):
        def build(self, input_shape):
            self.calls = self.add_weight((), initializer="zeros", trainable=False, name="calls")

        def call(self, inputs):
            self.calls.assign_add(1)
            return inputs * self.calls

    model = lamina.Sequential([layers.Input((5,)), Counting()])
    for i in range(1, 4):
        np.testing.assert_allclose(model(X), i * X, rtol=1e-6)
    assert float(model.layers[0].calls.value) == 3
    model.predict(X, verbose=0)
    assert float(model.layers[0].calls.value) == 3  # a prediction changes nothing


def test_gradients_flow_through_the_call():
    model = Net()
    model(X)
    gradient = jax.grad(lambda x: jnp.sum(model(x)[:, 0]))(jnp.asarray(X))
    step = 1e-2 * np.sign(np.asarray(gradient))
    numeric = float(jnp.sum(model(X + step)[:, 0]) - jnp.sum(model(X - step)[:, 0])) / 2
    np.testing.assert_allclose(float(jnp.sum(gradient * step)), numeric, rtol=2e-2)


def test_a_copy_calls_its_own_weights():
    model = Net()
    model(X), model(X)
    copied = copy.deepcopy(model)
    copied.set_weights([np.zeros_like(w) for w in copied.get_weights()])
    np.testing.assert_allclose(copied(X), np.full((48, 2), 0.5), rtol=1e-6)
    assert (np.asarray(model(X)) != 0.5).any()


def test_threads_call_and_predict_with_one_model_at_a_time_of_their_own():
    model, failures = Net(), []
    model(X)
    expected = np.asarray(op_by_op(model, X))
    start = threading.Barrier(6)

    def work(rows):
        try:
            start.wait(10)
            for _ in range(5):
                np.testing.assert_allclose(model(X[:rows]), expected[:rows], rtol=1e-5, atol=1e-6)
                np.testing.assert_allclose(model.predict(X[:rows], verbose=0), expected[:rows], rtol=1e-5, atol=1e-6)
        except BaseException as error:  # noqa: BLE001 - shown by the assertion below
            failures.append(error)

    threads = [threading.Thread(target=work, args=(rows,)) for rows in (1, 2, 3, 8, 16, 48)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_a_model_may_be_called_while_it_is_trained():
    model = Net()
    model.compile("adam", "sparse_categorical_crossentropy")
    model(X)
    seen, done = [], threading.Event()

    def watch():
        while not done.is_set():
            seen.append(np.asarray(model(X[:4])))

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        model.fit(X, RNG.integers(0, 2, 48), epochs=20, verbose=0)
    finally:
        done.set()
        thread.join()
    assert all(np.isfinite(outputs).all() for outputs in seen)
    np.testing.assert_allclose([o.sum(-1) for o in seen], 1, rtol=1e-5)
