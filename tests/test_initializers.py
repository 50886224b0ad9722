"""Initializers against theory (SciPy's distributions, linear algebra); the contract that every one keeps; errors."""

from __future__ import annotations

import json
import logging

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import signal, stats

from lamina import initializers
from lamina.core.config import register_serializable
from lamina.core.errors import LaminaError
from lamina.core.random import SeedGenerator, set_random_seed
from lamina.core.variable import Variable
from lamina.initializers import Initializer

HELPERS = {"get", "serialize", "deserialize"}
# Every initializer with arguments, and a shape that it can make.
CASES = {
    "Constant": ({"value": 2.5}, (3, 4)),
    "Zeros": ({}, (3, 4)),
    "Ones": ({}, (3, 4)),
    "Identity": ({"gain": 0.5}, (3, 4)),
    "STFT": ({"side": "imag", "scaling": "spectrum", "periodic": True}, (8, 1, 5)),
    "RandomNormal": ({"mean": 1.0, "stddev": 0.5, "seed": 7}, (3, 4)),
    "TruncatedNormal": ({"mean": 1.0, "stddev": 0.5, "seed": 7}, (3, 4)),
    "RandomUniform": ({"minval": -1.0, "maxval": 2.0, "seed": 7}, (3, 4)),
    "VarianceScaling": ({"scale": 2.0, "mode": "fan_out", "distribution": "uniform", "seed": 7}, (3, 4)),
    "GlorotUniform": ({"seed": 7}, (3, 4)),
    "GlorotNormal": ({"seed": 7}, (3, 3, 2, 4)),
    "HeUniform": ({"seed": 7, "input_axes": [0], "output_axes": [1, 2]}, (3, 2, 4)),
    "HeNormal": ({"seed": 7}, (3, 4)),
    "LecunUniform": ({"seed": 7}, (3, 4)),
    "LecunNormal": ({"seed": 7}, (3, 4)),
    "Orthogonal": ({"gain": 2.0, "seed": 7}, (3, 4)),
}
ALIASES = {
    "constant": "Constant",
    "zeros": "Zeros",
    "ones": "Ones",
    "identity": "Identity",
    "IdentityInitializer": "Identity",
    "stft": "STFT",
    "STFTInitializer": "STFT",
    "random_normal": "RandomNormal",
    "truncated_normal": "TruncatedNormal",
    "random_uniform": "RandomUniform",
    "variance_scaling": "VarianceScaling",
    "glorot_uniform": "GlorotUniform",
    "glorot_normal": "GlorotNormal",
    "he_uniform": "HeUniform",
    "he_normal": "HeNormal",
    "lecun_uniform": "LecunUniform",
    "lecun_normal": "LecunNormal",
    "orthogonal": "Orthogonal",
    "OrthogonalInitializer": "Orthogonal",
}
RANDOM = sorted(name for name, (arguments, _) in CASES.items() if "seed" in arguments)


def make(name, **changes):
    arguments, shape = CASES[name]
    return getattr(initializers, name)(**{**arguments, **changes}), shape


def test_every_public_name_has_a_case():
    assert set(initializers.__all__) == set(CASES) | set(ALIASES) | HELPERS | {"Initializer"}


@pytest.mark.parametrize("alias", ALIASES)
def test_aliases_name_the_same_class(alias):
    assert getattr(initializers, alias) is getattr(initializers, ALIASES[alias])
    assert type(initializers.get(alias)) is getattr(initializers, ALIASES[alias])


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("dtype", [None, "float32", "bfloat16", "float16"])
def test_shape_and_dtype_are_those_asked_for(name, dtype):
    initializer, shape = make(name)
    values = initializer(shape, dtype=dtype)
    assert isinstance(values, jax.Array)
    assert values.shape == shape
    assert values.dtype == (dtype or "float32")
    assert np.isfinite(np.asarray(values, np.float32)).all()


