"""What a user's `call` can get wrong: the message leads with path, shapes and the user's line, and nothing breaks."""

from __future__ import annotations

import re
import traceback
import warnings
from collections import deque
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lamina import Model, Sequential, Variable, layers, metrics
from lamina.core.errors import LaminaError
from lamina.layers import failures
from lamina.layers.lambda_layer import Lambda

X = np.random.default_rng(0).normal(size=(40, 5)).astype("float32")
Y = X[:, :1] * 2


def model_of(call: Any, prepare: Any = None) -> Model:
    """A compiled model 'm' with layers `dense` and `out`, and the given `call`."""

    class Mine(Model):
        def __init__(self):
            super().__init__(name="m")
            self.dense, self.out = layers.Dense(4, name="dense"), layers.Dense(1, name="out")
            if prepare is not None:
                prepare(self)

    Mine.call = call
    Mine._call_parameters = {"inputs": None}
    model = Mine()
    model.compile("sgd", "mse")
    return model


def fit(model: Model, **settings: Any) -> Any:
    return model.fit(X, Y, verbose=0, **settings).history["loss"]


# Where it failed, before what failed ----------------------------------------------------------------------------------


class Fussy(Exception):
    """An exception of the user's that writes its own text."""

    def __init__(self, first, second):
        super().__init__(first)
        self.second = second

    def __str__(self):
        return f"{self.args[0]} and {self.second}"


def raises(error):
    def call(self, inputs):
        raise error

    return call


def missing_key(self, inputs):
    return {"a": inputs}["b"]


def missing_file(self, inputs):
    return open("/no/such/file")


def missing_attribute(self, inputs):
    return self.nowhere(inputs)


def missing_name(self, inputs):
    return nowhere(inputs)  # noqa: F821


def wrong_product(self, inputs):
    return self.dense(inputs) @ jnp.ones((7, 1))


def wrong_undecodable(self, inputs):
    return b"\xff".decode("utf-8")


def wrong_in_scan(self, inputs):
    return jax.lax.scan(lambda carry, row: (carry, row @ jnp.ones((7, 1))), 0, inputs)[1]


@pytest.mark.parametrize(
    ("call", "kind", "line", "text"),
    [
        (missing_key, KeyError, 'return {"a": inputs}["b"]', "b"),
        (missing_attribute, AttributeError, "return self.nowhere(inputs)", "object has no attribute 'nowhere'"),
        (missing_name, NameError, "return nowhere(inputs)  # noqa: F821", "name 'nowhere' is not defined"),
        (missing_file, FileNotFoundError, 'return open("/no/such/file")', "[Errno 2] No such file or directory"),
        (wrong_undecodable, UnicodeDecodeError, 'return b"\\xff".decode("utf-8")', "can't decode byte 0xff"),
        (wrong_product, TypeError, "return self.dense(inputs) @ jnp.ones((7, 1))", "contracting dimensions"),
        (wrong_in_scan, TypeError, "return jax.lax.scan(lambda carry", "contracting dimensions"),
        (raises(ValueError("no good")), ValueError, "raise error", "no good"),
        (raises(ZeroDivisionError()), ZeroDivisionError, "raise error", "ZeroDivisionError"),
        (raises(Fussy("this", "that")), Fussy, "raise error", "this and that"),
    ],
)
def test_the_message_leads_with_path_shapes_and_line_whatever_was_raised(call, kind, line, text):
    model = model_of(call)
    with pytest.raises(kind) as caught:
        fit(model)
    lead, _, rest = str(caught.value).partition("\n")
    assert lead.startswith("Layer 'm' (Mine), called on shape (None, 5), failed at test_failures.py, line ")
    assert lead.partition(": ")[2].startswith(line)
    assert text in rest
    shown = "".join(traceback.format_exception(caught.value))
    assert f"{kind.__name__}: Layer 'm' (Mine), called on" in shown
    assert "During handling of the above exception" not in shown


def test_errors_keep_what_they_carry():
    with pytest.raises(FileNotFoundError) as missing:
        model_of(missing_file)(X)
    assert (missing.value.errno, missing.value.filename) == (2, "/no/such/file")
    with pytest.raises(KeyError) as key:
        model_of(missing_key)(X)
    assert key.value.args == ("b",)
    with pytest.raises(Fussy) as fussy:
        model_of(raises(Fussy("this", "that")))(X)
    assert fussy.value.second == "that"


