"""Pure functions, Flax modules and Equinox modules as layers: against their own apply, and against Keras' layers."""

from __future__ import annotations

import copy
import json
import pickle
import subprocess
import sys
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lamina
from lamina import Model, Sequential, layers
from lamina.core.config import register_serializable
from lamina.core.errors import LaminaError
from lamina.layers.interop import EquinoxLayer, FlaxLayer, JaxLayer

keras = pytest.importorskip("keras")

RNG = np.random.default_rng(0)
X = RNG.normal(size=(64, 5)).astype("float32")
Y = np.tanh(X @ RNG.normal(size=(5, 1))).astype("float32")


def trained(layer: Any, **settings: Any) -> Any:
    """A model around the layer, and the losses of a few epochs."""
    model = Sequential([layers.Input((5,)), layer, layers.Dense(1)])
    model.compile(lamina.optimizers.Adam(0.02), "mse")
    losses = model.fit(X, Y, epochs=8, batch_size=16, verbose=0, **settings).history["loss"]
    assert losses[-1] < 0.9 * losses[0]
    return model


def compiled(library: Any, layer: Any) -> Any:
    model = library.Sequential([library.layers.Input((5,)), layer])
    model.compile(library.optimizers.SGD(0.05), "mse")
    return model


def fit_alike(ours: Any, theirs: Any, rtol: float = 1e-5) -> None:
    """Two models with equal weights have the same losses, weights and predictions after training."""
    settings = {"epochs": 4, "batch_size": 16, "shuffle": False, "verbose": 0}
    mine, other = ours.fit(X, Y, **settings), theirs.fit(X, Y, **settings)
    np.testing.assert_allclose(mine.history["loss"], other.history["loss"], rtol=rtol)
    np.testing.assert_allclose(ours.predict(X, verbose=0), theirs.predict(X, verbose=0), rtol=10 * rtol, atol=rtol)


# Pure functions -------------------------------------------------------------------------------------------------------


@register_serializable(package="interop")
def mlp(params, inputs):
    hidden = jnp.tanh(inputs @ params["first"]["w"] + params["first"]["b"])
    return hidden @ params["second"]["w"]


@register_serializable(package="interop")
def mlp_init(rng, inputs):
    first, second = jax.random.split(rng)
    return {
        "first": {"w": 0.3 * jax.random.normal(first, (inputs.shape[-1], 4)), "b": jnp.zeros(4)},
        "second": {"w": 0.3 * jax.random.normal(second, (4, 1))},
    }


def centred(params, state, inputs, training):
    """Subtracts a moving mean."""
    mean = jnp.mean(inputs, 0) if training else state["mean"]
    new = {"mean": 0.9 * state["mean"] + 0.1 * mean, "steps": state["steps"] + 1} if training else state
    return (inputs - mean) @ params["w"], new


def centred_init(rng, inputs):
    size = inputs.shape[-1]
    return {"w": jax.random.normal(rng, (size, 1))}, {"mean": jnp.zeros(size), "steps": 0}


def test_a_function_trains_as_keras_jax_layer():
    params = mlp_init(jax.random.key(1), X)
    ours, theirs = JaxLayer(mlp, params=params), keras.layers.JaxLayer(mlp, params=params)
    np.testing.assert_allclose(ours(X), mlp(params, X), rtol=1e-6)
    fit_alike(compiled(lamina, ours), compiled(keras, theirs))


def test_a_function_with_state_trains_as_keras_jax_layer():
    params, state = centred_init(jax.random.key(1), X)
    made = [
        library.layers.JaxLayer(centred, params=params, state=state)
        if library is keras
        else JaxLayer(centred, None, params, state)
        for library in (lamina, keras)
    ]
    fit_alike(compiled(lamina, made[0]), compiled(keras, made[1]))
    ours, theirs = (layer.state for layer in made)
    np.testing.assert_allclose(ours["mean"].value, theirs["mean"].value, rtol=1e-5)
    assert (int(ours["steps"].value), ours["steps"].dtype, ours["steps"].trainable) == (16, "int32", False)


