"""`Optimizer`: the learning rate, the checks of what it is given, writing one's own, and what a compiled step sees."""

from __future__ import annotations

import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lamina import optimizers
from lamina.core.variable import Variable, bind
from lamina.optimizers import SGD, Adam, AdamW, LossScaleOptimizer, Optimizer, schedules


def variable(*values, name="x"):
    return Variable(np.array(values, "float32"), name=name)


def step(optimizer, x, gradient=1.0):
    optimizer.apply([jnp.full(x.shape, gradient, "float32")], [x])


# The learning rate.


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -0.1, "fast", None, [0.1], True, 1e39])
def test_a_learning_rate_that_is_no_finite_number_is_refused(value):
    with pytest.raises(ValueError, match=r"SGD: learning_rate: expected a finite number >= 0.*received"):
        SGD(value)
    optimizer = SGD(0.1)
    with pytest.raises(ValueError, match=r"SGD: learning_rate: expected a finite number >= 0.*received"):
        optimizer.learning_rate = value
    assert float(optimizer.learning_rate) == pytest.approx(0.1)


@pytest.mark.parametrize("value", [1, 0, np.float64(0.5), np.float32(0.5), jnp.float32(0.5), np.array(0.5), 0.5])
def test_any_kind_of_number_is_a_learning_rate(value):
    optimizer = SGD(value)
    assert float(optimizer.learning_rate) == float(value)
    optimizer.learning_rate = value
    assert float(optimizer.learning_rate) == float(value)


def test_a_function_of_the_step_is_a_learning_rate():
    x = variable(0.0)
    optimizer = SGD(lambda step: 10.0**-step)
    for _ in range(3):
        step(optimizer, x)
    assert float(x[0]) == pytest.approx(-1.11)
    assert float(optimizer.learning_rate) == pytest.approx(0.001)
    assert [v.name for v in optimizer.variables] == ["iteration"]


def test_a_function_without_arguments_is_a_learning_rate_as_in_keras():
    x = variable(0.0)
    step(SGD(lambda: 0.25), x)
    assert float(x[0]) == -0.25


def test_optax_schedules_are_learning_rates():
    import optax

    schedule = optax.exponential_decay(0.5, transition_steps=1, decay_rate=0.5)
    x = variable(0.0)
    optimizer = SGD(schedule)
    for _ in range(3):
        step(optimizer, x)
    assert float(x[0]) == -(0.5 + 0.25 + 0.125)


def test_a_number_gives_way_to_a_schedule_but_not_back():
    optimizer, x = SGD(0.5, momentum=0.9), variable(0.0)
    optimizer.build([x])
    assert [v.name for v in optimizer.variables] == ["iteration", "learning_rate", "x_momentum"]
    optimizer.learning_rate = schedules.ExponentialDecay(0.1, 10, 0.5)
    assert [v.name for v in optimizer.variables] == ["iteration", "x_momentum"]
    with pytest.raises(TypeError, match=r"sgd.*: learning_rate follows <ExponentialDecay> and cannot be set to .* 0.1"):
        optimizer.learning_rate = 0.1
    optimizer.learning_rate = schedules.ExponentialDecay(0.3, 10, 0.5)
    assert float(optimizer.learning_rate) == pytest.approx(0.3)


def test_a_schedule_in_a_config_becomes_a_schedule():
    optimizer = Adam(schedules.CosineDecay(0.1, 10))
    again = Adam.from_config(optimizer.get_config())
    assert isinstance(again._learning_rate, schedules.CosineDecay)
    assert again.get_config() == optimizer.get_config()


# Arguments.


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"clipnorm": -1.0}, r"SGD: clipnorm: expected a finite number > 0, received -1.0"),
        ({"clipvalue": 0}, r"SGD: clipvalue: expected a finite number > 0, received 0"),
        ({"global_clipnorm": "1"}, r"SGD: global_clipnorm: expected a finite number > 0, received '1'"),
        ({"clipnorm": 1.0, "clipvalue": 2.0}, r"SGD: expected one of clipnorm, clipvalue, global_clipnorm at most"),
        ({"weight_decay": float("nan")}, r"SGD: weight_decay: expected a finite number >= 0, received nan"),
        ({"loss_scale_factor": 0.0}, r"SGD: loss_scale_factor: expected a finite number > 0"),
        ({"ema_momentum": 1.5}, r"SGD: ema_momentum: expected a finite number >= 0 and <= 1, received 1.5"),
        ({"ema_overwrite_frequency": 0}, r"SGD: ema_overwrite_frequency: expected a whole number >= 1, received 0"),
        ({"gradient_accumulation_steps": 1}, r"SGD: gradient_accumulation_steps: expected a whole number >= 2"),
        ({"momentum": 1.5}, r"SGD: momentum: expected a finite number >= 0 and <= 1, received 1.5"),
    ],
)
def test_a_number_outside_its_range_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        SGD(0.1, **arguments)