def test_the_innermost_layer_leads_and_those_around_are_noted():
    class Inner(layers.Layer):
        def call(self, inputs):
            return inputs + {}["missing"]

    model = model_of(lambda self, inputs: self.block(inputs * 2), lambda m: setattr(m, "block", Inner(name="block")))
    with pytest.raises(KeyError) as caught:
        model(X)
    assert str(caught.value).startswith("Layer 'm/block' (Inner), called on shape (40, 5), failed at test_failures.py")
    (note,) = caught.value.__notes__
    assert re.match(r"Raised in layer 'm' \(Mine\), called on shape \(40, 5\), at test_failures.py, line \d+: ", note)


def test_a_layer_of_laminas_own_says_its_own_words_once():
    model = model_of(lambda self, inputs: self.out(self.dense(inputs[:, :2]) + self.dense(inputs)))
    with pytest.raises(
        ValueError, match=r"Layer 'm' \(Mine\), called on .*\nDense 'm/dense': expected input"
    ) as caught:
        model(X)
    assert str(caught.value).count("called on") == 1


def test_inputs_in_nests_are_told_with_all_their_shapes():
    def call(self, inputs):
        return inputs["a"] @ inputs["b"]

    with pytest.raises(TypeError, match=r"Layer 'm' \(Mine\), called on shapes \[\(40, 5\), \(40, 3\)\], failed at"):
        model_of(call)({"a": X, "b": X[:, :3]})


def test_a_call_that_does_not_take_the_inputs_is_led_by_the_layer():
    with pytest.raises(
        TypeError, match=r"Layer 'm' \(Mine\), called on shape \(40, 5\), failed:\n.*takes 1 positional"
    ):
        model_of(lambda self: 1)(X)


@pytest.mark.parametrize(
    "call",
    [
        lambda self, inputs: self.out(inputs if inputs.sum() > 0 else -inputs),
        lambda self, inputs: self.out(inputs * float(inputs.mean())),
        lambda self, inputs: self.out(np.tanh(np.asarray(inputs))),
        lambda self, inputs: self.out(inputs[inputs[:, 0] > 0]),
        lambda self, inputs: self.out(inputs) + jnp.arange(int(inputs[0, 0])).sum(),
    ],
    ids=["if", "float", "numpy", "mask", "range"],
)
def test_looking_at_values_in_training_says_what_to_use_instead(call):
    with pytest.raises((jax.errors.JAXTypeError, jax.errors.JAXIndexError)) as caught:
        fit(model_of(call))
    text = str(caught.value)
    assert text.startswith("Layer 'm' (Mine), called on shape (None, 5), failed at test_failures.py, line ")
    assert "Use jnp.where or jax.lax.cond in place of `if`, jax.numpy in place of NumPy" in text
    assert "See https://docs.jax.dev" in text
    assert "lamina/" not in text  # JAX names the function of lamina's that was being traced


@pytest.mark.parametrize("call", [missing_key, wrong_product, raises(ValueError("no good"))])
def test_the_model_is_usable_after_a_failed_fit(call):
    model = model_of(call)
    for _ in range(2):
        with pytest.raises((KeyError, TypeError, ValueError), match="Layer 'm'"):
            fit(model)
    type(model).call = lambda self, inputs: self.out(self.dense(inputs))
    losses = fit(model, epochs=5)
    assert losses[-1] < losses[0]


# Outputs --------------------------------------------------------------------------------------------------------------


def test_a_call_without_return_is_named():
    model = model_of(lambda self, inputs: None)
    for use in (lambda: model(X), lambda: fit(model), lambda: model.build((None, 5))):
        with pytest.raises(LaminaError, match=r"^Layer 'm' \(Mine\): call returned None\. Is a `return` missing"):
            use()
    inner = model_of(lambda self, inputs: self.nothing(inputs), lambda m: setattr(m, "nothing", Silent(name="silent")))
    with pytest.raises(LaminaError, match=r"Layer 'm/silent' \(Silent\): call returned None"):
        fit(inner)


class Silent(layers.Layer):
    def call(self, inputs):
        inputs * 2


@pytest.mark.parametrize("output", ["text", b"bytes", object(), [np.zeros((2, 1)), "text"]])
def test_outputs_that_are_no_arrays_are_refused_in_training(output):
    with pytest.raises(LaminaError, match=r"Layer 'm' \(Mine\): call returned .* Expected an array, or a list, tuple"):
        fit(model_of(lambda self, inputs: output))