def test_init_fn_sees_one_sample_of_the_inputs():
    seen = []

    def init(rng, inputs, training):
        seen.append((jax.tree.map(lambda x: (x.shape, x.dtype.name), inputs), training))
        return jnp.zeros(3)

    layer = JaxLayer(lambda params, inputs: inputs["ids"] * params[0] + inputs["x"], init)
    outputs = layer({"ids": np.array([[1], [2]]), "x": np.ones((2, 4), "float32")})
    assert outputs.shape == (2, 4)
    assert seen == [({"ids": ((1, 1), "int32"), "x": ((1, 4), "float32")}, True)]
    assert [v.path for v in layer.weights] == ["jax_layer/params"]


def test_weights_are_named_by_their_place_in_the_tree():
    layer = JaxLayer(
        lambda params, state, inputs: (inputs, state), params={"a": [np.ones(2), {"w": 1.5}]}, state=(np.ones(3),)
    )
    assert [(v.path, v.name, v.shape, v.trainable) for v in layer.weights] == [
        ("jax_layer/a/0", "0", (2,), True),
        ("jax_layer/a/1/w", "w", (), True),
        ("jax_layer/state/0", "0", (3,), False),
    ]


def test_settings_and_whole_numbers_among_the_parameters_are_kept_and_not_trained():
    params = {"w": np.ones((5, 2), np.float32), "mode": "double", "f": jnp.tanh, "order": np.arange(5), "none": None}

    def call(params, inputs):
        assert (params["mode"], params["none"]) == ("double", None)
        return 2 * params["f"](inputs[:, params["order"]] @ params["w"])

    layer = JaxLayer(call, params=params)
    model = trained(layer)
    assert [v.name for v in layer.trainable_weights] == ["w"]
    np.testing.assert_array_equal(layer.params["order"].value, np.arange(5))
    assert model.count_params() == 10 + 5 + 3


def test_a_function_without_parameters_is_a_layer_too():
    model = trained(JaxLayer(lambda inputs: jnp.concatenate([inputs, inputs**2], -1)))
    assert model.count_params() == 11


def test_rng_is_new_at_every_step_of_training_and_none_otherwise():
    seen = []

    def noisy(params, rng, inputs, training):
        seen.append(rng is None)
        return inputs * params if rng is None else inputs * params + jax.random.normal(rng, inputs.shape)

    layer = JaxLayer(noisy, params=np.float32(1.0), seed=3)
    first, second = layer(X, training=True), layer(X, training=True)
    assert (first != second).any()
    np.testing.assert_array_equal(layer(X), X)
    assert seen == [False, False, True]
    again = JaxLayer(noisy, params=np.float32(1.0), seed=3)
    np.testing.assert_array_equal(again(X, training=True), first)


def test_hooks_of_keras_change_the_keys():
    class Both(JaxLayer):
        def _get_call_rng(self, training):
            return {"a": self._get_call_seed(), "b": self._get_call_seed()}

    layer = Both(lambda rng, inputs: inputs + jax.random.normal(rng["a"], (5,)) + jax.random.normal(rng["b"], (5,)))
    assert (layer(X) != X).any()


def test_mixed_precision_reads_parameters_in_the_compute_dtype():
    layer = JaxLayer(mlp, mlp_init, dtype="mixed_bfloat16")
    assert layer(X).dtype == jnp.bfloat16
    assert {v.dtype for v in layer.weights} == {"float32"}


def test_a_function_works_anywhere_in_a_model():
    class Net(Model):
        def __init__(self):
            super().__init__(name="net")
            self.blocks = [JaxLayer(mlp, mlp_init), JaxLayer(mlp, mlp_init)]

        def call(self, inputs):
            return sum(block(inputs) for block in self.blocks)

    net = Net()
    net.compile("adam", "mse")
    net.fit(X, Y, verbose=0)  # built while it is being traced
    assert len(net.trainable_weights) == 6
    assert net.weights[0].path == "net/jax_layer/first/b"
    assert not np.array_equal(*(block.params["second"]["w"].numpy() for block in net.blocks))
    inputs = layers.Input((None, 5))
    assert lamina.Model(inputs, JaxLayer(mlp, mlp_init)(inputs)).output_shape == (None, None, 1)