@pytest.mark.parametrize("name", CASES)
def test_lower_precision_is_the_same_values_rounded(name):
    initializer, shape = make(name)
    exact, rounded = initializer(shape), np.asarray(initializer(shape, "bfloat16"), np.float32)
    np.testing.assert_allclose(rounded, exact, rtol=2**-8, atol=1e-30)


@pytest.mark.parametrize("name", CASES)
def test_a_config_of_plain_data_makes_an_equal_initializer(name):
    initializer, shape = make(name)
    config = json.loads(json.dumps(initializers.serialize(initializer)))
    again = initializers.deserialize(config)
    assert type(again) is type(initializer)
    assert again.get_config() == initializer.get_config()
    np.testing.assert_array_equal(again(shape), initializer(shape))
    np.testing.assert_array_equal(initializer.clone()(shape), initializer(shape))


@pytest.mark.parametrize("name", CASES)
def test_nothing_is_compiled(name, caplog):
    # Shapes and dtypes that no other test uses: whatever JAX compiled for them would be seen here.
    shape = {"STFT": (14, 1, 11), "HeUniform": (13, 7, 11)}.get(name, (13, 11))
    with jax.log_compiles(), caplog.at_level(logging.DEBUG):
        for dtype in ("float32", "bfloat16"):
            Variable(make(name)[0], shape, dtype)
    assert "ompil" not in caplog.text


@pytest.mark.parametrize("name", CASES)
def test_values_are_concrete_while_jax_traces(name):
    initializer, shape = make(name)
    seen = []

    @jax.jit
    def step(x):
        seen.append(initializer(shape))
        return x

    step(1.0)
    np.testing.assert_array_equal(seen[0], initializer(shape))


# ---- distributions


def test_normal_and_uniform_follow_their_distributions():
    shape = (100, 200)
    checks = [
        (initializers.RandomNormal(1.0, 0.5, seed=1), stats.norm(1.0, 0.5)),
        (initializers.TruncatedNormal(1.0, 0.5, seed=1), stats.truncnorm(-2, 2, 1.0, 0.5)),
        (initializers.RandomUniform(-1.0, 2.0, seed=1), stats.uniform(-1.0, 3.0)),
    ]
    for initializer, distribution in checks:
        assert stats.kstest(np.ravel(initializer(shape)), distribution.cdf).pvalue > 0.01


def test_truncated_normal_stays_within_two_standard_deviations_and_reaches_them():
    values = np.asarray(initializers.TruncatedNormal(0.0, 1.0, seed=3)((1000, 100)))
    assert 1.99 < np.abs(values).max() <= 2.0


@pytest.mark.parametrize("seed", range(3))
def test_lowest_precision_keeps_the_limits(seed):
    values = np.asarray(initializers.RandomUniform(-0.3, 0.3, seed=seed)((2000,), "bfloat16"), np.float32)
    assert np.abs(values).max() <= float(jnp.bfloat16(0.3))


# Glorot & Bengio 2010; He et al. 2015; LeCun et al. 1998: variance times fan.
FAMILIES = {
    "GlorotUniform": lambda fan_in, fan_out: 2 / (fan_in + fan_out),
    "GlorotNormal": lambda fan_in, fan_out: 2 / (fan_in + fan_out),
    "HeUniform": lambda fan_in, fan_out: 2 / fan_in,
    "HeNormal": lambda fan_in, fan_out: 2 / fan_in,
    "LecunUniform": lambda fan_in, fan_out: 1 / fan_in,
    "LecunNormal": lambda fan_in, fan_out: 1 / fan_in,
}
FANS = {(300, 100): (300, 100), (3, 3, 32, 64): (288, 576), (5, 16, 64): (80, 320), (8000,): (8000, 8000)}


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("shape", FANS)
def test_variance_is_the_papers(name, shape):
    values = np.ravel(getattr(initializers, name)(seed=5)(shape)).astype(np.float64)
    variance = FAMILIES[name](*FANS[shape])
    np.testing.assert_allclose(values.mean(), 0, atol=4 * np.sqrt(variance / values.size))
    np.testing.assert_allclose(values.var(), variance, rtol=5 / np.sqrt(values.size))
    limit = np.sqrt(3 * variance)
    if name.endswith("Uniform"):
        distribution = stats.uniform(-limit, 2 * limit)
    else:
        spread = np.sqrt(variance / stats.truncnorm(-2, 2).var())
        distribution = stats.truncnorm(-2, 2, 0, spread)
    assert stats.kstest(values, distribution.cdf).pvalue > 0.005