# Weights, layers and variables made in call ---------------------------------------------------------------------------


def weight_in_call(self, inputs):
    return inputs @ self.add_weight((5, 1), name="w")


def layer_in_call(self, inputs):
    return layers.Dense(1, name="late")(inputs)


def kept_layer_in_call(self, inputs):
    self.late = layers.Dense(1, name="late")
    return self.late(inputs)


def model_in_call(self, inputs):
    return Sequential([layers.Dense(1, name="late")])(inputs)


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (weight_in_call, r"Layer 'm' \(Mine\): call makes a weight, .* Make weights in __init__ or build: def build"),
        (
            layer_in_call,
            r"Layer 'late' \(Dense\) is made inside the call of 'm', .* Make it in __init__, as an attribute",
        ),
        (kept_layer_in_call, r"Layer 'late' \(Dense\) is made inside the call of 'm'"),
        (model_in_call, r"is made inside the call of 'm'"),
    ],
)
def test_weights_and_layers_are_made_before_the_call(call, text):
    for use in (lambda model: model(X), fit):
        model = model_of(call)
        for _ in range(2):
            with pytest.raises(LaminaError, match=text) as caught:
                use(model)
            assert "failed at test_failures.py" in str(caught.value)


@pytest.mark.parametrize("where", ["attribute", "local", "inner"])
def test_variables_are_made_before_the_call(where):
    class Fresh(layers.Layer):
        def call(self, inputs):
            return inputs * Variable(np.ones(5)).value

    def call(self, inputs):
        if where == "attribute":
            self.v = Variable(np.ones(5))
            return self.out(inputs * self.v.value)
        return self.out(self.fresh(inputs) if where == "inner" else inputs * Variable(np.ones(5)).value)

    path = "m/fresh" if where == "inner" else "m"
    text = "call made the variable self.v" if where == "attribute" else "call makes the variable 'variable"
    model = model_of(call, lambda m: setattr(m, "fresh", Fresh(name="fresh")))
    for _ in range(2):
        with pytest.raises(LaminaError, match=rf"Layer '{path}' \(.*\): {text}.* Make variables in __init__ or build"):
            fit(model)
    assert not hasattr(model, "v")


def test_layers_that_are_built_in_the_first_call_are_fine():
    class Block(layers.Layer):
        def __init__(self):
            super().__init__()
            self.inner = [layers.Dense(3), layers.BatchNormalization()]

        def build(self, input_shape):
            self.own = self.add_weight((input_shape[-1],), name="own")

        def call(self, inputs):
            for layer in self.inner:
                inputs = layer(inputs)
            return inputs

    model = model_of(lambda self, inputs: self.out(self.block(inputs)), lambda m: setattr(m, "block", Block()))
    assert np.isfinite(fit(model)).all()
    assert len(model.block.weights) == 7


def test_a_metric_that_is_made_in_call_is_told_from_one_that_is_kept():
    kept = model_of(counted, lambda m: setattr(m, "seen", metrics.Mean(name="seen")))
    fit(kept)
    with pytest.raises(LaminaError, match="call makes the variable"):
        fit(model_of(counted_anew))


def counted(self, inputs):
    self.seen.update_state(inputs)
    return self.out(inputs)


def counted_anew(self, inputs):
    metrics.Mean(name="seen").update_state(inputs)
    return self.out(inputs)


# Values of the compilation that are kept ------------------------------------------------------------------------------


class Box:
    """A plain object of the user's."""

    def __init__(self):
        self.value = None
        self.values = []


def keep_attribute(self, inputs):
    self.h = self.dense(inputs)
    return self.out(self.h)


def keep_in_list(self, inputs):
    self.cache.append(self.dense(inputs))
    return self.out(self.cache[-1])


def keep_in_dict(self, inputs):
    self.cache["h"] = self.dense(inputs)
    return self.out(self.cache["h"])


def keep_deep(self, inputs):
    self.cache["deep"][0]["h"] = self.dense(inputs)
    return self.out(inputs)


def keep_new_list(self, inputs):
    self.cache = [1, {"h": self.dense(inputs)}]
    return self.out(inputs)


def keep_in_object(self, inputs):
    self.cache.value = self.dense(inputs)
    return self.out(inputs)