def test_partial_functions_and_further_defaults_are_taken():
    def call(params, inputs, power=1, *, scale):
        return scale * inputs**power @ params

    outputs = JaxLayer(partial(call, scale=3.0), params=np.ones((5, 1), "float32"))(X)
    np.testing.assert_allclose(outputs, 3 * X @ np.ones((5, 1)), rtol=1e-4, atol=1e-5)


def test_a_config_names_the_functions():
    layer = JaxLayer(mlp, mlp_init, name="it", seed=4)
    config = json.loads(json.dumps(layers.serialize(layer)))
    theirs = keras.layers.serialize(keras.layers.JaxLayer(mlp, mlp_init, name="it"))["config"]
    assert set(config["config"]) == set(theirs) - {"native_serialization_platforms"} | {"seed"}
    assert config["config"]["call_fn"]["config"] == "interop>mlp"
    again = layers.deserialize(config)
    assert (again.call_fn, again.init_fn, again.seed, again.name) == (mlp, mlp_init, 4, "it")
    unregistered = JaxLayer(centred, centred_init).get_config()
    with pytest.raises(LaminaError, match="'centred'"):
        JaxLayer.from_config(unregistered)
    scope = {"centred": centred, "centred_init": centred_init}
    assert (
        layers.deserialize({"class_name": "JaxLayer", "config": unregistered, "module": "keras.layers"}, scope).built
        is False
    )


def test_a_model_with_functions_comes_back_from_its_config():
    model = trained(JaxLayer(mlp, mlp_init))
    again = Sequential.from_config(json.loads(json.dumps(model.get_config())))
    again.set_weights(model.get_weights())
    np.testing.assert_array_equal(again.predict(X, verbose=0), model.predict(X, verbose=0))


def test_built_shapes_and_dtypes_come_back_from_the_build_config():
    def init(rng, inputs):
        assert inputs.dtype == jnp.int32
        return jnp.zeros((7, 3))

    layer = JaxLayer(lambda params, inputs: params[inputs], init)
    layer(np.array([[1, 2]]))
    again = JaxLayer(lambda params, inputs: params[inputs], init)
    again.build_from_config(json.loads(json.dumps(layer.get_build_config())))
    assert again.params.shape == (7, 3)


def test_what_cannot_go_into_a_config_says_so():
    with pytest.raises(
        LaminaError, match=r"JaxLayer 'it' has no init_fn, .* build the model by its code and load the wei"
    ):
        JaxLayer(mlp, params=mlp_init(jax.random.key(0), X), name="it").get_config()
    with pytest.raises(LaminaError, match=r"JaxLayer 'it': call_fn has no name that a config could hold"):
        JaxLayer(lambda inputs: inputs, name="it").get_config()


def missing_inputs(params, x):
    return x


@pytest.mark.parametrize(
    ("arguments", "kind", "text"),
    [
        ((missing_inputs, None, 1.0), ValueError, "call_fn: nobody fills the parameter 'x'; the layer gives"),
        ((lambda params: params, None, 1.0), ValueError, "call_fn: expected a parameter named inputs, received"),
        ((mlp,), ValueError, r"call_fn takes \['params', 'inputs'\], but nothing makes its params .* pass init_fn"),
        ((mlp, lambda key, inputs: None), ValueError, "init_fn: nobody fills the parameter 'key'"),
        (("relu",), TypeError, "call_fn: expected a function, received 'relu' of type str"),
        (
            (centred, None, {}, {"key": jax.random.key(0)}),
            LaminaError,
            "the state holds a random key at 'key'. Take the",
        ),
    ],
)
def test_functions_that_do_not_fit_are_refused(arguments, kind, text):
    with pytest.raises(kind, match=f"JaxLayer 'it': {text}"):
        JaxLayer(*arguments, name="it")