def test_given_axes_decide_the_fans():
    values = initializers.VarianceScaling(2.0, "fan_in", seed=1, input_axes=[0], output_axes=[1, 2])((50, 40, 30))
    np.testing.assert_allclose(np.var(values), 2.0 / 50, rtol=0.02)


@pytest.mark.parametrize("shape", [(5, 5), (8, 3), (3, 8), (3, 3, 4, 16), (2, 2, 2, 30)])
def test_orthogonal_matrices_are_orthogonal(shape):
    matrix = np.asarray(initializers.Orthogonal(gain=2.0, seed=1)(shape), np.float64).reshape(-1, shape[-1])
    rows, columns = matrix.shape
    product = matrix.T @ matrix if rows >= columns else matrix @ matrix.T
    np.testing.assert_allclose(product, 4 * np.eye(min(rows, columns)), atol=1e-6)


def test_orthogonal_matrices_are_uniformly_distributed():
    first = np.array([initializers.Orthogonal(seed=seed)((4, 4))[0] for seed in range(400)])
    # The square of an entry of a uniformly distributed orthogonal n x n matrix is Beta(1/2, (n - 1)/2), its sign fair.
    assert stats.kstest(np.square(first[:, 0]), stats.beta(0.5, 1.5).cdf).pvalue > 0.01
    assert stats.binomtest(int(np.sum(first[:, 3] > 0)), 400).pvalue > 0.01


# ---- seeds


@pytest.mark.parametrize("name", RANDOM)
def test_one_seed_gives_one_value_and_another_seed_another(name):
    initializer, shape = make(name)
    np.testing.assert_array_equal(initializer(shape), initializer(shape))
    np.testing.assert_array_equal(initializer(shape), make(name)[0](shape))
    assert np.any(initializer(shape) != make(name, seed=8)[0](shape))
    assert np.any(initializer(shape) != make(name, seed=-7)[0](shape))


@pytest.mark.parametrize("name", RANDOM)
def test_without_a_seed_each_object_draws_its_own(name):
    set_random_seed(3)
    (first, shape), (second, _) = make(name, seed=None), make(name, seed=None)
    assert first.seed is None
    assert first.get_config()["seed"] is None
    np.testing.assert_array_equal(first(shape), first(shape))
    assert np.any(first(shape) != second(shape))
    assert np.any(first(shape) != first.clone()(shape))
    set_random_seed(3)
    np.testing.assert_array_equal(make(name, seed=None)[0](shape), first(shape))


@pytest.mark.parametrize("name", RANDOM)
def test_a_seed_generator_gives_new_values_at_each_call(name):
    initializer, shape = make(name, seed=SeedGenerator(5))
    first, second = initializer(shape), initializer(shape)
    assert np.any(first != second)
    again = make(name, seed=SeedGenerator(5))[0]
    np.testing.assert_array_equal(again(shape), first)
    np.testing.assert_array_equal(again(shape), second)
    config = json.loads(json.dumps(initializers.serialize(initializer)))
    np.testing.assert_array_equal(initializers.deserialize(config)(shape), first)


def test_two_initializers_that_share_a_generator_differ():
    generator = SeedGenerator(5)
    one, other = initializers.RandomNormal(seed=generator), initializers.RandomNormal(seed=generator)
    assert np.any(one((4,)) != other((4,)))


# ---- constants


