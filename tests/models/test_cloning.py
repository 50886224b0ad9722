"""`clone_model`: the same architecture with weights of its own, and what may be changed on the way."""

from __future__ import annotations

import jax
import numpy as np
import optax
import pytest

import lamina
from lamina import layers
from lamina.core.config import custom_object_scope
from lamina.models.cloning import clone_model
from tests.parity.graphs import GRAPHS


def values(model, seed=0):
    """Inputs for a functional model, in the nest of its inputs."""
    rng = np.random.default_rng(seed)
    return jax.tree.map(lambda t: rng.integers(0, 9, (3, *(n or 4 for n in t.shape[1:]))).astype(t.dtype), model.input)


def assert_same_outputs(one, other, inputs):
    for first, second in zip(jax.tree.leaves(one(inputs)), jax.tree.leaves(other(inputs)), strict=True):
        np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("recursive", [False, True])
@pytest.mark.parametrize("name", list(GRAPHS))
def test_a_clone_computes_the_same_with_the_same_weights(name, recursive):
    model = GRAPHS[name](lamina)
    clone = clone_model(model, recursive=recursive)
    assert type(clone) is type(model)
    assert clone.get_config() == model.get_config()
    assert not {id(v) for v in clone.variables} & {id(v) for v in model.variables}
    assert not {id(layer) for layer in clone.layers} & {id(layer) for layer in model.layers}
    clone.set_weights(model.get_weights())
    assert_same_outputs(clone, model, values(model))


def test_weights_are_drawn_anew():
    model = lamina.Sequential([layers.Input((3,)), layers.Dense(4), layers.Dense(2)])
    clone = clone_model(model)
    for index in (0, 2):  # the kernels
        assert not np.array_equal(clone.get_weights()[index], model.get_weights()[index])
    assert [layer.name for layer in clone.layers] == [layer.name for layer in model.layers]


def test_a_stack_that_data_built_gives_a_stack_that_is_built():
    model = lamina.Sequential([layers.Dense(4), layers.Dense(2)])
    assert not clone_model(model).built
    model(np.ones((2, 3), "float32"))
    clone = clone_model(model)
    clone.set_weights(model.get_weights())
    assert_same_outputs(clone, model, np.ones((2, 3), "float32"))


def test_frozen_layers_stay_frozen():
    model = GRAPHS["two_inputs"](lamina)
    model.get_layer("dense").trainable = False
    clone = clone_model(model)
    assert [v.path for v in clone.trainable_variables] == [v.path for v in model.trainable_variables]
    model.trainable = False
    assert not clone_model(model).trainable_variables


def test_a_subclassed_model_is_made_and_built_again_from_its_config():
    class Twice(lamina.Model):
        def __init__(self, units, **kwargs):
            super().__init__(**kwargs)
            self.units = units
            self.dense = layers.Dense(units)

        def call(self, inputs):
            return self.dense(inputs) * 2

    model = Twice(2, name="twice")
    assert not clone_model(model).built
    x = np.ones((4, 3), "float32")
    model(x)
    clone = clone_model(model)
    assert type(clone) is Twice
    assert clone.name == "twice"
    clone.set_weights(model.get_weights())
    assert_same_outputs(clone, model, x)


def test_a_model_that_makes_its_own_graph_keeps_its_class():
    class Small(lamina.Model):
        def __init__(self, units=2, **kwargs):
            x = layers.Input((3,), name="x")
            super().__init__(inputs=x, outputs=layers.Dense(units, name="out")(x), **kwargs)
            self.units = units

        def compute_loss(self, *args, **kwargs):
            return 2 * super().compute_loss(*args, **kwargs)

    clone = clone_model(Small(5, name="small"))
    assert (type(clone), clone.name, clone.output_shape) == (Small, "small", (None, 5))


def test_a_subclass_that_takes_inputs_and_outputs_keeps_its_class():
    class Own(lamina.Model):
        def compute_loss(self, *args, **kwargs):
            return 2 * super().compute_loss(*args, **kwargs)

    class Passing(lamina.Model):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)

    for cls in (Own, Passing):
        x = layers.Input((3,), name="x")
        model = cls(x, layers.Dense(2)(x), name="own")
        clone = clone_model(model)
        assert (type(clone), clone.name) == (cls, "own")
        assert clone.get_config() == model.get_config()
        assert type(cls.from_config(model.get_config())) is cls


def test_functions_and_classes_of_ones_own_need_no_registration():
    def half(x):
        return x / 2

    class Scale(layers.Layer):
        def __init__(self, factor, **kwargs):
            super().__init__(**kwargs)
            self.factor = factor

        def call(self, inputs):
            return inputs * self.factor

    model = lamina.Sequential(
        [
            layers.Input((3, 2)),
            layers.TimeDistributed(Scale(3.0)),
            layers.Dense(2, activation=lambda x: x + 1),
            layers.Dense(2, activation=half),
            layers.Lambda(lambda x: x * 2),
        ]
    )
    clone = clone_model(model)
    clone.set_weights(model.get_weights())
    assert_same_outputs(clone, model, np.ones((2, 3, 2), "float32"))