def test_what_functions_return_is_checked():
    forgot = JaxLayer(lambda params, state, inputs: inputs, params=1.0, state={"n": 0}, name="it")
    with pytest.raises(
        LaminaError, match=r"JaxLayer 'it': call_fn: call_fn takes state, so expected \(outputs, state\)"
    ):
        forgot(X)
    other = JaxLayer(lambda params, state, inputs: (inputs, {"m": 1}), params=1.0, state={"n": 0}, name="it")
    with pytest.raises(LaminaError, match=r"JaxLayer 'it': the new state has another structure than the first one"):
        other(X)
    shape = JaxLayer(lambda params, state, inputs: (inputs, {"n": inputs}), params=1.0, state={"n": 0}, name="it")
    with pytest.raises(ValueError, match=r"Variable 'it/state/n': expected a value of shape \(\), received"):
        shape(X)
    with pytest.raises(
        LaminaError, match=r"JaxLayer 'it': init_fn: call_fn takes state, so expected \(params, state\)"
    ):
        JaxLayer(centred, mlp_init, name="it")(X)


# Flax: linen ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def linen() -> Any:
    return pytest.importorskip("flax.linen")


def linen_net(nn: Any, flag: str = "training") -> Any:
    """A module with dropout, moving statistics and a flag of the given name."""

    class Net(nn.Module):
        rate: float = 0.0

        def forward(self, x, training):
            x = nn.BatchNorm(use_running_average=not training, momentum=0.9)(nn.Dense(8)(x))
            x = nn.Dropout(self.rate, deterministic=not training)(nn.tanh(x))
            return nn.Dense(1)(x)

        if flag == "training":

            @nn.compact
            def __call__(self, inputs, training=False):
                return self.forward(inputs, training)
        elif flag == "train":

            @nn.compact
            def __call__(self, x, train: bool):
                return self.forward(x, train)
        else:

            @nn.compact
            def __call__(self, x, *, deterministic: bool):
                return self.forward(x, not deterministic)

    return Net


def test_a_linen_module_trains_as_keras_flax_layer(linen):
    module = linen_net(linen)()
    variables = module.init(jax.random.key(1), X)
    ours, theirs = FlaxLayer(module, variables=variables), keras.layers.FlaxLayer(module, variables=variables)
    fit_alike(compiled(lamina, ours), compiled(keras, theirs))
    mean = ours.state["batch_stats"]["BatchNorm_0"]["mean"]
    np.testing.assert_allclose(
        mean.value, theirs.state["batch_stats"]["BatchNorm_0"]["mean"].value, rtol=1e-5, atol=1e-6
    )


@pytest.mark.parametrize("flag", ["training", "train", "deterministic"])
def test_a_linen_layer_is_the_modules_own_apply(linen, flag):
    module = linen_net(linen, flag)()
    layer = FlaxLayer(module, name="it")
    layer(X)
    paths = [v.path for v in layer.weights]
    assert paths[:2] == ["it/params/BatchNorm_0/bias", "it/params/BatchNorm_0/scale"]
    assert paths[-1] == "it/batch_stats/BatchNorm_0/var"
    assert (len(layer.trainable_weights), len(layer.non_trainable_weights)) == (6, 2)
    variables = jax.tree.map(lambda v: v.value, {**layer.params, **layer.state}, is_leaf=lambda v: hasattr(v, "path"))
    off, on = {flag: flag == "deterministic"}, {flag: flag != "deterministic"}
    np.testing.assert_allclose(layer(X), module.apply(variables, X, **off), rtol=1e-6)
    outputs, new = module.apply(variables, X, mutable=["batch_stats"], **on)
    np.testing.assert_allclose(layer(X, training=True), outputs, rtol=1e-6)
    np.testing.assert_allclose(
        layer.state["batch_stats"]["BatchNorm_0"]["mean"].value, new["batch_stats"]["BatchNorm_0"]["mean"], rtol=1e-6
    )


def test_dropout_of_linen_draws_anew_in_training_only(linen):
    layer = FlaxLayer(linen_net(linen)(rate=0.5), seed=1)
    np.testing.assert_array_equal(layer(X), layer(X))
    first, second = layer(X, training=True), layer(X, training=True)
    assert (first != second).any()