def test_constants_take_whole_numbers_and_bool():
    assert initializers.Ones()((2,), "int32").tolist() == [1, 1]
    assert initializers.Zeros()((2,), "bool").tolist() == [False, False]
    assert initializers.Constant(3)((2,), "uint8").dtype == "uint8"
    assert initializers.Zeros()(()).shape == ()
    assert initializers.Ones()((0, 3)).shape == (0, 3)


def test_constant_array_is_the_weight_and_survives_its_config():
    table = np.arange(6.0, dtype=np.float32).reshape(2, 3)
    for value in (table, jnp.asarray(table), table.tolist()):
        initializer = initializers.deserialize(
            json.loads(json.dumps(initializers.serialize(initializers.Constant(value))))
        )
        np.testing.assert_array_equal(initializer((2, 3)), table)
    with pytest.raises(ValueError, match=r"value is an array of shape \(2, 3\), but the weight has shape \(3, 2\)"):
        initializers.Constant(table)((3, 2))


def test_array_as_an_initializer_is_the_weight():
    table = np.arange(6.0, dtype=np.float32).reshape(2, 3)
    for value in (table, jnp.asarray(table), Variable(table)):
        np.testing.assert_array_equal(initializers.get(value)((2, 3), "float32"), table)


@pytest.mark.parametrize("window", ["hann", "hamming", None, list(range(1, 17))])
@pytest.mark.parametrize("scaling", ["density", "spectrum", None])
def test_stft_kernels_give_the_fourier_transform_of_the_windowed_frame(window, scaling):
    frame = np.random.default_rng(0).standard_normal(16)
    weights = np.ones(16)
    if window is not None:
        weights = signal.get_window(window, 16, fftbins=False) if isinstance(window, str) else np.array(window, float)
        weights /= {"density": np.linalg.norm(weights), "spectrum": np.abs(weights).sum(), None: 1.0}[scaling]
    expected = np.fft.rfft(frame * weights)
    for side, part in (("real", expected.real), ("imag", expected.imag)):
        kernel = np.asarray(initializers.STFT(side, window, scaling)((16, 1, 9)))
        np.testing.assert_allclose(frame @ kernel[:, 0], part, atol=1e-5)


# ---- names and errors


def test_names_classes_configs_functions_and_objects_are_found():
    assert type(initializers.get("normal")) is initializers.RandomNormal
    assert type(initializers.get("uniform")) is initializers.RandomUniform
    assert type(initializers.get("zero")) is initializers.Zeros
    assert type(initializers.get("one")) is initializers.Ones
    assert type(initializers.get(initializers.HeNormal)) is initializers.HeNormal
    assert initializers.get({"class_name": "Constant", "config": {"value": 4}})((1,)).tolist() == [4.0]
    ones = initializers.Ones()
    assert initializers.get(ones) is ones
    assert initializers.get(None) is None
    assert initializers.get(np.zeros)((2,), dtype="float32").tolist() == [0, 0]


def test_initializer_of_the_user_comes_back_from_its_config():
    @register_serializable(package="test_initializers")
    class Ramp(Initializer):
        def __init__(self, slope=1.0):
            self.slope = slope

        def __call__(self, shape, dtype=None):
            return self.slope * np.arange(np.prod(shape), dtype=dtype).reshape(shape)

    again = initializers.get(initializers.serialize(Ramp(2.0)))
    assert type(again) is Ramp
    assert again((3,), "float32").tolist() == [0, 2, 4]