def keep_in_objects_list(self, inputs):
    self.cache.values.append(self.dense(inputs))
    return self.out(inputs)


LEAKS = [
    (keep_attribute, None, "self.h"),
    (keep_in_list, lambda: [0], "self.cache[1]"),
    (keep_in_list, deque, "self.cache[0]"),
    (keep_in_dict, lambda: {1: "one", "h": None}, "self.cache['h']"),
    (keep_deep, lambda: {"deep": ({"a": 1},)}, "self.cache['deep'][0]['h']"),
    (keep_new_list, lambda: "before", "self.cache[1]['h']"),
    (keep_in_object, Box, "self.cache.value"),
    (keep_in_objects_list, Box, "self.cache.values[0]"),
]


@pytest.mark.parametrize(("call", "make", "place"), LEAKS)
def test_a_tracer_that_is_kept_is_named_and_taken_off(call, make, place):
    model = model_of(call, lambda m: make and setattr(m, "cache", make()))
    before = repr(
        vars(model.cache) if isinstance(getattr(model, "cache", None), Box) else getattr(model, "cache", None)
    )
    text = rf"Layer 'm' \(Mine\): call kept a value of the compiled computation in {re.escape(place)}; .*tracer leak"
    for _ in range(2):
        with pytest.raises(LaminaError, match=text):
            fit(model)
    assert not hasattr(model, "h")
    after = repr(vars(model.cache) if isinstance(getattr(model, "cache", None), Box) else getattr(model, "cache", None))
    assert after == before
    type(model).call = lambda self, inputs: self.out(self.dense(inputs))
    assert np.isfinite(fit(model)).all()


def test_a_tracer_in_an_inner_layer_is_named_with_its_path():
    class Peek(layers.Layer):
        def call(self, inputs):
            self.last = inputs
            return inputs

    model = model_of(lambda self, inputs: self.out(self.peek(inputs)), lambda m: setattr(m, "peek", Peek(name="peek")))
    with pytest.raises(LaminaError, match=r"Layer 'm/peek' \(Peek\): call kept a value .* in self\.last"):
        fit(model)
    assert not hasattr(model.peek, "last")
    with pytest.raises(LaminaError, match=r"in self\.last"):
        jax.jit(lambda x: model.peek(x))(X)


def test_what_a_failed_call_kept_is_taken_off_too():
    def call(self, inputs):
        self.h = inputs
        raise ValueError("no good")

    model = model_of(call, lambda m: setattr(m, "h", "before"))
    with pytest.raises(ValueError, match="no good"):
        fit(model)
    assert model.h == "before"


def test_values_may_be_kept_where_they_exist():
    model = model_of(keep_attribute)
    for _ in range(3):
        model.h = None
        outputs = model(X)
        np.testing.assert_allclose(model.out(model.h), outputs, rtol=1e-6)


def test_what_is_no_traced_value_may_be_kept():
    def call(self, inputs):
        self.cache["calls"] += 1
        self.shapes.append(inputs.shape)
        return self.out(inputs)

    model = model_of(call, lambda m: (setattr(m, "cache", {"calls": 0, 1: None}), setattr(m, "shapes", [])))
    fit(model)
    assert model.cache["calls"] == len(model.shapes) > 0


# Layers that nobody holds ---------------------------------------------------------------------------------------------


def test_a_layer_of_outside_is_warned_of_once_and_at_the_users_line():
    outside = layers.Dense(3, name="outside")
    model = model_of(lambda self, inputs: self.out(outside(inputs)))
    with pytest.warns(
        UserWarning, match="Layer 'outside' .* is used in the call of 'm', which does not hold it"
    ) as told:
        model.fit(X, Y, verbose=0)
    assert [w.filename for w in told] == [__file__]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fit(model)
    assert not any(v.path.startswith("outside") for v in model.weights)


def test_a_layer_in_a_lambda_is_warned_of_when_the_model_is_used():
    hidden = layers.Dense(3, name="hidden")
    model = Sequential([layers.Input((5,)), Lambda(lambda x: hidden(x)), layers.Dense(1)], name="m")
    model.compile("sgd", "mse")
    with pytest.warns(UserWarning, match=r"Layer 'hidden' \(Dense\) is used in the call of 'm'.*in place of a global"):
        fit(model)


