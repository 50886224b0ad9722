"""`Layer`: building, tracking, weights, freezing, losses, names, configs, and its messages."""

from __future__ import annotations

import json
import re
import threading
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lamina import layers
from lamina.core.config import custom_object_scope, register_serializable
from lamina.core.errors import LaminaError, NotBuiltError
from lamina.core.variable import Variable, bind
from lamina.layers.context import call_context

keras = pytest.importorskip("keras")

X = np.ones((2, 3), np.float32)


class Scale(layers.Layer):
    """A layer of the user: one weight for each feature, and a count of calls."""

    def __init__(self, start: float = 1.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.start = start
        self.built_for: list[Any] = []

    def build(self, input_shape: Any) -> None:
        self.built_for.append(input_shape)
        self.factor = self.add_weight(
            input_shape[-1:], initializer=lambda shape, dtype: jnp.full(shape, self.start, dtype), name="factor"
        )

    def call(self, inputs: Any) -> Any:
        return inputs * self.factor


class Block(layers.Layer):
    """A layer of the user with layers inside."""

    def __init__(self, units: int = 4, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units = units
        self.dense = layers.Dense(units, activation="relu")
        self.norm = layers.BatchNormalization()

    def call(self, inputs: Any) -> Any:
        return self.norm(self.dense(inputs))


class Holder(layers.Layer):
    """A layer of the user that keeps whatever it is given."""

    def __init__(self, *kept: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.kept = kept[0] if len(kept) == 1 else list(kept)

    def call(self, inputs: Any) -> Any:
        return inputs


# Building and calling ------------------------------------------------------------------------------------------------


def test_build_gets_the_shape_with_a_free_batch_axis_once():
    layer = Scale()
    assert not layer.built
    layer(X)
    layer(np.ones((5, 3)))
    assert layer.built
    assert layer.built_for == [(None, 3)]


def test_build_with_a_shape_makes_the_weights_without_data():
    layer = Scale()
    layer.build([None, 7])
    assert layer.count_params() == 7
    assert layer.get_build_config() == {"input_shape": (None, 7)}
    again = Scale()
    again.build_from_config(json.loads(json.dumps(layer.get_build_config())))
    assert again.built_for == [(None, 7)]


def test_several_inputs_come_as_lists_and_dicts():
    class Sum(layers.Layer):
        def build(self, input_shape):
            self.seen = input_shape

        def call(self, inputs):
            return sum(jax.tree.leaves(inputs))

    for inputs, shapes in [
        ([X, X], [(None, 3), (None, 3)]),
        ((X, X[:, :1]), ((None, 3), (None, 1))),
        ({"a": X, "b": X}, {"a": (None, 3), "b": (None, 3)}),
    ]:
        layer = Sum()
        np.testing.assert_array_equal(layer(inputs), 2 * X)
        assert layer.seen == shapes
        assert layer.compute_output_shape(shapes) == (None, 3)


def test_further_arguments_reach_call():
    class Affine(layers.Layer):
        def call(self, inputs, factor, *, offset=0.0):
            return inputs * factor + offset

    np.testing.assert_array_equal(Affine()(X, 2.0, offset=3.0), 2 * X + 3)


def test_outputs_may_be_any_structure():
    class Split(layers.Layer):
        def call(self, inputs):
            return {"left": inputs[:, :1], "rest": [inputs[:, 1:], jnp.sum(inputs)]}

    assert Split().compute_output_shape((None, 3)) == {"left": (None, 1), "rest": [(None, 2), ()]}


def test_output_shape_of_a_users_layer_is_traced_and_leaves_the_layer_as_it_was():
    block = Block()
    assert block.compute_output_shape((None, 3)) == (None, 4)
    before = block.get_weights()
    assert block.compute_output_shape((7, 3)) == (7, 4)
    for old, new in zip(before, block.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    assert block(X).shape == (2, 4)


def test_first_call_may_be_traced():
    for layer in (Scale(2.0), Block()):
        y = jax.jit(layer)(X)
        np.testing.assert_allclose(layer(X), y, rtol=1e-5)
        assert all(np.isfinite(w).all() for w in layer.get_weights())


def test_training_flag_reaches_inner_layers_and_can_be_overruled():
    class Probe(layers.Layer):
        def call(self, inputs, training=None):
            seen.append(training)
            return inputs

    class Outer(layers.Layer):
        def __init__(self):
            super().__init__()
            self.first, self.second = Probe(), Probe()

        def call(self, inputs):
            return self.second(self.first(inputs), training=True)

    seen: list[Any] = []
    outer = Outer()
    outer(X)
    outer(X, training=True)
    outer(X, training=False)
    with call_context(training=True):
        outer(X)
    assert seen == [False, True, True, True, False, True, True, True]


def test_mask_reaches_a_call_that_takes_one():
    class Masked(layers.Layer):
        def call(self, inputs, mask=None):
            return inputs if mask is None else inputs * mask

    assert Masked()(X).sum() == 6
    assert Masked()(X, mask=np.array([[1, 0, 0]])).sum() == 2


def test_a_build_that_fails_can_be_tried_again():
    class Fragile(layers.Layer):
        def build(self, input_shape):
            self.first = self.add_weight((2,), name="first")
            if input_shape[-1] != 4:
                raise ValueError("needs four features")
            self.second = self.add_weight((4,), name="second")

        def call(self, inputs):
            return inputs

    layer = Fragile()
    with pytest.raises(ValueError, match="needs four features"):
        layer(X)
    assert not layer.built
    layer(np.ones((2, 4)))
    assert [w.name for w in layer.weights] == ["first", "second"]
    assert layer.count_params() == 6


def test_building_through_the_base_class_names_everything_once():
    class Derived(Scale):
        def build(self, input_shape):
            super().build(input_shape)
            self.extra = self.add_weight((1,), name="extra")

    layer = Derived(name="derived")
    layer(X)
    assert [w.path for w in layer.weights] == ["derived/factor", "derived/extra"]
    assert layer.built_for == [(None, 3)]

    class Parent(layers.Layer):
        def build(self, input_shape):
            self.dense = layers.Dense(2, name="same")
            self.dense.build(input_shape)

    class Child(Parent):
        def build(self, input_shape):
            super().build(input_shape)

    child = Child(name="same")
    child.build((None, 3))
    assert [w.path for w in child.weights] == ["same/same/kernel", "same/same/bias"]


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16", "bfloat16", "float16"])
def test_policy_decides_compute_and_storage(policy):
    layer = Scale(dtype=policy)
    y = layer(X)
    assert y.dtype == layer.compute_dtype == layer.input_dtype
    assert layer.factor.dtype == layer.variable_dtype == layer.dtype


def test_inner_layers_keep_their_own_policy():
    class Mixed(layers.Layer):
        def __init__(self):
            super().__init__(dtype="mixed_bfloat16")
            self.exact = Scale(dtype="float32")

        def call(self, inputs):
            assert inputs.dtype == jnp.bfloat16
            return self.exact(inputs)

    layer = Mixed()
    assert layer(X).dtype == jnp.float32


def test_without_autocast_inputs_keep_their_dtype():
    assert layers.Identity(autocast=False)(X.astype(np.float16)).dtype == jnp.float16
    assert layers.Identity()(X.astype(np.float16)).dtype == jnp.float32


# Tracking ------------------------------------------------------------------------------------------------------------


def built_dense(units: int) -> layers.Dense:
    layer = layers.Dense(units)
    layer.build((None, 2))
    return layer


@pytest.mark.parametrize(
    "keep",
    [
        lambda a, b: [a, b],
        lambda a, b: (a, b),
        lambda a, b: {"one": a, "two": b},
        lambda a, b: [{"x": (a,)}, [[b]]],
        lambda a, b: {"deep": {"deeper": [a, {"deepest": b}]}},
        lambda a, b: [1, "text", None, a, b"bytes", b],
    ],
)
def test_layers_in_lists_tuples_and_dicts_are_found_at_any_depth(keep):
    first, second = built_dense(3), built_dense(4)
    layer = Holder(keep(first, second))
    assert [id(w) for w in layer.weights] == [id(w) for w in [*first.weights, *second.weights]]


def test_variables_in_attributes_lists_and_dicts_are_found():
    layer = Holder([Variable(1.0, name="a")], {"b": Variable(2.0, name="b", trainable=False)})
    layer.c = Variable(3.0, name="c")
    assert [w.name for w in layer.weights] == ["a", "c", "b"]
    assert [w.name for w in layer.trainable_weights] == ["a", "c"]


def test_what_is_added_changed_or_removed_later_counts():
    layer = Holder([built_dense(3)], {})
    kept_list, kept_dict = layer.kept
    assert len(layer.weights) == 2
    kept_list.append(built_dense(4))
    assert len(layer.weights) == 4
    kept_dict["more"] = built_dense(5)
    assert len(layer.weights) == 6
    kept_list[0] = layers.Identity()
    assert [w.shape[-1] for w in layer.weights] == [4, 4, 5, 5]
    del kept_dict["more"]
    kept_list.clear()
    assert layer.weights == []
    layer.new = built_dense(6)
    assert len(layer.weights) == 2
    del layer.new
    assert layer.weights == []


def test_changes_deep_inside_are_seen_from_the_top():
    inner = Holder([])
    outer = Holder([inner])
    assert outer.weights == []
    inner.kept.append(built_dense(3))
    assert len(outer.weights) == 2
    inner.late = Variable(1.0)
    assert len(outer.weights) == 3


def test_shared_layers_count_once_and_cycles_end():
    shared = built_dense(3)
    layer = Holder(shared, [shared], {"again": shared})
    assert len(layer.weights) == 2
    first, second = Holder(), Holder()
    first.other, second.other = second, first
    first.dense = shared
    assert len(second.weights) == 2


def test_order_of_weights_is_keras():
    def make(library):
        class Mixed(library.layers.Layer):
            def __init__(self):
                super().__init__(name="mixed")
                self.first = library.layers.Dense(3, name="d1")
                self.rest = [library.layers.Dense(2, name="d2"), {"x": library.layers.BatchNormalization(name="bn")}]

            def build(self, input_shape):
                self.a = self.add_weight(shape=(2,), name="a")
                self.fixed = self.add_weight(shape=(2,), name="fixed", trainable=False)
                self.b = self.add_weight(shape=(2,), name="b")

            def call(self, inputs):
                return self.rest[1]["x"](self.rest[0](self.first(inputs)))

        layer = Mixed()
        layer(X)
        return layer

    import lamina

    ours, theirs = make(lamina), make(keras)
    for listed in ("weights", "trainable_weights", "non_trainable_weights"):
        assert [w.path for w in getattr(ours, listed)] == [w.path for w in getattr(theirs, listed)]


# Weights -------------------------------------------------------------------------------------------------------------


def test_add_weight_defaults_are_glorot_for_floats_and_zeros_for_the_rest():
    layer = layers.Layer(name="it")
    kernel, count, single = layer.add_weight((50, 50)), layer.add_weight((3,), dtype="int32"), layer.add_weight()
    assert 0 < np.abs(kernel.numpy()).max() <= np.sqrt(6 / 100)
    assert (count.dtype, count.numpy().tolist()) == ("int32", [0, 0, 0])
    assert (single.shape, single.dtype) == ((), "float32")
    assert layer.add_weight(3).shape == (3,)
    assert [w.path for w in layer.weights][:2] == ["it/variable", "it/variable_1"]


def test_add_weight_attaches_what_it_is_given():
    layer = layers.Layer()
    weight = layer.add_weight(
        shape=(2, 3),
        initializer="ones",
        dtype="bfloat16",
        trainable=False,
        autocast=False,
        regularizer="l2",
        constraint="non_neg",
        name="w",
    )
    assert (weight.name, weight.dtype, weight.trainable, weight.autocast) == ("w", "bfloat16", False, False)
    np.testing.assert_allclose(weight.regularizer(np.ones(3, np.float32)), 0.03, rtol=1e-6)
    assert weight.constraint(np.array([-1.0, 2.0])).tolist() == [0.0, 2.0]


@pytest.mark.parametrize("shape", [(None, 3), (-1,), (2.5,), ("a",)])
def test_add_weight_refuses_shapes_that_are_not_known(shape):
    with pytest.raises(ValueError, match=r"Layer 'it': weight 'w' cannot have the shape .* Give the input's last axes"):
        layers.Layer(name="it").add_weight(shape, name="w")


@pytest.mark.parametrize("argument", ["initializer", "regularizer", "constraint"])
def test_add_weight_with_an_unknown_name(argument):
    with pytest.raises(LaminaError, match=f"Unknown {argument}: 'nosuch'"):
        layers.Layer().add_weight((2,), **{argument: "nosuch"})


def test_get_weights_returns_copies():
    layer = built_dense(3)
    for array in layer.get_weights():
        array[...] = 9
    assert not any((w == 9).any() for w in layer.get_weights())


def test_set_weights_takes_arrays_lists_and_variables():
    layer, other = built_dense(2), built_dense(2)
    layer.set_weights(other.weights)
    np.testing.assert_array_equal(layer.get_weights()[0], other.get_weights()[0])
    layer.set_weights([[[1, 2], [3, 4]], jnp.array([5.0, 6.0])])
    assert [w.tolist() for w in layer.get_weights()] == [[[1, 2], [3, 4]], [5, 6]]
    assert [w.dtype for w in layer.weights] == ["float32", "float32"]


@pytest.mark.parametrize(
    ("weights", "text"),
    [
        ([np.zeros((2, 3))], r"set_weights expected 2 arrays, received 1\. Expected shapes: \[\(2, 3\), \(3,\)\]"),
        ([np.zeros((2, 3)), np.zeros(4)], r"set_weights: 'it/bias' has shape \(3,\), received shape \(4,\)"),
        ([np.zeros((2, 3)), np.array(["a", "b", "c"])], "set_weights: 'it/bias' expected numbers, received array"),
    ],
)
def test_set_weights_sets_all_or_nothing(weights, text):
    layer = layers.Dense(3, name="it")
    layer.build((None, 2))
    before = layer.get_weights()
    with pytest.raises(ValueError, match=f"Layer 'it': {text}"):
        layer.set_weights(weights)
    for old, new in zip(before, layer.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_parameters_cannot_be_counted_before_the_shape_is_known():
    with pytest.raises(
        NotBuiltError, match=r"Layer 'it' has no weights yet: its input shape is not known.*Input\(shape\)"
    ):
        layers.Dense(3, name="it").count_params()
    block = Block()
    block(X)
    assert block.count_params() == 3 * 4 + 4 + 4 * 4


# Freezing ------------------------------------------------------------------------------------------------------------


def paths(variables: Any) -> list[str]:
    return [v.path for v in variables]


def test_freezing_a_layer_freezes_all_below_and_thawing_thaws_them():
    block = Block()
    block(X)
    assert len(block.trainable_weights) == 4
    block.trainable = False
    assert (block.trainable_weights, block.dense.trainable, block.norm.trainable) == ([], False, False)
    assert sorted(paths(block.non_trainable_weights)) == sorted(paths(block.weights))
    block.trainable = True
    assert len(block.trainable_weights) == 4
    assert len(block.non_trainable_weights) == 2  # moving statistics are never trained


def test_freezing_before_building_counts():
    block = Block()
    block.trainable = False
    block(X)
    assert block.trainable_weights == []


@pytest.mark.parametrize("kind", ["outer in constructor", "inner in constructor", "inner later", "thawed inside"])
def test_trainable_weights_of_nested_layers_are_keras(kind):
    def make(library):
        class Wrap(library.layers.Layer):
            def __init__(self, inner, **kwargs):
                super().__init__(**kwargs)
                self.inner = inner

            def call(self, inputs):
                return self.inner(inputs)

        if kind == "outer in constructor":
            layer = Wrap(Wrap(library.layers.Dense(2)), trainable=False)
        elif kind == "inner in constructor":
            layer = Wrap(library.layers.Dense(2, trainable=False))
        else:
            layer = Wrap(library.layers.Dense(2))
        layer(X)
        if kind == "inner later":
            layer.inner.trainable = False
        if kind == "thawed inside":
            layer.trainable = False
            layer.inner.trainable = True
        return layer

    import lamina

    ours, theirs = make(lamina), make(keras)
    assert len(ours.trainable_weights) == len(theirs.trainable_weights) == 0
    assert len(ours.inner.trainable_weights) == len(theirs.inner.trainable_weights)


def test_a_variable_that_is_not_trainable_stays_so():
    layer = Holder(Variable(1.0, name="a", trainable=False), Variable(1.0, name="b"))
    layer.trainable = True
    assert paths(layer.trainable_weights) == ["b"]


# Losses --------------------------------------------------------------------------------------------------------------


class Penalty(layers.Layer):
    def call(self, inputs: Any) -> Any:
        self.add_loss(jnp.sum(inputs))
        self.add_loss([0.5, jnp.array([1.0, 2.0])])
        return inputs


def test_losses_added_in_a_call_are_those_of_the_last_call():
    layer = Penalty()
    layer(X)
    assert [float(loss) for loss in layer.losses] == [6.0, 0.5, 3.0]
    layer(2 * X)
    assert [float(loss) for loss in layer.losses] == [12.0, 0.5, 3.0]


def test_losses_of_inner_layers_reach_the_outermost():
    class Outer(layers.Layer):
        def __init__(self):
            super().__init__()
            self.inner = [Penalty(), layers.Dense(1, kernel_regularizer="l2", kernel_initializer="ones")]

        def call(self, inputs):
            for layer in self.inner:
                inputs = layer(inputs)
            return inputs

    outer = Outer()
    outer(X)
    np.testing.assert_allclose(outer.losses, [6.0, 0.5, 3.0, 0.03], rtol=1e-6)


def test_frozen_weights_are_not_penalised():
    layer = layers.Dense(1, kernel_regularizer="l2", kernel_initializer="ones")
    layer(X)
    assert len(layer.losses) == 1
    layer.trainable = False
    assert layer.losses == []


def test_traced_losses_reach_the_context_and_leave_nothing_behind():
    layer = Penalty()
    layer(X)

    @jax.jit
    def step(x):
        with call_context(training=True) as context:
            layer(x)
            return sum(context.losses)

    assert step(2 * X) == 15.5
    jax.jit(layer)(X)
    assert not any(isinstance(loss, jax.core.Tracer) for loss in layer.losses)


def test_gradients_of_penalties_reach_the_weights():
    layer = layers.Dense(1, kernel_regularizer="l2", use_bias=False)
    layer.build((None, 3))

    def penalty(value):
        with bind(layer.weights, [value]):
            return sum(layer.regularization_losses())

    np.testing.assert_allclose(jax.grad(penalty)(layer.kernel.value), 0.02 * layer.kernel.numpy(), rtol=1e-6)


# Names and paths -----------------------------------------------------------------------------------------------------


def test_names_are_counted_by_class():
    names = [layer.name for layer in (layers.Dense(1), layers.BatchNormalization(), layers.Dense(1), Scale(), Scale())]
    assert names == ["dense", "batch_normalization", "dense_1", "scale", "scale_1"]
    assert repr(layers.Dense(1, name="mine")) == "<Dense name=mine, built=False>"


def test_paths_lead_through_the_layers_that_call():
    block = Block(name="block")
    block(X)
    assert block.path == "block"
    assert block.dense.path == "block/dense"
    assert paths(block.weights)[:3] == ["block/dense/kernel", "block/dense/bias", "block/batch_normalization/gamma"]


@pytest.mark.parametrize("name", ["a/b", 3, ["a"]])
def test_names_are_text_without_slashes(name):
    with pytest.raises(ValueError, match="Dense: name: expected text without '/', received"):
        layers.Dense(3, name=name)


# Messages ------------------------------------------------------------------------------------------------------------


def test_unknown_argument_names_the_closest_and_lists_the_known_once():
    with pytest.raises(TypeError) as caught:
        layers.Dense(3, actvation="relu")
    text = str(caught.value)
    assert text.startswith(
        "Dense: unknown argument 'actvation'. Did you mean 'activation'? Known: ['units', 'activation',"
    )
    listed = text.split("Known: ")[1]
    assert {
        listed.count(f"'{name}'") for name in ("name", "dtype", "trainable", "activity_regularizer", "input_shape")
    } == {1}
    with pytest.raises(TypeError, match=r"Scale: unknown argument 'strat'\. Did you mean 'start'\?"):
        Scale(strat=2.0)


def test_forgotten_super_init_is_explained_wherever_it_shows():
    class Forgetful(layers.Layer):
        def __init__(self):
            self.rate = 3

        def build(self, input_shape):
            self.w = self.add_weight((1,))

        def call(self, inputs):
            return inputs

    text = r"Forgetful: super\(\).__init__\(\) was not called\. Make it the first line of __init__"
    for use in (
        lambda layer: layer(X),
        lambda layer: layer.build((None, 3)),
        lambda layer: layer.add_weight((1,)),
        lambda layer: layer.weights,
        lambda layer: layer.trainable_weights,
        lambda layer: Holder(layer).weights,
    ):
        with pytest.raises(RuntimeError, match=text):
            use(Forgetful())
    assert repr(Forgetful()) == "<Forgetful name=?, built=False>"


def test_a_layer_without_call_says_what_to_define():
    class Empty(layers.Layer):
        pass

    with pytest.raises(NotImplementedError, match=r"Empty has no call\(self, inputs\)\. Define it"):
        Empty()(X)


def test_an_error_in_call_names_the_path_and_the_shapes():
    class Broken(layers.Layer):
        def call(self, inputs):
            raise ZeroDivisionError("oops")

    class Outer(layers.Layer):
        def __init__(self):
            super().__init__(name="outer")
            self.inner = Broken(name="inner")

        def call(self, inputs):
            return self.inner(inputs)

    with pytest.raises(ZeroDivisionError, match="oops") as caught:
        Outer()(X)
    where = r"test_base.py, line \d+: raise ZeroDivisionError\(\"oops\"\)"
    lead = r"Layer 'outer/inner' \(Broken\), called on shape \(2, 3\), failed at "
    assert re.fullmatch(f"{lead}{where}\noops", str(caught.value))
    (note,) = caught.value.__notes__
    assert re.fullmatch(rf"Raised in layer 'outer' \(Outer\), called on shape \(2, 3\), at {where}\.", note)


def test_an_error_in_call_leaves_the_layer_usable():
    class Touchy(Scale):
        def call(self, inputs):
            if inputs.shape[0] == 1:
                raise ValueError("one row")
            return super().call(inputs)

    layer = Touchy(dtype="mixed_bfloat16")
    layer(X)
    with pytest.raises(ValueError, match="one row"):
        layer(X[:1])
    assert layer(X).dtype == jnp.bfloat16
    assert layer.factor.value.dtype == jnp.float32


@pytest.mark.parametrize(
    ("inputs", "text"),
    [
        ([["a", "b"]], r"received dtype <U1 \(\[\['a', 'b'\]\]\)\. Encode text or objects as numbers first"),
        (None, "expected numbers as input, received dtype object"),
        (np.array([1 + 2j]), "expected numbers as input, received dtype complex128"),
        ([[1, 2], [3]], r"expected rows of one length as input, received \[\[1, 2\], \[3\]\] .*Pad the rows"),
        (np.array(["2020-01-01"], "datetime64[D]"), "received dtype datetime64"),
    ],
)
def test_inputs_that_are_no_numbers_are_refused(inputs, text):
    with pytest.raises(ValueError, match=f"Layer 'it': .*{text}"):
        layers.Identity(name="it")(inputs)


def test_numbers_of_any_container_are_taken():
    for inputs in (2.5, [1.0, 2.0], [np.float64(1.0), 2.0], range(3), np.float16(3), Variable([1.0, 2.0])):
        y = layers.Identity()(inputs)
        np.testing.assert_allclose(np.asarray(y, np.float64), np.asarray(inputs, np.float64))
    import pandas as pd

    frame = pd.DataFrame({"a": [1.0, 2.0], "b": [3, 4]})
    assert layers.Identity()(frame).dtype == jnp.float32


@pytest.mark.parametrize("shape", [3, (0,), (-1, 3), "ab", (2.5,)])
def test_input_shape_must_be_sizes(shape):
    with pytest.raises(
        ValueError, match=r"Dense: input_shape: expected a tuple of sizes >= 1 such as \(28, 28\), received"
    ):
        layers.Dense(3, input_shape=shape)


# Configs of users' layers --------------------------------------------------------------------------------------------


def test_config_of_a_users_layer_needs_no_code():
    layer = Scale(2.5, name="mine", trainable=False, dtype="bfloat16")
    config = layer.get_config()
    assert config == {
        "name": "mine",
        "trainable": False,
        "dtype": {
            "module": "keras",
            "class_name": "DTypePolicy",
            "config": {"name": "bfloat16"},
            "registered_name": None,
        },
        "start": 2.5,
    }
    again = Scale.from_config(json.loads(json.dumps(config)))
    np.testing.assert_array_equal(again(X), layer(X))
    assert (again.name, again.trainable, again.dtype_policy.name) == ("mine", False, "bfloat16")


def test_layers_among_the_arguments_come_back_as_layers():
    class Wrap(layers.Layer):
        def __init__(self, inner, others=(), **kwargs):
            super().__init__(**kwargs)
            self.inner, self.others = inner, list(others)

        def call(self, inputs):
            for layer in (self.inner, *self.others):
                inputs = layer(inputs)
            return inputs

    layer = Wrap(layers.Dense(4), [layers.Activation("relu"), layers.Dense(2, kernel_regularizer="l2")])
    layer(X)
    again = Wrap.from_config(json.loads(json.dumps(layer.get_config())))
    again(X)
    again.set_weights(layer.get_weights())
    np.testing.assert_array_equal(again(X), layer(X))


def test_unregistered_layers_load_from_a_scope_and_registered_ones_anywhere():
    config = json.loads(json.dumps(layers.serialize(Scale(3.0))))
    with pytest.raises(LaminaError, match=r"Unknown layer: 'Scale'\..*custom_objects=\{'Scale': Scale\}"):
        layers.deserialize(config)
    assert layers.deserialize(config, custom_objects={"Scale": Scale}).start == 3.0
    with custom_object_scope({"Scale": Scale}):
        assert layers.deserialize(config).start == 3.0

    @register_serializable(package="test_base")
    class Registered(Scale):
        pass

    config = json.loads(json.dumps(layers.serialize(Registered(4.0))))
    assert config["registered_name"] == "test_base>Registered"
    assert type(layers.deserialize(config)) is Registered


def test_a_config_that_does_not_fit_names_the_keys():
    with pytest.raises(LaminaError, match=r"Dense.from_config: the config does not fit the constructor .*'unts'"):
        layers.Dense.from_config({"unts": 3})


def test_what_lamina_does_not_have_is_refused_unless_it_is_off():
    theirs = keras.layers.Dense(3).get_config()
    assert theirs["quantization_config"] is None
    assert layers.Dense.from_config(theirs).units == 3
    with pytest.raises(LaminaError, match="unknown argument 'quantization_config'"):
        layers.Dense.from_config(theirs | {"quantization_config": {"mode": "int8"}})


# Threads -------------------------------------------------------------------------------------------------------------


def test_threads_may_call_one_layer_with_policies_and_losses_of_their_own():
    layer, results = Block(dtype="mixed_bfloat16"), []
    layer(X)
    expected = np.asarray(layer(X), np.float32)
    start = threading.Barrier(8)

    def work():
        start.wait(10)
        results.extend(np.asarray(layer(X), np.float32) for _ in range(3))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 24
    for result in results:
        np.testing.assert_array_equal(result, expected)