def test_keys_of_any_name_are_there_in_training(linen):
    class Noisy(linen.Module):
        @linen.compact
        def __call__(self, x, training=False):
            return x + jax.random.normal(self.make_rng("noise"), x.shape) if training else x

    layer = FlaxLayer(Noisy())
    assert (layer(X, training=True) != X).any()
    np.testing.assert_array_equal(layer(X), X)


def test_any_method_of_a_linen_module_can_be_the_layer(linen):
    class Coder(linen.Module):
        def setup(self):
            self.down, self.up = linen.Dense(2), linen.Dense(5)

        def encode(self, inputs):
            return self.down(inputs)

        def __call__(self, inputs):
            return self.up(self.encode(inputs))

    coder = Coder()
    variables = coder.init(jax.random.key(0), X)
    expected = coder.apply(variables, X, method="encode")
    for method in ("encode", coder.encode, Coder.encode, lambda module, inputs: module.encode(inputs)):
        np.testing.assert_allclose(FlaxLayer(coder, method=method, variables=variables)(X), expected, rtol=1e-6)
    assert FlaxLayer(coder, method="encode")(X).shape == (64, 2)


def test_linen_modules_take_whole_numbers_and_nests(linen):
    class Lookup(linen.Module):
        @linen.compact
        def __call__(self, inputs):
            return linen.Embed(7, 3)(inputs["ids"]).sum(1) + linen.Dense(3)(inputs["x"])

    class Net(Model):
        def __init__(self):
            super().__init__()
            self.lookup, self.last = FlaxLayer(Lookup()), layers.Dense(1)

        def call(self, inputs):
            return self.last(self.lookup(inputs))

    model = Net()
    model.compile("adam", "mse")
    data = {"ids": RNG.integers(0, 7, (64, 4)), "x": X}
    first, *_, last = model.fit(data, Y, epochs=5, verbose=0).history["loss"]
    assert last < first


def test_what_a_linen_module_sows_is_dropped(linen):
    class Sower(linen.Module):
        @linen.compact
        def __call__(self, inputs):
            hidden = linen.Dense(4)(inputs)
            self.sow("intermediates", "hidden", hidden)
            return hidden

    layer = FlaxLayer(Sower())
    assert trained(layer).count_params() == 24 + 5


def test_a_linen_module_without_variables_is_a_layer(linen):
    class Square(linen.Module):
        def __call__(self, inputs):
            return inputs**2

    np.testing.assert_array_equal(FlaxLayer(Square())(X), X**2)


def test_a_linen_module_with_a_config_comes_back(linen):
    @register_serializable(package="interop")
    class Affine(linen.Module):
        units: int = 3

        @linen.compact
        def __call__(self, inputs):
            return linen.Dense(self.units)(inputs)

        def get_config(self):
            return {"units": self.units}

    layer = FlaxLayer(Affine(4), name="it")
    config = json.loads(json.dumps(layers.serialize(layer)))
    theirs = keras.layers.FlaxLayer(Affine(4), name="it").get_config()
    assert set(config["config"]) == set(theirs) - {"native_serialization_platforms"}
    again = layers.deserialize(config)
    assert again.module == Affine(4)
    assert again(X).shape == (64, 4)
    with pytest.raises(
        LaminaError, match=r"FlaxLayer 'it': its module, a Dense, cannot go into a config\. Give Dense a"
    ):
        FlaxLayer(linen.Dense(3), name="it").get_config()


def test_flax_modules_are_objects_of_flax(linen):
    with pytest.raises(
        TypeError, match=r"FlaxLayer 'it': module: expected an object .* Make an object of it: Dense\(\.\.\.\)"
    ):
        FlaxLayer(linen.Dense, name="it")
    with pytest.raises(TypeError, match="received <function mlp"):
        FlaxLayer(mlp, name="it")


def test_an_error_of_the_module_leads_with_the_layer(linen):
    layer = FlaxLayer(linen_net(linen)(), name="it")
    layer(X)
    with pytest.raises(Exception, match=r"Layer 'it' \(FlaxLayer\), called on shape \(64, 3\), failed"):
        layer(X[:, :3])


