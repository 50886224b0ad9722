"""Steps, losses, metrics, penalties and constraints of the user's, inside the compiled epoch, beside Keras'."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lamina
from lamina import Model, layers
from lamina.core.random import SeedGenerator

keras = pytest.importorskip("keras")

RNG = np.random.default_rng(0)
X = RNG.normal(size=(56, 4)).astype("float32")
Y = (X @ RNG.normal(size=(4, 1)) + 0.3).astype("float32")
WEIGHTS = [RNG.normal(size=(4, 3)), RNG.normal(size=3), RNG.normal(size=(3, 1)), np.zeros(1)]
FIT = {"epochs": 4, "batch_size": 16, "shuffle": False, "verbose": 0}
LIBRARIES = [lamina, keras]


def graph_of(library: Any, cls: Any, **penalty: Any) -> Any:
    """A model of the class `cls` around a small graph, with the same weights in both libraries."""
    inputs = library.Input((4,))
    hidden = library.layers.Dense(3, activation="tanh", kernel_regularizer="l2")(inputs)
    model = cls(inputs, library.layers.Dense(1, **penalty)(hidden))
    model.set_weights(WEIGHTS)
    return model


def same(mine: dict[str, Any], other: dict[str, Any], rtol: float = 1e-5) -> None:
    assert sorted(mine) == sorted(other)
    for name in other:
        np.testing.assert_allclose(mine[name], other[name], rtol=rtol, err_msg=name)


# A train_step and test_step in Keras' form for JAX --------------------------------------------------------------------


def with_steps(library: Any) -> Any:
    """A class with both steps, written as for Keras on JAX: values in, logs and values out."""

    class Stepping(library.Model):
        def loss_of(self, trainable, others, metrics, x, y, weight, training):
            y_pred, others = self.stateless_call(trainable, others, x, training=training)
            loss, (_, others, metrics) = self.stateless_compute_loss(
                trainable, others, metrics, x=x, y=y, y_pred=y_pred, sample_weight=weight, training=training
            )
            return loss, (y_pred, others, metrics)

        def measured(self, metrics, loss, y, y_pred, weight):
            left, logs = [], {}
            for metric in self.metrics:
                values = metrics[len(left) : len(left) + len(metric.variables)]
                if metric.name == "loss":
                    values = metric.stateless_update_state(values, loss)
                else:
                    values = metric.stateless_update_state(values, y, y_pred, sample_weight=weight)
                logs[metric.name] = metric.stateless_result(values)
                left += values
            return logs, left

        def train_step(self, state, data):
            trainable, others, slots, metrics = state
            x, y, weight = library.utils.unpack_x_y_sample_weight(data)
            gradient = jax.value_and_grad(self.loss_of, has_aux=True)
            (loss, (y_pred, others, metrics)), gradients = gradient(
                trainable, others, metrics, x, y, weight, training=True
            )
            trainable, slots = self.optimizer.stateless_apply(slots, gradients, trainable)
            logs, metrics = self.measured(metrics, loss, y, y_pred, weight)
            return logs, (trainable, others, slots, metrics)

        def test_step(self, state, data):
            trainable, others, metrics = state
            x, y, weight = library.utils.unpack_x_y_sample_weight(data)
            loss, (y_pred, others, metrics) = self.loss_of(trainable, others, metrics, x, y, weight, training=False)
            logs, metrics = self.measured(metrics, loss, y, y_pred, weight)
            return logs, (trainable, others, metrics)

    return Stepping


@pytest.mark.parametrize("weighted", [False, True])
def test_steps_in_keras_form_give_keras_numbers(weighted):
    weight = {"sample_weight": np.linspace(0, 2, 56).astype("float32")} if weighted else {}
    results = []
    for library in LIBRARIES:
        model = graph_of(library, with_steps(library))
        measured = {"weighted_metrics" if weighted else "metrics": ["mae"]}
        model.compile(library.optimizers.Adam(0.05), "mse", **measured)
        history = model.fit(X, Y, **FIT, **weight, validation_data=(X[:20], Y[:20])).history
        results.append((history, model.evaluate(X, Y, batch_size=16, verbose=0, return_dict=True, **weight)))
    same(results[0][0], results[1][0])
    same(results[0][1], results[1][1])


def test_a_step_of_ones_own_trains_as_the_built_in_one():
    own, built_in = (graph_of(lamina, cls) for cls in (with_steps(lamina), Model))
    losses = []
    for model in (own, built_in):
        model.compile(lamina.optimizers.Adam(0.05), "mse")
        history = model.fit(X[:48], Y[:48], **FIT).history
        losses.append(history["loss"])
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-6)
    for mine, other in zip(own.get_weights(), built_in.get_weights(), strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-5, atol=1e-6)


def with_own_metrics(library: Any) -> Any:
    """A class that does everything itself: its own loss, trackers and list of metrics."""

    class Own(library.Model):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            self.loss_tracker = library.metrics.Mean(name="loss")
            self.error = library.metrics.MeanAbsoluteError(name="error")
            self.loss_fn = library.losses.MeanSquaredError()

        @property
        def metrics(self):
            return [self.loss_tracker, self.error]

        def train_step(self, state, data):
            trainable, others, slots, (*tracked,) = state
            x, y = data

            def loss_of(trainable):
                y_pred, new = self.stateless_call(trainable, others, x, training=True)
                return self.loss_fn(y, y_pred), (y_pred, new)

            (loss, (y_pred, others)), gradients = jax.value_and_grad(loss_of, has_aux=True)(trainable)
            trainable, slots = self.optimizer.stateless_apply(slots, gradients, trainable)
            count = len(self.loss_tracker.variables)
            first = self.loss_tracker.stateless_update_state(tracked[:count], loss)
            second = self.error.stateless_update_state(tracked[count:], y, y_pred)
            logs = {
                "loss": self.loss_tracker.stateless_result(first),
                "error": self.error.stateless_result(second),
            }
            return logs, (trainable, others, slots, first + second)

    return Own


def test_a_step_with_metrics_of_its_own_needs_nothing_of_compile():
    histories = []
    for library in LIBRARIES:
        model = graph_of(library, with_own_metrics(library))
        model.compile(library.optimizers.Adam(0.05))
        histories.append(model.fit(X, Y, **FIT).history)
    same(*histories)
    ours = graph_of(lamina, with_own_metrics(lamina))
    ours.compile("adam")
    assert ours.metrics_names == ["loss", "error"]
    assert ours.train_on_batch(X, Y, return_dict=True).keys() == {"loss", "error"}


def test_one_program_runs_all_steps_of_ones_own_and_draws_anew_in_each():
    traced = []

    class Noisy(Model):
        def __init__(self):
            super().__init__()
            self.dense, self.seeds = layers.Dense(1), SeedGenerator(1)

        def call(self, inputs):
            return self.dense(inputs)

        def train_step(self, state, data):
            traced.append(1)
            draw = jax.random.uniform(self.seeds.next())
            return {"draw": draw, "total": jnp.sum(data[0])}, state

    model = Noisy()
    model.compile("sgd", "mse")

    class Each(lamina.callbacks.Callback):
        seen: list[float] = []

        def on_train_batch_end(self, batch, logs):
            self.seen.append(logs["draw"])

    model.fit(X[:48], Y[:48], epochs=2, batch_size=16, verbose=0, callbacks=[Each()])
    assert len(set(Each.seen)) == 6
    assert len(traced) <= 3  # for the logs' names, and in the loop


def test_losses_of_layers_count_in_a_step_of_ones_own():
    class Penalty(layers.Layer):
        def call(self, inputs):
            self.add_loss(jnp.mean(inputs**2))
            return inputs

    losses = []
    for cls in (with_steps(lamina), Model):
        inputs = layers.Input((4,))
        hidden = Penalty()(layers.Dense(3, activation="tanh", kernel_regularizer="l2")(inputs))
        model = cls(inputs, layers.Dense(1)(hidden))
        model.set_weights(WEIGHTS)
        model.compile("sgd", "mse")
        model(X)  # what an earlier call added does not count
        losses.append(model.fit(X[:48], Y[:48], **FIT).history["loss"])
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-6)


def test_a_dict_of_results_is_several_logs():
    class Spread(lamina.metrics.Metric):
        def __init__(self):
            super().__init__(name="spread")
            self.low = self.add_variable((), "zeros", name="low")

        def update_state(self, y_true, y_pred, sample_weight=None):
            self.low.assign(jnp.minimum(self.low, jnp.min(y_pred)))

        def result(self):
            return {"low": self.low.value, "twice": 2 * self.low.value}

    model = graph_of(lamina, with_steps(lamina))
    model.compile("sgd", "mse", metrics=[Spread()])
    logs = model.evaluate(X, Y, batch_size=56, verbose=0, return_dict=True)
    lowest = model.predict(X, verbose=0).min()
    np.testing.assert_allclose([logs["low"], logs["twice"]], [lowest, 2 * lowest], rtol=1e-5)


def test_steps_may_build_on_the_built_in_ones():
    def with_more_logs(library):
        class More(library.Model):
            def train_step(self, state, data):
                logs, state = super().train_step(state, data)
                return {**logs, "largest": jnp.max(jnp.abs(state[0][0]))}, state

            def test_step(self, state, data):
                logs, state = super().test_step(state, data)
                return {**logs, "rows": jnp.float32(data[0].shape[0])}, state

        return More

    results = []
    for library in LIBRARIES:
        model = graph_of(library, with_more_logs(library))
        model.compile(library.optimizers.Adam(0.05), "mse", metrics=["mae"])
        history = model.fit(X[:48], Y[:48], **FIT, validation_data=(X[:32], Y[:32])).history
        results.append((history, model.evaluate(X[:48], Y[:48], batch_size=16, verbose=0, return_dict=True)))
    same(results[0][0], results[1][0])
    same(results[0][1], results[1][1])


def test_large_kernels_come_upright_to_all_code_of_the_users():
    x = RNG.normal(size=(32, 300)).astype("float32")

    def network(cls):
        inputs = layers.Input((300,))
        model = cls(inputs, layers.Dense(1)(layers.Dense(200, name="wide")(inputs)))  # held transposed while it trains
        model.set_weights([w * 0.1 for w in model.get_weights()])
        return model

    class Measuring(Model):
        def compute_metrics(self, x, y, y_pred, sample_weight=None):
            kernel = self.get_layer("wide").kernel
            assert kernel.shape == (300, 200)
            logs = super().compute_metrics(x, y, y_pred, sample_weight)
            return {**logs, "column": jnp.linalg.norm(kernel[:, 0]), "again": jnp.mean((self(x) - y) ** 2)}

    model = network(Measuring)
    model.compile(lamina.optimizers.SGD(0.01), "mse")
    logs = model.fit(x, x[:, :1], batch_size=32, verbose=0).history
    np.testing.assert_allclose(
        logs["column"], [np.linalg.norm(model.get_layer("wide").get_weights()[0][:, 0])], rtol=1e-5
    )
    np.testing.assert_allclose(logs["again"], [np.mean((model(x) - x[:, :1]) ** 2)], rtol=1e-5)

    own, built_in = network(with_steps(lamina)), network(Model)
    own.set_weights(built_in.get_weights())
    losses = []
    for model in (own, built_in):
        model.compile(lamina.optimizers.Adam(0.01), "mse")
        losses.append(model.fit(x, x[:, :1], batch_size=16, epochs=2, shuffle=False, verbose=0).history["loss"])
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-5)


# compute_loss and compute_metrics -------------------------------------------------------------------------------------


def with_compute_loss(library: Any, old: bool) -> Any:
    """A loss with an addition, tracked by a metric; `old`: in the form before Keras 3.3, without `training`."""

    class Base(library.Model):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            self.extra_tracker = library.metrics.Mean(name="extra")

        def with_extra(self, loss, y_pred):
            extra = 0.1 * jnp.mean(jnp.abs(y_pred))
            self.extra_tracker.update_state(extra)
            return loss + extra

    class New(Base):
        def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
            return self.with_extra(super().compute_loss(x, y, y_pred, sample_weight, training), y_pred)

    class Old(Base):
        def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None):
            return self.with_extra(super().compute_loss(x, y, y_pred, sample_weight), y_pred)

    return Old if old else New


@pytest.mark.parametrize("old", [False, True])
def test_an_override_of_compute_loss_gives_keras_numbers(old):
    results = []
    for library in LIBRARIES:
        model = graph_of(library, with_compute_loss(library, old))
        model.compile(library.optimizers.SGD(0.05), "mse", metrics=["mae"])
        history = model.fit(X[:48], Y[:48], **FIT, validation_data=(X[:32], Y[:32])).history
        results.append((history, model.evaluate(X[:48], Y[:48], batch_size=16, verbose=0, return_dict=True)))
    same(results[0][0], results[1][0])
    same(results[0][1], results[1][1])


def test_a_loss_may_come_from_the_inputs_alone():
    def without_targets(library):
        class Restoring(library.Model):
            def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
                return jnp.mean((y_pred - x[:, :1]) ** 2) + sum(self.losses)

        return Restoring

    results = []
    for library in LIBRARIES:
        model = graph_of(library, without_targets(library))
        model.compile(library.optimizers.SGD(0.05))
        results.append(model.fit(X[:48], **FIT).history)
    same(*results)
    ours = graph_of(lamina, without_targets(lamina))
    ours.compile("sgd")
    predicted = ours.predict(X, verbose=0)
    expected = np.mean((predicted - X[:, :1]) ** 2) + 0.01 * np.sum(WEIGHTS[0] ** 2)
    np.testing.assert_allclose(ours.evaluate(X, batch_size=56, verbose=0), expected, rtol=1e-5)


def test_an_override_of_compute_metrics_gives_keras_numbers():
    def with_compute_metrics(library):
        class Measuring(library.Model):
            def compute_metrics(self, x, y, y_pred, sample_weight=None):
                logs = super().compute_metrics(x, y, y_pred, sample_weight)
                return {**logs, "twice": 2 * logs["mae"], "batch_mean": jnp.mean(x)}

        return Measuring

    results = []
    for library in LIBRARIES:
        model = graph_of(library, with_compute_metrics(library))
        model.compile(library.optimizers.SGD(0.05), "mse", metrics=["mae"])
        history = model.fit(X[:48], Y[:48], **FIT, validation_data=(X[:32], Y[:32])).history
        results.append((history, model.evaluate(X[:48], Y[:48], batch_size=16, verbose=0, return_dict=True)))
    same(results[0][0], results[1][0], rtol=1e-4)
    same(results[0][1], results[1][1], rtol=1e-4)


def test_masked_steps_do_not_count_in_an_override_of_compute_metrics():
    from lamina.layers.masking import Masking

    class Plain(Model):
        pass

    class Measuring(Model):
        def compute_metrics(self, x, y, y_pred, sample_weight=None):
            return super().compute_metrics(x, y, y_pred, sample_weight)

    x = RNG.normal(size=(16, 5, 2)).astype("float32")
    x[:, 3:] = 0
    y = RNG.normal(size=(16, 5, 1)).astype("float32")
    histories = []
    for cls in (Plain, Measuring):
        inputs = layers.Input((5, 2))
        model = cls(inputs, layers.Dense(1, kernel_initializer="ones")(Masking()(inputs)))
        model.compile(lamina.optimizers.SGD(0.01), "mse", metrics=["mae"])
        history = model.fit(x, y, epochs=2, shuffle=False, verbose=0, validation_data=(x, y)).history
        histories.append(history)
    same(*histories)


def test_the_last_smaller_batch_counts_in_overrides_too():
    class Rows(Model):
        def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
            return jnp.mean((y - y_pred) ** 2) * x.shape[0]

    model = graph_of(lamina, Rows)
    model.compile(lamina.optimizers.SGD(0.0))
    errors = (Y - model.predict(X, verbose=0))[:, 0] ** 2
    batches = [errors[:32], errors[32:]]
    expected = sum(len(b) * len(b) * b.mean() for b in batches) / 56  # each batch's loss counts as many rows as it has
    np.testing.assert_allclose(model.fit(X, Y, shuffle=False, verbose=0).history["loss"], [expected], rtol=1e-5)
    np.testing.assert_allclose(model.evaluate(X, Y, verbose=0), expected, rtol=1e-5)


# Metrics and losses of layers -----------------------------------------------------------------------------------------


def with_losses_in_call(library: Any, tracked: bool = False) -> Any:
    class Watched(library.layers.Layer):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.dense = library.layers.Dense(2, kernel_initializer="ones")
            self.size = library.metrics.Mean(name="size") if tracked else None

        def call(self, inputs):
            outputs = self.dense(inputs)
            if tracked:
                self.size.update_state(jnp.abs(outputs))
            self.add_loss(0.01 * jnp.mean(outputs**2))
            return outputs

    inputs = library.Input((4,))
    model = library.Model(inputs, library.layers.Dense(1, kernel_initializer="ones")(Watched()(inputs)))
    model.compile(library.optimizers.SGD(0.05), "mse", metrics=["mae"])
    return model


def test_losses_of_a_layers_call_give_keras_numbers():
    results = []
    for library in LIBRARIES:
        model = with_losses_in_call(library)
        history = model.fit(X[:48], Y[:48], **FIT, validation_data=(X[:32], Y[:32])).history
        results.append((history, model.evaluate(X[:48], Y[:48], batch_size=16, verbose=0, return_dict=True)))
    same(results[0][0], results[1][0])
    same(results[0][1], results[1][1])


def test_metrics_of_layers_start_anew_every_epoch_and_with_every_evaluation():
    model = with_losses_in_call(lamina, tracked=True)
    model.compile(lamina.optimizers.SGD(0.0), "mse")
    history = model.fit(X[:48], Y[:48], **FIT).history
    expected = np.abs(model.layers[1].dense(X[:48])).mean()
    np.testing.assert_allclose(history["size"], [expected] * 4, rtol=1e-5)
    for _ in range(2):
        np.testing.assert_allclose(
            model.evaluate(X[:48], Y[:48], verbose=0, return_dict=True)["size"], expected, rtol=1e-5
        )
    model.reset_metrics()
    model(X[:48])
    np.testing.assert_allclose(model.layers[1].size.result(), expected, rtol=1e-5)
    model(X[48:])  # compiled now, and added to what was there
    np.testing.assert_allclose(model.layers[1].size.result(), np.abs(model.layers[1].dense(X)).mean(), rtol=1e-5)


# Functions as losses, metrics, penalties, constraints -----------------------------------------------------------------


def half_squares(y_true, y_pred):
    return jnp.mean((y_true - y_pred) ** 2, axis=-1) / 2


def worst(y_true, y_pred):
    return jnp.max(jnp.abs(y_true - y_pred), axis=-1)


def l1(weights):
    return 0.02 * jnp.sum(jnp.abs(jnp.array(weights)))


def inside(weights):
    return jnp.clip(jnp.array(weights), -0.4, 0.4)


def test_plain_functions_give_keras_numbers():
    results = []
    for library in LIBRARIES:
        model = graph_of(library, library.Model, kernel_regularizer=l1, kernel_constraint=inside, activation=jnp.sinh)
        model.compile(library.optimizers.SGD(0.01), half_squares, metrics=[worst])
        results.append(model.fit(X, Y, **FIT).history)
        assert np.abs(model.get_weights()[2]).max() <= np.float32(0.4)
    same(*results)


def test_classes_of_ones_own_are_losses_metrics_penalties_and_constraints():
    def own(library):
        class Loss(library.losses.Loss):
            def call(self, y_true, y_pred):
                return half_squares(y_true, y_pred)

        class Worst(library.metrics.Metric):
            def __init__(self, name="worst", **kwargs):
                super().__init__(name=name, **kwargs)
                self.most = self.add_variable(shape=(), initializer="zeros", name="most")

            def update_state(self, y_true, y_pred, sample_weight=None):
                self.most.assign(jnp.maximum(self.most.value, jnp.max(worst(y_true, y_pred))))

            def result(self):
                return self.most.value

        class Penalty(library.regularizers.Regularizer):
            def __call__(self, x):
                return l1(x)

        class Inside(library.constraints.Constraint):
            def __call__(self, w):
                return inside(w)

        model = graph_of(library, library.Model, kernel_regularizer=Penalty(), kernel_constraint=Inside())
        model.compile(library.optimizers.SGD(0.01), Loss(), metrics=[Worst()])
        return model

    same(*(own(library).fit(X, Y, **FIT).history for library in LIBRARIES))


# Networks that need steps of their own --------------------------------------------------------------------------------


class Adversaries(Model):
    """A generator and a discriminator, each with an optimizer of its own: two gradients in one step."""

    def __init__(self):
        super().__init__()
        self.generator = lamina.Sequential([layers.Input((2,)), layers.Dense(4, activation="tanh"), layers.Dense(4)])
        self.judge = lamina.Sequential([layers.Input((4,)), layers.Dense(6, activation="tanh"), layers.Dense(1)])
        self.seeds, self.second = SeedGenerator(3), lamina.optimizers.Adam(0.01)
        self.second.build(self.judge.trainable_variables)
        self.slots = [
            self.add_weight(v.shape, "zeros", v.dtype, trainable=False, name=v.name) for v in self.second.variables
        ]
        for slot, value in zip(self.slots, self.second.variables, strict=True):
            slot.assign(value.value)

    def call(self, inputs):
        return self.judge(inputs)

    def train_step(self, state, data):
        trainable, others, slots, metrics = state
        count = len(self.generator.trainable_variables)
        ours, judges = trainable[:count], trainable[count:]
        noise = jax.random.normal(self.seeds.next(), (data[0].shape[0], 2))

        def made(ours):
            return self.generator.stateless_call(ours, [], noise)[0]

        def judged(judges, x):
            return self.judge.stateless_call(judges, [], x)[0]

        def judge_loss(judges):
            return jnp.mean(jax.nn.softplus(-judged(judges, data[0])) + jax.nn.softplus(judged(judges, made(ours))))

        judge_value, gradients = jax.value_and_grad(judge_loss)(judges)
        judges, others = self.second.stateless_apply(others, gradients, judges)
        value, gradients = jax.value_and_grad(lambda g: jnp.mean(jax.nn.softplus(-judged(judges, made(g)))))(ours)
        ours, slots = self.optimizer.stateless_apply(
            slots, [*gradients, *(jnp.zeros_like(v) for v in judges)], [*ours, *judges]
        )
        return {"judge": judge_value, "generator": value}, ([*ours[:count], *judges], others, slots, metrics)


def test_a_step_may_hold_two_optimizers():
    model = Adversaries()
    model.build((None, 4))
    model.compile(lamina.optimizers.Adam(0.01))
    before = [v.numpy() for v in model.trainable_variables]
    history = model.fit(X, epochs=3, batch_size=16, verbose=0).history
    assert set(history) == {"judge", "generator"}
    assert np.isfinite(history["judge"] + history["generator"]).all()
    assert all((old != v.numpy()).any() for old, v in zip(before, model.trainable_variables, strict=True))
    assert model.slots[0].value == 12  # iterations of the second optimizer: the state of the step is kept
