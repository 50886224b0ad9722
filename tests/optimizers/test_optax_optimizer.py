"""Optax transformations as optimizers."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax import lax

from lamina import optimizers
from lamina.core.variable import Variable, bind
from lamina.optimizers import OptaxOptimizer

RNG = np.random.default_rng(0)
START = {"dense/kernel": RNG.normal(size=(3, 2)).astype("float32"), "dense/bias": np.ones(2, "float32")}
GRADIENTS = [{k: RNG.normal(size=x.shape).astype("float32") for k, x in START.items()} for _ in range(6)]

TRANSFORMATIONS = {
    "adam": optax.adam(0.1),
    "chain": optax.chain(optax.clip_by_global_norm(0.5), optax.adamw(optax.cosine_decay_schedule(0.1, 10))),
    "extra arguments": optax.with_extra_args_support(optax.sgd(0.1, momentum=0.9)),
    "noise": optax.chain(optax.add_noise(0.1, 0.5, 3), optax.sgd(0.1)),
    "accumulation": optax.MultiSteps(optax.adam(0.1), 3),
    "skipping": optax.apply_if_finite(optax.adam(0.1), 3),
    "injected": optax.inject_hyperparams(optax.adam)(learning_rate=0.1),
    "masked": optax.masked(optax.adam(0.1), lambda tree: {k: "kernel" in k for k in tree}),
    "partitioned": optax.partition(
        {"kernel": optax.adam(0.1), "bias": optax.sgd(0.5)}, lambda tree: {k: k.split("/")[1] for k in tree}
    ),
    "average": optax.ema(0.9),
    "stateless": optax.scale(-0.1),
}


def make_variables():
    variables = []
    for path, value in START.items():
        variables.append(Variable(value, name=path.split("/")[1]))
        variables[-1].path = path
    return variables


def by_hand(transformation):
    """Optax' own loop; the new weights in the order of START."""
    weights = {k: jnp.asarray(x) for k, x in START.items()}
    state, update = transformation.init(weights), jax.jit(transformation.update)
    for gradients in GRADIENTS:
        updates, state = update(gradients, state, weights)
        weights = optax.apply_updates(weights, updates)
    return [weights[k] for k in START]


@pytest.mark.parametrize("name", ["adam", "chain", "noise", "masked", "stateless"])
def test_eager_steps_are_those_of_optax_itself(name):
    optimizer, variables = OptaxOptimizer(TRANSFORMATIONS[name]), make_variables()
    for gradients in GRADIENTS:
        optimizer.apply(gradients.values(), variables)
    for variable, weight in zip(variables, by_hand(TRANSFORMATIONS[name]), strict=True):
        np.testing.assert_allclose(variable, weight, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", TRANSFORMATIONS)
def test_a_compiled_loop_carries_the_state(name):
    optimizer, variables = optimizers.get(TRANSFORMATIONS[name]), make_variables()
    assert isinstance(optimizer, OptaxOptimizer)
    optimizer.build(variables)
    everything = [*variables, *optimizer.variables]
    stacked = [np.stack([g[k] for g in GRADIENTS]) for k in START]

    def body(i, values):
        with bind(everything, values):
            optimizer.apply([jnp.asarray(g)[i] for g in stacked])
            return [v.value for v in everything]

    values = jax.jit(lambda values: lax.fori_loop(0, 6, body, values))([v.value for v in everything])
    for value, weight in zip(values, by_hand(TRANSFORMATIONS[name]), strict=False):
        np.testing.assert_allclose(value, weight, rtol=1e-5, atol=1e-6)


def test_state_variables_are_named_after_the_weights():
    optimizer = OptaxOptimizer(optax.adam(0.1), name="mine")
    optimizer.build(make_variables())
    assert [v.path for v in optimizer.variables] == [
        "mine/iteration",
        "mine/0_count",
        *("mine/0_mu_dense_bias", "mine/0_mu_dense_kernel", "mine/0_nu_dense_bias", "mine/0_nu_dense_kernel"),
    ]


def test_two_weights_of_one_path_are_kept_apart():
    x, y = Variable(np.zeros(1, "float32"), name="w"), Variable(np.zeros(1, "float32"), name="w")
    OptaxOptimizer(optax.sgd(1.0)).apply([jnp.array([1.0]), jnp.array([2.0])], [x, y])
    assert (float(x[0]), float(y[0])) == (-1.0, -2.0)


def test_a_direction_is_followed_with_the_learning_rate_that_is_given():
    optimizer, variables = OptaxOptimizer(optax.scale_by_adam(), learning_rate=0.05, weight_decay=0.1), make_variables()
    reference, others = OptaxOptimizer(optax.adamw(0.05, weight_decay=0.1)), make_variables()
    for gradients in GRADIENTS:
        optimizer.apply(gradients.values(), variables)
        reference.apply(gradients.values(), others)
    for a, b in zip(variables, others, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
    optimizer.learning_rate = 0.0
    before = variables[0].numpy()
    optimizer.apply(GRADIENTS[0].values(), variables)
    np.testing.assert_array_equal(variables[0], before)


def test_an_injected_learning_rate_can_be_read_and_set():
    optimizer, variables = OptaxOptimizer(TRANSFORMATIONS["injected"]), make_variables()
    optimizer.build(variables)
    assert float(optimizer.learning_rate) == pytest.approx(0.1)
    optimizer.learning_rate = 0.0
    optimizer.apply(GRADIENTS[0].values(), variables)
    np.testing.assert_array_equal(variables[0], START["dense/kernel"])
    with pytest.raises(ValueError, match="learning_rate: expected a finite number >= 0"):
        optimizer.learning_rate = float("nan")
    with pytest.raises(TypeError, match="learning_rate: expected a number, received"):
        optimizer.learning_rate = lambda step: 0.1


def test_a_learning_rate_out_of_sight_says_so():
    optimizer = OptaxOptimizer(optax.adam(0.1))
    assert not hasattr(optimizer, "learning_rate")
    with pytest.raises(AttributeError, match=r"the learning rate is inside the transformation.*inject_hyperparams"):
        optimizer.learning_rate = 0.1


def test_missing_gradients_count_as_zeros_and_leave_their_weights():
    optimizer, variables = OptaxOptimizer(optax.adam(0.1)), make_variables()
    with pytest.warns(UserWarning, match="no gradient for dense/bias"):
        optimizer.apply([GRADIENTS[0]["dense/kernel"], None], variables)
    np.testing.assert_array_equal(variables[1], START["dense/bias"])
    assert not np.allclose(variables[0], START["dense/kernel"])


def test_what_does_not_fit_is_refused():
    with pytest.raises(TypeError, match=r"OptaxOptimizer: transformation: expected an object with init and update"):
        OptaxOptimizer(optax.adam)
    with pytest.raises(TypeError, match=r"Expected an optimizer.*optax.adam\(1e-3\)"):
        optimizers.get(optax.adam)
    with pytest.raises(ValueError, match=r"OptaxOptimizer: weight_decay: needs the learning_rate argument"):
        OptaxOptimizer(optax.adam(0.1), weight_decay=0.1)
    with pytest.raises(TypeError, match=r"needs more than the gradients and the weights"):
        OptaxOptimizer(optax.lbfgs()).apply(GRADIENTS[0].values(), make_variables())
    with pytest.raises(TypeError, match=r"made of functions, which cannot go into a config or a file"):
        OptaxOptimizer(optax.adam(0.1)).get_config()
