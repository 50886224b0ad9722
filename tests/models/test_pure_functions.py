"""`stateless_call` and `functional()`: models under JAX's transformations, against Keras and finite differences."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import lamina
from lamina import Model, layers
from lamina.core.errors import NotBuiltError

keras = pytest.importorskip("keras")

X = np.random.default_rng(0).normal(size=(12, 5)).astype("float32")
Y = (X[:, :1] - X[:, 1:2]).astype("float32")


class Penalty(layers.Layer):
    """Adds a loss in `call`."""

    def call(self, inputs):
        self.add_loss(0.1 * jnp.mean(inputs**2))
        return inputs


def network(library: Any, dropout: float = 0.0) -> Any:
    """A network with a penalty, moving statistics and a loss that a layer adds, in either library."""

    class KerasPenalty(keras.layers.Layer):
        call = Penalty.call

    return library.Sequential(
        [
            library.layers.Input((5,)),
            library.layers.Dense(8, activation="tanh", kernel_regularizer="l2"),
            library.layers.BatchNormalization(momentum=0.8),
            Penalty() if library is lamina else KerasPenalty(),
            library.layers.Dropout(dropout, seed=1),
            library.layers.Dense(1),
        ]
    )


def pair() -> tuple[Any, Any]:
    ours, theirs = network(lamina), network(keras)
    rng = np.random.default_rng(1)
    theirs.set_weights([rng.uniform(0.2, 0.8, w.shape) for w in theirs.get_weights()])
    ours.set_weights(theirs.get_weights())
    return ours, theirs


def values(variables: Any) -> list[Any]:
    return [jnp.asarray(v.value) for v in variables]


# Against Keras --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("training", [False, True])
def test_stateless_call_gives_what_keras_gives(training):
    ours, theirs = pair()
    mine = ours.stateless_call(
        values(ours.trainable_variables), values(ours.non_trainable_variables), X, training=training, return_losses=True
    )
    state = [v for v in theirs.non_trainable_variables if "seed" not in v.path]
    other = theirs.stateless_call(
        values(theirs.trainable_variables),
        values(theirs.non_trainable_variables),
        X,
        training=training,
        return_losses=True,
    )
    np.testing.assert_allclose(mine[0], other[0], rtol=1e-5)
    for new, expected in zip(mine[1], other[1][: len(state)], strict=True):
        np.testing.assert_allclose(new, expected, rtol=1e-5)
    np.testing.assert_allclose(sorted(map(float, mine[2])), sorted(map(float, other[2])), rtol=1e-5)


def test_gradients_through_stateless_call_are_keras():
    ours, theirs = pair()

    def gradient_of(model):
        others = values(model.non_trainable_variables)

        def loss(trainable):
            outputs, _, losses = model.stateless_call(trainable, others, X, training=True, return_losses=True)
            return jnp.mean((outputs - Y) ** 2) + sum(losses)

        return jax.jit(jax.grad(loss))(values(model.trainable_variables))

    for mine, other in zip(gradient_of(ours), gradient_of(theirs), strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-4, atol=1e-6)


def test_stateless_compute_loss_is_keras_and_the_losses_of_layers():
    results = []
    for model in pair():
        model.compile("sgd", "mse", metrics=["mae"])
        model.evaluate(X, Y, verbose=0)  # "mse" is resolved when there are targets

        def loss(trainable, others, metrics, model=model):
            y_pred, others, losses = model.stateless_call(trainable, others, X, training=True, return_losses=True)
            value, (_, others, metrics) = model.stateless_compute_loss(
                trainable, others, metrics, x=X, y=Y, y_pred=y_pred, sample_weight=None, training=True
            )
            # Keras leaves out what layers added; the penalty of the kernel is in both.
            return value + (losses[0] if "keras" in type(model).__module__ else 0), (others, metrics)

        state = [values(v) for v in (model.trainable_variables, model.non_trainable_variables, model.metrics_variables)]
        (value, (others, metrics)), gradients = jax.jit(jax.value_and_grad(loss, has_aux=True))(*state)
        assert (len(others), len(metrics)) == (len(state[1]), len(state[2]))
        results.append((value, gradients))
    (mine, my_gradients), (other, other_gradients) = results
    np.testing.assert_allclose(mine, other, rtol=1e-5)
    for first, second in zip(my_gradients, other_gradients, strict=True):
        np.testing.assert_allclose(first, second, rtol=1e-4, atol=1e-6)


def test_a_loop_of_ones_own_trains_as_fit_does():
    fitted, looped = network(lamina), network(lamina)
    looped.set_weights(fitted.get_weights())
    fitted.compile(lamina.optimizers.Adam(0.01), "mse")
    fitted.fit(X, Y, batch_size=4, epochs=3, shuffle=False, verbose=0)
    loss_fn, optimizer = lamina.losses.MeanSquaredError(), lamina.optimizers.Adam(0.01)
    optimizer.build(looped.trainable_variables)

    @jax.jit
    def step(state, x, y):
        def loss(trainable, others):
            y_pred, others, losses = looped.stateless_call(trainable, others, x, training=True, return_losses=True)
            return loss_fn(y, y_pred) + sum(losses), others

        trainable, others, slots = state
        gradients, others = jax.grad(loss, has_aux=True)(trainable, others)
        trainable, slots = optimizer.stateless_apply(slots, gradients, trainable)
        return trainable, others, slots

    # the variables themselves are values too
    state = looped.trainable_variables, looped.non_trainable_variables, optimizer.variables
    for _ in range(3):
        for start in range(0, 12, 4):
            state = step(state, X[start : start + 4], Y[start : start + 4])
    for variable, value in zip(looped.trainable_variables, state[0], strict=True):
        variable.assign(value)
    for variable, value in zip(looped.non_trainable_variables, state[1], strict=True):
        variable.assign(value)
    for mine, other in zip(looped.get_weights(), fitted.get_weights(), strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-5, atol=1e-7)


# Purity ---------------------------------------------------------------------------------------------------------------


def test_pure_calls_leave_the_model_as_it_was():
    model = network(lamina, dropout=0.5)
    model(X)
    before, losses = model.get_weights(), list(map(float, model.losses))
    apply, params, state = model.functional()
    zeros = jax.tree.map(jnp.zeros_like, params)
    apply(zeros, state, X, training=True, key=jax.random.key(0))
    jax.jit(apply, static_argnames="training")(zeros, state, X, training=True)
    zeros = [jnp.zeros(v.shape) for v in model.trainable_variables]
    jax.jit(lambda p, s: model.stateless_call(p, s, X, training=True))(zeros, list(state.values()))
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    model(X)
    assert list(map(float, model.losses)) == losses


def test_losses_of_a_traced_pure_call_are_not_left_behind():
    model = network(lamina)
    jax.jit(model.stateless_call)(values(model.trainable_variables), values(model.non_trainable_variables), X)
    assert len(model.losses) == 1  # the penalty of the kernel
    copied = pickle.loads(pickle.dumps(copy.deepcopy(model)))
    np.testing.assert_array_equal(copied(X), model(X))


def test_a_wrong_count_or_shape_of_values_names_the_variables():
    model = network(lamina)
    trainable, others = values(model.trainable_variables), values(model.non_trainable_variables)
    where = r"Layer 'sequential': stateless_call: {}: expected values for \[\('sequential/.*\], received shapes \["
    with pytest.raises(ValueError, match=where.format("trainable_variables")):
        model.stateless_call(trainable[1:], others, X)
    with pytest.raises(ValueError, match=where.format("non_trainable_variables")):
        model.stateless_call(trainable, [], X)
    with pytest.raises(ValueError, match=r"expected .*dense/kernel', \(5, 8\)\).*received shapes \[\(8, 5\)"):
        model.stateless_call([trainable[0].T, *trainable[1:]], others, X)


def test_a_model_without_weights_cannot_be_pure_yet():
    model = lamina.Sequential([layers.Dense(3)])
    for use in (model.functional, lambda: model.stateless_call([], [], X)):
        with pytest.raises(NotBuiltError, match="Layer 'sequential' has no weights yet: call it on data, or build"):
            use()


# functional() ---------------------------------------------------------------------------------------------------------


def test_functional_names_params_and_state_by_path():
    _, params, state = network(lamina).functional()
    assert [path.removeprefix("sequential/") for path in params] == [
        "dense/kernel",
        "dense/bias",
        "batch_normalization/gamma",
        "batch_normalization/beta",
        "dense_1/kernel",
        "dense_1/bias",
    ]
    assert [path.rpartition("/")[2] for path in state] == ["moving_mean", "moving_variance"]


def test_apply_is_the_call_and_its_new_state():
    model = network(lamina)
    apply, params, state = model.functional()
    for training in (False, True):
        outputs, new = apply(params, state, X, training=training)
        called = copy.deepcopy(model)
        np.testing.assert_allclose(outputs, called(X, training=training), rtol=1e-5)
        for path, variable in zip(new, called.non_trainable_variables, strict=True):
            np.testing.assert_allclose(new[path], variable.value, rtol=1e-6)
        assert any((new[path] != state[path]).any() for path in state) == training


def test_the_gradient_of_apply_is_that_of_finite_differences():
    apply, params, state = network(lamina).functional()

    def loss(params):
        return jnp.mean((apply(params, state, X, training=True)[0] - Y) ** 2)

    gradient = jax.jit(jax.grad(loss))(params)
    rng, step = np.random.default_rng(2), 3e-3
    for path in params:
        direction = rng.normal(size=params[path].shape).astype("float32")
        moved = [params | {path: params[path] + sign * step * direction} for sign in (1, -1)]
        numeric = (float(loss(moved[0])) - float(loss(moved[1]))) / (2 * step)
        np.testing.assert_allclose(float(jnp.sum(gradient[path] * direction)), numeric, rtol=2e-2, atol=2e-4)


def test_vmap_over_parameters_is_one_network_after_the_other():
    models = [network(lamina) for _ in range(3)]
    apply = models[0].functional()[0]
    trees = [model.functional()[1:] for model in models]
    paths = [list(tree) for tree in trees[0]]
    stacked = [
        {path: jnp.stack([list(trees[m][part].values())[i] for m in range(3)]) for i, path in enumerate(paths[part])}
        for part in (0, 1)
    ]
    together, _ = jax.jit(jax.vmap(lambda p, s: apply(p, s, X)))(*stacked)
    for outputs, model in zip(together, models, strict=True):
        np.testing.assert_allclose(outputs, model(X), rtol=1e-5, atol=1e-6)


def test_gradients_of_single_samples_sum_to_that_of_the_batch():
    model = lamina.Sequential([layers.Input((5,)), layers.Dense(4, "tanh"), layers.Dense(1)])
    apply, params, state = model.functional()

    def loss(params, x, y):
        return jnp.sum((apply(params, state, x)[0] - y) ** 2)

    each = jax.vmap(jax.grad(loss), (None, 0, 0))(params, X[:, None], Y[:, None])
    whole = jax.grad(loss)(params, X, Y)
    for path in params:
        np.testing.assert_allclose(jnp.sum(each[path], 0), whole[path], rtol=1e-4, atol=1e-5)


def test_hessians_and_input_gradients_work():
    model = lamina.Sequential([layers.Input((2,)), layers.Dense(3, "tanh"), layers.Dense(1)])
    apply, params, state = model.functional()
    hessian = jax.hessian(lambda x: apply(params, state, x[None])[0][0, 0])(jnp.array([0.3, -0.2]))
    np.testing.assert_allclose(hessian, hessian.T, atol=1e-6)
    kernel, bias, last = (
        np.asarray(params[f"sequential/{n}"], np.float64) for n in ("dense/kernel", "dense/bias", "dense_1/kernel")
    )
    t = np.tanh(np.array([0.3, -0.2]) @ kernel + bias)
    expected = (kernel * (last[:, 0] * -2 * t * (1 - t**2))) @ kernel.T
    np.testing.assert_allclose(hessian, expected, rtol=1e-4, atol=1e-6)


def test_optax_trains_the_pure_function_and_set_values_brings_it_back():
    model = network(lamina)
    apply, params, state = model.functional()
    optimizer = optax.adam(0.02)

    @jax.jit
    def step(params, state, slots, key):
        def loss(params):
            outputs, new = apply(params, state, X, training=True, key=key)
            return jnp.mean((outputs - Y) ** 2), new

        (value, state_), gradient = jax.value_and_grad(loss, has_aux=True)(params)
        updates, slots = optimizer.update(gradient, slots)
        return optax.apply_updates(params, updates), state_, slots, value

    slots, losses = optimizer.init(params), []
    for i in range(60):
        params, state, slots, value = step(params, state, slots, jax.random.key(i))
        losses.append(float(value))
    assert losses[-1] < losses[0] / 3
    model.set_values(params | state)
    np.testing.assert_allclose(model(X), apply(params, state, X)[0], rtol=1e-5, atol=1e-6)


def test_set_values_refuses_unknown_paths_and_changes_nothing_then():
    model = network(lamina)
    before = model.get_weights()
    known = next(iter(model.functional()[1]))
    with pytest.raises(
        ValueError, match=r"set_values: no variable 'sequential/dense/kernl'\. Did you mean 'sequential/d"
    ):
        model.set_values({known: np.zeros((5, 8)), "sequential/dense/kernl": np.zeros((5, 8))})
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_a_missing_parameter_is_named():
    apply, params, state = network(lamina).functional()
    del params["sequential/dense_1/bias"]
    with pytest.raises(ValueError, match="functional: no value for the variable 'sequential/dense_1/bias'"):
        apply(params, state, X)


def test_models_with_several_inputs_are_pure_functions_too():
    class Sum(Model):
        def __init__(self):
            super().__init__()
            self.a, self.b = layers.Dense(2), layers.Dense(2)

        def call(self, left, right, scale=1.0):
            return {"sum": self.a(left) + scale * self.b(right)}

    model = Sum()
    expected = model(X, X[:, :3], scale=2.0)
    apply, params, state = model.functional()
    outputs, _ = jax.jit(apply)(params, state, X, X[:, :3], scale=2.0)
    np.testing.assert_allclose(outputs["sum"], expected["sum"], rtol=1e-5)


# Random draws ---------------------------------------------------------------------------------------------------------


def dropout_network() -> Any:
    return lamina.Sequential([layers.Input((5,)), layers.Dense(64), layers.Dropout(0.5)])


def test_a_key_fixes_the_masks():
    apply, params, state = dropout_network().functional()
    run = jax.jit(lambda key: apply(params, state, X, training=True, key=key)[0])
    first, again, other = run(jax.random.key(0)), run(jax.random.key(0)), run(jax.random.key(1))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_masks_of_a_compiled_step_change_with_its_arguments():
    model = dropout_network()
    apply, params, state = model.functional()
    functions = {
        "functional": jax.jit(lambda p, x: apply(p, state, x, training=True)[0] == 0),
        "stateless": jax.jit(
            lambda p, x: model.stateless_call([p[path] for path in params], [], x, training=True)[0] == 0
        ),
    }
    moved = params | {"sequential/dense/bias": params["sequential/dense/bias"] + 1e-6}
    for run in functions.values():
        first = run(params, X)
        np.testing.assert_array_equal(first, run(params, X))
        assert 0.3 < float(first.mean()) < 0.7
        assert (first != run(moved, X)).any()
        assert (first != run(params, X + 1e-6)).any()


def test_each_network_of_a_vmap_draws_masks_of_its_own():
    apply, params, state = dropout_network().functional()
    stacked = jax.tree.map(lambda p: jnp.stack([p, p * 1.01]), params)
    outputs, _ = jax.vmap(lambda p: apply(p, state, X, training=True))(stacked)
    assert ((outputs[0] == 0) != (outputs[1] == 0)).any()


def test_eager_pure_calls_draw_anew():
    apply, params, state = dropout_network().functional()
    first, second = (apply(params, state, X, training=True)[0] for _ in range(2))
    assert (first != second).any()