def test_layers_in_any_attribute_are_known():
    class Holder(Model):
        def __init__(self):
            super().__init__()
            self.groups = {"a": [layers.Dense(3)], "b": (layers.Dense(2), {"c": layers.Dense(1)})}

        def call(self, inputs):
            inputs = self.groups["b"][0](self.groups["a"][0](inputs))
            return self.groups["b"][1]["c"](inputs)

    model = Holder()
    model.compile("sgd", "mse")
    fit(model)
    assert len(model.trainable_weights) == 6


# Steps of the user's --------------------------------------------------------------------------------------------------


class Stepper(Model):
    """A model whose steps return what they are told to."""

    def __init__(self, result):
        super().__init__(name="stepper")
        self.dense, self.result = layers.Dense(1), result

    def call(self, inputs):
        return self.dense(inputs)

    def train_step(self, state, data):
        return self.result(state)

    def test_step(self, state, data):
        return self.result(state)


NONSENSE = [
    (lambda state: None, r"expected \(logs, state\): a dict of logs, and the \d lists of the state, received NoneType"),
    (lambda state: {"loss": 0.0}, "received dict"),
    (lambda state: ({"loss": 0.0}, state[:1]), r"expected \(logs, state\)"),
    (lambda state: ({"loss": 0.0}, ([], *state[1:])), "trainable_variables came back with shapes .*, expected"),
    (
        lambda state: ({"loss": 0.0}, ([v[None] for v in state[0]], *state[1:])),
        r"trainable_variables came back with shapes \[\(1, 5, 1\), \(1, 1\)\], expected \[\(5, 1\), \(1,\)\]",
    ),
]


@pytest.mark.parametrize(("result", "text"), NONSENSE)
def test_a_step_that_returns_nonsense_is_told_what_to_return(result, text):
    model = Stepper(result)
    model.compile("sgd", "mse")
    model.build((None, 5))
    before = model.get_weights()
    with pytest.raises(LaminaError, match=rf"^Stepper\.train_step: .*{text}"):
        fit(model)
    with pytest.raises(LaminaError, match=rf"^Stepper\.test_step: .*{text}"):
        model.evaluate(X, Y, verbose=0)
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    model.result = lambda state: ({"loss": 1.0}, state)
    assert fit(model) == [1.0]


def test_a_step_that_assigns_is_told_the_stateless_form():
    class Assigning(Stepper):
        def __init__(self):
            super().__init__(lambda state: ({"loss": 0.0}, state))
            self.tracker = metrics.Mean(name="tracker")

        def train_step(self, state, data):
            self.tracker.update_state(data[0])
            return super().train_step(state, data)

        def test_step(self, state, data):
            self.dense.bias.assign(jnp.mean(data[0], keepdims=True)[0])
            return super().test_step(state, data)

    model = Assigning()
    model.compile("sgd", "mse")
    with pytest.raises(
        LaminaError, match=r"Assigning\.train_step assigned 'tracker/total', but it is a pure function.*sta"
    ):
        fit(model)
    with pytest.raises(
        LaminaError, match=r"Assigning\.test_step assigned 'stepper/dense/bias'.*stateless_update_state"
    ):
        model.evaluate(X, Y, verbose=0)
    assert float(model.tracker.result()) == 0


def test_logs_that_are_no_numbers_are_refused():
    model = Stepper(lambda state: ({"loss": "small"}, state))
    model.compile("sgd", "mse")
    with pytest.raises(LaminaError, match=r"Stepper\.train_step: logs\['loss'\]: expected a number, received 'small'"):
        fit(model)


def test_compute_metrics_returns_a_dict():
    class Odd(Sequential):
        def compute_metrics(self, x, y, y_pred, sample_weight=None):
            return [1.0]

    model = Odd([layers.Dense(1)])
    model.compile("sgd", "mse")
    with pytest.raises(
        LaminaError, match=r"Odd: compute_metrics: expected a dict of logs, such as self.get_metrics_res"
    ):
        fit(model)


def test_compute_loss_returns_a_number():
    class Odd(Sequential):
        def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
            return None

    model = Odd([layers.Dense(1)])
    model.compile("sgd", "mse")
    with pytest.raises(LaminaError, match=r"Odd: compute_loss: expected one number, received None"):
        fit(model)


def test_errors_are_told_in_a_few_words_of_shapes():
    assert failures.shapes_of(X) == "shape (40, 5)"
    assert failures.shapes_of([X, {"a": Y}]) == "shapes [(40, 5), (40, 1)]"