@pytest.mark.parametrize("name", ["Adam", "Adamax", "Nadam", "Lamb"])
def test_a_beta_of_one_is_refused(name):
    with pytest.raises(ValueError, match=rf"{name}: beta_2: expected a fraction from 0 to below 1, received 1.0"):
        getattr(optimizers, name)(beta_2=1.0)


def test_an_unknown_argument_is_answered_with_the_nearest():
    with pytest.raises(TypeError, match=r"SGD: unknown argument 'lr'. Did you mean 'learning_rate'\?"):
        SGD(lr=0.1)
    with pytest.raises(TypeError, match=r"Adam: unknown argument 'beta1'. Did you mean 'beta_1'\?"):
        Adam(beta1=0.9)


def test_the_retired_decay_is_a_warning_at_the_callers_line():
    with pytest.warns(UserWarning, match=r"SGD: decay has no effect.*InverseTimeDecay") as caught:
        SGD(0.1, decay=1e-6)
    assert caught[0].filename == __file__


def test_adamw_needs_a_weight_decay():
    with pytest.raises(ValueError, match=r"AdamW: weight_decay: expected a number >= 0, received None"):
        AdamW(weight_decay=None)


def test_an_unknown_name_is_answered_with_the_nearest():
    with pytest.raises(ValueError, match=r"Unknown optimizer: 'adm'. Did you mean 'adam'\?"):
        optimizers.get("adm")
    with pytest.raises(TypeError, match=r"Expected an optimizer.*call it"):
        optimizers.get(lambda: SGD())
    with pytest.raises(TypeError, match=r"received 3"):
        optimizers.get(3)
    assert optimizers.get(None) is None


# Gradients.


def test_gradients_that_do_not_fit_are_refused_and_change_nothing():
    x, y = variable(1.0, 2.0), variable(3.0, name="y")
    optimizer = SGD(0.1)
    optimizer.build([x])
    with pytest.raises(ValueError, match=r"apply: expected a gradient of shape \(2,\) for 'x', received shape \(\)"):
        optimizer.apply([jnp.float32(1.0)], [x])
    with pytest.raises(ValueError, match=r"apply: received 2 gradients for 1 variables"):
        optimizer.apply([jnp.ones(2), jnp.ones(2)], [x])
    with pytest.raises(ValueError, match=r"apply: unknown variable 'y'.*make a new one"):
        optimizer.apply([jnp.ones(1)], [y])
    with pytest.raises(ValueError, match=r"apply: every gradient is None. Does the loss depend on x\?"):
        optimizer.apply([None], [x])
    with pytest.raises(ValueError, match=r"apply: expected the variables, or a call of build"):
        SGD(0.1).apply([jnp.ones(2)])
    assert int(optimizer.iterations) == 0
    np.testing.assert_array_equal(x, [1.0, 2.0])


def test_no_gradients_at_all_is_no_step():
    optimizer = SGD(0.1)
    optimizer.apply([])
    assert int(optimizer.iterations) == 0


def test_apply_gradients_takes_pairs_and_returns_the_iteration():
    x, optimizer = variable(1.0), SGD(0.5)
    assert int(optimizer.apply_gradients(zip([jnp.ones(1)], [x], strict=True))) == 1
    assert float(x[0]) == 0.5


def test_a_gradient_that_is_not_finite_makes_the_global_norm_say_so():
    x, y = variable(1.0), variable(1.0, name="y")
    SGD(0.1, global_clipnorm=1.0).apply([jnp.array([np.inf]), jnp.ones(1)], [x, y])
    assert np.isnan(x.numpy()).all()
    assert np.isnan(y.numpy()).all()


def test_the_norm_is_clipped_to_a_length_with_the_direction_kept():
    x = variable(0.0, 0.0)
    SGD(1.0, clipnorm=1.0).apply([jnp.array([3.0, 4.0])], [x])
    np.testing.assert_allclose(x, [-0.6, -0.8], rtol=1e-6)


def test_accumulation_makes_one_step_of_the_mean():
    x, optimizer = variable(0.0), SGD(1.0, gradient_accumulation_steps=3)
    seen = []
    for gradient in (1.0, 2.0, 6.0, 9.0):
        step(optimizer, x, gradient)
        seen.append((float(x[0]), int(optimizer.iterations)))
    assert seen == [(0.0, 0), (0.0, 0), (-3.0, 1), (-3.0, 1)]


def test_the_moving_average_of_no_step_is_not_put_into_the_weights():
    x, optimizer = variable(1.0), SGD(0.1, use_ema=True)
    optimizer.build([x])
    optimizer.finalize_variable_values([x])
    assert float(x[0]) == 1.0