def test_the_function_may_put_other_layers_in():
    model = GRAPHS["wide_and_deep"](lamina)

    def wider(layer):
        if isinstance(layer, layers.Dense) and layer.units == 30:
            return layers.Dense(50, name=layer.name)
        return type(layer).from_config(layer.get_config())

    clone = clone_model(model, clone_function=wider)
    assert clone.get_layer("dense").units == 50
    assert clone.output_shape == model.output_shape
    assert (
        clone_model(lamina.Sequential([layers.Input((2,)), layers.Dense(30)]), clone_function=wider).output_shape[-1]
        == 50
    )


def test_the_same_layers_on_other_inputs_share_the_weights():
    model = GRAPHS["two_inputs"](lamina)
    joint = layers.Input((11,))
    parts = [joint[:, :5], joint[:, 5:]]
    clone = clone_model(model, input_tensors=parts, clone_function=lambda layer: layer)
    assert clone.get_layer("dense") is model.get_layer("dense")
    assert {id(v) for v in clone.variables} == {id(v) for v in model.variables}
    x = np.random.default_rng(0).normal(size=(3, 11)).astype("float32")
    assert_same_outputs(clone, model, [x[:, :5], x[:, 5:]])


def test_a_stack_on_a_given_input():
    model = lamina.Sequential([layers.Input((3,), name="old"), layers.Dense(2)])
    x = layers.Input((3,), name="new")
    assert clone_model(model, input_tensors=x).input is x
    assert clone_model(model, input_tensors=[layers.Dense(3, name="before")(x)]).input.name == "before_input"


def test_calls_may_be_changed():
    model = GRAPHS["wide_and_deep"](lamina)

    def with_dropout(layer, *args, **kwargs):
        outputs = layer(*args, **kwargs)
        return layers.Dropout(0.5)(outputs) if isinstance(layer, layers.Dense) else outputs

    clone = clone_model(model, call_function=with_dropout)
    kinds = [type(layer).__name__ for layer in clone.layers]
    assert kinds.count("Dropout") == kinds.count("Dense") == 3
    assert clone.count_params() == model.count_params()


def test_inner_models_are_cloned_layer_by_layer_on_demand():
    asked: list[str] = []

    def named(layer):
        asked.append(layer.name)
        return type(layer).from_config(layer.get_config())

    model = GRAPHS["nested_models"](lamina)
    clone_model(model, clone_function=named)
    assert set(asked) == {"inner", "concatenate"}
    asked.clear()
    clone_model(model, clone_function=named, recursive=True)
    assert set(asked) == {"dense", "add", "concatenate"}


def test_a_compiled_model_gives_a_compiled_clone_that_starts_anew():
    x, y = np.ones((8, 3), "float32"), np.ones((8, 1), "float32")
    model = lamina.Sequential([layers.Input((3,)), layers.Dense(1)])
    rmse = lamina.metrics.RootMeanSquaredError()
    model.compile(lamina.optimizers.Adam(0.25), "mse", metrics=["mae", rmse])
    model.fit(x, y, verbose=0)
    clone = clone_model(model)
    assert clone.optimizer is not model.optimizer
    assert not clone.optimizer.built
    assert float(clone.optimizer.learning_rate) == 0.25
    clone.fit(x, y, verbose=0)
    assert clone.metrics_names == model.metrics_names
    assert not any(metric is rmse for metric in clone.metrics)


def test_the_clone_of_a_model_with_an_optax_transformation_trains():
    model = lamina.Sequential([layers.Input((3,)), layers.Dense(1)])
    model.compile(optax.adam(1e-3), "mse")
    clone = clone_model(model)
    assert clone.optimizer is not model.optimizer
    clone.fit(np.ones((8, 3), "float32"), np.ones((8, 1), "float32"), verbose=0)


def test_the_users_scope_of_custom_objects_counts():
    with custom_object_scope({"double": lambda x: x * 2}):
        model = lamina.Sequential([layers.Input((1,)), layers.Dense(1, activation="double")])
        assert clone_model(model).layers[0].activation(3) == 6


class Sub(lamina.Model):
    def call(self, inputs):
        return inputs


def stack():
    return lamina.Sequential([layers.Input((3,)), layers.Dense(2, name="d")], name="stack")


@pytest.mark.parametrize(
    ("model", "arguments", "error", "text"),
    [
        (lambda: "model", {}, TypeError, "expected a model, received 'model' of type str"),
        (stack, {"call_function": print}, ValueError, "call_function is for functional models.*'stack', a Sequential"),
        (lambda: Sub(name="sub"), {"clone_function": print}, ValueError, "clone_function is for.*'sub', a Sub"),
        (lambda: Sub(name="sub"), {"input_tensors": []}, ValueError, "input_tensors is for.*'sub', a Sub"),
        (stack, {"input_tensors": [1, 2]}, ValueError, "expected one symbolic tensor, the input of 'stack'"),
        (
            stack,
            {"clone_function": lambda layer: 3},
            TypeError,
            "expected a layer in place of 'd', received 3 of type int",
        ),
        (
            lambda: GRAPHS["two_inputs"](lamina),
            {"input_tensors": [layers.Input((5,))]},
            ValueError,
            "expected symbolic tensors in the nest of model.input",
        ),
        (
            lambda: GRAPHS["two_inputs"](lamina),
            {"call_function": lambda layer, *args: None},
            ValueError,
            "'norm.*' gives 1 tensors, and as many must stand in their place; received None",
        ),
    ],
)
def test_mistakes_are_named(model, arguments, error, text):
    with pytest.raises(error, match=text):
        clone_model(model(), **arguments)