# Flax: nnx ------------------------------------------------------------------------------------------------------------


def nnx_net(rate: float = 0.0) -> Any:
    nnx = pytest.importorskip("flax.nnx")

    class Net(nnx.Module):
        def __init__(self, rngs):
            self.first, self.norm = nnx.Linear(5, 8, rngs=rngs), nnx.BatchNorm(8, momentum=0.9, rngs=rngs)
            self.drop, self.blocks = (
                nnx.Dropout(rate, rngs=rngs),
                nnx.List([nnx.Linear(8, 8, rngs=rngs), nnx.Linear(8, 1, rngs=rngs)]),
            )

        def encode(self, x):
            return self.drop(nnx.tanh(self.norm(self.first(x))))

        def __call__(self, x):
            x = self.encode(x)
            for block in self.blocks:
                x = block(x)
            return x

    return Net(nnx.Rngs(0))


def test_an_nnx_module_is_called_and_updated_as_by_itself():
    module = nnx_net()
    layer = FlaxLayer(module, name="it")
    module.eval()
    np.testing.assert_allclose(layer(X), module(X), rtol=1e-6)
    module.train()
    np.testing.assert_allclose(layer(X, training=True), module(X), rtol=1e-6)
    np.testing.assert_allclose(layer.state["state"]["norm"]["mean"].value, module.norm.mean[...], rtol=1e-6)
    assert [v.path for v in layer.trainable_weights][:2] == ["it/params/blocks/0/bias", "it/params/blocks/0/kernel"]
    assert [v.path for v in layer.non_trainable_weights] == ["it/state/norm/mean", "it/state/norm/var"]


def test_an_nnx_module_trains_as_a_step_of_flax_does():
    nnx, optax = pytest.importorskip("flax.nnx"), pytest.importorskip("optax")
    module, own = nnx_net(), nnx_net()
    model = compiled(lamina, FlaxLayer(module))
    losses = model.fit(X, Y, epochs=3, batch_size=16, shuffle=False, verbose=0).history["loss"]
    optimizer = nnx.Optimizer(own, optax.sgd(0.05), wrt=nnx.Param)
    expected = []

    @nnx.jit
    def step(own, optimizer, x, y):
        loss, gradients = nnx.value_and_grad(lambda m: jnp.mean((m(x) - y) ** 2))(own)
        optimizer.update(own, gradients)
        return loss

    for _ in range(3):
        parts = [float(step(own, optimizer, X[i : i + 16], Y[i : i + 16])) for i in range(0, 64, 16)]
        expected.append(np.mean(parts))
    np.testing.assert_allclose(losses, expected, rtol=1e-5)
    own.eval()
    np.testing.assert_allclose(model.predict(X, verbose=0), own(X), rtol=1e-4, atol=1e-6)


def test_dropout_of_nnx_draws_anew_in_training_only():
    layer = FlaxLayer(nnx_net(0.5))
    np.testing.assert_array_equal(layer(X), layer(X))
    assert (layer(X, training=True) != layer(X, training=True)).any()


def test_a_method_of_an_nnx_module_can_be_the_layer():
    module = nnx_net()
    expected = copy.deepcopy(module)
    expected.eval()
    expected = expected.encode(X)
    for method in ("encode", module.encode, lambda net, inputs: net.encode(inputs)):
        np.testing.assert_allclose(FlaxLayer(module, method=method)(X), expected, rtol=1e-6)


def test_nnx_modules_hold_their_own_values():
    with pytest.raises(ValueError, match=r"FlaxLayer 'it': variables: a module of nnx has its own"):
        FlaxLayer(nnx_net(), variables={"params": {}}, name="it")
    with pytest.raises(LaminaError, match=r"FlaxLayer 'it': its module, a Net of flax.nnx, cannot go into a config"):
        FlaxLayer(nnx_net(), name="it").get_config()


# Equinox --------------------------------------------------------------------------------------------------------------


@pytest.fixture
def eqx() -> Any:
    return pytest.importorskip("equinox")