def test_bfloat16_weights_learn_with_adam():
    """Keras rounds beta_2 = 0.999 to bfloat16's 1 and never moves; see "Differs from Keras" of Adam."""
    x = Variable(jnp.ones(2, "bfloat16"), name="x")
    optimizer = Adam(0.125)
    for _ in range(4):
        step(optimizer, x)
    np.testing.assert_allclose(np.asarray(x.value, "float32"), 0.5, rtol=0.05)


# State.


def test_weights_that_do_not_fit_change_nothing():
    x, optimizer = variable(1.0, 2.0), SGD(0.5, momentum=0.9)
    with pytest.raises(ValueError, match=r"set_weights: expected 2 arrays, received 3. The optimizer is not built"):
        optimizer.set_weights([1, 0.1, [0.0, 0.0]])
    optimizer.build([x])
    with pytest.raises(ValueError, match=r"set_weights: expected shape \(2,\) for 'sgd.*/x_momentum', received \(3,\)"):
        optimizer.set_weights([1, 0.1, [0.0, 0.0, 0.0]])
    assert int(optimizer.iterations) == 0


def test_a_file_of_another_optimizer_is_left_out_with_a_warning():
    store = {}
    x = variable(1.0)
    adam, sgd = Adam(0.1), SGD(0.5)
    adam.build([x])
    sgd.build([x])
    adam.save_own_variables(store)
    with pytest.warns(UserWarning, match=r"sgd.*: its state was not loaded: the file has 4 variables, the optimizer 2"):
        sgd.load_own_variables(store)
    assert float(sgd.learning_rate) == 0.5


def test_stateless_apply_needs_slots():
    with pytest.raises(ValueError, match=r"stateless_apply needs its slots: call build"):
        SGD().stateless_apply([], [], [])


def test_slots_made_inside_a_compiled_call_are_refused():
    x = variable(1.0)

    @jax.jit
    def compiled(value):
        with bind([x], [value]):
            Adam().apply([value], [x])
            return x.value

    with pytest.raises(RuntimeError, match="was assigned inside a compiled call, but the model does not track it"):
        compiled(x.value)


def test_a_setting_that_changes_is_a_new_revision_and_a_number_is_none():
    x, optimizer = variable(1.0), Adam(0.1, clipnorm=1.0)
    step(optimizer, x)
    before = optimizer.revision
    step(optimizer, x)
    optimizer.learning_rate = 0.2
    optimizer.set_weights([v.numpy() for v in optimizer.variables])
    assert optimizer.revision == before
    optimizer.clipnorm = 2.0
    assert optimizer.revision > before
    before = optimizer.revision
    optimizer.exclude_from_weight_decay(var_names=["bias"])
    assert optimizer.revision > before
    before = optimizer.revision
    optimizer.learning_rate = schedules.CosineDecay(0.1, 10)
    assert optimizer.revision > before
    wrapped = LossScaleOptimizer(optimizer)
    before = wrapped.revision
    optimizer.clipnorm = 3.0
    assert wrapped.revision > before


# One's own.


def test_an_attribute_before_super_is_refused_with_the_remedy():
    class Mine(Optimizer):
        def __init__(self):
            self.damping = 0.5
            super().__init__(0.1)

    with pytest.raises(RuntimeError, match=r"Mine: 'damping' was set before.*Make super\(\).__init__"):
        Mine()


def test_an_optimizer_without_a_formula_says_what_is_missing():
    with pytest.raises(NotImplementedError, match=r"Mine: override update_step\(self, gradient"):
        step(type("Mine", (Optimizer,), {})(0.1), variable(1.0))


def test_a_variable_kept_in_an_attribute_is_part_of_the_state():
    class Counting(Optimizer):
        def __init__(self, factor=2.0, **kwargs):
            super().__init__(0.1, **kwargs)
            self.factor = factor
            self.calls = Variable(np.zeros((), "float32"), name="calls")

        def update_step(self, gradient, variable, learning_rate):
            self.calls.assign_add(1.0)
            variable.assign_sub(self.factor * learning_rate * gradient)

    optimizer, x = Counting(factor=3.0), variable(1.0)
    step(optimizer, x)
    assert [v.name for v in optimizer.variables] == ["iteration", "learning_rate", "calls"]
    assert float(optimizer.calls) == 1.0
    assert float(x[0]) == pytest.approx(0.7)
    assert optimizer.get_config()["factor"] == 3.0


def test_importing_and_using_optimizers_does_not_import_optax():
    code = (
        "import sys, numpy as np\n"
        "from lamina import optimizers\n"
        "from lamina.core.variable import Variable\n"
        "optimizers.get('adam').apply([np.ones(2, 'float32')], [Variable(np.ones(2, 'float32'))])\n"
        "print([m for m in ('optax', 'sklearn', 'pandas', 'matplotlib', 'rich') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
