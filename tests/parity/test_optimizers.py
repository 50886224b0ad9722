"""Optimizers against the real Keras in the same process: weights, slots, names, configs, errors."""

from __future__ import annotations

import os
import warnings
from functools import partial

import jax
import numpy as np
import pytest

from lamina import optimizers
from lamina.core import naming
from lamina.core.variable import Variable

os.environ.setdefault("KERAS_BACKEND", "jax")
keras = pytest.importorskip("keras")
# Keras' Variable.numpy() lacks the copy argument that NumPy 2 asks for.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

NAMES = [
    *("SGD", "Adam", "AdamW", "RMSprop", "Adagrad", "Adadelta", "Adamax", "Nadam", "Lion", "Ftrl", "Lamb"),
    *("Adafactor", "Muon"),
]
OWN_OPTIONS = {
    "SGD": [
        {},
        {"momentum": 0.9},
        {"momentum": 0.9, "nesterov": True},
        {"momentum": 0.9, "weight_decay": 0.01, "clipnorm": 0.5},
    ],
    "Adam": [
        {},
        {"amsgrad": True},
        {"beta_1": 0.8, "beta_2": 0.95, "epsilon": 0.01},
        {"amsgrad": True, "use_ema": True, "global_clipnorm": 1.0, "gradient_accumulation_steps": 3},
    ],
    "AdamW": [{}, {"weight_decay": 0.1, "amsgrad": True}],
    "RMSprop": [
        {},
        {"momentum": 0.9},
        {"centered": True},
        {"rho": 0.7, "momentum": 0.5, "centered": True, "epsilon": 0.01},
    ],
    "Adagrad": [{}, {"initial_accumulator_value": 0.5, "epsilon": 0.01}],
    "Adadelta": [{}, {"learning_rate": 1.0, "rho": 0.8, "epsilon": 0.01}],
    "Adamax": [{}, {"beta_1": 0.8, "beta_2": 0.95, "epsilon": 0.01}],
    "Nadam": [{}, {"beta_1": 0.8, "beta_2": 0.95, "epsilon": 0.01, "gradient_accumulation_steps": 2}],
    "Lion": [{}, {"beta_1": 0.7, "beta_2": 0.8}],
    "Ftrl": [
        {},
        {"l1_regularization_strength": 0.1, "l2_regularization_strength": 0.1, "beta": 0.2},
        {"l2_shrinkage_regularization_strength": 0.1, "learning_rate_power": -0.7, "initial_accumulator_value": 0.3},
    ],
    "Lamb": [{}, {"beta_1": 0.8, "beta_2": 0.95, "epsilon": 0.01}],
    "Adafactor": [
        {},
        {"relative_step": False, "learning_rate": 0.5},
        {"clip_threshold": 0.5, "beta_2_decay": -0.6, "epsilon_2": 0.1},
    ],
    "Muon": [
        {},
        {"nesterov": False, "rms_rate": None, "momentum": 0.8, "ns_steps": 3},
        {"exclude_layers": ["dense"], "adam_lr_ratio": 0.5, "weight_decay": None},
    ],
}
COMMON_OPTIONS = [
    {"clipnorm": 0.5},
    {"clipvalue": 0.3},
    {"global_clipnorm": 0.7},
    {"global_clipnorm": 100.0},
    {"weight_decay": 0.05},
    {"loss_scale_factor": 4.0},
    {"use_ema": True, "ema_momentum": 0.9},
    {"use_ema": True, "ema_momentum": 0.8, "ema_overwrite_frequency": 5},
    {"gradient_accumulation_steps": 4},
    {"gradient_accumulation_steps": 3, "use_ema": True, "ema_overwrite_frequency": 2, "clipnorm": 0.5},
    {"gradient_accumulation_steps": 3, "weight_decay": 0.05, "global_clipnorm": 0.7},
]
CASES = [(name, options) for name in NAMES for options in OWN_OPTIONS[name]]
CASES += [(name, options) for name in ("SGD", "Adam", "RMSprop") for options in COMMON_OPTIONS]