def test_unknown_name_gives_the_closest_match():
    with pytest.raises(LaminaError, match=r"Unknown initializer: 'he_norml'\. Did you mean 'he_normal'\?"):
        initializers.get("he_norml")
    with pytest.raises(LaminaError, match=r"Unknown initializer: 'HeNorml'\. Did you mean 'HeNormal'\?"):
        initializers.deserialize({"class_name": "HeNorml", "config": {}})


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: initializers.get(0.5), TypeError, r"Expected an? initializer .* received 0\.5 of type float"),
        (lambda: initializers.RandomNormal(stddev=-0.1), ValueError, "RandomNormal: stddev: .* >= 0, received -0.1"),
        (lambda: initializers.TruncatedNormal(stddev=np.nan), ValueError, "TruncatedNormal: stddev: .*received nan"),
        (lambda: initializers.RandomNormal(mean="0"), TypeError, "mean: expected a number, received '0' of type str"),
        (lambda: initializers.RandomUniform(1.0, 0.0), ValueError, r"minval: .* <= maxval = 0\.0, received 1\.0"),
        (lambda: initializers.RandomUniform(0.0, np.inf), ValueError, "maxval: expected a finite number, received inf"),
        (lambda: initializers.VarianceScaling(0.0), ValueError, r"VarianceScaling: scale: .* > 0, received 0\.0"),
        (
            lambda: initializers.VarianceScaling(mode="fan"),
            ValueError,
            "mode: expected one of .*fan_avg.*received 'fan'",
        ),
        (
            lambda: initializers.VarianceScaling(distribution="unifrom"),
            ValueError,
            r"distribution: expected one of .* received 'unifrom'\. Did you mean 'uniform'\?",
        ),
        (lambda: initializers.HeNormal(input_axes=[0]), ValueError, "HeNormal: give both input_axes and output_axes"),
        (
            lambda: initializers.HeNormal(input_axes=[0], output_axes=[2])((3, 3)),
            ValueError,
            r"expected axes of the shape \(3, 3\), from -2 to 1, received 2",
        ),
        (lambda: initializers.HeNormal(seed=1.5), TypeError, "HeNormal: seed: .* received 1.5 of type float"),
        (lambda: initializers.HeNormal(seed=True), TypeError, "HeNormal: seed: .* received True of type bool"),
        (lambda: initializers.HeNormal()((2,), "int32"), ValueError, "HeNormal: dtype: .*'float32', received 'int32'"),
        (lambda: initializers.HeNormal()((2,), "float31"), ValueError, "Unknown dtype: 'float31'"),
        (lambda: initializers.HeNormal()((None, 2)), ValueError, r"HeNormal: shape: .* received \(None, 2\)"),
        (lambda: initializers.Ones()((-1,)), ValueError, r"Ones: shape: .* >= 0, received \(-1,\)"),
        (
            lambda: initializers.Orthogonal()((3,)),
            ValueError,
            r"Orthogonal: .* at least two axes, received \(3,\) with 1",
        ),
        (lambda: initializers.Identity()((3, 3, 3)), ValueError, r"Identity: .* received \(3, 3, 3\) with 3"),
        (lambda: initializers.Identity(gain=None), TypeError, "Identity: gain: expected a number, received None"),
        (lambda: initializers.Constant("one"), TypeError, "Constant: value: expected a number .* received 'one'"),
        (lambda: initializers.Zeros(5), TypeError, "takes 1 positional argument but 2 were given"),
        (lambda: initializers.STFT("both"), ValueError, r"STFT: side: expected one of \['real', 'imag'\]"),
        (lambda: initializers.STFT(scaling="l2"), ValueError, "STFT: scaling: expected one of .*received 'l2'"),
        (lambda: initializers.STFT(window="hamn"), ValueError, r"received 'hamn'\. Did you mean 'ha.+'\?"),
        (
            lambda: initializers.STFT(window="kaiser"),
            ValueError,
            "needs no arguments, received 'kaiser'. For any other",
        ),
        (lambda: initializers.STFT(window=[1.0])((4, 1, 3)), ValueError, r"expected 4 values, .* shape \(1,\)"),
        (lambda: initializers.STFT()((4, 2, 3)), ValueError, r"\(frame_length, 1, bins\) .* received \(4, 2, 3\)"),
        (lambda: Initializer()((2,)), NotImplementedError, r"Initializer has no __call__"),
    ],
)
def test_bad_arguments_are_explained(call, error, text):
    with pytest.raises(error, match=text):
        call()