def stateful(eqx: Any, rate: float = 0.0) -> Any:
    class Net(eqx.Module):
        first: Any
        norm: Any
        drop: Any
        last: Any

        def __init__(self):
            a, b = jax.random.split(jax.random.key(1))
            self.first, self.last = eqx.nn.Linear(5, 8, key=a), eqx.nn.Linear(8, 1, key=b)
            self.norm, self.drop = eqx.nn.BatchNorm(8, "batch", mode="batch"), eqx.nn.Dropout(rate)

        def __call__(self, x, state, *, key=None):
            x, state = self.norm(self.first(x), state)
            return self.last(self.drop(jnp.tanh(x), key=key)), state

    return Net


def test_an_equinox_module_trains_as_a_loop_of_equinox(eqx):
    import optax

    mlp = eqx.nn.MLP(5, 1, 8, 1, activation=jnp.tanh, key=jax.random.key(0))
    layer = EquinoxLayer(mlp)
    np.testing.assert_allclose(layer(X), jax.vmap(mlp)(X), rtol=1e-5, atol=1e-6)
    assert [v.path for v in layer.weights] == [
        f"equinox_layer/layers/{i}/{name}" for i in (0, 1) for name in ("weight", "bias")
    ]
    model = compiled(lamina, layer)
    losses = model.fit(X, Y, epochs=3, batch_size=16, shuffle=False, verbose=0).history["loss"]
    optimizer = optax.sgd(0.05)
    slots, expected = optimizer.init(eqx.filter(mlp, eqx.is_inexact_array)), []

    @eqx.filter_jit
    @eqx.filter_value_and_grad
    def gradient(model, x, y):
        return jnp.mean((jax.vmap(model)(x) - y) ** 2)

    for _ in range(3):
        parts = []
        for start in range(0, 64, 16):
            loss, gradients = gradient(mlp, X[start : start + 16], Y[start : start + 16])
            updates, slots = optimizer.update(gradients, slots)
            mlp = eqx.apply_updates(mlp, updates)
            parts.append(float(loss))
        expected.append(np.mean(parts))
    np.testing.assert_allclose(losses, expected, rtol=1e-5)
    np.testing.assert_allclose(model.predict(X, verbose=0), jax.vmap(mlp)(X), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("split", [True, False])
def test_a_stateful_equinox_module_is_called_and_updated_as_by_itself(eqx, split):
    module, state = eqx.nn.make_with_state(stateful(eqx))()
    layer = EquinoxLayer(module, state, name="it") if split else EquinoxLayer(stateful(eqx)(), name="it")
    assert [v.path for v in layer.non_trainable_weights] == ["it/state/0", "it/state/1/0", "it/state/1/1"]

    def own(module, state):
        call = jax.vmap(module, in_axes=(0, None), out_axes=(0, None), axis_name="batch")
        return call(X, state)

    expected, state = own(module, state)
    np.testing.assert_allclose(layer(X, training=True), expected, rtol=1e-5, atol=1e-6)
    for value, new in zip(layer.non_trainable_weights, jax.tree.leaves(state), strict=True):
        np.testing.assert_allclose(value.value, new, rtol=1e-6)
    expected, _ = own(eqx.nn.inference_mode(module), state)
    np.testing.assert_allclose(layer(X), expected, rtol=1e-5, atol=1e-6)


def test_dropout_of_equinox_draws_for_each_sample_in_training_only(eqx):
    layer = EquinoxLayer(stateful(eqx, rate=0.5)())
    layer(X, training=True)
    np.testing.assert_array_equal(layer(X), layer(X))
    rows = np.repeat(X[:1], 8, 0)
    outputs = layer(rows, training=True)
    assert len(np.unique(np.asarray(outputs))) > 2
    trained(EquinoxLayer(stateful(eqx, rate=0.1)()))


def test_an_equinox_module_may_take_whole_batches(eqx):
    class Whole(eqx.Module):
        weight: jax.Array
        order: np.ndarray
        name: str = eqx.field(static=True)

        def __call__(self, x):
            assert x.ndim == 2
            return (x - x.mean(0))[:, self.order] @ self.weight

    layer = EquinoxLayer(Whole(jnp.ones((5, 2)), np.arange(5), "whole"), axis_name=None)
    model = trained(layer)
    assert [(v.name, v.trainable) for v in layer.weights] == [("weight", True), ("order", False)]
    assert model.count_params() == 10 + 5 + 3


def test_equinox_modules_take_nests(eqx):
    class Both(eqx.Module):
        left: Any
        right: Any

        def __call__(self, inputs):
            return {"sum": self.left(inputs["a"]) + self.right(inputs["b"])}

    a, b = jax.random.split(jax.random.key(0))
    layer = EquinoxLayer(Both(eqx.nn.Linear(5, 2, key=a), eqx.nn.Linear(3, 2, key=b)))
    assert layer({"a": X, "b": X[:, :3]})["sum"].shape == (64, 2)


def test_equinox_modules_are_objects_with_their_state(eqx):
    module, _ = eqx.nn.make_with_state(stateful(eqx))()
    with pytest.raises(
        LaminaError, match=r"EquinoxLayer 'it': the module has a state, .* EquinoxLayer\(module, state\)"
    ):
        EquinoxLayer(module, name="it")
    with pytest.raises(
        TypeError, match=r"EquinoxLayer 'it': module: expected an object of an equinox.Module.*Make an obj"
    ):
        EquinoxLayer(eqx.nn.Linear, name="it")
    with pytest.raises(LaminaError, match=r"EquinoxLayer 'it': its module, a Linear, cannot go into a config"):
        EquinoxLayer(eqx.nn.Linear(5, 1, key=jax.random.key(0)), name="it").get_config()


# All of them ----------------------------------------------------------------------------------------------------------


def make_all() -> dict[str, Any]:
    import equinox
    from flax import linen

    return {
        "jax": lambda: JaxLayer(centred, centred_init),
        "linen": lambda: FlaxLayer(linen.Dense(2)),
        "nnx": lambda: FlaxLayer(nnx_net()),
        "equinox": lambda: EquinoxLayer(equinox.nn.MLP(5, 1, 8, 1, key=jax.random.key(0))),
    }


@pytest.mark.parametrize("kind", ["jax", "linen", "nnx", "equinox"])
def test_wrapped_layers_copy_freeze_and_are_pure(kind):
    pytest.importorskip("flax")
    pytest.importorskip("equinox")
    layer = make_all()[kind]()
    layer(X, training=True)
    copied = copy.deepcopy(layer)
    np.testing.assert_array_equal(copied(X), layer(X))
    copied.set_weights([w + 1 for w in copied.get_weights()])
    assert (copied(X) != layer(X)).any()
    apply, params, state = layer.functional()
    np.testing.assert_allclose(jax.jit(apply)(params, state, X)[0], layer(X), rtol=1e-5, atol=1e-6)
    gradient = jax.grad(lambda p: jnp.sum(apply(p, state, X)[0] ** 2))(params)
    assert all(np.isfinite(g).all() and g.any() for g in gradient.values())
    layer.trainable = False
    model = Sequential([layers.Input((5,)), layer, layers.Dense(1)])
    model.compile("sgd", "mse")
    before = [v.numpy() for v in layer.weights if v.trainable]
    model.fit(X, Y, verbose=0)
    for old, variable in zip(before, (v for v in layer.weights if v.trainable), strict=True):
        np.testing.assert_array_equal(old, variable.numpy())


def test_a_layer_of_a_named_function_can_be_pickled():
    layer = JaxLayer(centred, centred_init)
    layer(X, training=True)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(layer))(X), layer(X))


def test_flax_and_equinox_are_imported_when_used_and_named_when_missing():
    code = """
import sys
from lamina.layers.interop import EquinoxLayer, FlaxLayer
assert not {"flax", "equinox"} & set(sys.modules)
sys.modules["flax"] = sys.modules["equinox"] = None
for layer in (FlaxLayer, EquinoxLayer):
    try:
        layer(object())
    except ImportError as error:
        print(error)
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.splitlines() == [
        "FlaxLayer needs flax. Install it: pip install flax",
        "EquinoxLayer needs equinox. Install it: pip install equinox",
    ]