RNG = np.random.default_rng(0)
SHAPES = {"dense/kernel": (4, 3), "dense/bias": (3,), "scale": (), "conv/kernel": (2, 3, 2), "wide/kernel": (2, 5)}
START = [RNG.normal(size=shape).astype("float32") for shape in SHAPES.values()]
# The fifth step has zero gradients; the scales of the variables differ.
GRADIENTS = [[(k != 4) * RNG.normal(size=x.shape, scale=10.0 ** (i - 2)).astype("float32") for i, x in enumerate(START)]
             for k in range(12)]  # fmt: skip


def variables_of(make, scope):
    made = []
    for path, value in zip(SHAPES, START, strict=True):
        *scopes, name = path.split("/")
        if scopes:
            with scope(scopes[0]):
                made.append(make(value, name=name))
        else:
            made.append(make(value, name=name))
    return made


def both(name, options, **more):
    """The two optimizers and their variables."""
    arguments = {"name": "opt", **options, **more}
    ours = getattr(optimizers, name)(**arguments)
    theirs = getattr(keras.optimizers, name)(**arguments)
    return (ours, variables_of(Variable, naming.name_scope)), (theirs, variables_of(keras.Variable, keras.name_scope))


def compiled_apply(optimizer, variables):
    """`apply` of Keras, compiled: its branches are traced anew in each eager step."""
    if not optimizer.built:
        optimizer.build(variables)
    step = jax.jit(optimizer.stateless_apply)

    def apply(gradients):
        state = step([v.value for v in optimizer.variables], gradients, [v.value for v in variables])
        for variable, value in zip([*variables, *optimizer.variables], [*state[0], *state[1]], strict=True):
            variable.assign(value)

    return apply


def assert_close(ours, theirs, rtol=1e-6):
    for a, b in zip(ours, theirs, strict=True):
        a, b = a.numpy(), b.numpy()
        # An element that cancels keeps the rounding errors of its neighbours' size.
        np.testing.assert_allclose(a, b, rtol=rtol, atol=rtol * max(1e-6, np.abs(b).max()))


@pytest.mark.parametrize(("name", "options"), CASES, ids=lambda v: v if isinstance(v, str) else str(sorted(v)))
def test_twelve_steps_end_in_the_weights_and_slots_of_keras(name, options):
    (ours, our_variables), (theirs, their_variables) = both(name, options)
    apply_theirs = partial(theirs.apply, trainable_variables=their_variables)
    if "gradient_accumulation_steps" in options:
        apply_theirs = compiled_apply(theirs, their_variables)
    for gradients in GRADIENTS:
        ours.apply(gradients, our_variables)
        apply_theirs(gradients)
    assert_close(our_variables, their_variables)
    assert_close(ours.variables, theirs.variables)
    assert int(ours.iterations) == int(theirs.iterations)


@pytest.mark.parametrize(("name", "options"), CASES, ids=lambda v: v if isinstance(v, str) else str(sorted(v)))
def test_config_and_variables_are_laid_out_as_in_keras(name, options):
    (ours, our_variables), (theirs, their_variables) = both(name, options)
    assert ours.get_config() == theirs.get_config()
    assert optimizers.serialize(ours) == keras.optimizers.serialize(theirs)
    ours.build(our_variables)
    with keras.name_scope(theirs.name, caller=theirs):  # where `apply` builds
        theirs.build(their_variables)
    ours_listed = [(v.path, v.shape, v.dtype) for v in ours.variables]
    theirs_listed = [(v.path, v.shape, v.dtype) for v in theirs.variables]
    if name == "Nadam":  # Keras gives its product no name
        assert theirs_listed.pop()[1:] == ours_listed.pop()[1:]
    assert ours_listed == theirs_listed


@pytest.mark.parametrize("name", NAMES)
def test_default_arguments_are_those_of_keras(name):
    keras.backend.clear_session()
    naming.clear_session()
    ours, theirs = getattr(optimizers, name)(), getattr(keras.optimizers, name)()
    assert ours.get_config() == theirs.get_config()
    assert getattr(optimizers, name)().name == getattr(keras.optimizers, name)().name


@pytest.mark.parametrize("name", NAMES)
def test_state_goes_both_ways(name):
    """What one saves, the other loads, and both go on alike."""
    (ours, our_variables), (theirs, their_variables) = both(name, {})
    theirs.build(their_variables)
    for gradients in GRADIENTS[:5]:
        ours.apply(gradients, our_variables)
    store = {}
    ours.save_own_variables(store)
    theirs.load_own_variables(store)
    for a, b in zip(our_variables, their_variables, strict=True):
        b.assign(a.numpy())
    for gradients in GRADIENTS[5:8]:
        theirs.apply(gradients, their_variables)
    store = {}
    theirs.save_own_variables(store)
    ours.load_own_variables(store)
    for a, b in zip(our_variables, their_variables, strict=True):
        a.assign(b.numpy())
    for gradients in GRADIENTS[8:]:
        ours.apply(gradients, our_variables)
        theirs.apply(gradients, their_variables)
    assert_close(our_variables, their_variables)


@pytest.mark.parametrize("name", ["SGD", "Adam"])
def test_missing_gradients_leave_their_variables_as_keras_does(name):
    (ours, our_variables), (theirs, their_variables) = both(name, {"gradient_accumulation_steps": 2, "use_ema": True})
    apply_theirs = compiled_apply(theirs, their_variables)
    for gradients in GRADIENTS:
        some = [None if i in (1, 3) else g for i, g in enumerate(gradients)]
        with pytest.warns(UserWarning, match="opt: apply: no gradient for dense/bias, conv/kernel, so nothing changes"):
            ours.apply(some, our_variables)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            apply_theirs(some)
    assert_close(our_variables, their_variables)
    assert_close(ours.variables, theirs.variables)


@pytest.mark.parametrize(
    "exclusion", [{"var_names": ["bias", "^kern"]}, {"var_list": [0, 2]}, {"var_list": [1], "var_names": ["scale"]}]
)
@pytest.mark.parametrize("name", ["AdamW", "Muon"])
def test_exclusions_from_weight_decay(name, exclusion):
    pair = both(name, {"weight_decay": 0.5, "learning_rate": 0.1})
    for optimizer, variables in pair:
        chosen = {**exclusion}
        if "var_list" in chosen:
            chosen["var_list"] = [variables[i] for i in chosen["var_list"]]
        optimizer.exclude_from_weight_decay(**chosen)
        for gradients in GRADIENTS[:3]:
            optimizer.apply(gradients, variables)
    assert_close(pair[0][1], pair[1][1])


def test_final_values_are_the_moving_average():
    pair = both("Adam", {"use_ema": True, "ema_momentum": 0.7})
    for optimizer, variables in pair:
        for gradients in GRADIENTS:
            optimizer.apply(gradients, variables)
        optimizer.finalize_variable_values(variables)
    assert_close(pair[0][1], pair[1][1])


def test_constraints_are_applied_after_the_step():
    pair = both("SGD", {"learning_rate": 1.0})
    for optimizer, variables in pair:
        variables[0].constraint = lambda x: np.minimum(np.asarray(x), 0.25)
        for gradients in GRADIENTS:
            optimizer.apply(gradients, variables)
    assert_close(pair[0][1], pair[1][1])


@pytest.mark.parametrize("growth", [2, 3])
def test_loss_scale_optimizer_follows_keras(growth):
    bad = {3: np.nan, 7: np.inf}

    def run(library, make, scope):
        optimizer = library.LossScaleOptimizer(library.Adam(0.01, name="inner"), 64.0, growth, name="scaled")
        variables, scales = variables_of(make, scope), []
        optimizer.build(variables)
        apply = optimizer.apply if library is optimizers else compiled_apply(optimizer, variables)
        for k, gradients in enumerate(GRADIENTS):
            gradients = [np.asarray(optimizer.scale_loss(g)) for g in gradients]
            gradients[1] = gradients[1] + np.float32(bad.get(k, 0.0))
            apply(gradients)
            scales.append(float(optimizer.dynamic_scale))
        return optimizer, variables, scales

    ours, our_variables, our_scales = run(optimizers, Variable, naming.name_scope)
    theirs, their_variables, their_scales = run(keras.optimizers, keras.Variable, keras.name_scope)
    assert our_scales == their_scales
    assert_close(our_variables, their_variables)
    assert_close(ours.variables, theirs.variables)
    assert [v.path for v in ours.variables] == [v.path for v in theirs.variables]
    assert ours.get_config() == theirs.get_config()
    assert int(ours.iterations) == int(theirs.iterations) == 10


@pytest.mark.parametrize("identifier", ["adam", "Adam", "sgd", "SGD", "rmsprop", "RMSprop", "adamw", "ADAGRAD", "ftrl"])
def test_names_in_any_case_give_the_class_of_keras(identifier):
    assert type(optimizers.get(identifier)).__name__ == type(keras.optimizers.get(identifier)).__name__


@pytest.mark.parametrize("name", NAMES)
def test_a_config_of_keras_builds_ours_and_back(name):
    options = OWN_OPTIONS[name][-1]
    (ours, _), (theirs, _) = both(name, options)
    assert optimizers.deserialize(keras.optimizers.serialize(theirs)).get_config() == theirs.get_config()
    back = getattr(keras.optimizers, name).from_config(ours.get_config())
    assert back.get_config() == ours.get_config()


def test_setting_the_learning_rate_works_as_in_keras():
    pair = both("SGD", {"learning_rate": 0.1, "momentum": 0.9})
    for optimizer, variables in pair:
        for k, gradients in enumerate(GRADIENTS):
            if k == 6:
                optimizer.learning_rate = 0.01
            optimizer.apply(gradients, variables)
    assert_close(pair[0][1], pair[1][1])
    assert float(pair[0][0].learning_rate) == float(pair[1][0].learning_rate)


def test_a_schedule_counts_every_call_of_apply():
    rates = {"initial_learning_rate": 0.1, "decay_steps": 5, "decay_rate": 0.5}
    (ours, our_variables), (theirs, their_variables) = (
        (library.Adam(library.schedules.ExponentialDecay(**rates), gradient_accumulation_steps=2), variables)
        for library, variables in (
            (optimizers, variables_of(Variable, naming.name_scope)),
            (keras.optimizers, variables_of(keras.Variable, keras.name_scope)),
        )
    )
    apply_theirs = compiled_apply(theirs, their_variables)
    for gradients in GRADIENTS:
        ours.apply(gradients, our_variables)
        apply_theirs(gradients)
    assert_close(our_variables, their_variables)
    assert_close(ours.variables, theirs.variables)
    np.testing.assert_allclose(float(ours.learning_rate), float(theirs.learning_rate), rtol=1e-6)


def test_keras_own_optimizers_run_on_our_base():
    """A class written for Keras, with its helpers, gives the same steps when only the base changes."""

    def written_for(library, ops):
        class Mine(library.Optimizer):
            def __init__(self, learning_rate=0.05, damping=0.5, **kwargs):
                super().__init__(learning_rate=learning_rate, **kwargs)
                self.damping = damping

            def build(self, variables):
                if self.built:
                    return
                super().build(variables)
                self.memory = self.add_optimizer_variables(variables, "memory")
                self.calls = self.add_variable(shape=(), initializer="ones", name="calls")

            def update_step(self, gradient, variable, learning_rate):
                rate = ops.cast(learning_rate, variable.dtype)
                memory = self.memory[self._get_variable_index(variable)]
                self.assign(memory, ops.add(ops.multiply(memory, self.damping), gradient))
                self.assign_sub(variable, ops.multiply(rate, memory))
                self.assign_add(self.calls, 1.0)

            def get_config(self):
                return {**super().get_config(), "damping": self.damping}

        return Mine

    ours = written_for(optimizers, keras.ops)(weight_decay=0.1, name="mine")
    theirs = written_for(keras.optimizers, keras.ops)(weight_decay=0.1, name="mine")
    our_variables = variables_of(Variable, naming.name_scope)
    their_variables = variables_of(keras.Variable, keras.name_scope)
    for gradients in GRADIENTS:
        ours.apply(gradients, our_variables)
        theirs.apply(gradients, their_variables)
    assert_close(our_variables, their_variables)
    assert_close(ours.variables, theirs.variables)
    assert ours.get_config() == theirs.get_config()
